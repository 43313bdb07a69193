/** What a release takes from memory and a load brings back: indexes, and the pages that properties ask for. */
import { readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { type OpenOptions, openEngine } from "../../src/engine/open.js";
import { columnsToWarm, indexWarmup } from "../../src/engine/residency-rules.js";
import { silentLogger } from "../../src/shared/types.js";
import { Driver } from "../support/driver.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const MIB = 1024 * 1024;
const DIM = 256;
const ROWS = 3000;
const folders: string[] = [];
const engines: EngineApi[] = [];
const open = async (path: string, options: Partial<OpenOptions> = {}) => {
  const engine = await openEngine({ folder: path, ...options });
  engines.push(engine);
  return { path, engine, driver: new Driver(engine) };
};
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
  for (const each of folders.splice(0)) removeFolder(each);
});
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const until = async (what: () => boolean): Promise<void> => {
  for (let turn = 0; !what(); turn++) {
    if (turn > 2000) throw new Error(`never came true: ${what}`);
    await pause(5);
  }
};
const pairs = (values: Record<string, string>) => Object.entries(values).map(([key, value]) => ({ key, value }));
const HNSW = pairs({ index_type: "HNSW", metric_type: "L2" });
type Opened = Awaited<ReturnType<typeof open>>;

const collectionOf = ({ engine }: Pick<Opened, "engine">) => [...engine.catalog.collections.values()].find(({ name }) => name === "rows");
/** Whether a search walks the graph: only then is `ef` that is too small an inexact answer's reason; so ask memory, not answers. */
const release = (opened: Opened) => opened.driver.call("ReleaseCollection", { collectionName: "rows" });
const load = (opened: Opened, more: object = {}) => opened.driver.call("LoadCollection", { collectionName: "rows", ...more });
const stateOf = async (opened: Opened) => (await opened.driver.call<{ state: number }>("GetLoadState", { collectionName: "rows" })).state;

/** A collection with a built graph, loaded. */
const indexed = async (extra: Record<string, string> = {}, options: Partial<OpenOptions> = {}): Promise<Opened> => {
  const path = temporaryFolder();
  folders.push(path);
  const opened = await open(path, options);
  const { driver, engine } = opened;
  await driver.define("rows", DIM);
  await driver.call("CreateIndex", { collectionName: "rows", fieldName: "vector", extraParams: [...HNSW, ...pairs(extra)] });
  await load(opened);
  await driver.insert("rows", range(0, ROWS), 0);
  await driver.flush("rows");
  await until(() => engine.jobs().length === 0);
  return opened;
};
/** Sums are kept for a moment. */
const used = async ({ engine }: Pick<Opened, "engine">): Promise<number> => {
  await pause(150);
  return engine.memoryUsed;
};
const GRAPH_BYTES = ROWS * DIM;
const COLUMN_BYTES = ROWS * DIM * 4;

describe("a release", () => {
  it("takes indexes from memory, a load brings them from their files, and a restart keeps what was loaded", async () => {
    const first = await indexed();
    const loaded = await used(first);
    expect(loaded).toBeGreaterThan(GRAPH_BYTES);
    await release(first);
    const released = await used(first);
    expect(loaded - released).toBeGreaterThan(GRAPH_BYTES);
    const [file] = readdirSync(join(first.path, "indexes"));
    const written = statSync(join(first.path, "indexes", file as string)).mtimeMs;
    await first.engine.close();

    const second = await open(first.path);
    expect(await used(second)).toBeLessThan(released + 1000);
    await load(second);
    expect(second.engine.loadProgress(collectionOf(second) as never)).toBe(100);
    expect(await used(second)).toBeGreaterThan(loaded * 0.9);
    await second.engine.close();

    const third = await open(first.path);
    await until(() => third.engine.memoryUsed > loaded * 0.9);
    expect(readdirSync(join(first.path, "indexes"))).toEqual([file]);
    expect(statSync(join(first.path, "indexes", file as string)).mtimeMs).toBe(written);
    expect((await third.driver.versions("rows")).size).toBe(ROWS);
  });

  it("of a partition takes its own", async () => {
    const opened = await indexed();
    await opened.driver.call("CreatePartition", { collectionName: "rows", partitionName: "other" });
    await opened.driver.call("LoadPartitions", { collectionName: "rows", partitionNames: ["other"] });
    const loaded = await used(opened);
    await opened.driver.call("ReleasePartitions", { collectionName: "rows", partitionNames: ["_default"] });
    expect(loaded - (await used(opened))).toBeGreaterThan(GRAPH_BYTES);
    expect(await stateOf(opened)).toBe(3);
    await opened.driver.call("LoadPartitions", { collectionName: "rows", partitionNames: ["_default"] });
    expect(await used(opened)).toBeGreaterThan(loaded * 0.9);
  });

  it("that comes while a load is under way wins", async () => {
    const opened = await indexed();
    await release(opened);
    const released = await used(opened);
    const loading = load(opened);
    while (collectionOf(opened)?.load === undefined) await pause(0);
    await Promise.all([loading, release(opened)]);
    expect(await used(opened)).toBeLessThan(released + 1000);
    await Promise.all([load(opened), load(opened)]);
    expect(await used(opened)).toBeGreaterThan(released + GRAPH_BYTES);
  });

  it("or a drop while something is brought is no fault to tell", async () => {
    const told: string[] = [];
    const logger = { ...silentLogger, warn: (fields: object, text: string) => told.push(`${text} ${JSON.stringify(fields)}`) };
    // The build of its index holds what others ask for in the background.
    const opened = await indexed({}, { logger, threads: 1 });
    const { driver, engine } = opened;
    await driver.insert("rows", range(ROWS, 4 * ROWS), 0);
    await driver.flush("rows");
    for (const name of ["a", "b", "c", "d"]) {
      await driver.createCollection(name, DIM);
      await driver.insert(name, range(0, 100), 0);
      await driver.flush(name);
      await driver.call(name < "c" ? "ReleaseCollection" : "DropCollection", { collectionName: name });
    }
    await until(() => engine.jobs().length === 0);
    expect(told).toEqual([]);
  });

  it("is where indexes are built, written, and not kept", async () => {
    const opened = await indexed();
    await release(opened);
    const before = await used(opened);
    await opened.driver.insert("rows", range(ROWS, 2 * ROWS), 0);
    await opened.driver.flush("rows");
    await until(() => opened.engine.jobs().length === 0 && readdirSync(join(opened.path, "indexes")).length === 2);
    await until(() => opened.engine.memoryUsed < before + GRAPH_BYTES / 2);
    await load(opened);
    expect(await used(opened)).toBeGreaterThan(before + 2 * GRAPH_BYTES);
  });
});

describe("a load", () => {
  it("does not wait for what is being built", async () => {
    const opened = await indexed({}, { threads: 1 });
    const { driver, engine } = opened;
    await driver.createCollection("small", DIM);
    await driver.insert("small", range(0, 100), 0);
    await driver.flush("small");
    await driver.call("ReleaseCollection", { collectionName: "small" });
    await until(() => engine.jobs().length === 0);
    await driver.insert("rows", range(ROWS, 5 * ROWS), 0);
    await driver.flush("rows");
    const collection = collectionOf(opened);
    const index = collection?.indexes[0];
    if (collection === undefined || index === undefined) throw new Error("no index");
    const pending = (): number => engine.indexProgress(collection, index).pendingRows;
    await until(() => pending() < 4 * ROWS);
    await driver.call("LoadCollection", { collectionName: "small" });
    // The last row counts as pending until the index is there.
    expect(pending()).toBeGreaterThan(1);
  });

  it("builds an index again whose file is damaged, and is answered before that", async () => {
    const opened = await indexed();
    await release(opened);
    const [file] = readdirSync(join(opened.path, "indexes"));
    truncateSync(join(opened.path, "indexes", file as string), 1000);
    await load(opened);
    expect(await stateOf(opened)).toBe(3);
    expect((await opened.driver.versions("rows")).size).toBe(ROWS);
    await until(() => opened.engine.jobs().length === 0 && opened.engine.memoryUsed > GRAPH_BYTES);
    expect(statSync(join(opened.path, "indexes", file as string)).size).toBeGreaterThan(GRAPH_BYTES);
  });

  it("tells that it is loading until it has what it promises", async () => {
    const opened = await indexed();
    await release(opened);
    const states: number[] = [];
    const loading = load(opened).then(() => true);
    for (let done = false; !done; ) {
      done = await Promise.race([loading, pause(0).then(() => false)]);
      if (!done && collectionOf(opened)?.load !== undefined) states.push(await stateOf(opened));
    }
    // NotLoad 1, Loading 2, Loaded 3.
    expect(states.every((state, at) => state === 2 || states.slice(at).every((later) => later === 3))).toBe(true);
    expect(await stateOf(opened)).toBe(3);
    expect(await opened.driver.call("GetLoadingProgress", { collectionName: "rows" })).toMatchObject({ progress: 100n });
  });

  it("is refused when its indexes do not fit, and changes nothing", async () => {
    const first = await indexed();
    await release(first);
    await first.engine.close();
    const small = await open(first.path, { maxMemory: MIB / 2 });
    await expect(load(small)).rejects.toMatchObject({
      code: 3,
      message: expect.stringMatching(/^memory limit exceeded\[predict\(MB\)=[\d.]+\]\[limit\(MB\)=0\.5\]$/),
    });
    expect(await stateOf(small)).toBe(1);
    await small.driver.call("DropCollection", { collectionName: "rows" });
  });

  it("counts columns that are not to be mapped, until the release", async () => {
    const opened = await indexed();
    await release(opened);
    const released = await used(opened);
    await opened.driver.call("AlterCollectionField", {
      collectionName: "rows",
      fieldName: "vector",
      properties: pairs({ "mmap.enabled": "false" }),
    });
    await load(opened);
    expect((await used(opened)) - released).toBeGreaterThan(COLUMN_BYTES + GRAPH_BYTES);
    await opened.driver.insert("rows", range(ROWS, 2 * ROWS), 0);
    await opened.driver.flush("rows");
    await until(() => opened.engine.memoryUsed - released > 2 * COLUMN_BYTES + 2 * GRAPH_BYTES);
    // A graph in the making is memory that no release can take.
    await until(() => opened.engine.jobs().length === 0);
    await release(opened);
    expect(await used(opened)).toBeLessThan(released + 10_000);
    await opened.engine.close();
    const small = await open(opened.path, { maxMemory: 2 * COLUMN_BYTES });
    await expect(load(small)).rejects.toMatchObject({ code: 3 });
  });

  it("leaves an index whose warm-up is disabled to the first search", async () => {
    const opened = await indexed({ warmup: "disable" });
    await release(opened);
    const released = await used(opened);
    await load(opened);
    expect(await used(opened)).toBeLessThan(released + 10_000);
    const collection = collectionOf(opened) as NonNullable<ReturnType<typeof collectionOf>>;
    await opened.engine.search({
      collection,
      partitionIds: [],
      fieldId: collection.indexes[0]?.fieldId as bigint,
      metric: "L2",
      vectors: Buffer.alloc(DIM * 4),
      limit: 3,
      offset: 0,
      roundDecimal: -1,
      outputs: [],
    });
    expect(await used(opened)).toBeGreaterThan(released + GRAPH_BYTES);
  });
});

describe("the properties of memory", () => {
  it("count from the nearest to the farthest", async () => {
    const opened = await indexed();
    const collection = collectionOf(opened) as NonNullable<ReturnType<typeof collectionOf>>;
    const [id, vector, version] = collection.schema.fields.map((field) => Number(field.fieldID));
    const policies = (properties: Record<string, string>, field: Record<string, string> = {}) =>
      columnsToWarm({
        ...collection,
        properties: pairs(properties),
        schema: {
          ...collection.schema,
          fields: collection.schema.fields.map((each) => (each.name === "vector" ? { ...each, typeParams: pairs(field) } : each)),
        },
      });
    const column = (fieldId: number | undefined, warmup: string, counted = false) => ({ fieldId, warmup, counted });
    expect(policies({})).toEqual([column(id, "sync"), column(version, "sync")]);
    expect(policies({ "warmup.scalarField": "disable", "warmup.vectorField": "async" })).toEqual([column(vector, "async")]);
    expect(policies({ "warmup.vectorField": "async" }, { warmup: "sync" })).toContainEqual(column(vector, "sync"));
    expect(policies({ "mmap.enabled": "false" })).toEqual([
      column(id, "sync", true),
      column(vector, "sync", true),
      column(version, "sync", true),
    ]);
    expect(policies({ "mmap.enabled": "False" }, { "mmap.enabled": "true" })).toEqual([
      column(id, "sync", true),
      column(version, "sync", true),
    ]);
    expect(policies({}, { "mmap.enabled": "false", warmup: "disable" })).toEqual([column(id, "sync"), column(version, "sync")]);

    const [index] = collection.indexes;
    const warmup = (properties: Record<string, string>, params: Record<string, string> = {}) =>
      indexWarmup({ ...collection, properties: pairs(properties) }, { ...(index as NonNullable<typeof index>), params: pairs(params) });
    expect(warmup({})).toBe("sync");
    expect(warmup({ "warmup.vectorIndex": "disable" })).toBe("disable");
    expect(warmup({ "warmup.vectorIndex": "disable" }, { warmup: "async" })).toBe("async");
  });
});
