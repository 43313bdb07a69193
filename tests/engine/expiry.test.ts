/**
 * Time to live, under a clock that the test moves: rows past their time are seen by no read, sealed or growing, also after a restart; taking the property
 * away shows them again until a compaction has dropped them.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Collection } from "../../src/catalog/types.js";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { type Env, realEnv } from "../../src/shared/env.js";
import { DataType, FieldData } from "../../src/shared/proto/generated/messages.js";
import { fieldsToRows } from "../../src/shared/rows/decode.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { Driver } from "../support/driver.js";
import { createRequest, idField } from "../support/schemas.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const collectionName = "rows";
const START_MS = Date.UTC(2030, 0, 1);

let folder: string;
let nowMs: number;
let engine: EngineApi;
let driver: Driver;
const env: Env = Object.assign(Object.create(realEnv), { now: () => nowMs });

const open = async (): Promise<void> => {
  engine = await openEngine({ folder, env, settings: { compactMs: 3_600_000 } });
  driver = new Driver(engine);
};
beforeEach(async () => {
  folder = temporaryFolder();
  nowMs = START_MS;
  await open();
});
afterEach(async () => {
  await engine.close();
  removeFolder(folder);
});

const fields = [
  idField,
  { name: "vector", dataType: DataType.FloatVector, typeParams: [{ key: "dim", value: "2" }] } as const,
  { name: "ends", dataType: DataType.Timestamptz, nullable: true } as const,
  { name: "count", dataType: DataType.Int32, nullable: true } as const,
];
const create = async (properties: Readonly<Record<string, string>>, index = "FLAT"): Promise<void> => {
  const pairs = Object.entries(properties).map(([key, value]) => ({ key, value }));
  await driver.call("CreateCollection", createRequest(collectionName, { fields, properties: pairs }));
  const extraParams = [
    { key: "index_type", value: index },
    { key: "metric_type", value: "L2" },
    { key: "params", value: `{"M":8,"efConstruction":40}` },
  ];
  await driver.call("CreateIndex", { collectionName, fieldName: "vector", extraParams });
  await driver.call("LoadCollection", { collectionName });
};
const collection = (): Collection => {
  const found = [...engine.catalog.collections.values()].find(({ name }) => name === collectionName);
  if (found === undefined) throw new Error("no collection");
  return found;
};
const alter = (properties: Readonly<Record<string, string>>, deleteKeys: readonly string[] = []) =>
  driver.call("AlterCollection", {
    collectionName,
    properties: Object.entries(properties).map(([key, value]) => ({ key, value })),
    deleteKeys,
  });
const write = async (rpc: "Insert" | "Upsert", rows: readonly Record<string, unknown>[], partialUpdate = false): Promise<void> => {
  const columns = rowsToFields(collection().schema, rows, { operation: "upsert", partialUpdate });
  await driver.call(rpc, {
    collectionName,
    fieldsData: columns.map(({ data }) => data),
    numRows: rows.length,
    ...(partialUpdate ? { partialUpdate } : {}),
  });
};
const insert = (ids: readonly number[], ends: (id: number) => string | null = () => null) =>
  write(
    "Insert",
    ids.map((id) => ({ id, vector: [id, 0], ends: ends(id) })),
  );

const query = async (expr: string, more: object = {}): Promise<number[]> => {
  const reply = await driver.call<{ fieldsData: Buffer[] }>("Query", { collectionName, expr, outputFields: ["id"], ...more });
  return fieldsToRows(reply.fieldsData.map((data) => FieldData.decode(data))).map((row) => Number(row.id));
};
const count = async (): Promise<number> => {
  const reply = await driver.call<{ fieldsData: Buffer[] }>("Query", { collectionName, expr: "", outputFields: ["count(*)"] });
  return Number(fieldsToRows(reply.fieldsData.map((data) => FieldData.decode(data)))[0]?.["count(*)"]);
};
const search = async (): Promise<number[]> => {
  const reply = await driver.post("entities/search", {
    collectionName,
    data: [[0, 0]],
    annsField: "vector",
    limit: 100,
    outputFields: ["id"],
  });
  return (reply.data as { id: number }[]).map(({ id }) => Number(id)).sort((a, b) => a - b);
};

/** What every kind of read sees; they must agree. */
const seen = async (): Promise<number[]> => {
  const ids = await query("id >= 0");
  expect(await count()).toBe(ids.length);
  expect(await search()).toEqual(ids);
  expect(await query("id in [0,1,2,3,4,5,6,7,8,9]")).toEqual(ids.filter((id) => id < 10));
  return ids;
};
const flush = () => driver.call("Flush", { collectionNames: [collectionName] });
/** Carries out a compaction of the collection as it was. */
const compacted = async (of: Collection): Promise<void> => {
  const { id } = await engine.compact(of, { kind: "mix" });
  for (let left = 500; !engine.compaction(id)?.plans.every(({ state }) => state !== "executing"); left--) {
    if (left === 0) throw new Error("the compaction does not end");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

describe("collection.ttl.seconds", () => {
  it.each(["FLAT", "HNSW"])("hides rows that many seconds after they were written: %s", async (index) => {
    await create({ "collection.ttl.seconds": "100" }, index);
    await insert([1, 2]);
    await flush();
    nowMs += 50_000;
    await insert([3, 4]);
    nowMs = START_MS + 99_000;
    expect(await seen()).toEqual([1, 2, 3, 4]);
    nowMs = START_MS + 101_000;
    expect(await seen()).toEqual([3, 4]);
    await flush();
    expect(await seen()).toEqual([3, 4]);
    await insert([1]);
    expect(await seen()).toEqual([1, 3, 4]);
    nowMs = START_MS + 151_000;
    expect(await seen()).toEqual([1]);
    nowMs = START_MS + 202_000;
    expect(await seen()).toEqual([]);
  });

  it("stays through a restart, and follows the property", async () => {
    await create({ "collection.ttl.seconds": "100" });
    await insert([1]);
    nowMs += 101_000;
    await insert([2]);
    await engine.close();
    await open();
    expect(await seen()).toEqual([2]);
    await alter({ "collection.ttl.seconds": "1000" });
    expect(await seen()).toEqual([1, 2]);
    await alter({ "collection.ttl.seconds": "50" });
    expect(await seen()).toEqual([2]);
    await alter({ "collection.ttl.seconds": "-1" });
    expect(await seen()).toEqual([1, 2]);
    await alter({ "collection.ttl.seconds": "50" });
    await alter({}, ["collection.ttl.seconds"]);
    expect(await seen()).toEqual([1, 2]);
  });

  it("makes expired rows absent for deletes by filter and for updates of some columns", async () => {
    await create({ "collection.ttl.seconds": "100" });
    await insert([1, 2]);
    nowMs += 101_000;
    await insert([3]);
    const deleted = await driver.call<{ deleteCnt: bigint }>("Delete", { collectionName, expr: "id > 0" });
    expect(deleted.deleteCnt).toBe(1n);
    await expect(write("Upsert", [{ id: 1, count: 5 }], true)).rejects.toMatchObject({
      message: expect.stringContaining("fieldSchema(vector) has no corresponding fieldData pass in"),
    });
    await write("Upsert", [{ id: 1, vector: [1, 1], count: 5 }], true);
    expect(await seen()).toEqual([1]);
  });

  it("lets a compaction drop what is expired", async () => {
    await create({ "collection.ttl.seconds": "100" });
    await insert([1, 2]);
    await flush();
    nowMs += 101_000;
    await insert([3]);
    await flush();
    await compacted(collection());
    expect(await seen()).toEqual([3]);
    await alter({}, ["collection.ttl.seconds"]);
    expect(await seen()).toEqual([3]);
    expect(engine.rowCount(collection())).toBe(1);
    expect(readdirSync(join(folder, "segments")).filter((name) => name.endsWith(".seg"))).toHaveLength(1);
  });

  it("is for a compaction what it is when that begins, not when it was planned", async () => {
    await create({ "collection.ttl.seconds": "100" });
    await insert([1, 2]);
    await flush();
    const planned = collection();
    await alter({ "collection.ttl.seconds": "1000" });
    nowMs += 101_000;
    await insert([3]);
    await flush();
    await compacted(planned);
    expect(await seen()).toEqual([1, 2, 3]);
  });
});

describe("ttl_field", () => {
  const at = (seconds: number): string => new Date(START_MS + seconds * 1000).toISOString();

  it.each([false, true])("hides each row at its own time, null never; sealed: %s", async (sealed) => {
    await create({ ttl_field: "ends" });
    await insert([1, 2, 3, 4], (id) => (id === 4 ? null : at(id * 10)));
    if (sealed) await flush();
    expect(await seen()).toEqual([1, 2, 3, 4]);
    nowMs = START_MS + 9_999;
    expect(await seen()).toEqual([1, 2, 3, 4]);
    nowMs = START_MS + 10_000;
    expect(await seen()).toEqual([2, 3, 4]);
    nowMs = START_MS + 25_000;
    expect(await seen()).toEqual([3, 4]);
    await write("Upsert", [{ id: 3, ends: at(100) }], true);
    await insert([5], () => at(-5));
    nowMs = START_MS + 99_000;
    expect(await seen()).toEqual([3, 4]);
    await engine.close();
    nowMs = START_MS + 3_000_000_000;
    await open();
    expect(await seen()).toEqual([4]);
    await alter({}, ["ttl_field"]);
    expect(await seen()).toEqual([1, 2, 3, 4, 5]);
  });

  it("is a Timestamptz field, and the only way to expire", async () => {
    const refused = async (work: Promise<unknown>, words: string) =>
      expect(work).rejects.toMatchObject({ code: 1100, message: expect.stringContaining(words) });
    await refused(create({ ttl_field: "nothing" }), "ttl field name nothing not found in schema");
    await refused(create({ ttl_field: "count" }), "ttl field must be timestamptz, field name = count");
    await refused(
      create({ ttl_field: "ends", "collection.ttl.seconds": "5" }),
      "collection TTL and ttl field cannot be set at the same time",
    );
    await refused(create({ "collection.ttl.seconds": "-2" }), "collection TTL is out of range, expect [-1, 3155760000], got -2");
    await create({ ttl_field: "ends" });
    await refused(alter({ "collection.ttl.seconds": "5" }), "ttl field is already exists, cannot be set collection TTL");
    await alter({}, ["ttl_field"]);
    await alter({ "collection.ttl.seconds": "5" });
    await refused(alter({ ttl_field: "ends" }), "collection TTL is already set, cannot be set ttl field");
  });
});

it("a moment that a reader comes back to keeps the rows that were fresh then", async () => {
  await create({ "collection.ttl.seconds": "100" });
  await insert([1, 2]);
  const moment = engine.tick();
  await insert([3]);
  nowMs += 101_000;
  expect(await query("id >= 0", { guaranteeTimestamp: moment })).toEqual([]);
  const iterator = [
    { key: "iterator", value: "True" },
    { key: "limit", value: "10" },
  ];
  expect(await query("id >= 0", { guaranteeTimestamp: moment, queryParams: iterator })).toEqual([1, 2]);
});
