/**
 * One process a data folder.
 *
 * The file LOCK holds who holds the folder: process id, a text that tells two processes with one id apart (a reused id is not the holder), and a
 * random token. It is made in one step with its text, so of several processes one makes it. A lock whose process is gone is taken over under a gate, a
 * lock of its own named after the token of the gone holder: only who holds the gate, and still finds the same gone holder in LOCK, replaces it. A gate
 * whose holder is gone is taken over the same way, through a gate of its own. So two processes never both believe that they hold the folder.
 *
 * Processes are told apart on one machine, in one process namespace. A folder shared by several machines or containers needs another guard.
 */
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import type { Env } from "../shared/env.js";
import { failureBecause } from "../shared/errors.js";
import { isAbsent, listNames, readWhole } from "../shared/files.js";
import { withReserve } from "./reserve.js";

const LOCK = "LOCK";

interface Holder {
  readonly pid: number;
  readonly birth: string;
  readonly token: string;
}

/** A text that no process wrote whole (a power loss tore it) names a holder that is gone. */
const parseHolder = (text: string): Holder => {
  try {
    const { pid, birth, token } = JSON.parse(text) as Partial<Record<keyof Holder, unknown>>;
    if (typeof pid === "number" && typeof birth === "string" && typeof token === "string" && /^[0-9a-f]+$/.test(token))
      return { pid, birth, token };
  } catch {
    // Not JSON.
  }
  return { pid: 0, birth: "", token: `unreadable-${crc32(text).toString(16)}` };
};

const isGone = async (env: Env, holder: Holder): Promise<boolean> =>
  holder.pid <= 0 || !env.processAlive(holder.pid) || (await env.processBirth(holder.pid)) !== holder.birth;

export class FolderLock {
  private constructor(
    private readonly env: Env,
    private readonly folder: string,
    private readonly text: string,
  ) {}

  /** @throws MilvusError 2 with one sentence that names the holder's pid. */
  static async acquire(env: Env, folder: string): Promise<FolderLock> {
    const pid = env.processId;
    const holder: Holder = { pid, birth: await env.processBirth(pid), token: env.random(8).toString("hex") };
    const lock = new FolderLock(env, folder, `${JSON.stringify(holder)}\n`);
    try {
      await withReserve(env, folder, () => lock.take(join(folder, LOCK)));
    } catch (error) {
      await lock.release().catch(() => undefined); // a claim that failed may have been made
      throw error;
    }
    for (const name of await listNames(env.files, folder)) {
      if (name.startsWith(`${LOCK}.`)) await env.files.remove(join(folder, name));
    }
    return lock;
  }

  private async take(path: string): Promise<void> {
    for (;;) {
      const { claimed, text } = await this.env.files.claim(path, this.text);
      // A claim that failed may have been made.
      if (claimed || text === this.text) return;
      const holder = parseHolder(text);
      if (!(await isGone(this.env, holder))) {
        throw failureBecause("serviceUnavailable", `the data folder ${this.folder} is in use by process ${holder.pid}`);
      }
      const gate = join(dirname(path), `${LOCK}.${holder.token}`);
      await this.take(gate);
      try {
        if (await this.replace(path, text)) return;
      } finally {
        await this.env.files.remove(gate);
      }
    }
  }

  /** Puts this process in the place of a gone holder; false when somebody else did before. The gate is held. */
  private async replace(path: string, gone: string): Promise<boolean> {
    if ((await this.read(path)) !== gone) return false;
    const draft = `${path}.${this.env.processId}-${this.env.random(4).toString("hex")}`;
    await this.env.files.claim(draft, this.text);
    await this.env.files.rename(draft, path);
    return true;
  }

  private async read(path: string): Promise<string | undefined> {
    try {
      return (await readWhole(this.env.files, path)).toString();
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Gives the folder free, if it is still this process's. */
  async release(): Promise<void> {
    const path = join(this.folder, LOCK);
    if ((await this.read(path)) === this.text) await this.env.files.remove(path);
  }
}
