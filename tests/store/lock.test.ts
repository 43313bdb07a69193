/** One process a folder: the second gets one sentence; the lock of a dead process, and of a reused process id, is taken over by exactly one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Env, realEnv } from "../../src/shared/env.js";
import { openDirectory } from "../../src/store/directory.js";
import type { Store } from "../../src/store/store.js";
import { Disk } from "../support/faulty-disk.js";
import { FaultyEnv } from "../support/faulty-env.js";
import { runSeed, SeededRandom } from "../support/random.js";

const FOLDER = "/data";
const process = (disk: Disk, pid: number, running: ReadonlyMap<number, string>, seed = pid): FaultyEnv => {
  const env = new FaultyEnv(seed, disk);
  env.processId = pid;
  env.processes.clear();
  for (const [id, birth] of running) env.processes.set(id, birth);
  return env;
};

test("a second process gets one sentence with the holder's pid, and changes nothing", async () => {
  const disk = new Disk();
  const running = new Map([
    [10, "a"],
    [11, "b"],
  ]);
  const store = await openDirectory(process(disk, 10, running), FOLDER);
  await expect(openDirectory(process(disk, 11, running), FOLDER)).rejects.toThrow(
    /^service unavailable: the data folder \/data is in use by process 10$/,
  );
  await store.close();
  await (await openDirectory(process(disk, 11, running), FOLDER)).close();
});

test("a folder that this process has open is not opened again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "elanus-lock-"));
  const store = await openDirectory(realEnv, folder);
  await expect(openDirectory(realEnv, folder)).rejects.toThrow(`in use by process ${realEnv.processId}`);
  await store.close();
  await (await openDirectory(realEnv, folder)).close();
  rmSync(folder, { recursive: true });
});

test("the lock of a dead process is taken over, and of one whose id another process has now, and one that is torn", async () => {
  const disk = new Disk();
  await openDirectory(process(disk, 10, new Map([[10, "a"]])), FOLDER);
  await openDirectory(process(disk, 11, new Map([[11, "b"]])), FOLDER); // 10 is dead
  await openDirectory(process(disk, 11, new Map([[11, "c"]])), FOLDER); // 11 was born again
  expect([...disk.names.keys()].filter((name) => name.includes("LOCK"))).toEqual(["/data/LOCK"]);
  const folder = mkdtempSync(join(tmpdir(), "elanus-lock-"));
  for (const text of ["", "{", '{"pid":1}', "\0\0\0\0"]) {
    writeFileSync(join(folder, "LOCK"), text);
    await (await openDirectory(realEnv, folder)).close();
  }
  // This process's id with another birth: a process that had the id before.
  writeFileSync(join(folder, "LOCK"), JSON.stringify({ pid: realEnv.processId, birth: "long ago", token: "ab" }));
  if ((await realEnv.processBirth(realEnv.processId)) !== "") await (await openDirectory(realEnv, folder)).close();
  rmSync(folder, { recursive: true });
});

/** Several processes try to take over a stale lock at once; some die on the way, and others come. */
const race = async (seed: number): Promise<number> => {
  const random = new SeededRandom(seed);
  const disk = new Disk();
  await openDirectory(process(disk, 1, new Map([[1, "first"]])), FOLDER);
  const running = new Map<number, string>();
  const holders = new Set<number>();
  const opened = new Map<number, Store>();
  let takeovers = 0;
  const start = (pid: number): Promise<void> => {
    running.set(pid, "born");
    const env = process(disk, pid, new Map(), seed * 100 + pid);
    Object.assign(env, {
      processAlive: (id: number) => running.has(id),
      processBirth: async (id: number) => running.get(id) ?? "",
    } satisfies Partial<Env>);
    env.slowness = random.pick([0, 3, 30]);
    if (random.chance(0.5)) env.crashAt = 1 + random.below(25);
    const dies = env.stopped.then(() => {
      running.delete(pid);
      holders.delete(pid);
    });
    const opening = openDirectory(env, FOLDER).then(
      (store) => {
        takeovers++;
        holders.add(pid);
        opened.set(pid, store);
        if (holders.size > 1) throw new Error(`seed ${seed}: ${[...holders].join(" and ")} hold the folder`);
        if (random.chance(0.5)) env.stop();
      },
      (error: Error) => {
        if (!/is in use by process \d+$/.test(error.message)) throw error;
        running.delete(pid);
      },
    );
    return Promise.race([opening, dies]);
  };
  const all: Promise<void>[] = [];
  for (let pid = 2; pid < 12; pid++) {
    all.push(start(pid));
    for (let turns = random.below(12); turns > 0; turns--) await new Promise(setImmediate);
  }
  await Promise.all(all);
  return takeovers;
};

const seed = runSeed();
test(`of many processes that take over a stale lock, one holds it at a time (seed ${seed})`, async () => {
  let takeovers = 0;
  for (let index = 0; index < 200; index++) takeovers += await race(seed + index);
  expect(takeovers).toBeGreaterThan(100);
}, 120_000);
