import { expect, test } from "vitest";
import { MilvusError } from "../../src/shared/errors.js";
import { DataType, IDs, SearchResultData } from "../../src/shared/proto/generated/messages.js";
import { fieldsToRows, idsToValues, restForm, resultsToHits } from "../../src/shared/rows/decode.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { parseJson, shortFloat, toJsonText } from "../../src/shared/rows/json.js";
import { field, schemaOf, vectorField } from "./schemas.js";

const schema = schemaOf([
  field("id", DataType.Int64, { isPrimaryKey: true }),
  field("small", DataType.Int16, { nullable: true }),
  field("flag", DataType.Bool, { nullable: true }),
  field("weight", DataType.Float, { nullable: true }),
  field("name", DataType.VarChar, { nullable: true }),
  field("doc", DataType.JSON, { nullable: true }),
  vectorField("vector", 2),
]);

const rest = (rows: unknown, of = schema): Record<string, unknown>[] => {
  const fields = rowsToFields(of, rows as Record<string, unknown>[], { dialect: "rest" });
  return fieldsToRows(
    fields.map((each) => each.data),
    restForm(true),
  );
};

const refusal = (rows: unknown, of = schema): string => {
  try {
    rest(rows, of);
  } catch (error) {
    expect(error).toBeInstanceOf(MilvusError);
    expect((error as MilvusError).code).toBe(1804);
    return (error as MilvusError).message;
  }
  throw new Error("the rows were taken");
};

test("values are read by their text", () => {
  const row = { id: "9007199254740993", small: "7", flag: "T", weight: "0.1", name: 5, doc: '{"a":1}', vector: "[0.5,1]" };
  expect(rest([row])).toEqual([{ id: 9007199254740993n, small: 7, flag: true, weight: 0.1, name: "5", doc: '{"a":1}', vector: [0.5, 1] }]);
  expect(rest([{ id: 1.0, small: 1.0, vector: [1, 2], doc: [1, "x"] }])[0]).toMatchObject({ id: 1, small: 1, doc: '[1,"x"]', flag: null });
});

test.each<[string, Record<string, unknown>, string]>([
  ["a missing integer", { vector: [1, 2] }, 'strconv.ParseInt: parsing "": invalid syntax: invalid parameter[expected=Int64][actual=]'],
  [
    "words for an integer",
    { id: "abc", vector: [1, 2] },
    'strconv.ParseInt: parsing "abc": invalid syntax: invalid parameter[expected=Int64][actual=abc]',
  ],
  ["an integer beyond int64", { id: "9223372036854775808", vector: [1, 2] }, "value out of range"],
  [
    "words for a small integer",
    { id: 1, small: "x", vector: [1, 2] },
    'unable to cast "x" of type string to int16: invalid parameter[expected=Int16][actual=x]',
  ],
  ["words for a boolean", { id: 1, flag: "yes", vector: [1, 2] }, 'strconv.ParseBool: parsing "yes": invalid syntax'],
  ["words for a float", { id: 1, weight: "heavy", vector: [1, 2] }, 'unable to cast "heavy" of type string to float32'],
  ["a missing vector", { id: 1 }, "missing vector field: vector: invalid parameter[expected=FloatVector][actual=]"],
  ["a vector that is too long", { id: 1, vector: [1, 2, 3] }, "[]float32 size 3 doesn't equal to vector dimension 2 of FloatVector"],
  ["text in a vector", { id: 1, vector: ["a", 1] }, "json: cannot unmarshal string into Go value of type float32"],
  ["a vector beyond float32", { id: 1, vector: [1e300, 1] }, "json: cannot unmarshal number 1e+300 into Go value of type float32"],
  [
    "a key that is no field",
    { id: 1, vector: [1, 2], x: 1 },
    "has pass more field without dynamic schema, please check it: invalid parameter",
  ],
])("%s", (_what, row, words) => {
  expect(refusal([row])).toBe(`fail to deal the insert data, error: ${refusal([row]).split(", error: ")[1]}`);
  expect(refusal([row])).toContain(words);
});

test("rows that are no objects, $meta, and given automatic keys", () => {
  expect(refusal([5])).toContain("NULL:0, FALSE:1, NUMBER:2, STRING:3, TRUE:4, JSON:5: invalid parameter[expected=JSON][actual=Number]");
  const dynamic = { ...schema, enableDynamicField: true };
  expect(refusal([{ id: 1, vector: [1, 2], $meta: {} }], dynamic)).toContain("use the invalid field name($meta) when enable dynamicField");
  const automatic = schemaOf([field("id", DataType.Int64, { isPrimaryKey: true, autoID: true }), vectorField("vector", 2)]);
  expect(refusal([{ id: 1, vector: [1, 2] }], automatic)).toContain("no need to pass pk field(id) when autoid==true in insert");
});

test("dynamic keys are inlined, without the nulls", () => {
  const dynamic = { ...schema, enableDynamicField: true };
  const [row] = rest([{ id: 1, vector: [1, 2], color: "red", big: 9007199254740993n, none: null, deep: { a: [1] } }], dynamic);
  expect(row).toMatchObject({ color: "red", big: 9007199254740993n, deep: { a: [1] } });
  expect(Object.keys(row ?? {})).not.toContain("none");
});

test("only the dynamic keys that were asked for are inlined", () => {
  const dynamic = { ...schema, enableDynamicField: true };
  const fields = rowsToFields(dynamic, [{ id: 1, vector: [1, 2], a: 1, b: 2 }]).map((each) => each.data);
  const keys = (asked: string[]): string[] =>
    Object.keys(fieldsToRows(fields, restForm(true), asked)[0] ?? {}).filter((key) => key === "a" || key === "b");
  expect(keys(["id", "a"])).toEqual(["a"]);
  expect(keys(['$meta["b"]'])).toEqual(["b"]);
  expect(keys(["id", "$meta"])).toEqual(["a", "b"]);
  expect(keys(["*"])).toEqual(["a", "b"]);
});

test("int64 as numbers or as text, by the header", () => {
  const fields = rowsToFields(schema, [{ id: 9007199254740993n, vector: [1, 2] }]).map((each) => each.data);
  expect(toJsonText(fieldsToRows(fields, restForm(true))[0])).toContain('"id":9007199254740993,');
  expect(toJsonText(fieldsToRows(fields, restForm(false))[0])).toContain('"id":"9007199254740993",');
  expect(idsToValues(IDs.encode({ intId: { data: [1n, 2n ** 60n] } }), restForm(false))).toEqual(["1", "1152921504606846976"]);
  expect(idsToValues(IDs.encode({ strId: { data: ["a"] } }))).toEqual(["a"]);
});

test("hits are cut by topks", () => {
  const results = SearchResultData.create({
    ids: IDs.encode({ intId: { data: [1n, 2n, 3n] } }),
    scores: Float32Array.of(0.9, 0.1, 0.5),
    topks: [2n, 0n, 1n],
    fieldsData: rowsToFields(
      schema,
      [1, 2, 3].map((id) => ({ id, vector: [id, 0] })),
    ).map((each) => each.data),
  });
  const hits = resultsToHits(results, restForm(true));
  expect(hits.map((list) => list.map((hit) => [hit.id, hit.distance]))).toEqual([
    [
      [1, 0.9],
      [2, 0.1],
    ],
    [],
    [[3, 0.5]],
  ]);
  expect(hits[2]?.[0]?.entity).toMatchObject({ id: 3, vector: [3, 0] });
});

test("the shortest digits give the same float", () => {
  for (const value of [0.1, 1 / 3, 16777216, 1e-40, 3.4028234663852886e38, -0.30000001192092896, 0, 123456.789]) {
    const float = Math.fround(value);
    expect(Math.fround(shortFloat(float))).toBe(float);
    expect(String(shortFloat(float)).length).toBeLessThanOrEqual(String(float).length);
  }
  expect(shortFloat(Math.fround(0.1))).toBe(0.1);
});

test("JSON that is wrong is refused as JSON.parse refuses it", () => {
  expect(() => parseJson('{"a":12345678901234567890,}')).toThrow(SyntaxError);
  expect(parseJson('{"a":12345678901234567890,"b":[-9007199254740992, 1.0, "12345678901234567890"]}')).toEqual({
    a: 12345678901234567890n,
    b: [-9007199254740992n, 1, "12345678901234567890"],
  });
});
