/**
 * Timestamptz columns end to end: texts of any zone go in, the same moments come out in the zone of the request, the collection or the database, over gRPC
 * and REST, from growing and sealed rows and after a restart.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MilvusClient } from "../../src/client/index.js";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { DataType, FieldData, FieldSchema } from "../../src/shared/proto/generated/messages.js";
import { fieldsToRows } from "../../src/shared/rows/decode.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { Driver } from "../support/driver.js";
import { createRequest, idField } from "../support/schemas.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const collectionName = "rows";
let folder: string;
let engine: EngineApi;
let driver: Driver;
const open = async (): Promise<void> => {
  engine = await openEngine({ folder });
  driver = new Driver(engine);
};
beforeEach(async () => {
  folder = temporaryFolder();
  await open();
});
afterEach(async () => {
  await engine.close();
  removeFolder(folder);
});

const vector = { name: "vector", dataType: DataType.FloatVector, typeParams: [{ key: "dim", value: "2" }] } as const;
const moment = (name: string, init: object = {}) => ({ name, dataType: DataType.Timestamptz, ...init });
const fields = [idField, vector, moment("at"), moment("ends", { nullable: true })];

const create = async (zone?: string, more: readonly object[] = []): Promise<void> => {
  const properties = zone === undefined ? [] : [{ key: "timezone", value: zone }];
  await driver.call("CreateCollection", createRequest(collectionName, { fields: [...fields, ...more] as typeof fields, properties }));
  const extraParams = [
    { key: "index_type", value: "FLAT" },
    { key: "metric_type", value: "L2" },
  ];
  await driver.call("CreateIndex", { collectionName, fieldName: "vector", extraParams });
  await driver.call("LoadCollection", { collectionName });
};
const insert = async (rows: readonly Record<string, unknown>[]): Promise<void> => {
  const schema = [...engine.catalog.collections.values()].find(({ name }) => name === collectionName)?.schema;
  if (schema === undefined) throw new Error("no collection");
  const columns = rowsToFields(
    schema,
    rows.map((row) => ({ vector: [0, 0], ...row })),
  );
  await driver.call("Insert", { collectionName, fieldsData: columns.map(({ data }) => data), numRows: rows.length });
};
const read = async (outputFields = ["at", "ends"], timezone?: string): Promise<unknown[]> => {
  const queryParams = timezone === undefined ? [] : [{ key: "timezone", value: timezone }];
  const reply = await driver.call<{ fieldsData: Buffer[] }>("Query", { collectionName, expr: "id >= 0", outputFields, queryParams });
  return fieldsToRows(reply.fieldsData.map((data) => FieldData.decode(data))).map(({ id: _, ...row }) => row);
};
const alter = (zone: string) => driver.call("AlterCollection", { collectionName, properties: [{ key: "timezone", value: zone }] });

describe("moments", () => {
  it("of any offset come out in the collection's zone, or in the one asked for", async () => {
    await create("Asia/Shanghai");
    await insert([
      { id: 1, at: "2025-01-01T00:00:00Z", ends: null },
      { id: 2, at: "2025-01-01T00:00:00", ends: "2024-12-31T16:00:00.5Z" },
      { id: 3, at: "2025-07-01 12:00:00.123456+02:00", ends: "1969-12-31T23:59:59.999999Z" },
    ]);
    const expected = [
      { at: "2025-01-01T08:00:00+08:00", ends: null },
      { at: "2025-01-01T00:00:00+08:00", ends: "2025-01-01T00:00:00.5+08:00" },
      { at: "2025-07-01T18:00:00.123456+08:00", ends: "1970-01-01T07:59:59.999999+08:00" },
    ];
    expect(await read()).toEqual(expected);
    await driver.call("Flush", { collectionNames: [collectionName] });
    await engine.close();
    await open();
    expect(await read()).toEqual(expected);
    expect(await read(["at"], "America/New_York")).toEqual([
      { at: "2024-12-31T19:00:00-05:00" },
      { at: "2024-12-31T11:00:00-05:00" },
      { at: "2025-07-01T06:00:00.123456-04:00" },
    ]);
    await alter("UTC");
    expect(await read(["at"])).toEqual([
      { at: "2025-01-01T00:00:00Z" },
      { at: "2024-12-31T16:00:00Z" },
      { at: "2025-07-01T10:00:00.123456Z" },
    ]);
    await expect(read(["at"], "Mars/Olympus")).rejects.toMatchObject({ code: 1100 });
  });

  it("go in and out over REST, and in hits", async () => {
    await create();
    const data = [{ id: 1, vector: [1, 1], at: "2025-01-01T02:00:00+02:00", ends: null }];
    await driver.post("entities/insert", { collectionName, data });
    const rows = [{ id: 1, at: "2025-01-01T00:00:00Z", ends: null }];
    const body = { collectionName, outputFields: ["id", "at", "ends"] };
    expect((await driver.post("entities/query", { ...body, filter: "id == 1" })).data).toMatchObject(rows);
    expect((await driver.post("entities/search", { ...body, annsField: "vector", data: [[1, 1]], limit: 1 })).data).toMatchObject(rows);
  });

  it("go in and out of this client", async () => {
    const client = new MilvusClient(folder.concat("-client"));
    try {
      await client.createCollection({
        collectionName,
        schema: {
          fields: [
            { name: "id", dataType: "Int64", isPrimary: true },
            { name: "vector", dataType: "FloatVector", dim: 2 },
            { name: "at", dataType: "Timestamptz", nullable: true, defaultValue: "2025-01-01T00:00:00+01:00" },
          ],
        },
        indexParams: [{ fieldName: "vector", indexType: "FLAT", metricType: "L2" }],
      });
      await client.insert({
        collectionName,
        data: [
          { id: 1, vector: [1, 1] },
          { id: 2, vector: [2, 2], at: "2026-01-01T00:00:00Z" },
        ],
      });
      const rows = [
        { id: 1, at: "2024-12-31T23:00:00Z" },
        { id: 2, at: "2026-01-01T00:00:00Z" },
      ];
      expect(await client.query({ collectionName, filter: "id > 0", outputFields: ["at"] })).toEqual(rows);
      await client.upsert({ collectionName, data: { id: 2, at: "2027-01-01T00:00:00Z" }, partialUpdate: true });
      expect(await client.query({ collectionName, filter: "id == 2", outputFields: ["at"] })).toEqual([
        { id: 2, at: "2027-01-01T00:00:00Z" },
      ]);
      const described = await client.describeCollection({ collectionName });
      expect(described.fields.find(({ name }) => name === "at")).toMatchObject({
        dataType: "Timestamptz",
        defaultValue: "2024-12-31T23:00:00Z",
      });
    } finally {
      await client.close();
      removeFolder(folder.concat("-client"));
    }
  });
});

describe("a default", () => {
  it("is the moment that it stood for when the field was made, in whatever zone it is shown later", async () => {
    await create("Asia/Tokyo", [moment("made", { nullable: true, defaultValue: { stringData: "2025-01-01T09:00:00" } })]);
    const row = { at: "2025-01-01T00:00:00Z", ends: null };
    await insert([{ id: 1, ...row }]);
    const schema = FieldSchema.create(moment("added", { nullable: true, defaultValue: { stringData: "2025-01-01T10:00:00" } }));
    await driver.call("AddCollectionField", { collectionName, schema: FieldSchema.encode(schema) });
    await insert([{ id: 2, ...row }]);
    await alter("UTC");
    await insert([{ id: 3, ...row }]);
    const each = { made: "2025-01-01T00:00:00Z", added: "2025-01-01T01:00:00Z" };
    expect(await read(["made", "added"])).toEqual([each, each, each]);
    await engine.close();
    await open();
    expect(await read(["made", "added"])).toEqual([each, each, each]);
    const { data } = await driver.post("collections/describe", { collectionName });
    const shown = (data as { fields: { name: string; defaultValue?: object }[] }).fields;
    expect(shown.filter(({ defaultValue }) => defaultValue !== undefined)).toMatchObject([
      { name: "made", defaultValue: { Data: { StringData: each.made } } },
      { name: "added", defaultValue: { Data: { StringData: each.added } } },
    ]);
  });
});

describe("is refused:", () => {
  it.each([
    ["tomorrow", "got invalid timestamptz string 'tomorrow'"],
    ["2025-02-30T00:00:00Z", "got invalid timestamptz string"],
    ["2025-01-01T00:00:00+15:00", "got invalid timestamptz string"],
    ["", "got invalid timestamptz string"],
  ])("%s", async (at, words) => {
    await create();
    await expect(insert([{ id: 1, at, ends: null }])).rejects.toMatchObject({ code: 1100, message: expect.stringContaining(words) });
    expect(await read()).toEqual([]);
  });

  it("a default that is no moment, numbers, and null where none may be", async () => {
    await expect(create("UTC", [moment("made", { defaultValue: { stringData: "soon" } })])).rejects.toMatchObject({ code: 1100 });
    await create();
    const numbers = FieldData.encode(
      FieldData.create({ type: DataType.Timestamptz, fieldName: "at", scalars: { longData: { data: [1n] } } }),
    );
    const ids = FieldData.encode(FieldData.create({ type: DataType.Int64, fieldName: "id", scalars: { longData: { data: [1n] } } }));
    const vectors = FieldData.encode(
      FieldData.create({ type: DataType.FloatVector, fieldName: "vector", vectors: { dim: 2n, floatVector: { data: [1, 2] } } }),
    );
    await expect(driver.call("Insert", { collectionName, fieldsData: [ids, vectors, numbers], numRows: 1 })).rejects.toMatchObject({
      code: 1100,
      message: expect.stringContaining("timestamptz field data must be a string array"),
    });
    await expect(insert([{ id: 1, at: null }])).rejects.toMatchObject({ code: 1100 });
    expect(await read()).toEqual([]);
  });
});

it("an index on moments is STL_SORT, or chosen by the server", async () => {
  await create();
  const index = (fieldName: string, type: string) =>
    driver.call("CreateIndex", {
      collectionName,
      fieldName,
      indexName: `${fieldName}_${type}`,
      extraParams: [{ key: "index_type", value: type }],
    });
  await expect(index("at", "INVERTED")).rejects.toMatchObject({
    code: 1100,
    message: expect.stringContaining("INVERTED are not supported on Timestamptz field"),
  });
  await index("at", "STL_SORT");
  await index("ends", "AUTOINDEX");
});
