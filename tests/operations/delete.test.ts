/** Deletes by keys and by filters: what they take away, what they count, and what they need. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { DataType, FieldData, type MutationResult, TemplateArrayValue, TemplateValue } from "../../src/shared/proto/generated/messages.js";
import { fieldsToRows } from "../../src/shared/rows/decode.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { Driver } from "../support/driver.js";
import { createRequest, idField } from "../support/schemas.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const collectionName = "rows";
let folder: string;
let engine: EngineApi;
let driver: Driver;
beforeEach(async () => {
  folder = temporaryFolder();
  engine = await openEngine({ folder });
  driver = new Driver(engine);
  const fields = [
    idField,
    { name: "vector", dataType: DataType.FloatVector, typeParams: [{ key: "dim", value: "2" }] },
    { name: "n", dataType: DataType.Int64 },
  ];
  await driver.call("CreateCollection", createRequest(collectionName, { fields }));
  await driver.call("CreatePartition", { collectionName, partitionName: "other" });
  const extraParams = [
    { key: "index_type", value: "FLAT" },
    { key: "metric_type", value: "L2" },
  ];
  await driver.call("CreateIndex", { collectionName, fieldName: "vector", extraParams });
  await driver.call("LoadCollection", { collectionName });
});
afterEach(async () => {
  await engine.close();
  removeFolder(folder);
});

const insert = async (ids: readonly number[], n = 0, partitionName = ""): Promise<void> => {
  const schema = engine.catalog.collections.values().next().value?.schema;
  if (schema === undefined) throw new Error("no collection");
  const columns = rowsToFields(
    schema,
    ids.map((id) => ({ id, vector: [id, n], n })),
  );
  await driver.call("Insert", { collectionName, partitionName, fieldsData: columns.map(({ data }) => data), numRows: ids.length });
};
const remove = async (expr: string, more: object = {}): Promise<bigint> =>
  (await driver.call<MutationResult>("Delete", { collectionName, expr, ...more })).deleteCnt;
const rows = async (outputFields = ["n"], expr = "id >= 0"): Promise<unknown[]> => {
  const reply = await driver.call<{ fieldsData: Buffer[] }>("Query", { collectionName, expr, outputFields });
  return fieldsToRows(reply.fieldsData.map((data) => FieldData.decode(data)));
};
const ids = async (): Promise<unknown[]> => (await rows()).map((row) => (row as { id: number }).id);
const flush = () => driver.call("Flush", { collectionNames: [collectionName] });
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe("by keys", () => {
  it("counts the keys named, each once, whether they are there or not", async () => {
    await insert(range(0, 10));
    expect(await remove("id in [1, 2, 2, 1, 77]")).toBe(3n);
    expect(await remove("id == 3")).toBe(1n);
    expect(await remove("id == 3")).toBe(1n);
    expect(await remove("id in []")).toBe(0n);
    expect(await ids()).toEqual([0, 4, 5, 6, 7, 8, 9]);
  });

  it("reaches growing and sealed rows alike, and rows that come later are new", async () => {
    await insert([1, 2, 3]);
    await flush();
    await insert([4, 5]);
    await remove("id in [2, 5]");
    expect(await ids()).toEqual([1, 3, 4]);
    await insert([2], 9);
    await flush();
    expect(await rows(["n"], "id == 2")).toEqual([{ id: 2, n: 9 }]);
  });

  it("takes all rows of a key that was inserted more than once; until then a query shows the newest", async () => {
    await insert([1], 1);
    await flush();
    await insert([1, 1, 2], 2);
    expect(await rows()).toEqual([
      { id: 1, n: 2 },
      { id: 2, n: 2 },
    ]);
    expect(await rows(["count(*)"])).toEqual([{ "count(*)": 4 }]);
    expect(await remove("id == 1")).toBe(1n);
    expect(await rows(["count(*)"])).toEqual([{ "count(*)": 1 }]);
  });

  it("stays in its partition", async () => {
    await insert([1, 2]);
    await insert([1, 3], 5, "other");
    await remove("id in [1, 3]", { partitionName: "other" });
    expect(await rows()).toEqual([
      { id: 1, n: 0 },
      { id: 2, n: 0 },
    ]);
    await expect(remove("id == 1", { partitionName: "none" })).rejects.toMatchObject({ code: 200 });
  });

  it("needs no loaded collection; a filter does", async () => {
    await insert([1, 2, 3]);
    await driver.call("ReleaseCollection", { collectionName });
    expect(await remove("id in [1]")).toBe(1n);
    await expect(remove("n == 0")).rejects.toMatchObject({ code: 101 });
    await expect(remove("id > 1")).rejects.toMatchObject({ code: 101 });
    await driver.call("LoadCollection", { collectionName });
    expect(await ids()).toEqual([2, 3]);
  });
});

describe("by a filter", () => {
  it("counts the rows that it took away", async () => {
    await insert(range(0, 5), 1);
    await flush();
    await insert(range(5, 10), 1);
    await insert(range(10, 12), 2);
    expect(await remove("n == 1 and id >= 3")).toBe(7n);
    expect(await remove("n == 1 and id >= 3")).toBe(0n);
    expect(await ids()).toEqual([0, 1, 2, 10, 11]);
  });

  it("stays in its partition", async () => {
    await insert([1, 2]);
    await insert([3, 4], 0, "other");
    expect(await remove("n == 0", { partitionName: "other" })).toBe(2n);
    expect(await ids()).toEqual([1, 2]);
  });

  it("takes templates", async () => {
    await insert(range(0, 6));
    const value = (init: object) => TemplateValue.create(init);
    const list = TemplateArrayValue.create({ longData: { data: [1n, 4n] } });
    await remove("id in {list}", { exprTemplateValues: new Map([["list", value({ arrayVal: list })]]) });
    await remove("n == {n} and id > {low}", {
      exprTemplateValues: new Map([
        ["n", value({ int64Val: 0n })],
        ["low", value({ int64Val: 4n })],
      ]),
    });
    expect(await ids()).toEqual([0, 2, 3]);
  });

  it("that is empty or always true is refused, and so is what is no filter", async () => {
    await insert([1]);
    await expect(remove("")).rejects.toThrow("delete plan can't be empty or always true");
    await expect(remove("id ==")).rejects.toThrow("failed to create delete plan: cannot parse expression");
    expect(await ids()).toEqual([1]);
  });
});
