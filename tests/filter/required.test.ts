/** Which values of the partition key a filter requires: a row that matches always has one of them. */
import { expect, it } from "vitest";
import { compileFilter } from "../../src/filter/index.js";
import type { TemplateValue } from "../../src/shared/proto/generated/messages.js";
import { runSeed, SeededRandom } from "../support/random.js";
import { dynamicFields, rows } from "./fixture.js";
import { randomFilter } from "./generate.js";
import { evaluate } from "./interpreter.js";

const keyed = (name: string) => dynamicFields.map((field) => (field.name === name ? { ...field, partitionKey: true } : field));

const required = (text: string, name = "i64", templates?: ReadonlyMap<string, TemplateValue>) =>
  compileFilter(text, keyed(name), templates).partitionKeys;

const known: readonly (readonly [string, readonly (bigint | string)[] | undefined])[] = [
  ["i64 == 5", [5n]],
  ["5 == i64", [5n]],
  ["i64 in [1, 2, 1]", [1n, 2n]],
  ["i64 == 5 and i8 == 1", [5n]],
  ["i64 in [1, 2] and i64 == 2", [2n]],
  ["i64 == 1 or i64 == 2", [1n, 2n]],
  ["(i64 == 1 or i64 == 2) and (i8 == 1 or b == true)", [1n, 2n]],
  ["(i64 == 1 and i8 == 1) or (i64 == 2 and i8 == 3)", [1n, 2n]],
  ["i64 in []", []],
  ["i64 == 1 or i64 in []", [1n]],
  ["false", []],
  ["i64 == {k}", [7n]],
  ["i64 == 1 or i8 == 1", undefined],
  ["not (i64 == 1)", undefined],
  ["i64 != 1", undefined],
  ["i64 not in [1]", undefined],
  ["i64 + 1 == 1", undefined],
  ["0 < i64 < 2", undefined],
  ["i64 == i8", undefined],
  ["i64 is null", undefined],
  ["true", undefined],
];

for (const [text, values] of known)
  it(text, () => {
    expect(required(text, "i64", new Map([["k", { int64Val: 7n }]]))).toEqual(values);
  });

it("texts are given as they are", () => {
  expect(required("s in ['a', 'ä'] and i64 > 1", "s")).toEqual(["a", "ä"]);
});

it("without a partition key nothing is told", () => {
  expect(compileFilter("i64 == 5", dynamicFields).partitionKeys).toBeUndefined();
});

it("every row that matches a random filter has one of the values", () => {
  const seed = runSeed();
  const random = new SeededRandom(seed);
  let told = 0;
  for (let round = 0; round < 3_000; round++) {
    const name = random.pick(["i64", "s"]);
    const value = (): string => (name === "i64" ? random.pick(["10", "0", "-7"]) : random.pick(["'abc'", "''", "'a'"]));
    const named = random.chance(0.5) ? `${name} == ${value()}` : `${name} in [${value()}, ${value()}]`;
    const text = `(${named} ${random.pick(["and", "and", "or"])} ${randomFilter(random, 2)}) ${random.pick(["and", "or"])} ${name} == ${value()}`;
    const { program, partitionKeys } = compileFilter(text, keyed(name));
    if (partitionKeys === undefined) continue;
    told += 1;
    const field = keyed(name).find((candidate) => candidate.partitionKey === true);
    const matching = rows.filter((_, index) => evaluate(program, rows)[index] === true);
    for (const row of matching)
      expect(partitionKeys, `ELANUS_SEED=${seed}: ${text}`).toContain(row.get(field?.id ?? -1) as bigint | string);
  }
  expect(told).toBeGreaterThan(500);
});

it("long runs cost no stack and no square of their length", () => {
  const many = Array.from({ length: 100_000 }, (_, index) => `i64 == ${index}`);
  expect(required(many.join(" or "))?.length).toBe(100_000);
  expect(required(many.join(" and "))?.length).toBe(1);
});
