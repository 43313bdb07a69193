/** What a search over isolated partition keys may ask for. */
import { expect, test } from "vitest";
import { compileFilter, type FilterField } from "../../src/filter/index.js";
import { DataType } from "../../src/shared/proto/generated/messages.js";

const fields: FilterField[] = [
  { id: 100, name: "id", dataType: DataType.Int64, primary: true },
  { id: 101, name: "k", dataType: DataType.VarChar, partitionKey: true },
  { id: 102, name: "n", dataType: DataType.Int64 },
];

const none = "partition key not found in expr or the expr is invalid when validating partition key isolation";
const refused = (what: string) => `partition key isolation does not support ${what}`;

test.each([
  ["k == 'a'", undefined],
  ["k == 'a' and n > 3", undefined],
  ["n in [1, 2] and (n < 9 and k == 'a')", undefined],
  ["not (n == 1) and k == 'a'", undefined],
  ["", none],
  ["n == 1", none],
  ["n == 1 or n == 2", none],
  ["k in ['a', 'b']", refused("IN")],
  ["k not in ['a', 'b']", refused("IN")],
  ["k == 'a' or n == 1", refused("OR")],
  ["not (k == 'a')", refused("NOT")],
  ["k != 'a'", refused("NotEqual")],
  ["k > 'a'", refused("GreaterThan")],
  ["k >= 'a'", refused("GreaterEqual")],
  ["k < 'a'", refused("LessThan")],
  ["k <= 'a'", refused("LessEqual")],
  ["'a' < k < 'c'", refused("BinaryRange")],
])("%o", (text, words) => {
  expect(compileFilter(text, fields).isolationFault).toBe(words);
});

test("a filter of 100,000 operators is walked without recursion", () => {
  const text = `k == 'a'${" and n > 1".repeat(100_000)}`;
  expect(compileFilter(text, fields).isolationFault).toBeUndefined();
});
