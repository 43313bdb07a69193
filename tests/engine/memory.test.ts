/** The memory budget: what does not fit is refused in Milvus's words, everything else goes on, and there is a way back. And what a release gives back. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { type OpenOptions, openEngine } from "../../src/engine/open.js";
import { Driver } from "../support/driver.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const MIB = 1024 * 1024;
const folders: string[] = [];
const engines: EngineApi[] = [];
const open = async (path: string, options: Partial<OpenOptions> = {}) => {
  const engine = await openEngine({ folder: path, ...options });
  engines.push(engine);
  return { path, engine, driver: new Driver(engine) };
};
const fresh = (options: Partial<OpenOptions> = {}) => {
  const path = temporaryFolder();
  folders.push(path);
  return open(path, options);
};
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
  for (const each of folders.splice(0)) removeFolder(each);
});
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);
const quiet = async (engine: EngineApi): Promise<void> => {
  while (engine.jobs().length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
};
const DIM = 256;

describe("a memory budget", () => {
  it("refuses a request that does not fit, and nothing else", async () => {
    const { engine, driver } = await fresh({ maxMemory: 4 * MIB });
    await driver.createCollection("rows", DIM);
    await driver.insert("rows", range(0, 100), 0);
    const large = driver.insert("rows", range(100, 3100), 0);
    await expect(large).rejects.toMatchObject({
      code: 9,
      message: "quota exceeded[reason=memory quota exceeded, please allocate more resources]",
    });
    expect((await driver.versions("rows")).size).toBe(100);
    await driver.delete("rows", [1]);
    await driver.flush("rows");
    expect((await driver.versions("rows")).size).toBe(99);
    expect(engine.memoryUsed).toBeLessThan(engine.memoryLimit);
  });

  it("seals growing rows before they take it all, so that writing goes on", async () => {
    const { engine, driver } = await fresh({ maxMemory: 12 * MIB });
    await driver.createCollection("rows", DIM);
    let written = 0;
    for (let turn = 0; written < 30_000 && turn < 2000; turn++) {
      try {
        await driver.insert("rows", range(written, written + 500), 0);
        written += 500;
      } catch (error) {
        expect(error).toMatchObject({ code: 9 });
        await quiet(engine);
        await new Promise((resolve) => setTimeout(resolve, 120));
      }
    }
    // More than twice what fits in memory.
    expect(written * DIM * 4).toBeGreaterThan(24 * MIB);
    expect(engine.memoryUsed).toBeLessThanOrEqual(engine.memoryLimit);
    expect(await engine.count({ collection: [...engine.catalog.collections.values()][0] as never, partitionIds: [] })).toMatchObject({
      count: written,
    });
  });
});

describe("loading and releasing", () => {
  const indexed = async () => {
    const opened = await fresh();
    const { driver, engine } = opened;
    await driver.createCollection("rows", DIM);
    await driver.call("ReleaseCollection", { collectionName: "rows" });
    await driver.call("DropIndex", { collectionName: "rows", indexName: "vector" });
    const extraParams = [
      { key: "index_type", value: "HNSW" },
      { key: "metric_type", value: "L2" },
    ];
    await driver.call("CreateIndex", { collectionName: "rows", fieldName: "vector", extraParams });
    await driver.call("LoadCollection", { collectionName: "rows" });
    await driver.insert("rows", range(0, 3000), 0);
    await driver.flush("rows");
    await quiet(engine);
    return opened;
  };
  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 150));

  it("takes indexes from memory and brings them back, also over a restart", async () => {
    const { path, engine, driver } = await indexed();
    await settled();
    const loaded = engine.memoryUsed;
    await driver.call("ReleaseCollection", { collectionName: "rows" });
    await settled();
    const released = engine.memoryUsed;
    expect(loaded - released).toBeGreaterThan(3000 * DIM);
    expect(readdirSync(join(path, "indexes"))).toHaveLength(1);
    await engine.close();
    const again = await open(path);
    expect(again.engine.memoryUsed).toBeLessThan(loaded / 2);
    await again.driver.call("LoadCollection", { collectionName: "rows" });
    await settled();
    expect(again.engine.memoryUsed).toBeGreaterThan(loaded * 0.8);
    expect(readdirSync(join(path, "indexes"))).toHaveLength(1);
  });

  it("refuses to load what does not fit", async () => {
    const { path, engine, driver } = await indexed();
    await driver.call("ReleaseCollection", { collectionName: "rows" });
    await engine.close();
    const small = await open(path, { maxMemory: MIB / 2 });
    await expect(small.driver.call("LoadCollection", { collectionName: "rows" })).rejects.toMatchObject({
      code: 3,
      message: expect.stringMatching(/^memory limit exceeded\[predict=[\d.]+\]\[limit=0\.50\]$/),
    });
    await small.driver.call("DropCollection", { collectionName: "rows" });
  });

  it("reads the pages in when a property asks for it", async () => {
    const { driver } = await indexed();
    await driver.call("ReleaseCollection", { collectionName: "rows" });
    const properties = [{ key: "warmup.vectorField", value: "sync" }];
    await driver.call("AlterCollection", { collectionName: "rows", properties });
    await driver.call("LoadCollection", { collectionName: "rows" });
    expect((await driver.versions("rows")).size).toBe(3000);
  });
});
