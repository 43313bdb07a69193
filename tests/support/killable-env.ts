/**
 * The real Env as one process of many that a test lives through on one folder: its wall clock stands still until the test moves it, and `kill` ends it as
 * kill -9 would, inside the process that runs the test.
 *
 * After `kill` no file call begins and no timer fires; calls under way have ended when it resolves, and what was written stays. Nothing is synced: a kill loses
 * nothing that was written, and syncs would be most of the time.
 */
import { type Env, type EnvFile, type EnvFiles, realEnv } from "../../src/shared/env.js";

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
let births = 0;

export class KillableEnv implements Env {
  readonly files: EnvFiles;
  readonly processId = 1;
  private readonly birth = `birth ${++births}`;
  private dead = false;
  private running = 0;
  private tellIdle: (() => void) | undefined;
  private readonly open = new Set<EnvFile>();

  /** @param clock milliseconds since 1970; shared by the processes of one life */
  constructor(readonly clock: { now: number }) {
    const { files } = realEnv;
    this.files = {
      open: (path, mode) => this.call(async () => this.file(await files.open(path, mode))),
      rename: (from, to) => this.call(() => files.rename(from, to)),
      remove: (path) => this.call(() => files.remove(path)),
      list: (folder) => this.call(() => files.list(folder)),
      size: (path) => this.call(() => files.size(path)),
      makeFolder: (path) => this.call(() => files.makeFolder(path)),
      syncFolder: () => this.call(async () => undefined),
      claim: (path, text) => this.call(() => files.claim(path, text)),
    };
  }

  now = (): number => this.clock.now;
  elapsed = (): number => realEnv.elapsed();
  random = (bytes: number): Buffer => realEnv.random(bytes);
  processAlive = (): boolean => true;
  processBirth = async (): Promise<string> => this.birth;

  after(milliseconds: number, task: () => void): () => void {
    return realEnv.after(milliseconds, () => {
      if (!this.dead) task();
    });
  }

  async kill(): Promise<void> {
    this.dead = true;
    if (this.running > 0)
      await new Promise<void>((idle) => {
        this.tellIdle = idle;
      });
    await Promise.all([...this.open].map((file) => file.close()));
  }

  private async call<T>(work: () => Promise<T>): Promise<T> {
    if (this.dead) return never();
    this.running++;
    try {
      return await work();
    } finally {
      this.running--;
      if (this.dead && this.running === 0) this.tellIdle?.();
    }
  }

  private file(real: EnvFile): EnvFile {
    this.open.add(real);
    return {
      write: (parts, position) => this.call(() => real.write(parts, position)),
      read: (into, position) => this.call(() => real.read(into, position)),
      sync: () => this.call(async () => undefined),
      truncate: (length) => this.call(() => real.truncate(length)),
      close: () =>
        this.call(() => {
          this.open.delete(real);
          return real.close();
        }),
    };
  }
}
