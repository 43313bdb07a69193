/**
 * What is in the folder after a stop, a crash (the folder copied while it is open) or a checkpoint is what was acknowledged, whatever was sealed,
 * deleted, replaced, truncated or dropped in between.
 */
import { cpSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { MilvusClient } from "../../src/client/index.js";
import type { EngineApi } from "../../src/engine/api.js";
import { type OpenOptions, openEngine } from "../../src/engine/open.js";
import { Driver } from "../support/driver.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const folders: string[] = [];
const folder = (): string => {
  const made = temporaryFolder();
  folders.push(made);
  return made;
};
afterEach(() => {
  for (const each of folders.splice(0)) removeFolder(each);
});

const open = (path: string, settings: OpenOptions["settings"] = {}): Promise<EngineApi> => openEngine({ folder: path, settings });

/** A copy of an open folder: what a crash at this moment leaves (all of it was synced). */
const crashed = (path: string): string => {
  const copy = join(folder(), "data");
  cpSync(path, copy, { recursive: true });
  rmSync(join(copy, "LOCK"), { force: true });
  return copy;
};

const logBytes = (path: string): number =>
  readdirSync(join(path, "log")).reduce((sum, name) => sum + statSync(join(path, "log", name)).size, 0);

/** Expected and found versions by id. */
const same = async (driver: Driver, expected: ReadonlyMap<number, number>): Promise<void> => {
  expect(await driver.versions("rows")).toEqual(new Map([...expected].sort(([one], [other]) => one - other)));
};

const fill = async (driver: Driver, expected: Map<number, number>): Promise<void> => {
  await driver.createCollection("rows", 4);
  await driver.insert("rows", [0, 1, 2, 3, 4, 5], 0);
  await driver.flush("rows");
  await driver.delete("rows", [1, 4]);
  await driver.upsert("rows", [2, 6], 1);
  await driver.insert("rows", [7, 8], 0);
  await driver.delete("rows", [7]);
  for (const [id, version] of [
    [0, 0],
    [2, 1],
    [3, 0],
    [5, 0],
    [6, 1],
    [8, 0],
  ] as const)
    expected.set(id, version);
};

describe("opening a folder again", () => {
  it("finds everything after a stop, a crash, a flush, and again", async () => {
    const path = folder();
    const expected = new Map<number, number>();
    let engine = await open(path);
    await fill(new Driver(engine), expected);
    await same(new Driver(engine), expected);
    const copy = crashed(path);
    await engine.close();
    for (const each of [path, copy, path]) {
      engine = await open(each);
      await same(new Driver(engine), expected);
      await new Driver(engine).flush("rows");
      await same(new Driver(engine), expected);
      await engine.close();
    }
  });

  it("deletes of sealed rows survive a checkpoint and the cut of the log", async () => {
    const path = folder();
    const expected = new Map<number, number>();
    let engine = await open(path);
    const driver = new Driver(engine);
    await fill(driver, expected);
    await driver.flush("rows");
    await driver.delete("rows", [0]);
    expected.delete(0);
    await driver.insert("rows", [20], 0);
    expected.set(20, 0);
    await driver.flush("rows");
    await engine.close();
    engine = await open(path);
    await same(new Driver(engine), expected);
    await engine.close();
  });

  it("a full segment and a long log are sealed and cut in the background", async () => {
    const path = folder();
    const settings = { segmentBytesMax: 200_000, logBytesMax: 1_000_000 };
    let engine = await open(path, settings);
    const driver = new Driver(engine);
    await driver.createCollection("rows", 64);
    const expected = new Map<number, number>();
    for (let batch = 0; batch < 120; batch++) {
      const ids = Array.from({ length: 100 }, (_, index) => batch * 100 + index);
      await driver.insert("rows", ids, 0);
      await driver.upsert("rows", ids.slice(0, 3), 1);
      await driver.delete("rows", ids.slice(3, 5));
      ids.forEach((id, index) => {
        if (index < 3) expected.set(id, 1);
        else if (index >= 5) expected.set(id, 0);
      });
    }
    await same(driver, expected);
    await engine.close();
    expect(readdirSync(join(path, "segments")).filter((name) => name.endsWith(".seg")).length).toBeGreaterThan(3);
    expect(logBytes(path)).toBeLessThan(200 * 1024 * 1024);
    engine = await open(path, settings);
    await same(new Driver(engine), expected);
    await engine.close();
  });

  it("truncated, dropped and renamed collections stay so", async () => {
    const path = folder();
    let engine = await open(path);
    let driver = new Driver(engine);
    await fill(driver, new Map());
    await driver.truncate("rows");
    await driver.insert("rows", [100], 0);
    await driver.createCollection("gone", 4);
    await driver.insert("gone", [1], 0);
    await driver.createAlias("gone", "name");
    await driver.dropAlias("name");
    await driver.drop("gone");
    const copy = crashed(path);
    await driver.flush("rows");
    await engine.close();
    for (const each of [copy, path]) {
      engine = await open(each);
      driver = new Driver(engine);
      await same(driver, new Map([[100, 0]]));
      expect(driver.collections()).toEqual(["rows"]);
      await engine.close();
    }
  });

  it("index files are found again; a damaged one is built again", async () => {
    const path = folder();
    const client = new MilvusClient({ uri: path });
    await client.createCollection({ collectionName: "graph", dimension: 8, metricType: "L2" });
    const data = Array.from({ length: 3000 }, (_, id) => ({ id, vector: Array.from({ length: 8 }, (_, d) => Math.sin(id * (d + 1))) }));
    await client.insert({ collectionName: "graph", data });
    await client.flush({ collectionName: "graph" });
    const built = async (): Promise<string[]> => {
      for (;;) {
        const index = await client.describeIndex({ collectionName: "graph", indexName: "vector" });
        const files = existsSync(join(path, "indexes")) ? readdirSync(join(path, "indexes")) : [];
        if (Number(index?.pendingRows) === 0 && files.length > 0) return files;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const [file] = await built();
    await client.close();
    const search = async (): Promise<unknown> => {
      const again = new MilvusClient({ uri: path });
      const hits = await again.search({ collectionName: "graph", data: [data[7]?.vector ?? []], limit: 1 });
      await again.close();
      return hits[0]?.[0]?.id;
    };
    expect(await search()).toBe(7);
    writeFileSync(join(path, "indexes", file as string), "not an index");
    expect(await search()).toBe(7);
  });

  it("a growing segment is not flushed, a sealed one is", async () => {
    const engine = await open(folder());
    const driver = new Driver(engine);
    await driver.createCollection("rows", 4);
    await driver.insert("rows", [1], 0);
    const segmentIDs = [...engine.catalog.collections.values()].flatMap((collection) => engine.segments(collection).map(({ id }) => id));
    const flushed = () => driver.call("GetFlushState", { segmentIDs });
    expect(await flushed()).toMatchObject({ flushed: false });
    await driver.flush("rows");
    expect(await flushed()).toMatchObject({ flushed: true });
    await engine.close();
  });

  it("a second opening of the folder is refused with the holder's pid", async () => {
    const path = folder();
    const engine = await open(path);
    await expect(open(path)).rejects.toThrow(`is in use by process ${process.pid}`);
    await engine.close();
    await (await open(path)).close();
  });
});
