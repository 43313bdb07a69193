/** Arrays of structs and functions through REST: schemas and their refusals. Rows are in tests/client/schema-changes.test.ts and tests/rows. */
import { beforeEach, describe, expect, test } from "vitest";
import { DataType } from "../../src/shared/proto/generated/messages.js";
import { MemoryClient } from "../support/memory-engine.js";

let client: MemoryClient;
beforeEach(() => {
  client = new MemoryClient();
});

const label = { fieldName: "label", dataType: "Array", elementDataType: "VarChar", elementTypeParams: { max_length: 9 } };
const shot = { fieldName: "shot", dataType: "ArrayOfVector", elementDataType: "FloatVector", elementTypeParams: { dim: 4 } };
const clips = { fieldName: "clips", nullable: true, typeParams: { max_capacity: 8 }, fields: [label, shot] };
const id = { fieldName: "id", dataType: "Int64", isPrimary: true };
const text = { fieldName: "text", dataType: "VarChar", elementTypeParams: { max_length: 99 } };
const bits = { fieldName: "bits", dataType: "BinaryVector", elementTypeParams: { dim: 64 } };

const create = (structFields: object[], indexParams: object[] = []) =>
  client.post("collections/create", { collectionName: "c", schema: { fields: [id, text, bits], structFields }, indexParams });
const described = async () => (await client.post("collections/describe", { collectionName: "c" })).data as Record<string, unknown>;

test("a struct's capacity is its members'; it is described with the ids of all", async () => {
  const indexes = [
    { fieldName: "clips[shot]", indexType: "HNSW", metricType: "MAX_SIM_COSINE", params: { M: 8, efConstruction: 40 } },
    { fieldName: "bits", metricType: "HAMMING" },
  ];
  expect((await create([clips], indexes)).code).toBeUndefined();
  expect(await described()).toMatchObject({
    structFields: [
      {
        ...{ name: "clips", id: 103n, type: "ArrayOfStruct", nullable: true },
        fields: [
          { name: "label", id: 104n, type: "Array", elementType: "VarChar", nullable: true },
          { name: "shot", id: 105n, type: "ArrayOfVector", elementType: "FloatVector" },
        ],
      },
    ],
  });
  const [collection] = [...client.engine.catalog.collections.values()];
  const members = collection?.schema.structArrayFields[0]?.fields ?? [];
  for (const member of members) expect(member.typeParams).toContainEqual({ key: "max_capacity", value: "8" });
  const index = (await client.call("DescribeIndex", { collectionName: "c" })).reply.indexDescriptions;
  expect(index).toMatchObject([{ fieldName: "clips[shot]" }, { fieldName: "bits" }]);
});

test("its parameters and its members' are changed by their names", async () => {
  await create([clips]);
  const change = (fieldName: string, properties: { key: string; value: string }[]) =>
    client.call("AlterCollectionField", { collectionName: "c", fieldName, properties });
  expect(await change("clips", [{ key: "warmup", value: "disable" }])).toMatchObject({ code: 0 });
  expect(await change("clips[label]", [{ key: "max_length", value: "20" }])).toMatchObject({ code: 0 });
  const [struct] = [...client.engine.catalog.collections.values()][0]?.schema.structArrayFields ?? [];
  expect(struct?.typeParams).toContainEqual({ key: "warmup", value: "disable" });
  expect(struct?.fields[0]).toMatchObject({ name: "label", typeParams: expect.arrayContaining([{ key: "max_length", value: "20" }]) });
  expect(await change("clips[nope]", [{ key: "warmup", value: "disable" }])).toMatchObject({
    code: 1100,
    reason: "field clips[nope] does not exist in collection: invalid parameter",
  });
});

test("one is added later", async () => {
  await create([]);
  const schema = { ...clips, dataType: "ArrayOfStruct" };
  expect((await client.post("collections/struct_fields/add", { collectionName: "c", schema })).code).toBeUndefined();
  expect(await described()).toMatchObject({ structFields: [{ name: "clips", id: 103n }] });
});

test.each<[words: string, struct: object]>([
  ["struct field clips must contain at least one sub-field", { ...clips, fields: [] }],
  ["sub-field label of struct clips must be Array or ArrayOfVector, got Int64", { ...clips, fields: [{ ...label, dataType: "Int64" }] }],
  [
    "sub-field label of struct clips cannot be primary / partition / clustering key",
    { ...clips, fields: [{ ...label, isPartitionKey: true }] },
  ],
  ["sub-field label of struct clips cannot be nullable", { ...clips, fields: [{ ...label, nullable: true }] }],
  ["duplicated sub-field name label in struct clips", { ...clips, fields: [label, label] }],
])("%s", async (words, struct) => {
  expect(await create([struct])).toMatchObject({ code: 1100, message: expect.stringContaining(words) });
  expect(client.engine.records).toHaveLength(0);
});

test("what is no struct is refused where one is added", async () => {
  await create([]);
  expect(
    await client.post("collections/struct_fields/add", { collectionName: "c", schema: { ...clips, dataType: "Array" } }),
  ).toMatchObject({
    code: 1100,
    message: expect.stringContaining("StructArray field must use ArrayOfStruct or Array with Struct element, got dataType Array"),
  });
});

describe("functions", () => {
  const hashes = { name: "hashes", type: "MinHash", inputFieldNames: ["text"], outputFieldNames: ["bits"], params: {} };
  const post = (path: string, body: object) => client.post(`collections/${path}`, { collectionName: "c", ...body });

  test("one is added, changed and dropped; the field that it made stays", async () => {
    await create([]);
    expect((await post("add_function", { function: hashes })).code).toBeUndefined();
    expect(await described()).toMatchObject({ functions: [{ name: "hashes", id: 100n }] });
    const other = { ...hashes, params: { seed: "7" } };
    expect((await post("alter_function", { functionName: "hashes", function: other })).code).toBeUndefined();
    expect(await described()).toMatchObject({ functions: [{ name: "hashes", id: 100n, params: [{ key: "seed", value: "7" }] }] });
    const [collection] = [...client.engine.catalog.collections.values()];
    expect(collection?.schema.fields.find((field) => field.name === "bits")).toMatchObject({
      isFunctionOutput: true,
      dataType: DataType.BinaryVector,
    });
    expect((await post("drop_function", { functionName: "hashes" })).code).toBeUndefined();
    expect((await post("drop_function", { FunctionName: "hashes" })).code).toBeUndefined();
    expect(await described()).toMatchObject({ functions: [] });
    expect([...client.engine.catalog.collections.values()][0]?.schema.fields.every((field) => !field.isFunctionOutput)).toBe(true);
  });

  test("a type that is none", async () => {
    await create([]);
    expect(await post("add_function", { function: { ...hashes, type: "Magic" } })).toMatchObject({
      code: 1100,
      message: expect.stringContaining("Magic"),
    });
    expect(await post("drop_function", {})).toMatchObject({ code: 1802, message: expect.stringContaining("FunctionName") });
  });
});
