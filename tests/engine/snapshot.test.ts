/**
 * A snapshot holds exactly one moment of a collection, whatever is written, compacted, truncated or restarted afterwards; restoring it shares its files,
 * and dropping it gives them back.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { requireSnapshot } from "../../src/catalog/apply-snapshot.js";
import type { Collection } from "../../src/catalog/types.js";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { DataType, FieldData, FieldSchema, ValueField } from "../../src/shared/proto/generated/messages.js";
import { fieldsToRows } from "../../src/shared/rows/decode.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
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
const asRows = (fieldsData: readonly Buffer[]) => fieldsToRows(fieldsData.map((data) => FieldData.decode(data)));
/** Versions of the rows that were alive at a moment. */
const versionsAt = async (driver: Driver, collectionName: string, guaranteeTimestamp: bigint): Promise<Map<number, number>> => {
  const queryParams = [{ key: "iterator", value: "True" }];
  const request = { collectionName, expr: "id >= 0", outputFields: ["version"], queryParams, guaranteeTimestamp };
  const { fieldsData } = await driver.call<{ fieldsData: Buffer[] }>("Query", request);
  return new Map(asRows(fieldsData).map((row) => [Number(row.id), Number(row.version)]));
};
const added = (name: string, dataType: DataType, defaultValue: Partial<ValueField>) =>
  FieldSchema.encode(FieldSchema.create({ name, dataType, nullable: true, defaultValue: ValueField.create(defaultValue) }));
const extender = (driver: Driver) => (collectionName: string, schema: Buffer) =>
  driver.call("AddCollectionField", { collectionName, schema });
/** The field `number` of all rows. */
const numbersOf = async (driver: Driver, collectionName: string): Promise<number[]> => {
  const request = { collectionName, expr: "id >= 0", outputFields: ["number"] };
  return asRows((await driver.call<{ fieldsData: Buffer[] }>("Query", request)).fieldsData).map((row) => Number(row.number));
};
const PARTITIONS = 40;
/** One row in each of many partitions: their files are written one after the other, so that something else comes in between. */
const spread = async (engine: EngineApi, driver: Driver): Promise<void> => {
  const { schema } = named(engine, "rows");
  for (const id of range(0, PARTITIONS)) {
    const partitionName = `p${id}`;
    await driver.call("CreatePartition", { collectionName: "rows", partitionName });
    const fieldsData = rowsToFields(schema, [{ id, version: 0, vector: [0, 0, 0, 0] }]).map(({ data }) => data);
    await driver.call("Insert", { collectionName: "rows", partitionName, fieldsData, numRows: 1 });
  }
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

  it("is exactly the moment that it names, while four writers insert, upsert and delete", async () => {
    const { engine, driver } = await fresh();
    await driver.createCollection("rows", 4);
    let writing = true;
    let failed: unknown;
    const writer = async (ordinal: number): Promise<void> => {
      const own = ordinal * 1_000_000;
      for (let version = 0; writing; version++) {
        await driver.insert("rows", range(own + version * 5, own + version * 5 + 5), version);
        await driver.upsert("rows", [own + version], version + 1);
        await driver.delete("rows", [own + Math.floor(version / 2) * 5 + 1]);
        if (version % 7 === ordinal) await driver.flush("rows");
      }
    };
    const writers = range(0, 4).map((ordinal) => writer(ordinal).catch((error: unknown) => (failed = error)));
    const sizes: number[] = [];
    for (const name of ["a", "b", "c", "d"]) {
      await snapshot(driver, name);
      const { moment } = requireSnapshot(named(engine, "rows"), name);
      const made = await restored(driver, name, `of_${name}`);
      expect(made).toEqual(await versionsAt(driver, "rows", moment));
      sizes.push(made.size);
    }
    writing = false;
    await Promise.all(writers);
    expect(failed).toBeUndefined();
    expect(new Set(sizes).size).toBeGreaterThan(1);
  });

  it("is left alone by rows that a replay puts into a segment of the same id", async () => {
    const { path, engine, driver } = await fresh();
    await driver.createCollection("rows", 4);
    await driver.insert("rows", range(0, 100), 0);
    await snapshot(driver, "s");
    await driver.insert("rows", range(100, 200), 0);
    await driver.delete("rows", range(0, 50));
    await engine.close();
    const later = new Driver(await open(path));
    await later.flush("rows");
    expect((await restored(later, "s", "made")).size).toBe(100);
    expect((await later.versions("rows")).size).toBe(150);
  });

  it("is the same after a restart at each step of its life", async () => {
    const { path, engine, driver } = await fresh();
    let now = { engine, driver };
    const step = async <T>(work: (driver: Driver) => Promise<T>): Promise<T> => {
      const result = await work(now.driver);
      await now.engine.close();
      const next = await open(path);
      now = { engine: next, driver: new Driver(next) };
      return result;
    };
    const rows = new Map(range(0, 20).map((id) => [id, id < 5 ? 1 : 0]));
    await step((by) => by.createCollection("rows", 4));
    await step((by) => by.insert("rows", range(0, 20), 0));
    await step((by) => by.upsert("rows", range(0, 5), 1));
    await step((by) => snapshot(by, "s"));
    const { pinId } = await step((by) =>
      by.call<{ pinId: bigint }>("PinSnapshotData", { name: "s", collectionName: "rows", ttlSeconds: 600n }),
    );
    await step((by) => by.delete("rows", range(0, 15)));
    expect(await step((by) => restored(by, "s", "one"))).toEqual(rows);
    expect(await step((by) => by.versions("one"))).toEqual(rows);
    await step((by) => by.delete("one", [0]));
    await step((by) => by.flush("one"));
    expect((await step((by) => by.versions("one"))).size).toBe(19);
    await expect(now.driver.call("DropSnapshot", { name: "s", collectionName: "rows" })).rejects.toMatchObject({ code: 2601 });
    expect(await step((by) => restored(by, "s", "two"))).toEqual(rows);
    await step((by) => by.call("UnpinSnapshotData", { pinId }));
    await step((by) => by.call("DropSnapshot", { name: "s", collectionName: "rows" }));
    await step((by) => by.drop("rows"));
    expect(await step((by) => by.versions("two"))).toEqual(rows);
    expect((await step((by) => by.versions("one"))).size).toBe(19);
  });

  it("shares indexes with what is made of it, and its files outlive every owner but the last", async () => {
    const { path, engine, driver } = await fresh();
    const count = 1100;
    await driver.createCollection("rows", 4);
    await driver.call("ReleaseCollection", { collectionName: "rows" });
    await driver.call("DropIndex", { collectionName: "rows", fieldName: "vector" });
    const extraParams = Object.entries({ index_type: "HNSW", metric_type: "L2", M: "8", efConstruction: "40" }).map(([key, value]) => ({
      key,
      value,
    }));
    await driver.call("CreateIndex", { collectionName: "rows", fieldName: "vector", extraParams });
    await driver.insert("rows", range(0, count), 0);
    await driver.flush("rows");
    const indexed = (name: string): number => {
      const collection = named(engine, name);
      const [index] = collection.indexes;
      if (index === undefined) throw new Error(`${name} has no index`);
      return engine.indexProgress(collection, index).indexedRows;
    };
    await expect.poll(() => indexed("rows"), { timeout: 20_000 }).toBe(count);
    await snapshot(driver, "s");
    const files = () =>
      ["segments", "indexes"].flatMap((folder) => readdirSync(join(path, folder)).map((file) => `${folder}/${file}`)).sort();
    const before = files();
    expect(before).toHaveLength(2);
    await restored(driver, "s", "made");
    expect(indexed("made")).toBe(count);
    await driver.flush("made");
    await driver.drop("rows");
    await driver.insert("made", [count], 0);
    await driver.flush("made");
    for (const file of before) expect(files()).toContain(file);
    await driver.drop("made");
    await expect.poll(files, { timeout: 20_000 }).toEqual([]);
  });

  it("has the fields of its moment; what it is made into may get others of the same ids", async () => {
    const { path, engine, driver } = await fresh();
    await driver.createCollection("rows", 4);
    await driver.insert("rows", range(0, 10), 0);
    await snapshot(driver, "s");
    const extend = extender(driver);
    await extend("rows", added("flag", DataType.Bool, { boolData: true }));
    await driver.flush("rows");
    await restored(driver, "s", "made");
    expect(named(engine, "made").schema.fields.map(({ name }) => name)).toEqual(["id", "vector", "version"]);
    await extend("made", added("number", DataType.Int64, { longData: 7n }));
    expect(await numbersOf(driver, "made")).toEqual(Array(10).fill(7));
    await driver.insert("made", [10], 0);
    await driver.flush("made");
    await engine.close();
    expect(await numbersOf(new Driver(await open(path)), "made")).toEqual(Array(11).fill(7));
  });

  it("names no file with a column that its moment did not have", async () => {
    const { path, engine, driver } = await fresh();
    await driver.createCollection("rows", 4);
    await spread(engine, driver);
    const extend = extender(driver);
    await Promise.all([snapshot(driver, "s"), extend("rows", added("other", DataType.Int64, { longData: 5n }))]);
    await restored(driver, "s", "made");
    const had = named(engine, "made").schema.fields.map(({ name }) => name);
    expect(had.slice(0, 3)).toEqual(["id", "vector", "version"]);
    await extend("made", added("number", DataType.Int64, { longData: 7n }));
    // A manifest, so that the files are opened with the schema of now.
    await driver.insert("made", [PARTITIONS], 0);
    await driver.flush("made");
    await engine.close();
    expect(await numbersOf(new Driver(await open(path)), "made")).toEqual(Array(PARTITIONS + 1).fill(7));
  });

  it("is made again when rows go while their files are written", async () => {
    const { engine, driver } = await fresh();
    await driver.createCollection("rows", 4);
    await spread(engine, driver);
    await driver.call("ReleaseCollection", { collectionName: "rows" });
    await Promise.all([snapshot(driver, "s"), driver.call("DropPartition", { collectionName: "rows", partitionName: "p0" })]);
    expect([PARTITIONS - 1, PARTITIONS]).toContain((await restored(driver, "s", "without")).size);
    await Promise.all([snapshot(driver, "t"), driver.truncate("rows")]);
    expect([0, PARTITIONS - 1]).toContain((await restored(driver, "t", "emptied")).size);
    const [made] = await Promise.allSettled([snapshot(driver, "u"), driver.drop("rows")]);
    if (made.status === "rejected") expect(made.reason).toMatchObject({ code: 100 });
    expect(driver.collections()).toEqual(["emptied", "without"]);
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
