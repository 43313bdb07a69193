/**
 * The files of a log's folder: their order, their bytes, making the next and removing those that are not needed.
 *
 * Names are never used twice: each new file has a turn above all that were seen. The newest file is never removed.
 */
import { basename, dirname, join } from "node:path";
import type { Env } from "../shared/env.js";
import { makeDurableFolder } from "../shared/files.js";
import { type Entry, encodeBatch, type Position } from "./encode-batch.js";
import type { Lsn } from "./log.js";
import { DRAFT, LogFile } from "./log-file.js";
import type { LiveFile } from "./recovery.js";

interface Known {
  readonly name: string;
  readonly first: Lsn;
  readonly bytes: number;
}

export class LiveFiles {
  private known: Known[] = [];
  private turn = 0;

  constructor(
    private readonly env: Env,
    private readonly folder: string,
  ) {}

  get bytes(): number {
    return this.known.reduce((sum, file) => sum + file.bytes, 0);
  }

  /** Makes the folder if it is absent, removes drafts that a process left behind, and makes the names that are there durable. */
  async prepare(): Promise<void> {
    await makeDurableFolder(this.env.files, dirname(this.folder), basename(this.folder));
    for (const name of await this.env.files.list(this.folder)) {
      if (name.endsWith(DRAFT)) await this.env.files.remove(join(this.folder, name));
    }
    await this.env.files.syncFolder(this.folder);
  }

  adopt(files: readonly LiveFile[]): void {
    this.known = [...files];
    this.turn = files.reduce((highest, file) => Math.max(highest, file.turn), 0);
  }

  /** A new file that begins at `start` with `entries`, durable. */
  async create(start: Position, entries: readonly Entry[], aheadTo: number): Promise<{ file: LogFile; end: Position }> {
    this.turn++;
    const header = { salt: this.env.random(4).readUInt32LE(0), first: start.next, turn: this.turn, previous: start.previous };
    const batch = encodeBatch(entries, start, start.next, header.salt);
    const file = await LogFile.create(this.env, this.folder, header, batch, aheadTo);
    this.known.push({
      name: file.name,
      first: start.next,
      get bytes() {
        return file.size;
      },
    });
    await this.removeSuperseded(file);
    return { file, end: batch.end };
  }

  /** Removes the files that `newest` supersedes wholly. One that cannot be removed now does no harm, and goes with a later cut. */
  private async removeSuperseded(newest: LogFile): Promise<void> {
    await this.remove(this.known.filter(({ name, first }) => first === newest.header.first && name !== newest.name)).catch(() => undefined);
  }

  async cut(before: Lsn): Promise<void> {
    await this.remove(this.known.filter((_, index) => (this.known[index + 1]?.first ?? Number.POSITIVE_INFINITY) <= before));
  }

  private async remove(files: readonly Known[]): Promise<void> {
    for (const file of files) {
      await this.env.files.remove(join(this.folder, file.name));
      this.known = this.known.filter((other) => other !== file);
    }
    if (files.length > 0) await this.env.files.syncFolder(this.folder);
  }
}
