/**
 * Reads a log back: which files count, which records they hold, and where the log ends.
 *
 * - Files sort by first lsn, then turn. A file ends where the next one begins: a record with an lsn that a later file begins with or passes was never
 *   acknowledged (its write failed, and the later file is what came instead). So of two files with one first lsn the earlier has no record that counts.
 * - A file's existence says that all records before its first were durable, so every file but the last must reach the next one's first without a gap.
 * - The last file may end in a torn tail: bytes of a write that was under way. They count as torn only if no record behind them says that they were
 *   settled (framing.ts); otherwise, and wherever else bytes are not what was written, this throws 1009 with file and offset.
 * - A file has its name only once its header is durable, so a broken header is damage.
 *
 * Reading changes no content: torn bytes stay until a new file supersedes them (at once, file-log.ts). Records that were not known to be durable (the last batch) are
 * written again in place and synced before this returns: a sync that failed before a restart may have left them in the system's cache alone.
 */
import { join } from "node:path";
import type { Env } from "../shared/env.js";
import { damaged, listNames } from "../shared/files.js";
import type { Position } from "./encode-batch.js";
import { parseFileName } from "./framing.js";
import type { LogRecord, Lsn } from "./log.js";
import { type FileEnd, FileReader } from "./read-file.js";

export interface LiveFile {
  readonly name: string;
  readonly first: Lsn;
  readonly turn: number;
  bytes: number;
}

export interface Recovered {
  /** All files of the folder in order, superseded ones too. */
  readonly files: readonly LiveFile[];
  /** After the last record. */
  readonly end: Position;
  /** Whether the log was closed in order (or never begun): then nothing lies behind the end. */
  readonly closed: boolean;
}

export type Replay = (record: LogRecord) => void | Promise<void>;

const findFiles = async (env: Env, folder: string): Promise<LiveFile[]> => {
  const files: LiveFile[] = [];
  for (const name of await listNames(env.files, folder)) {
    const parsed = parseFileName(name);
    if (parsed !== undefined) files.push({ name, ...parsed, bytes: await env.files.size(join(folder, name)) });
  }
  return files.sort((a, b) => a.first - b.first || a.turn - b.turn);
};

/** Replays the records from `from` on, in order. `reached`: the log is known to have gone on to right before this lsn. */
export const recoverLog = async (env: Env, folder: string, from: Lsn, reached: Lsn, replay: Replay): Promise<Recovered> => {
  const files = await findFiles(env, folder);
  const start = files.findLastIndex((file) => file.first <= from);
  if (start < 0) {
    if (files.length === 0 && from === 1 && reached <= 1) return { files, end: { next: 1, previous: 0 }, closed: true };
    throw damaged(folder, 0, `the log file with record ${from} is missing`);
  }
  let last: FileEnd | undefined;
  const live = files.slice(start);
  for (const [index, file] of live.entries()) {
    const path = join(folder, file.name);
    const reader = new FileReader(env, path, file, from, replay);
    last = await reader.read(last?.end, live[index + 1]?.first);
  }
  const durable = Math.max(from, reached);
  if (last === undefined || last.end.next < durable) {
    const file = live.at(-1);
    throw damaged(
      join(folder, file?.name ?? ""),
      file?.bytes ?? 0,
      `the log ends before record ${last?.end.next}, but records up to ${durable - 1} were durable`,
    );
  }
  return { files, ...last };
};
