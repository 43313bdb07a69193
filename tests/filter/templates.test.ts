/** Template values: where they may stand, what they become, and what is refused. */
import { describe, expect, it } from "vitest";
import { FilterError } from "../../src/filter/index.js";
import type { TemplateValue } from "../../src/shared/proto/generated/messages.js";
import { compile, list, truths } from "./fixture.js";

const longs = (...data: bigint[]): TemplateValue => list({ longData: { data } });
const jsons = (...texts: string[]): TemplateValue => list({ jsonData: { data: texts.map((text) => Buffer.from(text)) } });

const values: ReadonlyMap<string, TemplateValue> = new Map<string, TemplateValue>([
  ["ten", { int64Val: 10n }],
  ["zero", { int64Val: 0n }],
  ["one", { int64Val: 1n }],
  ["onetwo", longs(1n, 2n)],
  ["onetwothree", longs(1n, 2n, 3n)],
  ["none_at_all", longs()],
  ["half", { floatVal: 0.5 }],
  ["yes", { boolVal: true }],
  ["abc", { stringVal: "abc" }],
  ["pattern", { stringVal: "a%" }],
  ["longs", longs(10n, 0n)],
  ["strings", list({ stringData: { data: ["abc", ""] } })],
  ["doubles", list({ doubleData: { data: Float64Array.of(1.1, 100) } })],
  ["bools", list({ boolData: { data: [true] } })],
  ["mixed", jsons("1", "1.5", '"1"', "9007199254740993")],
  ["integers", jsons("9007199254740993", "1")],
  ["lists", list({ arrayData: { data: [{ longData: { data: [1n, 2n] } }] } })],
  ["nested", jsons('[1, [2, "]"]]')],
]);

const meanings: readonly (readonly [string, string])[] = [
  ["i64 == {ten}", "1000-"],
  ["{ten} == i64", "1000-"],
  ["{ten} > i64", "0101-"],
  ["i64 != { ten }", "0111-"],
  ["f == {ten}", "0000-"],
  ["d == {half}", "10000"],
  ["b == {yes}", "1010-"],
  ["s == {abc}", "1000-"],
  ["i64 in {longs}", "1001-"],
  ["i64 not in {longs}", "0110-"],
  ["f in {longs}", "0000-"],
  ["f in {doubles}", "1001-"],
  ["s in {strings}", "1010-"],
  ["b in {bools}", "1010-"],
  ["{zero} < i64 <= {ten}", "1000-"],
  ["{ten} >= i64 > 0", "1000-"],
  ["i64 + {ten} == 20", "1000-"],
  ["{ten} + i64 == {ten}", "0001-"],
  ["i64 * 2 == {ten}", "0000-"],
  ["i64 % {ten} == {zero}", "1001-"],
  ["s like {pattern}", "1001-"],
  ["j['a'] in {integers}", "10-1-"],
  ["j['a'] in {mixed}", "1111-"],
  ["j['l'] in {lists}", "1----"],
  ["j['l'] == {lists}", "0----"],
  ["j['l'] == {longs}", "0----"],
  ["j['l'] != {nested}", "1----"],
  ["arr[0] == {ten}", "0-10-"],
  ["{zero} < arr[0] <= {ten}", "1-10-"],
  ["arr[0] in {longs}", "0-10-"],
  ["arr[0] not in {longs}", "1-01-"],
  ["arr[1] + {ten} == 12", "1--0-"],
  ["arr[0] % {ten} == {zero}", "0-10-"],
  ["af[0] > {zero}", "1-01-"],
  ["as[2] like {pattern}", "1----"],
  ["arr == {onetwothree}", "1000-"],
  ["arr == {strings}", "0000-"],
  ["arr != {mixed}", "1111-"],
  ["arr in {lists}", "0000-"],
  ["array_length(arr) == {one}", "0010-"],
  ["array_contains(arr, {ten})", "0011-"],
  ["array_contains_any(arr, {longs})", "0011-"],
  ["array_contains_all(as, {strings})", "0000-"],
  ["array_contains(af, {ten})", "0000-"],
  ["array_contains_all(arr, {none_at_all})", "11111"],
  ["json_contains(j['w'], {one})", "-1---"],
  ["json_contains(j['w'], {onetwo})", "-1---"],
  ["json_contains_any(j['w'], {mixed})", "-1---"],
  ["json_contains_all(j['w'], {lists})", "-1---"],
  ["x == {half} or i64 == {ten}", "1----"],
  ["not (i64 == {ten})", "0111-"],
];

describe("values stand", () => {
  for (const [text, expected] of meanings)
    it(text, () => {
      expect(truths(text, values)).toBe(expected);
    });
});

const refusals: readonly (readonly [string, string])[] = [
  ["i64 == {none}", "the value of expression template variable name {none} is not found"],
  ["i64 in {none}", "the value of expression template variable name {none} is not found"],
  ["s like {none}", "the value of expression template variable name {none} is not found"],
  ["{none} < i64 < 5", "the lower value of expression template variable name {none} is not found"],
  ["0 < i64 < {none}", "the upper value of expression template variable name {none} is not found"],
  ["i64 + {none} == 1", "the right operand value of expression template variable name {none} is not found"],
  ["i64 in {ten}", "the value of term expression template variable {ten} is not array"],
  ["s like {ten}", "the value of like expression template variable {ten} is not string"],
  ["i64 == {half}", "cannot cast value to Int64, value: float_val:0.5"],
  ["i64 == {abc}", 'cannot cast value to Int64, value: string_val:"abc"'],
  ["s in {longs}", "cannot cast value to VarChar, value: int64_val:10"],
  ["{ten} < i64 < {zero}", "invalid range: lowerbound is greater than upperbound"],
  ["{abc} < i64 < 3", 'cannot cast value to Int64, value: string_val:"abc"'],
  ["{yes} < b < {yes}", "invalid range operations on boolean expr"],
  ["i64 / {zero} == 1", "division or modulus by zero"],
  ["i64 + {abc} == 1", "incompatible data type, Int64, VarChar"],
  ["f % {ten} == 1", "modulo can only apply on integer types"],
  ["i64 + {longs} == 1", "can not comparisons array directly"],
  ["arr[0] == {half}", "cannot cast value to Int64, value: float_val:0.5"],
  ["arr == {ten}", "cannot cast value to Array, value: int64_val:10"],
  ["arr in {longs}", "cannot cast value to Array, value: int64_val:10"],
  ["arr[0] in {strings}", 'cannot cast value to Int64, value: string_val:"abc"'],
  ["{ten} < arr[0] < {zero}", "invalid range: lowerbound is greater than upperbound"],
  ["arr[0] / {zero} == 1", "division or modulus by zero"],
  ["arr[0] + {abc} == 1", "incompatible data type, Int64, VarChar"],
  ["array_length(arr) == {half}", "cannot cast value to Int64, value: float_val:0.5"],
  ["array_contains(arr, {abc})", 'cannot cast value to Int64, value: string_val:"abc"'],
  ["array_contains(arr, {none})", "the value of expression template variable name {none} is not found"],
  ["array_contains_all(arr, {ten})", "ContainsAll operation element must be an array"],
  ["json_contains_any(j['l'], {ten})", "ContainsAny operation element must be an array"],
  ["array_contains_any(arr, {strings})", "ContainsAny operation can't compare between array element type: Int64 and VarChar"],
  ["array_contains_any(arr, {doubles})", "cannot cast value to Int64, value: float_val:1.1"],
  ["i64 + {ten} == 1.5", "cannot cast value to Int64, value: float_val:1.5"],
];

const refusal = (text: string, templates: ReadonlyMap<string, TemplateValue>): FilterError => {
  try {
    compile(text, templates);
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  throw new Error(`not refused: ${text}`);
};

describe("values are refused", () => {
  for (const [text, reason] of refusals)
    it(text, () => {
      const error = refusal(text, values);
      expect([error.message, error.sentinel, error.stage]).toEqual([reason, "query plan failed", "plan"]);
    });

  it("a value of no kind, used or not", () => {
    expect(refusal("i64 == 1", new Map([["empty", {}]])).message).toBe("expression elements can only be scalars");
    expect(refusal("i64 == 1", new Map([["bytes", { bytesVal: Buffer.from("a") }]])).message).toBe(
      "expression elements can only be scalars",
    );
  });

  it("JSON that is none, or holds what has no place in a filter", () => {
    const of = (text: string): string => refusal("j['a'] in {v}", new Map([["v", jsons(text)]])).message;
    expect(of("[1,")).toMatch(/^invalid JSON in a template value: /);
    expect(of('{"a":1}')).toBe("a JSON object is of unknown type");
    expect(of("[null]")).toBe("<nil> is of unknown type");
  });
});

it("a list of a hundred thousand values becomes as many values of the program", () => {
  const data = Array.from({ length: 100_000 }, (_, index) => BigInt(index) * 3n);
  const { program, keys } = compile("id in {v}", new Map([["v", longs(...data)]]));
  // version, opcode, source, field, arithmetic, count; then a tag and eight bytes each
  expect(program?.length).toBe(1 + 1 + 1 + 4 + 1 + 4 + data.length * 9);
  expect(keys).toEqual({ kind: "int64", keys: data });
});

it("an unused value changes nothing", () => {
  expect(compile("i64 == 10", values).program).toEqual(compile("i64 == 10").program);
});
