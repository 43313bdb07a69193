/** Geometry columns end to end: WKT in, WKT in one form out, over gRPC, REST and the client, from growing and sealed rows and after a restart. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { MilvusClient } from "../../src/client/index.js";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { DataType, FieldData, FieldSchema, ValueField } from "../../src/shared/proto/generated/messages.js";
import { fieldsToRows } from "../../src/shared/rows/decode.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { Driver } from "../support/driver.js";
import { createRequest, idField } from "../support/schemas.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const collectionName = "places";
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
const geometry = (name: string, init: object = {}) => ({ name, dataType: DataType.Geometry, ...init });
const HOME = "POINT (7 8)";
const fields = [
  idField,
  vector,
  geometry("shape"),
  geometry("nullable", { nullable: true }),
  geometry("home", { defaultValue: ValueField.create({ stringData: "POINT(7.0 8)" }) }),
];

const create = async (): Promise<void> => {
  await driver.call("CreateCollection", createRequest(collectionName, { fields: fields as [typeof idField] }));
  const extraParams = [
    { key: "index_type", value: "FLAT" },
    { key: "metric_type", value: "L2" },
  ];
  await driver.call("CreateIndex", { collectionName, fieldName: "vector", extraParams });
  await driver.call("CreateIndex", { collectionName, fieldName: "shape", extraParams: [{ key: "index_type", value: "RTREE" }] });
  await driver.call("LoadCollection", { collectionName });
};

const schemaNow = () => {
  const collection = [...engine.catalog.collections.values()].find(({ name }) => name === collectionName);
  if (collection === undefined) throw new Error("no collection");
  return collection.schema;
};

const write = async (rpc: "Insert" | "Upsert", rows: readonly Record<string, unknown>[], more: object = {}): Promise<void> => {
  const partial = "partialUpdate" in more ? { operation: "upsert", partialUpdate: true } : {};
  const columns = rowsToFields(schemaNow(), rows, partial as object);
  await driver.call(rpc, { collectionName, fieldsData: columns.map(({ data }) => data), numRows: rows.length, ...more });
};

const read = async (expr = "id >= 0"): Promise<unknown[]> => {
  const outputFields = ["shape", "nullable", "home"];
  const reply = await driver.call<{ fieldsData: Buffer[] }>("Query", { collectionName, expr, outputFields });
  return fieldsToRows(reply.fieldsData.map((data) => FieldData.decode(data))).map(({ id: _, ...row }) => row);
};

it("texts come back in one form, growing, sealed and after a restart", async () => {
  await create();
  await write("Insert", [
    { id: 1, vector: [0, 0], shape: "point( 1.50 -2 )", nullable: null, home: "LINESTRING(0 0,1 1)" },
    { id: 2, vector: [0, 0], shape: "POLYGON((0 0,4 0,4 4,0 0))", nullable: "MULTIPOINT(1 1,EMPTY)" },
  ]);
  await write("Upsert", [{ id: 2, vector: [0, 0], shape: "POINT Z (1 2 3)", nullable: "GEOMETRYCOLLECTION EMPTY" }]);
  const expected = [
    { shape: "POINT (1.5 -2)", nullable: null, home: "LINESTRING (0 0, 1 1)" },
    { shape: "POINT Z (1 2 3)", nullable: "GEOMETRYCOLLECTION EMPTY", home: HOME },
  ];
  expect(await read()).toEqual(expected);
  expect(await read("nullable is null")).toEqual(expected.slice(0, 1));
  await driver.call("Flush", { collectionNames: [collectionName] });
  expect(await read()).toEqual(expected);
  await engine.close();
  await open();
  expect(await read()).toEqual(expected);
  await write("Upsert", [{ id: 1, nullable: "POINT(3 3)" }], { partialUpdate: true });
  await engine.close();
  await open();
  expect(await read("id == 1")).toEqual([{ shape: "POINT (1.5 -2)", nullable: "POINT (3 3)", home: "LINESTRING (0 0, 1 1)" }]);
});

it("what is no geometry changes nothing", async () => {
  await create();
  const good = { id: 1, vector: [0, 0], shape: "POINT(1 1)" };
  for (const [shape, why] of [
    ["POINT(1)", "syntax error: not enough coordinates at line 1, pos 7"],
    ["POLYGON((0 0,1 0,1 1,2 2))", "syntax error: polygon ring not closed at line 1, pos 24"],
    ["", "syntax error: unexpected $end at line 1, pos 0"],
  ] as const) {
    const refused = write("Insert", [good, { ...good, id: 2, shape }]);
    await expect(refused).rejects.toMatchObject({ code: 1100 });
    await expect(refused).rejects.toThrow(`invalid Geometry data, transform to wkb failed: ${why}`);
  }
  const columns = rowsToFields(schemaNow(), [good]);
  const texts = {
    dataType: DataType.VarChar,
    type: DataType.Geometry,
    fieldName: "shape",
    scalars: { stringData: { data: ["POINT(1 1)"] } },
  };
  const fieldsData = columns.map(({ fieldName, data }) => (fieldName === "shape" ? FieldData.encode(texts) : data));
  await expect(driver.call("Insert", { collectionName, fieldsData, numRows: 1 })).rejects.toThrow(
    "geometry field 'shape' is illegal, array type mismatch",
  );
  expect(await read()).toEqual([]);
});

it("defaults are checked where fields are made", async () => {
  const bad = geometry("bad", { nullable: true, defaultValue: ValueField.create({ stringData: "POINT" }) });
  const words = { code: 1100, message: expect.stringContaining("invalid default value for geometry field") };
  await expect(
    driver.call("CreateCollection", createRequest("other", { fields: [...fields, bad] as [typeof idField] })),
  ).rejects.toMatchObject(words);
  await create();
  const add = (field: object) =>
    driver.call("AddCollectionField", { collectionName, schema: FieldSchema.encode(FieldSchema.create(field as never)) });
  await expect(add(bad)).rejects.toMatchObject(words);
  await write("Insert", [{ id: 1, vector: [0, 0], shape: "POINT(1 1)" }]);
  await add(geometry("added", { nullable: true, defaultValue: ValueField.create({ stringData: "POINT(9 9)" }) }));
  const reply = await driver.call<{ fieldsData: Buffer[] }>("Query", { collectionName, expr: "id == 1", outputFields: ["added"] });
  expect(fieldsToRows(reply.fieldsData.map((data) => FieldData.decode(data)))).toMatchObject([{ added: "POINT (9 9)" }]);
});

it("filters on them are refused by name", async () => {
  await create();
  await expect(read('shape == "POINT (1 1)"')).rejects.toMatchObject({ code: 1100 });
});

it("go in and out over REST, and in hits", async () => {
  await create();
  await driver.post("entities/insert", { collectionName, data: [{ id: 1, vector: [1, 1], shape: "POINT(1 2)", nullable: null }] });
  const rows = [{ id: 1, shape: "POINT (1 2)", nullable: null, home: HOME }];
  const body = { collectionName, outputFields: ["id", "shape", "nullable", "home"] };
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
          { name: "shape", dataType: "Geometry", nullable: true, defaultValue: "POINT(5 5)" },
        ],
      },
      indexParams: [{ fieldName: "vector", indexType: "FLAT", metricType: "L2" }],
    });
    await client.insert({
      collectionName,
      data: [
        { id: 1, vector: [1, 1] },
        { id: 2, vector: [2, 2], shape: "LINESTRING(0 0, 1 2)" },
      ],
    });
    expect(await client.query({ collectionName, filter: "id > 0", outputFields: ["shape"] })).toEqual([
      { id: 1, shape: "POINT (5 5)" },
      { id: 2, shape: "LINESTRING (0 0, 1 2)" },
    ]);
  } finally {
    await client.close();
    removeFolder(folder.concat("-client"));
  }
});
