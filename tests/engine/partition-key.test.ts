/**
 * A collection with a partition key against a plain model: every row is in the partition that its key hashes to, whatever was upserted, deleted and
 * flushed, while the folder is open, after a stop and after a crash (the folder copied while it is open).
 */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import type { Collection } from "../../src/catalog/types.js";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { planOutputs } from "../../src/operations/reading.js";
import { CollectionSchema, DataType, type FieldSchema } from "../../src/shared/proto/generated/messages.js";
import { fieldsToRows } from "../../src/shared/rows/decode.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { Driver } from "../support/driver.js";
import { KillableEnv } from "../support/killable-env.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const PARTITIONS = 7;

const folders: string[] = [];
const folder = (): string => {
  const made = temporaryFolder();
  folders.push(made);
  return made;
};
afterEach(() => {
  for (const each of folders.splice(0)) removeFolder(each);
});

const crashed = (path: string): string => {
  const copy = join(folder(), "data");
  cpSync(path, copy, { recursive: true });
  rmSync(join(copy, "LOCK"), { force: true });
  return copy;
};

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

/** murmur3_x86_32, seed 0, of the eight bytes of an int64. */
const murmur3 = (key: bigint): number => {
  let hash = 0;
  for (const word of [Number(BigInt.asIntN(32, key)), Number(BigInt.asIntN(32, key >> 32n))]) {
    hash ^= Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
    hash = (Math.imul(rotate(hash, 13), 5) + 0xe6546b64) | 0;
  }
  hash ^= 8;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};

interface KeyType {
  readonly field: Partial<FieldSchema>;
  readonly key: (number: number) => bigint | string;
  readonly ordinal: (key: bigint | string) => number;
}

const types: Record<string, KeyType> = {
  Int64: {
    field: { dataType: DataType.Int64 },
    key: (number) => BigInt(number) * (number % 2 === 0 ? -1_234_567_890_123n : 1n),
    ordinal: (key) => (murmur3(key as bigint) & 0x7fffffff) % PARTITIONS,
  },
  VarChar: {
    field: { dataType: DataType.VarChar, typeParams: [{ key: "max_length", value: "256" }] },
    key: (number) => (number % 3 === 0 ? `${"é".repeat(60)}${number}` : `tenant ${number}`),
    ordinal: (key) => crc32(Buffer.from(key as string).subarray(0, 100)) % PARTITIONS,
  },
};

interface Value {
  readonly key: bigint | string;
  readonly version: number;
}
type Model = Map<number, Value>;

const schemaOf = (type: KeyType): CollectionSchema =>
  CollectionSchema.decode(
    CollectionSchema.encode({
      name: "tenants",
      fields: [
        { name: "id", dataType: DataType.Int64, isPrimaryKey: true },
        { name: "key", isPartitionKey: true, ...type.field },
        { name: "version", dataType: DataType.Int32 },
        { name: "vector", dataType: DataType.FloatVector, typeParams: [{ key: "dim", value: "2" }] },
      ],
    }),
  );

/** The rows that a collection should have, and the same in an engine. */
class Tenants {
  readonly model: Model = new Map();
  constructor(
    private engine: EngineApi,
    private readonly type: KeyType,
  ) {}

  private get driver(): Driver {
    return new Driver(this.engine);
  }

  get collection(): Collection {
    return [...this.engine.catalog.collections.values()][0] as Collection;
  }

  async create(): Promise<void> {
    const schema = CollectionSchema.encode(schemaOf(this.type));
    await this.driver.call("CreateCollection", { collectionName: "tenants", schema, shardsNum: 1, numPartitions: PARTITIONS });
    const extraParams = [
      { key: "index_type", value: "FLAT" },
      { key: "metric_type", value: "L2" },
    ];
    await this.driver.call("CreateIndex", { collectionName: "tenants", fieldName: "vector", extraParams });
    await this.driver.call("LoadCollection", { collectionName: "tenants" });
  }

  async write(rpc: "Insert" | "Upsert", rows: readonly (readonly [id: number, key: number])[], version: number): Promise<void> {
    const data = rows.map(([id, key]) => ({ id, key: this.type.key(key), version, vector: [id, version] }));
    const fieldsData = rowsToFields(schemaOf(this.type), data).map((field) => field.data);
    await this.driver.call(rpc, { collectionName: "tenants", fieldsData, numRows: rows.length });
    for (const { id, key } of data) this.model.set(id, { key, version });
  }

  async delete(ids: readonly number[]): Promise<void> {
    await this.driver.delete("tenants", ids);
    for (const id of ids) this.model.delete(id);
  }

  flush = () => this.driver.flush("tenants");

  /** Goes on with another engine that should have the same rows. */
  moveTo(engine: EngineApi): void {
    this.engine = engine;
  }

  /** Every partition has the rows of its keys and no others. */
  async check(): Promise<void> {
    const { outputs } = planOutputs(this.collection, ["id", "key", "version"], true);
    expect(this.collection.partitions.map((partition) => partition.name)).toEqual(
      Array.from({ length: PARTITIONS }, (_, ordinal) => `_default_${ordinal}`),
    );
    for (const [ordinal, partition] of this.collection.partitions.entries()) {
      const found = await this.engine.query({ collection: this.collection, partitionIds: [partition.id], outputs, limit: -1, offset: 0 });
      const rows = fieldsToRows(found.fields).map(({ id, key, version }) => [
        id,
        { key: typeof key === "number" ? BigInt(key) : key, version },
      ]);
      const expected = [...this.model].filter(([, { key }]) => this.type.ordinal(key) === ordinal).sort(([one], [other]) => one - other);
      expect({ partition: partition.name, rows }).toEqual({ partition: partition.name, rows: expected });
    }
  }
}

const numbers = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % below;
  };
};

describe.each(Object.entries(types))("a partition key of type %s", (_name, type) => {
  it("rows land by their keys and move when the key changes, flushed and not, after a stop and a crash", async () => {
    const path = folder();
    let engine = await openEngine({ folder: path });
    const tenants = new Tenants(engine, type);
    await tenants.create();
    const all = Array.from({ length: 60 }, (_, id) => [id, id] as const);
    await tenants.write("Insert", all, 0);
    await tenants.check();
    expect(new Set([...tenants.model.values()].map(({ key }) => type.ordinal(key))).size).toBe(PARTITIONS);
    await tenants.flush();
    await tenants.write(
      "Upsert",
      [
        [0, 1],
        [1, 2],
        [2, 2],
        [70, 3],
      ],
      1,
    );
    await tenants.check();
    await tenants.write(
      "Upsert",
      [
        [0, 5],
        [70, 70],
      ],
      2,
    );
    await tenants.delete([3, 70, 999]);
    await tenants.check();
    const copy = crashed(path);
    await engine.close();
    for (const each of [copy, path, copy, path]) {
      engine = await openEngine({ folder: each });
      tenants.moveTo(engine);
      await tenants.check();
      await tenants.flush();
      await tenants.check();
      await engine.close();
    }
  });

  it("random writes, flushes, stops and crashes leave what the model has", async () => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
    const next = numbers(seed);
    try {
      let path = folder();
      let engine = await openEngine({ folder: path });
      const tenants = new Tenants(engine, type);
      await tenants.create();
      const some = () => [...new Set(Array.from({ length: 1 + next(8) }, () => next(40)))];
      for (let step = 0; step < 60; step++) {
        const what = next(10);
        if (what < 2)
          await tenants.write(
            "Insert",
            some().map((id) => [1000 * (step + 1) + id, next(20)]),
            step,
          );
        else if (what < 6)
          await tenants.write(
            "Upsert",
            some().map((id) => [id, next(20)]),
            step,
          );
        else if (what < 8) await tenants.delete(some());
        else if (what < 9) await tenants.flush();
        else {
          const copy = crashed(path);
          await engine.close();
          if (next(2) === 0) path = copy;
          engine = await openEngine({ folder: path });
          tenants.moveTo(engine);
        }
        if (step % 5 === 0) await tenants.check();
      }
      await tenants.check();
      await engine.close();
    } catch (error) {
      throw new Error(`SEED=${seed}: ${(error as Error).message}`, { cause: error });
    }
  });

  it("ids of its segments are not given again after a crash, though the clock stands still", async () => {
    const path = folder();
    const clock = { now: 1_700_000_000_000 };
    const env = new KillableEnv(clock);
    let engine = await openEngine({ folder: path, env });
    const tenants = new Tenants(engine, type);
    await tenants.create();
    await tenants.write(
      "Insert",
      Array.from({ length: 60 }, (_, id) => [id, id] as const),
      0,
    );
    const ids = engine.segments(tenants.collection).map(({ id }) => id);
    expect(ids.length).toBe(PARTITIONS);
    await env.kill();
    engine = await openEngine({ folder: path, env: new KillableEnv(clock) });
    const fresh = engine.ids(1);
    expect(ids.filter((id) => id >= fresh)).toEqual([]);
    await engine.close();
  });

  it("rows that one request wrote under one key are shown as before, whatever is merged", async () => {
    const path = folder();
    let engine = await openEngine({ folder: path, settings: { compactMs: 3_600_000 } });
    const tenants = new Tenants(engine, type);
    await tenants.create();
    const shown = async () => {
      const { outputs } = planOutputs(tenants.collection, ["id", "key"], true);
      const found = await engine.query({ collection: tenants.collection, partitionIds: [], outputs, limit: -1, offset: 0 });
      return fieldsToRows(found.fields);
    };
    const twins = Array.from({ length: 20 }, (_, at) => [at % 3, at] as const);
    for (let round = 0; round < 2; round++) {
      await tenants.write("Insert", twins, round);
      const before = await shown();
      for (const { id: partitionId } of tenants.collection.partitions) {
        await tenants.flush();
        const { id } = await engine.compact(tenants.collection, { kind: "merge", targetBytes: 1, partitionId });
        while (engine.compaction(id)?.plans.some(({ state }) => state === "executing")) await new Promise(setImmediate);
        expect(await shown()).toEqual(before);
      }
      await engine.close();
      engine = await openEngine({ folder: path, settings: { compactMs: 3_600_000 } });
      tenants.moveTo(engine);
      expect(await shown()).toEqual(before);
    }
    await engine.close();
  });

  it("partitions may not be named", async () => {
    const engine = await openEngine({ folder: folder() });
    const tenants = new Tenants(engine, type);
    await tenants.create();
    await tenants.write("Insert", [[1, 1]], 0);
    const driver = new Driver(engine);
    const words = "not support manually specifying the partition names if partition key mode is used";
    const fieldsData = rowsToFields(schemaOf(type), [{ id: 2, key: type.key(2), version: 0, vector: [1, 2] }]).map((field) => field.data);
    const row = { collectionName: "tenants", partitionName: "_default_0", fieldsData, numRows: 1 };
    await expect(driver.call("Insert", row)).rejects.toThrow(words);
    await expect(driver.call("Upsert", row)).rejects.toThrow(words);
    await expect(driver.call("Delete", { collectionName: "tenants", partitionName: "_default_0", expr: "id in [1]" })).rejects.toThrow(
      words,
    );
    await expect(driver.call("Query", { collectionName: "tenants", partitionNames: ["_default_0"], expr: "id > 0" })).rejects.toThrow(
      words,
    );
    await tenants.check();
    await engine.close();
  });
});
