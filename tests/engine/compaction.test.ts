/**
 * A compaction changes which segments hold the rows and nothing else: whatever is read, before, meanwhile and after, also after a crash at any of these
 * moments, is the same; only rows that nobody can see any more are gone, and with them their files.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Collection } from "../../src/catalog/types.js";
import type { EngineApi } from "../../src/engine/api.js";
import type { Compaction, CompactionRequest } from "../../src/engine/compaction.js";
import { type OpenOptions, openEngine } from "../../src/engine/open.js";
import { Driver } from "../support/driver.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const folders: string[] = [];
const engines: EngineApi[] = [];
const open = async (path: string, settings: OpenOptions["settings"] = {}): Promise<EngineApi> => {
  const engine = await openEngine({ folder: path, settings });
  engines.push(engine);
  return engine;
};
const fresh = async (settings: OpenOptions["settings"] = {}) => {
  const path = temporaryFolder();
  folders.push(path);
  const engine = await open(path, settings);
  return { path, engine, driver: new Driver(engine) };
};
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
  for (const each of folders.splice(0)) removeFolder(each);
});

const rows = (engine: EngineApi): Collection => {
  const found = [...engine.catalog.collections.values()].find(({ name }) => name === "rows");
  if (found === undefined) throw new Error("no collection");
  return found;
};
const sealed = (engine: EngineApi) => engine.segments(rows(engine)).filter(({ state }) => state === "Flushed");
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const until = async (what: string, holds: () => boolean): Promise<void> => {
  for (let left = 500; !holds(); left--) {
    if (left === 0) throw new Error(`not within 10 s: ${what}`);
    await pause(20);
  }
};
const done = async (engine: EngineApi, compaction: Compaction): Promise<Compaction> => {
  await until("the compaction ends", () => engine.compaction(compaction.id)?.plans.every(({ state }) => state !== "executing") === true);
  return compaction;
};
const compact = async (engine: EngineApi, request: CompactionRequest = { kind: "mix" }): Promise<Compaction> =>
  done(engine, await engine.compact(rows(engine), request));
const files = (path: string): string[] => readdirSync(join(path, "segments")).sort();
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);

describe("a compaction", () => {
  it("merges small segments, drops deleted rows, frees files, and shows after a restart what was there", async () => {
    const { path, engine, driver } = await fresh();
    await driver.createCollection("rows", 4);
    for (const from of [0, 100, 200]) {
      await driver.insert("rows", range(from, from + 100), 0);
      await driver.flush("rows");
    }
    await driver.delete("rows", [5, 105, 205]);
    await driver.upsert("rows", [7], 1);
    const before = await driver.versions("rows");
    const { plans } = await compact(engine);
    expect(plans).toMatchObject([{ state: "completed", reason: "" }]);
    expect(plans[0]?.sources).toHaveLength(3);
    expect(sealed(engine)).toMatchObject([{ rowCount: 296, deletedCount: 0, id: plans[0]?.targets[0] }]);
    expect(await driver.versions("rows")).toEqual(before);
    expect(files(path)).toEqual([`${plans[0]?.targets[0]}.seg`]);
    await engine.close();
    const again = await open(path);
    expect(await new Driver(again).versions("rows")).toEqual(before);
    expect(sealed(again)).toMatchObject([{ rowCount: 296 }]);
  });

  it("leaves rows deleted after a leased moment for the reader that comes back to it, and refuses it once they are gone", async () => {
    const { path, engine, driver } = await fresh();
    await driver.createCollection("rows", 4);
    await driver.insert("rows", range(0, 10), 0);
    await driver.flush("rows");
    const first = await engine.count({ collection: rows(engine), partitionIds: [], lease: true });
    const moment = first.readTimestamp;
    await driver.delete("rows", [1, 2]);
    await compact(engine);
    const at = (from: EngineApi) => from.count({ collection: rows(from), partitionIds: [], guaranteeTimestamp: moment });
    expect((await at(engine)).count).toBe(10);
    expect(sealed(engine)).toMatchObject([{ rowCount: 10, deletedCount: 2 }]);
    await engine.close();
    // Leases do not outlive the process: the next compaction drops the rows, and the moment is then refused, for good.
    let again = await open(path);
    await compact(again);
    expect(sealed(again)).toMatchObject([{ rowCount: 8, deletedCount: 0 }]);
    await expect(at(again)).rejects.toThrow(/are not kept any more/);
    await again.close();
    again = await open(path);
    await expect(at(again)).rejects.toThrow(/are not kept any more/);
    expect((await again.count({ collection: rows(again), partitionIds: [] })).count).toBe(8);
  });

  it("goes on beside writes: deletes made meanwhile reach the new segments", async () => {
    const { engine, driver } = await fresh();
    await driver.createCollection("rows", 16);
    const expected = new Map<number, number>();
    for (let from = 0; from < 20_000; from += 4000) {
      await driver.insert("rows", range(from, from + 4000), 0);
      await driver.flush("rows");
    }
    for (const id of range(0, 20_000)) expected.set(id, 0);
    const compaction = await engine.compact(rows(engine), { kind: "merge" });
    let id = 0;
    while (compaction.plans.some(({ state }) => state === "executing")) {
      await driver.delete("rows", [id, 19_999 - id]);
      await driver.upsert("rows", [5000 + id], 1);
      expected.delete(id);
      expected.delete(19_999 - id);
      expected.set(5000 + id, 1);
      id++;
    }
    expect(compaction.plans.map(({ state }) => state)).not.toContain("failed");
    expect(id).toBeGreaterThan(0);
    expect(await driver.versions("rows")).toEqual(new Map([...expected].sort(([one], [other]) => one - other)));
  });

  it("is given up when its rows go meanwhile", async () => {
    const { engine, driver } = await fresh();
    await driver.createCollection("rows", 16);
    for (let from = 0; from < 20_000; from += 10_000) {
      await driver.insert("rows", range(from, from + 10_000), 0);
      await driver.flush("rows");
    }
    const compaction = await engine.compact(rows(engine), { kind: "merge" });
    await driver.truncate("rows");
    await done(engine, compaction);
    expect(compaction.plans).toMatchObject([{ state: "failed", reason: "the segments went meanwhile", targets: [] }]);
    expect(sealed(engine)).toEqual([]);
    expect((await driver.versions("rows")).size).toBe(0);
  });

  it("by itself writes segments anew of which a fifth is deleted, and merges three of the smallest", async () => {
    const { engine, driver } = await fresh({ compactMs: 10 });
    await driver.createCollection("rows", 4);
    await driver.insert("rows", range(0, 100), 0);
    await driver.delete("rows", range(0, 20));
    await driver.flush("rows");
    await until("the deleted rows are dropped", () => sealed(engine).every(({ deletedCount }) => deletedCount === 0));
    expect(sealed(engine)).toMatchObject([{ rowCount: 80 }]);
    for (const from of [100, 200]) {
      await driver.insert("rows", range(from, from + 100), 0);
      await driver.flush("rows");
    }
    await until("three segments became one", () => sealed(engine).length === 1);
    expect(sealed(engine)).toMatchObject([{ rowCount: 280 }]);
    expect((await driver.versions("rows")).size).toBe(280);
  });

  it("tells who asks later, once, what it did by itself", async () => {
    const { engine, driver } = await fresh({ compactMs: 10 });
    await driver.createCollection("rows", 4);
    await driver.insert("rows", range(0, 100), 0);
    await driver.delete("rows", range(0, 50));
    await driver.flush("rows");
    await until("the deleted rows are dropped", () => sealed(engine).every(({ rowCount }) => rowCount === 50));
    const now = sealed(engine).map(({ id }) => id);
    const { plans } = await compact(engine);
    expect(plans).toMatchObject([{ state: "completed", targets: now }]);
    expect(plans[0]?.sources).toHaveLength(1);
    expect(plans[0]?.sources).not.toEqual(now);
    expect((await compact(engine)).plans).toMatchObject([{ state: "completed", sources: now, targets: now }]);
    // What is told belongs to segments that are still there: those made of it count from then on.
    await driver.delete("rows", range(50, 80));
    await until("they are dropped, too", () => sealed(engine).every(({ rowCount }) => rowCount === 20));
    await driver.delete("rows", range(80, 99));
    do expect((await compact(engine)).plans).toHaveLength(1);
    while (sealed(engine).some(({ rowCount }) => rowCount !== 1));
  });

  it("cuts what is larger than its target into segments of ranges of keys", async () => {
    const { engine, driver } = await fresh({ segmentBytesMax: 256 * 1024 });
    await driver.createCollection("rows", 64);
    await driver.insert("rows", range(0, 4000), 0);
    await driver.flush("rows");
    const { plans } = await compact(engine, { kind: "merge", targetBytes: 256 * 1024 });
    expect(plans).toMatchObject([{ state: "completed" }]);
    expect(plans[0]?.targets.length).toBeGreaterThan(2);
    expect(sealed(engine).reduce((sum, { rowCount }) => sum + rowCount, 0)).toBe(4000);
    expect((await driver.versions("rows")).size).toBe(4000);
    const again = await compact(engine, { kind: "merge", targetBytes: 4 * 1024 * 1024 });
    expect(again.plans.at(-1)?.targets).toHaveLength(1);
    expect(sealed(engine)).toMatchObject([{ rowCount: 4000 }]);
  });

  it("leaves no row when all are deleted", async () => {
    const { path, engine, driver } = await fresh();
    await driver.createCollection("rows", 4);
    await driver.insert("rows", range(0, 50), 0);
    await driver.flush("rows");
    await driver.delete("rows", range(0, 50));
    const { plans } = await compact(engine);
    expect(plans).toMatchObject([{ state: "completed", targets: [] }]);
    expect(sealed(engine)).toEqual([]);
    expect(files(path)).toEqual([]);
    expect((await driver.versions("rows")).size).toBe(0);
  });
});

describe("growing rows", () => {
  it("are sealed once they are idle or old", async () => {
    const { engine, driver } = await fresh({ growingMsMax: 50, upkeepMs: 20 });
    await driver.createCollection("rows", 4);
    await driver.insert("rows", range(0, 10), 0);
    await until("the segment is sealed by age", () => sealed(engine).length === 1);
    expect((await driver.versions("rows")).size).toBe(10);
  });

  it("are sealed when nobody writes any more", async () => {
    const { engine, driver } = await fresh({ idleMsMax: 50, idleBytesMin: 1, upkeepMs: 20 });
    await driver.createCollection("rows", 4);
    await driver.insert("rows", range(0, 10), 0);
    await until("the segment is sealed when idle", () => sealed(engine).length === 1);
  });
});
