/**
 * A collection of several shards: rows are in the segments of the channel that their key hashes to, and that is seen by nobody: what is read, after a seal of
 * which only a part succeeded, a crash, a compaction and a restore too, is what was written.
 */
import { afterEach, describe, expect, it } from "vitest";
import type { Collection } from "../../src/catalog/types.js";
import type { EngineApi } from "../../src/engine/api.js";
import { decodeManifest, encodeManifest, type Manifest } from "../../src/engine/manifest.js";
import { openEngine } from "../../src/engine/open.js";
import { partitionOrdinal } from "../../src/operations/partition-routing.js";
import { Driver } from "../support/driver.js";
import { FaultyEnv } from "../support/faulty-env.js";
import { mirror, mirrorFolder } from "../support/mirror.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const SHARDS = 3;
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);
const all = (version: number, ids: readonly number[]): Map<number, number> => new Map(ids.map((id) => [id, version]));
/** How many of the keys are in each channel, by the hash of Milvus. */
const spread = (ids: readonly number[]): number[] =>
  range(0, SHARDS).map((channel) => ids.filter((id) => partitionOrdinal(BigInt(id), SHARDS) === channel).length);

const folders: string[] = [];
const engines: EngineApi[] = [];
const kept = (folder: string): string => {
  folders.push(folder);
  return folder;
};
const opened = async (...options: Parameters<typeof openEngine>): Promise<EngineApi> => {
  const engine = await openEngine(...options);
  engines.push(engine);
  return engine;
};
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
  for (const each of folders.splice(0)) removeFolder(each);
});

const collectionOf = (engine: EngineApi, name = "rows"): Collection =>
  [...engine.catalog.collections.values()].find((collection) => collection.name === name) as Collection;
const counts = (engine: EngineApi, name = "rows"): number[] => engine.segments(collectionOf(engine, name)).map(({ rowCount }) => rowCount);

/** Merges the two segments that each channel has. */
const compacted = async (engine: EngineApi, name = "rows"): Promise<void> => {
  const { plans } = await engine.compact(collectionOf(engine, name), { kind: "merge" });
  while (plans.some(({ state }) => state === "executing")) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(plans.map(({ sources, state }) => [sources.length, state])).toEqual(range(0, SHARDS).map(() => [2, "completed"]));
};

describe("channels", () => {
  it("divide the rows by the hash of their keys; compactions, restarts and restored snapshots keep them apart", async () => {
    const folder = kept(temporaryFolder());
    let engine = await opened({ folder });
    let driver = new Driver(engine);
    await driver.createCollection("rows", 4, SHARDS);
    await driver.insert("rows", range(0, 60), 0);
    expect(counts(engine)).toEqual(spread(range(0, 60)));
    expect(new Set(engine.segments(collectionOf(engine)).map(({ id }) => id)).size).toBe(SHARDS);
    await driver.flush("rows");
    await driver.insert("rows", range(60, 90), 0);
    await driver.flush("rows");
    await driver.call("CreateSnapshot", { name: "s", collectionName: "rows" });
    await compacted(engine);
    expect(counts(engine)).toEqual(spread(range(0, 90)));
    await driver.upsert("rows", range(0, 30), 1);
    await driver.delete("rows", range(30, 40));
    const expected = new Map([...all(1, range(0, 30)), ...all(0, range(40, 90))]);
    expect(await driver.wholeRows("rows")).toEqual(expected);
    await engine.close();
    engine = await opened({ folder });
    driver = new Driver(engine);
    expect(await driver.wholeRows("rows")).toEqual(expected);
    await driver.flush("rows");
    await compacted(engine);
    expect(counts(engine)).toEqual(spread([...expected.keys()]));
    await driver.call("RestoreSnapshot", { name: "s", collectionName: "rows", targetCollectionName: "restored" });
    await driver.call("LoadCollection", { collectionName: "restored" });
    expect(counts(engine, "restored")).toEqual([...spread(range(0, 60)), ...spread(range(60, 90))]);
    await engine.close();
    engine = await opened({ folder });
    await compacted(engine, "restored");
    expect(await new Driver(engine).wholeRows("restored")).toEqual(all(0, range(0, 90)));
  });

  it("that could not be sealed with the others are replayed, those that were are not", async () => {
    const folder = kept(mirrorFolder());
    for (let failing = 0; failing < SHARDS; failing++) {
      let env = mirror(new FaultyEnv(failing), folder);
      let engine = await openEngine({ folder, env });
      let driver = new Driver(engine, env.turn);
      await driver.createCollection("rows", 2, SHARDS);
      await driver.insert("rows", range(0, 30), 0);
      // Files are written one after another, each as a numbered draft first.
      env.fault = ({ path }) => (path.endsWith(`/drafts/${failing + 1}`) ? "ENOSPC" : undefined);
      await expect(driver.flush("rows")).rejects.toThrow();
      // A snapshot of another collection commits the manifest as it is now.
      await driver.define("other", 2);
      await driver.call("CreateSnapshot", { name: "s", collectionName: "other" });
      expect(engine.segments(collectionOf(engine)).filter(({ state }) => state === "Flushed")).toHaveLength(failing);
      env.fault = undefined;
      env.stop();
      env = mirror(env.afterKill(), folder);
      engine = await openEngine({ folder, env });
      driver = new Driver(engine, env.turn);
      expect(await driver.wholeRows("rows")).toEqual(all(0, range(0, 30)));
      expect(counts(engine).reduce((sum, count) => sum + count)).toBe(30);
      await engine.close();
    }
  });

  it("in the manifest: one number for all that are alike, one each for several", () => {
    const manifest: Manifest = {
      ...{ appliedLsn: 9, replayFrom: 3, latestTimestamp: 1n, appliedTimestamp: 1n, horizons: new Map(), catalog: Buffer.from("c") },
      segments: [0, 2].map((channel) => ({
        ...{ id: 5n, collectionId: 6n, partitionId: 7n, channel, file: "segments/5.seg" },
        ...{ deletesFile: undefined, level: 1, indexes: [] },
      })),
      flushed: new Map([
        [7n, [2, 9, 4]],
        [8n, [5]],
      ]),
    };
    const bytes = encodeManifest(manifest);
    expect(decodeManifest(bytes)).toEqual(manifest);
    expect(bytes.toString()).toContain('"flushed":{"7":[2,9,4],"8":5}');
  });
});
