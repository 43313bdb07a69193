/**
 * An Env in memory whose clock the test moves, whose randomness has a seed, and whose files fail as the test says.
 *
 * - `fault` is asked before each file call and names an errno to fail it with; a failed call has half its effect (a write some of its bytes, a sync
 *   some of its sectors, a rename or a removal perhaps), by the seed. `SHORT` lets a write write some of its bytes, never all, and fail with EIO as the
 *   real Env does when the system takes no more; other calls it leaves alone.
 * - `crashAt`, or `stop`, ends the process: calls under way and later ones never answer. `afterPowerLoss` is then the next process on what was
 *   durable, `afterKill` the next one on all that was written.
 * - `capacity` fills the disk (ENOSPC); `flip` changes one bit of a file; `skipsSync` and `skipsFolderSync` pretend to sync, to prove that a checker
 *   notices.
 */
import type { Env, EnvFile, EnvFiles } from "../../src/shared/env.js";
import { Disk, DiskFile } from "./faulty-disk.js";
import { SeededRandom } from "./random.js";

export interface FileCall {
  /** From 1, over all file calls of this Env. */
  readonly index: number;
  readonly name: keyof EnvFiles | keyof EnvFile;
  readonly path: string;
}

const fault = (code: string, call: string, path: string): Error =>
  Object.assign(new Error(`${code}: injected, ${call} '${path}'`), { code });
let births = 0;
const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

export class FaultyEnv implements Env {
  calls = 0;
  fault: ((call: FileCall) => string | undefined) | undefined;
  crashAt = Number.POSITIVE_INFINITY;
  capacity = Number.POSITIVE_INFINITY;
  skipsSync = false;
  skipsFolderSync = false;
  /** Turns of the event loop that a call may wait before it takes effect; how many is random. */
  slowness = 0;
  processId = 1;
  /** Ids of running processes and their births; each Env is a process of its own, though all have the id 1 unless told otherwise. */
  readonly processes = new Map<number, string>([[1, `birth ${++births}`]]);
  readonly files: EnvFiles;
  readonly stopped: Promise<void>;
  private tellStopped: () => void = () => undefined;
  private dead = false;
  private clock = 1_700_000_000_000;
  private timers: { readonly due: number; readonly task: () => void }[] = [];
  readonly source: SeededRandom;

  constructor(
    readonly seed: number,
    readonly disk: Disk = new Disk(),
  ) {
    this.source = new SeededRandom(seed);
    this.stopped = new Promise((resolve) => {
      this.tellStopped = resolve;
    });
    this.files = new FaultyFiles(this);
  }

  now = (): number => this.clock;
  elapsed = (): number => this.clock;
  random = (bytes: number): Buffer => this.source.bytes(bytes);
  processAlive = (id: number): boolean => this.processes.has(id);
  processBirth = async (id: number): Promise<string> => this.processes.get(id) ?? "";

  after(milliseconds: number, task: () => void): () => void {
    const timer = { due: this.clock + milliseconds, task };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  /** Moves the clock and runs what is due. */
  advance(milliseconds: number): void {
    this.clock += milliseconds;
    const due = this.timers.filter((timer) => timer.due <= this.clock);
    this.timers = this.timers.filter((timer) => timer.due > this.clock);
    if (!this.dead) for (const { task } of due) task();
  }

  /** A turn of the event loop; never ends once the process did. */
  turn = async (): Promise<void> => {
    await new Promise(setImmediate);
    if (this.dead) return never();
  };

  stop(): void {
    this.dead = true;
    this.tellStopped();
  }

  afterPowerLoss(): FaultyEnv {
    this.stop();
    return new FaultyEnv(this.source.below(2 ** 31), this.disk.afterPowerLoss(this.source));
  }

  afterKill(): FaultyEnv {
    this.stop();
    return new FaultyEnv(this.source.below(2 ** 31), this.disk);
  }

  /** Another process on a copy of the disk as it is; this one lives on. */
  fork(): FaultyEnv {
    return new FaultyEnv(this.seed, this.disk.copy());
  }

  /** Inverts bit `bit` (0 to 7) of byte `offset`. */
  flip(path: string, offset: number, bit: number): void {
    const file = this.disk.file(path);
    if (file === undefined || offset >= file.current.length) throw new RangeError(`${path} has no byte ${offset}`);
    for (const content of [file.current, file.durable]) {
      if (offset < content.length) content[offset] = (content[offset] ?? 0) ^ (1 << bit);
    }
  }

  /** One file call: `whole` is its effect, `half` what may be left when it fails. */
  async call<T>(
    name: FileCall["name"],
    path: string,
    whole: () => T,
    half: () => void = () => undefined,
    short: (() => void) | undefined = undefined,
  ): Promise<T> {
    for (let turns = this.slowness === 0 ? 0 : this.source.below(this.slowness + 1); turns > 0; turns--) await new Promise(setImmediate);
    if (this.dead) return never();
    const index = ++this.calls;
    if (index === this.crashAt) {
      if (this.source.chance(0.5)) half();
      this.stop();
      return never();
    }
    const named = this.fault?.({ index, name, path });
    const shortly = named === "SHORT" ? short : half;
    const code = named !== "SHORT" ? named : short && "EIO";
    if (code !== undefined) shortly?.();
    const result = code === undefined ? whole() : undefined;
    await new Promise(setImmediate);
    if (this.dead) return never();
    if (code !== undefined) throw fault(code, name, path);
    return result as T;
  }
}

class FaultyFile implements EnvFile {
  private closed = false;

  constructor(
    private readonly env: FaultyEnv,
    private readonly path: string,
    private readonly file: DiskFile,
  ) {}

  write(parts: readonly Uint8Array[], position: number): Promise<number> {
    const bytes = Buffer.concat(parts);
    const put = (count: number): void => {
      if (count > 0) this.open().change({ is: "write", at: position, bytes: bytes.subarray(0, count) });
    };
    const whole = (): number => {
      const growth = Math.max(0, position + bytes.length - this.open().current.length);
      const short = growth - (this.env.capacity - this.env.disk.bytes);
      if (short > 0) {
        put(Math.max(0, bytes.length - short));
        throw fault("ENOSPC", "write", this.path);
      }
      put(bytes.length);
      return bytes.length;
    };
    const half = () => put(this.env.source.below(bytes.length + 1));
    return this.env.call("write", this.path, whole, half, () => put(Math.floor(this.env.source.next() * bytes.length)));
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.env.call("read", this.path, () => {
      const bytes = this.open().current.subarray(position, position + into.length);
      into.set(bytes);
      return bytes.length;
    });
  }

  sync(): Promise<void> {
    const whole = () => (this.env.skipsSync ? undefined : this.open().sync());
    return this.env.call("sync", this.path, whole, () => this.open().syncInVain(this.env.source));
  }

  truncate(length: number): Promise<void> {
    const whole = () => this.open().change({ is: "truncate", length });
    return this.env.call("truncate", this.path, whole, () => void (this.env.source.chance(0.5) && whole()));
  }

  close(): Promise<void> {
    return this.env.call("close", this.path, () => {
      this.open();
      this.closed = true;
    });
  }

  private open(): DiskFile {
    if (this.closed) throw fault("EBADF", "call", this.path);
    return this.file;
  }
}

class FaultyFiles implements EnvFiles {
  constructor(private readonly env: FaultyEnv) {}

  open(path: string, mode: "create" | "write" | "read"): Promise<EnvFile> {
    const whole = (): EnvFile => {
      const known = this.env.disk.names.get(path);
      if (mode !== "create") return new FaultyFile(this.env, path, this.fileAt("open", path));
      if (known !== undefined) throw fault("EEXIST", "open", path);
      const file = new DiskFile();
      this.link(path, file);
      return new FaultyFile(this.env, path, file);
    };
    return this.perhaps("open", path, whole, mode === "create");
  }

  rename(from: string, to: string): Promise<void> {
    return this.perhaps("rename", from, () => this.env.disk.change({ is: "rename", from, path: to, node: this.fileAt("rename", from) }));
  }

  remove(path: string): Promise<void> {
    return this.perhaps("remove", path, () => {
      for (const name of [...this.env.disk.names.keys()].reverse()) {
        if (name === path || name.startsWith(`${path}/`)) this.env.disk.change({ is: "unlink", path: name });
      }
    });
  }

  list(folder: string): Promise<string[]> {
    return this.env.call("list", folder, () => {
      this.folderAt("list", folder);
      const inside = [...this.env.disk.names.keys()].filter((name) => name.startsWith(`${folder}/`));
      return inside.map((name) => name.slice(folder.length + 1)).filter((name) => !name.includes("/"));
    });
  }

  size(path: string): Promise<number> {
    return this.env.call("size", path, () => this.fileAt("size", path).current.length);
  }

  makeFolder(path: string): Promise<void> {
    return this.perhaps("makeFolder", path, () => {
      if (!this.env.disk.names.has(path)) this.env.disk.change({ is: "link", path, node: "folder" });
    });
  }

  syncFolder(path: string): Promise<void> {
    return this.env.call("syncFolder", path, () => {
      this.folderAt("syncFolder", path);
      if (!this.env.skipsSync && !this.env.skipsFolderSync) this.env.disk.syncFolder(path);
    });
  }

  claim(path: string, text: string): Promise<{ claimed: boolean; text: string }> {
    return this.perhaps("claim", path, () => {
      const present = this.env.disk.file(path);
      if (present !== undefined) return { claimed: false, text: present.current.toString() };
      if (this.env.disk.bytes + Buffer.byteLength(text) > this.env.capacity) throw fault("ENOSPC", "claim", path);
      const file = new DiskFile();
      file.change({ is: "write", at: 0, bytes: Buffer.from(text) });
      file.sync();
      this.link(path, file);
      return { claimed: true, text };
    });
  }

  /** A call that, when it fails, has happened or not. */
  private perhaps<T>(name: FileCall["name"], path: string, whole: () => T, leaves = true): Promise<T> {
    return this.env.call(name, path, whole, () => {
      if (leaves && this.env.source.chance(0.5)) whole();
    });
  }

  private link(path: string, file: DiskFile): void {
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (parent !== "") this.folderAt("open", parent);
    this.env.disk.change({ is: "link", path, node: file });
  }

  private fileAt(call: string, path: string): DiskFile {
    const file = this.env.disk.file(path);
    if (file === undefined) throw fault("ENOENT", call, path);
    return file;
  }

  private folderAt(call: string, path: string): void {
    if (path !== "/" && this.env.disk.names.get(path) !== "folder") throw fault("ENOENT", call, path);
  }
}
