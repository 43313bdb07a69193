import { beforeEach, expect, test } from "vitest";
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

test.each([
  [{ name: "id" }, "duplicated field name id"],
  [{ isPrimaryKey: true }, "not support to add pk field, field name = new"],
  [{ autoID: true }, "only primary field can speficy AutoID with true, field name = new"],
  [{ isPartitionKey: true }, "not support to add partition key field, field name  = new"],
  [{ name: "RowID" }, "not support to add system field, field name = RowID"],
  [{ dataType: DataType.FloatVector }, "vector field must have dimension specified, field name = new"],
  [{ nullable: false }, "added field must be nullable, please check it, field name = new"],
])("%o is refused and changes nothing", async (field, words) => {
  const { catalog } = client.engine;
  expect(await add(field)).toMatchObject({ code: 1100, reason: `${words}: invalid parameter` });
  expect(client.engine.catalog).toBe(catalog);
});

test("two adds of one name that race: one wins", async () => {
  const outcomes = await Promise.all([add({}), add({})]);
  expect(outcomes.map((outcome) => outcome.code).sort()).toEqual([0, 1100]);
  expect(outcomes.map((outcome) => outcome.reason)).toContain("field already exists, name: new: invalid parameter");
});
