/**
 * The files of a log's folder: their order, their bytes, making the next and removing those that are not needed.
 *
 * Names are never used twice: each new file has a turn above all that were seen. The newest file is never removed.
 */
import { basename, dirname, join } from "node:path";
import type { Env } from "../shared/env.js";
import { makeDurableFolder } from "../shared/files.js";
import type { Position } from "./encode-batch.js";
import type { Lsn } from "./log.js";
import { LogFile } from "./log-file.js";
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

  makeFolder(): Promise<void> {
    return makeDurableFolder(this.env.files, dirname(this.folder), basename(this.folder));
  }

  adopt(files: readonly LiveFile[]): void {
    this.known = [...files];
    this.turn = files.reduce((highest, file) => Math.max(highest, file.turn), 0);
  }

  /** A new, durable, empty file. */
  async create(start: Position, writesAhead: boolean): Promise<LogFile> {
    this.turn++;
    const header = { salt: this.env.random(4).readUInt32LE(0), first: start.next, turn: this.turn, previous: start.previous };
    const file = await LogFile.create(this.env, this.folder, header, writesAhead);
    this.known.push({
      name: file.name,
      first: start.next,
      get bytes() {
        return file.size;
      },
    });
    return file;
  }

  /** Removes the files that `newest` supersedes wholly. One that cannot be removed now does no harm, and goes with a later cut. */
  async removeSuperseded(newest: LogFile): Promise<void> {
    await this.remove(this.known.filter(({ name, first }) => first === newest.header.first && name !== newest.name)).catch(() => undefined);
  }

  async discard(file: LogFile): Promise<void> {
    await file.discard(this.env, this.folder);
    this.known = this.known.filter(({ name }) => name !== file.name);
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
