/**
 * A snapshot holds exactly one moment of a collection, whatever is written, compacted, truncated or restarted afterwards; restoring it shares its files,
 * and dropping it gives them back.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Collection } from "../../src/catalog/types.js";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { Driver } from "../support/driver.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const folders: string[] = [];
const engines: EngineApi[] = [];
const open = async (path: string): Promise<EngineApi> => {
  const engine = await openEngine({ folder: path });
  engines.push(engine);
  return engine;
};
const fresh = async () => {
  const path = temporaryFolder();
  folders.push(path);
  const engine = await open(path);
  return { path, engine, driver: new Driver(engine) };
};
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
  for (const each of folders.splice(0)) removeFolder(each);
});

const named = (engine: EngineApi, name: string): Collection => {
  const found = [...engine.catalog.collections.values()].find((collection) => collection.name === name);
  if (found === undefined) throw new Error(`no collection ${name}`);
  return found;
};
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);
const snapshot = (driver: Driver, name: string) => driver.call("CreateSnapshot", { name, collectionName: "rows" });
const restored = async (driver: Driver, name: string, into: string): Promise<Map<number, number>> => {
  const { jobId } = await driver.call<{ jobId: bigint }>("RestoreSnapshot", { name, collectionName: "rows", targetCollectionName: into });
  const { info } = await driver.call<{ info: { progress: number } }>("GetRestoreSnapshotState", { jobId });
  expect(info.progress).toBe(100);
  await driver.call("LoadCollection", { collectionName: into });
  return driver.versions(into);
};
const segmentBytes = (path: string): number =>
  readdirSync(join(path, "segments"))
    .filter((file) => file.endsWith(".seg"))
    .reduce((sum, file) => sum + statSync(join(path, "segments", file)).size, 0);

describe("a snapshot", () => {
  it("holds its moment through later writes, compaction, truncation and restarts, and copies nothing", async () => {
    const { path, engine, driver } = await fresh();
    await driver.createCollection("rows", 8);
    await driver.insert("rows", range(0, 1000), 0);
    await driver.flush("rows");
    await driver.delete("rows", [1, 2]);
    await driver.upsert("rows", [3], 1);
    await driver.insert("rows", range(1000, 1010), 0);
    const expected = await driver.versions("rows");
    await snapshot(driver, "first");
    const bytes = segmentBytes(path);
    await driver.delete("rows", range(4, 500));
    await driver.upsert("rows", [600], 2);
    const compaction = await engine.compact(named(engine, "rows"), { kind: "merge" });
    while (compaction.plans.some(({ state }) => state === "executing")) await new Promise((resolve) => setTimeout(resolve, 5));
    await driver.truncate("rows");
    await driver.insert("rows", [5], 9);
    await driver.flush("rows");
    expect(await restored(driver, "first", "one")).toEqual(expected);
    expect(segmentBytes(path)).toBeLessThan(bytes * 1.1);
    await engine.close();
    const again = await open(path);
    const later = new Driver(again);
    expect(await later.versions("one")).toEqual(expected);
    expect(await later.versions("rows")).toEqual(new Map([[5, 9]]));
    expect(await restored(later, "first", "two")).toEqual(expected);
    await later.delete("two", [10]);
    await later.flush("two");
    expect((await later.versions("one")).get(10)).toBe(0);
  });

  it("is one moment while rows are written beside it", async () => {
    const { driver } = await fresh();
    await driver.createCollection("rows", 4);
    let writing = true;
    // Each upsert moves a pair of rows to the same version: no moment shows two different ones.
    const writer = async (first: number): Promise<void> => {
      for (let version = 0; writing; version++) await driver.upsert("rows", [first, first + 1], version);
    };
    const writers = [0, 2, 4, 6].map(writer);
    for (const name of ["a", "b", "c"]) {
      await snapshot(driver, name);
      const versions = await restored(driver, name, `of_${name}`);
      for (const first of [0, 2, 4, 6]) expect(versions.get(first)).toBe(versions.get(first + 1));
    }
    writing = false;
    await Promise.all(writers);
  });

  it("keeps its files until it is dropped, also over restarts", async () => {
    const { path, engine, driver } = await fresh();
    await driver.createCollection("rows", 4);
    await driver.insert("rows", range(0, 100), 0);
    await snapshot(driver, "kept");
    await driver.truncate("rows");
    await driver.flush("rows");
    await engine.close();
    const again = await open(path);
    const later = new Driver(again);
    expect(readdirSync(join(path, "segments"))).toHaveLength(1);
    await later.call("DropSnapshot", { name: "kept", collectionName: "rows" });
    await later.insert("rows", [1], 0);
    await later.flush("rows");
    expect(readdirSync(join(path, "segments"))).toHaveLength(1);
    expect(await later.call("ListSnapshots", { collectionName: "rows" })).toMatchObject({ snapshots: [] });
  });

  it("is not dropped while it is pinned", async () => {
    const { driver } = await fresh();
    await driver.createCollection("rows", 4);
    await snapshot(driver, "pinned");
    const asked = { name: "pinned", collectionName: "rows" };
    const { pinId } = await driver.call<{ pinId: bigint }>("PinSnapshotData", { ...asked, ttlSeconds: 60n });
    await expect(driver.call("DropSnapshot", asked)).rejects.toMatchObject({ code: 2601 });
    await driver.call("UnpinSnapshotData", { pinId });
    await driver.call("DropSnapshot", asked);
    await expect(driver.call("DescribeSnapshot", asked)).rejects.toMatchObject({ code: 2600 });
  });

  it.each([
    [{ name: "", collectionName: "rows" }, 1100, "snapshot name should be not empty"],
    [{ name: "a-b", collectionName: "rows" }, 1100, "snapshot name can only contain numbers, letters, underscores"],
    [{ name: "s".repeat(256), collectionName: "rows" }, 1100, "the length of snapshot name must be not greater than limit"],
    [{ name: "taken", collectionName: "rows" }, 1100, "snapshot name taken already exists"],
    [{ name: "new", collectionName: "nowhere" }, 100, "collection not found"],
    [{ name: "new", collectionName: "rows", compactionProtectionSeconds: -1n }, 1100, "compaction_protection_seconds must be non-negative"],
  ])("is refused for %o", async (request, code, words) => {
    const { driver } = await fresh();
    await driver.createCollection("rows", 4);
    await snapshot(driver, "taken");
    await expect(driver.call("CreateSnapshot", request)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });

  it("is restored into a new name only", async () => {
    const { driver } = await fresh();
    await driver.createCollection("rows", 4);
    await driver.createAlias("rows", "other_name");
    await snapshot(driver, "s");
    const into = (targetCollectionName: string) =>
      driver.call("RestoreSnapshot", { name: "s", collectionName: "rows", targetCollectionName });
    await expect(into("rows")).rejects.toMatchObject({ code: 1100, message: expect.stringContaining("duplicate collection") });
    await expect(into("other_name")).rejects.toMatchObject({ code: 1601 });
    await expect(into("")).rejects.toMatchObject({ code: 1101 });
    expect(driver.collections()).toEqual(["rows"]);
  });
});
