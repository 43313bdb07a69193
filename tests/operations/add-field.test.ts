import { beforeEach, describe, expect, test } from "vitest";
import { applyRecord } from "../../src/catalog/reducer.js";
import type { Collection } from "../../src/catalog/types.js";
import { FIELDS_MAX, VECTOR_FIELDS_MAX } from "../../src/shared/limits.js";
import { DataType, FieldSchema, ValueField } from "../../src/shared/proto/generated/messages.js";
import { MemoryClient } from "../support/memory-engine.js";
import { createRequest } from "../support/schemas.js";

let client: MemoryClient;

beforeEach(async () => {
  client = new MemoryClient();
  await client.call("CreateCollection", createRequest("c"));
});

const add = (field: Record<string, unknown>) =>
  client.call("AddCollectionField", {
    collectionName: "c",
    schema: FieldSchema.encode(FieldSchema.create({ name: "new", dataType: DataType.Int8, nullable: true, ...field } as never)),
  });
const described = async () => (await client.call("DescribeCollection", { collectionName: "c" })).reply;

test("a field gets the next id, and moves the schema's version and timestamp", async () => {
  const before = await described();
  expect((await add({ defaultValue: ValueField.create({ intData: 7 }) })).code).toBe(0);
  expect((await add({ name: "other", dataType: DataType.JSON })).code).toBe(0);
  const after = await described();
  expect((after.schema as { fields: object[] }).fields.slice(2)).toMatchObject([
    { name: "new", fieldID: 102n, defaultValue: { intData: 7 } },
    { name: "other", fieldID: 103n },
  ]);
  expect(after.schema).toMatchObject({ version: 2 });
  expect(after.properties).toContainEqual({ key: "max_field_id", value: "103" });
  expect(after.updateTimestamp).toBeGreaterThan(before.updateTimestamp as bigint);
});

test("through an alias too", async () => {
  await client.call("CreateAlias", { collectionName: "c", alias: "a" });
  const schema = FieldSchema.encode(FieldSchema.create({ name: "new", dataType: DataType.Bool, nullable: true }));
  expect((await client.call("AddCollectionField", { collectionName: "a", schema })).code).toBe(0);
  expect((await described()).schema).toMatchObject({ version: 1 });
});

const dim = (value: string) => [{ key: "dim", value }];
const UNTYPED = "data type None is not valid";

/** Every refusal of a field by itself. Code 1100 unless another is given; the words come before ": invalid parameter". */
test.each<[string, Record<string, unknown>, string, number?]>([
  ["the name of another", { name: "id" }, "duplicated field name id: invalid parameter"],
  ["no type", { dataType: DataType.None }, "invalid parameter[expected=valid field][actual=field data type: None is not supported]"],
  ["a number that is no type", { dataType: 99 }, "invalid parameter[expected=valid field][actual=field data type: 99 is not supported]"],
  [
    "a field of an external table",
    { externalField: "x" },
    "add field operation does not support external field mapping, field name = new: invalid parameter",
  ],
  ["a field of the system", { name: "RowID" }, "not support to add system field, field name = RowID: invalid parameter"],
  ["another one", { name: "Timestamp" }, "not support to add system field, field name = Timestamp: invalid parameter"],
  ["the dynamic field", { name: "$meta" }, "not support to add system field, field name = $meta: invalid parameter"],
  ["a primary key", { isPrimaryKey: true }, "not support to add pk field, field name = new: invalid parameter"],
  ["automatic values", { autoID: true }, "only primary field can speficy AutoID with true, field name = new: invalid parameter"],
  ["a partition key", { isPartitionKey: true }, "not support to add partition key field, field name  = new: invalid parameter"],
  [
    "a clustering key of a type that cannot be one",
    { isClusteringKey: true, dataType: DataType.JSON },
    "clustering key field new has unsupported data type JSON: invalid parameter",
  ],
  [
    "a vector without dimension",
    { dataType: DataType.FloatVector },
    "vector field must have dimension specified, field name = new: invalid parameter",
  ],
  ["a required field", { nullable: false }, "added field must be nullable, please check it, field name = new: invalid parameter"],
  [
    "a name that is none",
    { name: "1st" },
    "Invalid field name: 1st. The first character of a field name must be an underscore or letter.: field name invalid[field=1st]",
    1701,
  ],
  [
    "a vector of one dimension",
    { dataType: DataType.FloatVector, typeParams: dim("1") },
    "invalid dimension: 1. should be in range 2 ~ 32768: invalid parameter",
  ],
  [
    "bits that are no bytes",
    { dataType: DataType.BinaryVector, typeParams: dim("12") },
    "invalid dimension: 12 of field new. binary vector dimension should be multiple of 8.: invalid parameter",
  ],
  [
    "a sparse vector with a dimension",
    { dataType: DataType.SparseFloatVector, typeParams: dim("8") },
    "dim should not be specified for sparse vector field new(0): invalid parameter",
  ],
  [
    "text without a length",
    { dataType: DataType.VarChar },
    "type param(max_length) should be specified for the field(new) of collection c: missing parameter",
    1101,
  ],
  [
    "an array without a capacity",
    { dataType: DataType.Array, elementType: DataType.Int64 },
    "type param(max_capacity) should be specified for array field new of collection c: missing parameter",
    1101,
  ],
  [
    "an array of nothing",
    { dataType: DataType.Array, typeParams: [{ key: "max_capacity", value: "8" }] },
    `element ${UNTYPED}: invalid parameter`,
  ],
  [
    "a default of another type",
    { defaultValue: ValueField.create({ stringData: "x" }) },
    "type (Int8) of field (new) is not equal to the type(DataType_VarChar) of default_value: invalid parameter",
  ],
  [
    "a default that the type does not hold",
    { defaultValue: ValueField.create({ intData: 128 }) },
    "default value out of range: invalid parameter[128 out of range -128 <= value <= 127]",
  ],
  [
    "a default of a vector",
    { dataType: DataType.FloatVector, typeParams: dim("8"), defaultValue: ValueField.create({ floatData: 1 }) },
    "type not support default_value, type:FloatVector, name:new: invalid parameter",
  ],
  [
    "a type of which no rows are",
    { dataType: DataType.Mol },
    "data type Mol of field new is not supported yet: unsupported operation",
    3000,
  ],
  [
    "a Text with a default",
    { dataType: DataType.Text, defaultValue: ValueField.create({ stringData: "x" }) },
    "default value is not supported when adding TEXT field, field name = new: invalid parameter",
  ],
])("%s is refused and changes nothing", async (_what, field, words, code = 1100) => {
  const { catalog } = client.engine;
  expect(await add(field)).toMatchObject({ code, reason: words, retriable: false });
  expect(client.engine.catalog).toBe(catalog);
  expect(client.engine.records).toHaveLength(1);
});

test("a message that is no field, and a collection that is none", async () => {
  const { catalog } = client.engine;
  const malformed = await client.call("AddCollectionField", { collectionName: "c", schema: Buffer.from([0x0a, 0xff]) });
  expect(malformed).toMatchObject({ code: 1100, reason: expect.stringContaining("malformed field schema") });
  const schema = FieldSchema.encode({ name: "new", dataType: DataType.Int8, nullable: true });
  expect(await client.call("AddCollectionField", { collectionName: "nobody", schema })).toMatchObject({
    code: 100,
    reason: "can't find collection[database=default][collection=nobody]",
  });
  expect(client.engine.catalog).toBe(catalog);
});

test("a second clustering key is refused", async () => {
  expect((await add({ isClusteringKey: true })).code).toBe(0);
  expect(await add({ name: "other", isClusteringKey: true })).toMatchObject({
    code: 1100,
    reason: "already has another clustering key field, field name: other: invalid parameter",
  });
});

test("fields and vectors up to their limits", async () => {
  for (let vectors = 1; vectors < VECTOR_FIELDS_MAX; vectors++) {
    const outcome = await add({ name: `v${vectors}`, dataType: DataType.FloatVector, typeParams: dim("8") });
    expect(outcome).toMatchObject({ code: 0, reason: "" });
  }
  expect(await add({ name: "vector_too_many", dataType: DataType.SparseFloatVector })).toMatchObject({
    code: 1100,
    reason: `maximum vector field's number should be limited to ${VECTOR_FIELDS_MAX}: invalid parameter`,
  });
  const { fields } = (await described()).schema as { fields: object[] };
  for (let count = fields.length; count < FIELDS_MAX; count++) expect((await add({ name: `f${count}` })).code).toBe(0);
  expect(await add({ name: "field_too_many" })).toMatchObject({
    code: 1100,
    reason: `The number of fields has reached the maximum value ${FIELDS_MAX}: invalid parameter`,
  });
});

test("ids go on where the highest that there ever was ends", async () => {
  await add({});
  await add({ name: "second" });
  const collection = [...client.engine.catalog.collections.values()][0] as Collection;
  // As if the newest field had gone: its id is not given again.
  const without = { ...collection, schema: { ...collection.schema, fields: collection.schema.fields.slice(0, -1) } };
  const catalog = { ...client.engine.catalog, collections: client.engine.catalog.collections.set(collection.id, without) };
  const field = FieldSchema.create({ name: "third", dataType: DataType.Int8, nullable: true });
  const after = applyRecord(catalog, { kind: "addField", collectionId: collection.id, field, timestamp: 1n << 40n });
  expect(after.collections.get(collection.id)?.schema.fields.at(-1)).toMatchObject({ name: "third", fieldID: 104n });
});

describe("through REST", () => {
  const post = (schema: Record<string, unknown>) => client.post("collections/fields/add", { collectionName: "c", schema });

  test("a field with all that it may have", async () => {
    const outcome = await post({
      ...{ fieldName: "tags", dataType: "Array", elementDataType: "VarChar", nullable: true, description: "words" },
      elementTypeParams: { max_capacity: 8, max_length: 16 },
    });
    expect(outcome.code).toBeUndefined();
    expect((await post({ fieldName: "count", dataType: "Int64", nullable: true, defaultValue: 7 })).code).toBeUndefined();
    const { schema } = await described();
    expect((schema as { fields: object[] }).fields.slice(2)).toMatchObject([
      { name: "tags", dataType: DataType.Array, elementType: DataType.VarChar, nullable: true, description: "words", fieldID: 102n },
      { name: "count", dataType: DataType.Int64, defaultValue: { longData: 7n }, fieldID: 103n },
    ]);
    const told = await client.post("collections/describe", { collectionName: "c" });
    expect((told.data as { fields: object[] }).fields.slice(2)).toMatchObject([
      { name: "tags", type: "Array", elementType: "VarChar", nullable: true },
      { name: "count", type: "Int64", nullable: true },
    ]);
  });

  test.each<[string, Record<string, unknown>, number, string]>([
    ["no name", { dataType: "Int8", nullable: true }, 1802, "FieldName"],
    ["no type", { fieldName: "new", nullable: true }, 1802, "DataType"],
    ["a type that is none", { fieldName: "new", dataType: "Int7", nullable: true }, 1100, "Int7"],
    ["the name of another", { fieldName: "id", dataType: "Int8", nullable: true }, 1100, "duplicated field name id"],
    ["a required field", { fieldName: "new", dataType: "Int8" }, 1100, "added field must be nullable, please check it, field name = new"],
    ["a primary key", { fieldName: "new", dataType: "Int64", nullable: true, isPrimary: true }, 1100, "not support to add pk field"],
    [
      "a default of another type",
      { fieldName: "new", dataType: "Int8", nullable: true, defaultValue: "x" },
      1100,
      "convert defaultValue fail, err: ",
    ],
    ["text without a length", { fieldName: "new", dataType: "VarChar", nullable: true }, 1101, "max_length"],
  ])("%s", async (_what, schema, code, words) => {
    const { catalog } = client.engine;
    expect(await post(schema)).toMatchObject({ code, message: expect.stringContaining(words) });
    expect(client.engine.catalog).toBe(catalog);
  });
});

describe("dynamicfield.enabled", () => {
  const alter = (value: string, more: { key: string; value: string }[] = []) =>
    client.call("AlterCollection", { collectionName: "c", properties: [{ key: "dynamicfield.enabled", value }, ...more] });

  test("true adds the dynamic field, once", async () => {
    const before = await described();
    expect(await alter("true")).toMatchObject({ code: 0, reason: "" });
    const after = await described();
    expect(after.schema).toMatchObject({ enableDynamicField: true, version: 1 });
    expect(after.updateTimestamp).toBeGreaterThan(before.updateTimestamp as bigint);
    const [collection] = [...client.engine.catalog.collections.values()];
    expect(collection?.schema.fields.at(-1)).toMatchObject({ name: "$meta", isDynamic: true, dataType: DataType.JSON, fieldID: 102n });
    expect((await alter("true")).code).toBe(0);
    expect((await described()).schema).toMatchObject({ enableDynamicField: true, version: 1 });
    expect((await add({})).code).toBe(0);
    expect([...client.engine.catalog.collections.values()][0]?.schema.fields.at(-1)).toMatchObject({ name: "new", fieldID: 103n });
  });

  test.each([
    ["maybe", [], 1100, "invalid dynamic schema property value: maybe: invalid parameter"],
    [
      "true",
      [{ key: "timezone", value: "UTC" }],
      1100,
      "cannot alter dynamic schema with other properties at the same time: invalid parameter",
    ],
  ] as const)("%s with %o is refused", async (value, more, code, words) => {
    const { catalog } = client.engine;
    expect(await alter(value, [...more])).toMatchObject({ code, reason: words });
    expect(client.engine.catalog).toBe(catalog);
  });

  test("false takes it away; another gets another id", async () => {
    expect((await alter("false")).code).toBe(0);
    expect((await described()).schema).toMatchObject({ version: 0 });
    await alter("true");
    expect(await alter("false")).toMatchObject({ code: 0, reason: "" });
    expect((await described()).schema).toMatchObject({ enableDynamicField: false, version: 2 });
    await alter("true");
    expect([...client.engine.catalog.collections.values()][0]?.schema.fields.at(-1)).toMatchObject({ name: "$meta", fieldID: 103n });
  });
});

test("two adds of one name that race: one wins", async () => {
  const outcomes = await Promise.all([add({}), add({})]);
  expect(outcomes.map((outcome) => outcome.code).sort()).toEqual([0, 1100]);
  expect(outcomes.map((outcome) => outcome.reason)).toContain("field already exists, name: new: invalid parameter");
});
