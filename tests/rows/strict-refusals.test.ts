import { expect, test } from "vitest";
import { MilvusError } from "../../src/shared/errors.js";
import { DataType, FieldData } from "../../src/shared/proto/generated/messages.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { field, schemaOf, vectorField } from "./schemas.js";

const schema = schemaOf([
  field("id", DataType.Int64, { isPrimaryKey: true }),
  field("small", DataType.Int8, { nullable: true }),
  field("flag", DataType.Bool, { nullable: true }),
  field("name", DataType.VarChar, { defaultValue: { stringData: "kite" } }),
  field("doc", DataType.JSON, { nullable: true }),
  vectorField("vector", 2),
]);

const good = { id: 1, vector: [0.5, 1] };

const refusal = (row: Record<string, unknown>, of = schema): string => {
  try {
    rowsToFields(of, [good, row]);
  } catch (error) {
    expect(error).toBeInstanceOf(MilvusError);
    expect((error as MilvusError).code).toBe(1100);
    return (error as MilvusError).message;
  }
  throw new Error("the row was taken");
};

test("the good row is taken, so that the refusals below are of what they change", () => {
  expect(rowsToFields(schema, [good, good]).map((column) => column.fieldName)).toEqual(schema.fields.map((each) => each.name));
});

test.each<[string, Record<string, unknown>, string]>([
  [
    "a missing field",
    { vector: [1, 2] },
    "Insert missed an field `id` to collection without set nullable==true or set default_value: invalid parameter",
  ],
  [
    "a field that the collection has not",
    { ...good, color: "red" },
    "Attempt to insert an unexpected field `color` to collection without enabling dynamic field: invalid parameter",
  ],
  ["$meta", { ...good, $meta: {} }, "without dynamic schema enabled, the field name cannot be set to $meta: invalid parameter"],
  ["text for an integer", { ...good, id: "1" }, "{id} field should be a Int64, but got a {string} instead."],
  ["a fraction for an integer", { ...good, id: 1.5 }, "{id} field should be a Int64, but got a {number} instead."],
  ["a number beyond the safe integers", { ...good, id: 2 ** 60 }, "pass a bigint"],
  ["an integer beyond int64", { ...good, id: 2n ** 63n }, "the 1th element (9223372036854775808) out of range"],
  ["an integer beyond int8", { ...good, small: 128 }, "the 1th element (128) out of range: [-128, 127]: invalid parameter"],
  ["a number for a boolean", { ...good, flag: 1 }, "{flag} field should be a Bool, but got a {number} instead."],
  ["a number for text", { ...good, name: 5 }, "{name} field should be a VarChar, but got a {number} instead."],
  ["null where none is taken", { ...good, id: null }, "{id} field should be a Int64, but got a {null} instead."],
  ["a function for JSON", { ...good, doc: () => 1 }, "{doc} field should be a JSON, but got a {function} instead."],
  ["a vector that is too long", { ...good, vector: [1, 2, 3] }, "the dim (3) of field data(vector) is not equal to schema dim (2)"],
  ["a typed vector that is too short", { ...good, vector: new Float32Array(1) }, "the dim (1) of field data(vector)"],
  ["text in a vector", { ...good, vector: [1, "2"] }, "Element 1 is a {string}."],
  ["null in a vector", { ...good, vector: [null, 2] }, "Element 0 is a {null}."],
  ["no vector", { ...good, vector: 7 }, "{vector} field should be a FloatVector, but got a {number} instead."],
])("%s", (_what, row, words) => {
  expect(refusal(row)).toContain(words);
});

test("a value that contains itself is refused, not followed for ever", () => {
  const loop: Record<string, unknown> = {};
  loop.loop = loop;
  expect(refusal({ ...good, doc: loop })).toContain("contains itself");
});

test("$meta is no key of a row with dynamic fields", () => {
  expect(refusal({ ...good, $meta: { a: 1 } }, { ...schema, enableDynamicField: true })).toBe(
    "cannot set json key to: $meta: invalid parameter",
  );
});

test("a type that rows do not have yet is named", () => {
  const shapes = schemaOf([...schema.fields, field("shape", DataType.Date, { nullable: true })]);
  expect(refusal(good, shapes)).toContain("the type(Date) of field(shape) is not supported");
});

test("rows that are not objects, and no rows", () => {
  expect(() => rowsToFields(schema, [[1] as unknown as Record<string, unknown>])).toThrow("expected an object for each row, got 'Array'");
  expect(() => rowsToFields(schema, [])).toThrow("num_rows should be greater than 0");
});

test("names of Object's own members are no values", () => {
  const named = schemaOf([...schema.fields, field("toString", DataType.VarChar, { nullable: true })]);
  const column = rowsToFields(named, [good]).find((each) => each.fieldName === "toString");
  expect(FieldData.decode(column?.data ?? Buffer.alloc(0)).validData).toEqual([false]);
});

test("the server makes the column of an automatic key and of a function", () => {
  const made = schemaOf([
    field("id", DataType.Int64, { isPrimaryKey: true, autoID: true }),
    vectorField("vector", 2),
    vectorField("out", 4, { isFunctionOutput: true }),
  ]);
  expect(rowsToFields(made, [{ vector: [1, 2] }]).map((column) => column.fieldName)).toEqual(["vector"]);
  expect(rowsToFields(made, [{ id: 5, vector: [1, 2] }]).map((column) => column.fieldName)).toEqual(["id", "vector"]);
  expect(() => rowsToFields(made, [{ id: 5, vector: [1, 2] }, { vector: [1, 2] }])).toThrow("Insert missed an field `id`");
});

test("a partial update takes the columns that every row has", () => {
  const options = { operation: "upsert", partialUpdate: true } as const;
  expect(rowsToFields(schema, [{ id: 1, small: null }], options).map((column) => column.fieldName)).toEqual(["id", "small"]);
  expect(() => rowsToFields(schema, [{ id: 1, small: 1 }, { id: 2 }], options)).toThrow("column small has length 1, expected 2");
});
