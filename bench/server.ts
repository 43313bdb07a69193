/** Servers under measurement: started as processes of their own, measured through /proc, ended by pid. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { MilvusClient } from "../src/client/index.js";

const root = dirname(import.meta.dirname);

export interface MeasuredServer {
  readonly name: string;
  readonly uri: string;
  /** Seconds of CPU that the server has used. */
  cpuSeconds(): number;
  /** Megabytes resident, the most so far, and what of `resident` is no file's pages. */
  memory(): { resident: number; peak: number; own: number };
  /** Bytes that the server made the system write to storage so far; undefined where the system does not tell. */
  writtenBytes(): number | undefined;
  /** Where its data folder is. */
  readonly folder: string;
  /** Longest stall of the event loop since the last call, milliseconds; undefined where it cannot be known. */
  loopStallMs(): Promise<number | undefined>;
  /** Milliseconds from the start of the process to its first answer. */
  readonly startMs: number;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
  /** Ends it as a crash would; the folder stays. */
  kill(): Promise<void>;
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port"))));
    });
  });

const TICKS = 100;

/** CPU of these processes. */
const cpuSeconds = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS;
  }, 0);

const megabytes = (pid: number, key: string): number => {
  const line = readFileSync(`/proc/${pid}/status`, "utf8")
    .split("\n")
    .find((text) => text.startsWith(key));
  return Number(line?.replace(/\D+/g, "") ?? 0) / 1024;
};

/** Of the process alone; what tmpfs takes is not counted by the system. */
const writtenBytes = (pid: number): number | undefined => {
  try {
    return Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
  } catch {
    return undefined; // systems and containers that do not count
  }
};

/** All processes below this one, whichever thread started them. */
const descendants = (pid: number): number[] => {
  const direct = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number),
  );
  return direct.flatMap((child) => [child, ...descendants(child)]);
};

const answers = async (uri: string, child: ChildProcess, deadlineMs: number): Promise<number> => {
  const begun = performance.now();
  while (performance.now() - begun < deadlineMs) {
    if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}`);
    const client = new MilvusClient({ uri, timeout: 1 });
    try {
      await client.listCollections();
      return performance.now() - begun;
    } catch {
      // Not up yet: that is what this loop waits for.
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      await client.close();
    }
  }
  throw new Error("the server did not answer in time");
};

const stopped = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });

/** Ends a process that its parent left behind. */
const endLeft = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
};

const measured = async (
  name: string,
  command: string,
  args: string[],
  port: number,
  folder: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<MeasuredServer> => {
  const child = spawn(command, args, { cwd: folder, env: { ...process.env, ...environment }, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-65536);
  });
  const uri = `http://127.0.0.1:${port}`;
  const startMs = await answers(uri, child, 120_000);
  const pid = child.pid as number;
  const pids = () => [pid, ...descendants(pid)];
  return {
    name,
    uri,
    startMs,
    folder,
    writtenBytes: () => writtenBytes(pid),
    cpuSeconds: () => cpuSeconds(pids()),
    memory: () => ({
      resident: pids().reduce((sum, id) => sum + megabytes(id, "VmRSS"), 0),
      peak: pids().reduce((sum, id) => sum + megabytes(id, "VmHWM"), 0),
      own: pids().reduce((sum, id) => sum + megabytes(id, "RssAnon"), 0),
    }),
    async loopStallMs() {
      if (name !== "Elanus") return undefined;
      stderr = "";
      process.kill(pid, "SIGUSR2");
      for (let wait = 0; wait < 100; wait++) {
        const found = /loop-stall-ms=([\d.]+)/.exec(stderr);
        if (found) return Number(found[1]);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return undefined;
    },
    async kill() {
      for (const id of pids()) process.kill(id, "SIGKILL");
      await stopped(child);
    },
    async stop() {
      const all = child.exitCode === null && child.signalCode === null ? pids() : [];
      child.kill("SIGTERM");
      await Promise.race([stopped(child), new Promise((resolve) => setTimeout(resolve, 10_000))]);
      child.kill("SIGKILL");
      await stopped(child);
      for (const id of all) endLeft(id);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

export interface StartOptions {
  /** A folder that a killed server left; absent: a new one. */
  readonly folder?: string;
  /** Further arguments of `serve`. */
  readonly settings?: readonly string[];
}

/** What `npm start` and the command's first line set. */
const AS_STARTED = { MALLOC_MMAP_THRESHOLD_: "1048576" };

export const startElanus = async ({ folder, settings = [] }: StartOptions = {}): Promise<MeasuredServer> => {
  const port = await freePort();
  const home = folder ?? mkdtempSync(join(tmpdir(), "elanus-bench-"));
  const monitor = join(root, "bench/loop-monitor.mjs");
  const main = join(root, "dist/cli/main.js");
  const serve = ["serve", "--data", join(home, "data"), "--port", String(port), ...settings];
  return measured("Elanus", process.execPath, ["--single-threaded-gc", "--import", monitor, main, ...serve], port, home, AS_STARTED);
};

/** Milvus Lite's server of the Python environment of the benchmarks. */
export const startMilvusLite = async (python: string, { folder }: StartOptions = {}): Promise<MeasuredServer> => {
  const port = await freePort();
  const home = folder ?? mkdtempSync(join(tmpdir(), "milvus-lite-bench-"));
  const command = resolve(dirname(python), "milvus-lite");
  return measured("Milvus Lite", command, ["server", "--data-dir", join(home, "data"), "--port", String(port)], port, home);
};

/** Milvus itself as one process and its Python parent, of the environment that has the package `milvus`. */
export const startMilvus = async (python: string): Promise<MeasuredServer> => {
  const port = await freePort();
  const home = mkdtempSync(join(tmpdir(), "milvus-bench-"));
  const command = resolve(dirname(python), "milvus-server");
  return measured("Milvus 2.3.5", command, ["--data", join(home, "data"), "--proxy-port", String(port)], port, home);
};
