/** Rows that may not be written: Milvus's code and words, nothing in the log, nothing to see, and the next good request works. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { CollectionSchema, DataType, FieldData } from "../../src/shared/proto/generated/messages.js";
import type { Init } from "../../src/shared/proto/wire.js";
import { Driver } from "../support/driver.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

type Field = Init<FieldData>;

const long = (fieldName: string, data: bigint[]): Field => ({ fieldName, type: DataType.Int64, scalars: { longData: { data } } });
const int = (fieldName: string, data: number[]): Field => ({ fieldName, type: DataType.Int32, scalars: { intData: { data } } });
const text = (fieldName: string, data: string[]): Field => ({ fieldName, type: DataType.VarChar, scalars: { stringData: { data } } });
const vector = (data: number[], dim = 4n): Field => ({
  fieldName: "vector",
  type: DataType.FloatVector,
  vectors: { dim, floatVector: { data } },
});
const json = (data: string[]): Field => ({
  fieldName: "$meta",
  type: DataType.JSON,
  isDynamic: true,
  scalars: { jsonData: { data: data.map((value) => Buffer.from(value)) } },
});

const good = { id: long("id", [1n]), vector: vector([1, 2, 3, 4]), small: int("small", [5]), name: text("name", ["x"]) };

interface Case {
  readonly name: string;
  /** Replaces fields of the good row; undefined leaves one out. */
  readonly fields?: Record<string, Field | Buffer | undefined>;
  readonly more?: readonly Field[];
  readonly request?: Record<string, unknown>;
  readonly code: number;
  readonly words: string;
}

const cases: readonly Case[] = [
  { name: "no rows", request: { numRows: 0 }, code: 1100, words: "num_rows should be greater than 0: invalid parameter" },
  {
    name: "another number of rows",
    fields: { small: int("small", [1, 2]) },
    code: 1100,
    words: "the num_rows (2) of field (small) is not equal to passed num_rows (1)",
  },
  {
    name: "another dimension",
    fields: { vector: vector([1, 2, 3, 4], 2n) },
    code: 1100,
    words: "the dim (2) of field data(vector) is not equal to schema dim (4)",
  },
  {
    name: "part of a vector",
    fields: { vector: vector([1, 2, 3, 4, 5]) },
    code: 1100,
    words: "the length(5) of float data should divide the dim(4)",
  },
  {
    name: "NaN in a vector",
    fields: { vector: vector([1, Number.NaN, 3, 4]) },
    code: 1100,
    words: "value 'NaN' is not a number or infinity",
  },
  {
    name: "infinity in a vector",
    fields: { vector: vector([1, Number.POSITIVE_INFINITY, 3, 4]) },
    code: 1100,
    words: "is not a number or infinity",
  },
  { name: "an Int8 out of range", fields: { small: int("small", [128]) }, code: 1100, words: "out of range: [-128, 127]" },
  {
    name: "a text too long",
    fields: { name: text("name", ["123456789"]) },
    code: 1100,
    words: "length of varchar field name exceeds max length, row number: 0, length: 9, max length: 8",
  },
  {
    name: "text that is not UTF-8",
    fields: { name: Buffer.concat([FieldData.encode({ fieldName: "name", type: 21 }), Buffer.from([0x1a, 5, 0x32, 3, 0x0a, 1, 0xff])]) },
    code: 1100,
    words: "utf-8 format",
  },
  { name: "another type", fields: { name: long("name", [1n]) }, code: 1100, words: "field 'name' is illegal" },
  {
    name: "a missing column",
    fields: { small: undefined },
    code: 1100,
    words: "fieldSchema(small) has no corresponding fieldData pass in",
  },
  { name: "an unknown column", more: [long("other", [1n])], code: 1100, words: "fieldName other not exist in collection schema" },
  { name: "a column twice", more: [long("id", [2n])], code: 1100, words: "duplicated field id found" },
  {
    name: "dynamic data that is no object",
    more: [json(["[1]"])],
    code: 1100,
    words: "invalid dynamic field data, only json map is supported",
  },
  {
    name: "dynamic data that is no JSON",
    more: [json(["{oops"])],
    code: 1100,
    words: "invalid dynamic field data, only json map is supported",
  },
  { name: "bytes that are no FieldData", fields: { small: Buffer.from([0x12, 200]) }, code: 1100, words: "malformed" },
  { name: "an unknown partition", request: { partitionName: "nowhere" }, code: 200, words: "partition not found[partition=nowhere]" },
  { name: "an old schema", request: { schemaTimestamp: 1n }, code: 109, words: "collection schema mismatch[collection=rows]" },
  {
    name: "an unknown collection",
    request: { collectionName: "nothing" },
    code: 100,
    words: "collection not found[database=default][collection=nothing]",
  },
  {
    name: "an over-long name",
    request: { collectionName: "a".repeat(256) },
    code: 1100,
    words: "the length of a collection name must be less than 255 characters",
  },
];

describe("rows that may not be written", () => {
  const folder = temporaryFolder();
  let engine: EngineApi;
  let driver: Driver;
  const logBytes = (): string =>
    readdirSync(join(folder, "log"))
      .map((name) => `${name} ${statSync(join(folder, "log", name)).size}`)
      .join();
  const rowsOf = (): number => [...engine.catalog.collections.values()].reduce((sum, collection) => sum + engine.rowCount(collection), 0);

  beforeAll(async () => {
    engine = await openEngine({ folder });
    driver = new Driver(engine);
    const schema = CollectionSchema.encode({
      name: "rows",
      enableDynamicField: true,
      fields: [
        { name: "id", dataType: DataType.Int64, isPrimaryKey: true },
        { name: "vector", dataType: DataType.FloatVector, typeParams: [{ key: "dim", value: "4" }] },
        { name: "small", dataType: DataType.Int8 },
        { name: "name", dataType: DataType.VarChar, typeParams: [{ key: "max_length", value: "8" }] },
      ],
    });
    await driver.call("CreateCollection", { collectionName: "rows", schema, shardsNum: 1 });
  });
  afterAll(async () => {
    await engine.close();
    removeFolder(folder);
  });

  const encoded = (field: Field | Buffer): Buffer => (Buffer.isBuffer(field) ? field : FieldData.encode(field));

  for (const rpc of ["Insert", "Upsert"]) {
    for (const { name, fields = {}, more = [], request = {}, code, words } of cases) {
      it(`${rpc}: ${name}`, async () => {
        const [log, rows, applied] = [logBytes(), rowsOf(), engine.catalog.version];
        const columns = Object.values({ ...good, ...fields }).filter((field) => field !== undefined);
        const fieldsData = [...columns, ...more].map(encoded);
        const work = driver.call(rpc, { collectionName: "rows", numRows: 1, fieldsData, ...request });
        await expect(work).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
        expect([logBytes(), rowsOf(), engine.catalog.version]).toEqual([log, rows, applied]);
      });
    }

    it(`${rpc}: a good row after all of them`, async () => {
      const before = rowsOf();
      await driver.call(rpc, { collectionName: "rows", numRows: 1, fieldsData: Object.values(good).map(encoded) });
      expect(rowsOf()).toBe(before + 1);
    });
  }
});
