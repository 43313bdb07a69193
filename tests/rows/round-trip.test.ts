import { expect, test } from "vitest";
import { DataType } from "../../src/shared/proto/generated/messages.js";
import { fieldsToRows, restForm } from "../../src/shared/rows/decode.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { parseJson, toJsonText } from "../../src/shared/rows/json.js";
import { type Random, randomFrom, withSeeds } from "./random.js";
import { DIM, everyType } from "./schemas.js";

const words = ["", "a", "kite", "naïve", "日本語", "\u0001", '"quoted"', "back\\slash", "__proto__", "$meta-ish", "🪁"];

const int64 = (random: Random): number | bigint =>
  random.pick<number | bigint>([
    0,
    -1,
    random.int(-(2 ** 31), 2 ** 31),
    2 ** 53 - 1,
    9223372036854775807n,
    -9223372036854775808n,
    BigInt(2 ** 53) + BigInt(random.int(0, 1000)),
  ]);

const json = (random: Random, depth = 0): unknown => {
  const kind = random.int(0, depth > 3 ? 4 : 6);
  if (kind === 0) return random.next() < 0.5;
  if (kind === 1) return random.int(-1000, 1000) / 8;
  if (kind === 2) return int64(random);
  if (kind === 3) return random.pick(words);
  if (kind === 4) return depth === 0 ? {} : null;
  if (kind === 5) return Array.from({ length: random.int(0, 4) }, () => json(random, depth + 1));
  return Object.fromEntries(Array.from({ length: random.int(0, 4) }, () => [random.pick(words), json(random, depth + 1)]));
};

type Maker = (random: Random) => unknown;

const scalars: Record<string, Maker> = {
  Bool: (random) => random.next() < 0.5,
  Int8: (random) => random.int(-128, 127),
  Int16: (random) => random.int(-32768, 32767),
  Int32: (random) => random.int(-(2 ** 31), 2 ** 31 - 1),
  Int64: int64,
  Float: (random) => Math.fround(random.next() * 100 - 50),
  Double: (random) => random.next() * 1e9,
  VarChar: (random) => random.pick(words),
};

const sparse: Maker = (random) =>
  Object.fromEntries(
    Array.from({ length: random.int(0, 4) }, () => [random.pick([0, 1, random.int(0, 2 ** 31), 2 ** 32 - 2]), Math.fround(random.next())]),
  );

/** Numbers that the 16-bit floats hold exactly. */
const short: Maker = (random) => Float32Array.from({ length: DIM }, () => random.int(-128, 128) / random.pick([1, 4, 64]));

const vectors: Record<string, Maker> = {
  FloatVector: (random) => Float32Array.from({ length: DIM }, () => random.next() - 0.5),
  BinaryVector: (random) => Uint8Array.from({ length: DIM / 8 }, () => random.int(0, 255)),
  Float16Vector: short,
  BFloat16Vector: short,
  Int8Vector: (random) => Int8Array.from({ length: DIM }, () => random.int(-128, 127)),
  SparseFloatVector: sparse,
};

const makers: Record<string, Maker> = {
  ...scalars,
  JSON: (random) => json(random),
  ...Object.fromEntries(
    Object.entries(scalars).map(([name, make]): [string, Maker] => [
      `ArrayOf${name}`,
      (random) => Array.from({ length: random.int(0, 5) }, () => make(random)),
    ]),
  ),
  ...vectors,
};

const randomRow = (random: Random): Record<string, unknown> => {
  const row: Record<string, unknown> = { id: int64(random) };
  for (const [name, make] of Object.entries(makers)) {
    row[`a_${name}`] = make(random);
    row[`n_${name}`] = random.next() < 0.3 ? null : make(random);
  }
  for (let extra = random.int(0, 3); extra > 0; extra--) row[`x${random.int(0, 5)}`] = json(random);
  return row;
};

test("rows come back as they were", () => {
  withSeeds(50, (random) => {
    const rows = Array.from({ length: random.int(1, 20) }, () => randomRow(random));
    const fields = rowsToFields(everyType(), rows);
    expect(fieldsToRows(fields.map((field) => field.data))).toEqual(rows);
  });
});

test("JSON text keeps 64-bit integers", () => {
  withSeeds(1000, (random) => {
    const value = json(random);
    expect(parseJson(toJsonText(value) as string)).toEqual(value);
  });
});

test("JSON without long integers is what JSON.parse and JSON.stringify make of it", () => {
  withSeeds(500, (random) => {
    const value = json(random);
    const text = JSON.stringify(value, (_, member: unknown) => (typeof member === "bigint" ? Number(member % 1000n) : member));
    if (/\d{16}/.test(text)) return;
    expect(parseJson(text)).toEqual(JSON.parse(text));
    expect(toJsonText(parseJson(text))).toBe(text);
  });
});

test("a missing key and null are the same in a field that takes nulls", () => {
  const row = randomRow(randomFrom(1));
  const without = Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith("n_")));
  const nulls = { ...row, ...Object.fromEntries(Object.keys(row).flatMap((name) => (name.startsWith("n_") ? [[name, null]] : []))) };
  expect(rowsToFields(everyType(), [without])).toEqual(rowsToFields(everyType(), [nulls]));
});

test("a key named __proto__ is a key of the row, not its prototype", () => {
  const row = { ...randomRow(randomFrom(1)), ...(parseJson('{"__proto__":{"admin":9007199254740993}}') as object) };
  const [back] = fieldsToRows(rowsToFields(everyType(), [row]).map((field) => field.data));
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
  expect(Object.keys(back ?? {})).toContain("__proto__");
});

test("what REST answers can be inserted through REST again", () => {
  withSeeds(50, (random) => {
    const row = randomRow(random);
    const sent = rowsToFields(everyType(), [row]).map((field) => field.data);
    const [told] = fieldsToRows(sent, restForm(true));
    const lists = Object.entries(told ?? {}).map(([name, value]) => [name, name.includes("ArrayOf") ? elementsIn(value) : value]);
    const back = rowsToFields(everyType(), [parseJson(toJsonText(Object.fromEntries(lists)) as string) as Record<string, unknown>], {
      dialect: "rest",
    });
    const [again] = fieldsToRows(back.map((field) => field.data));
    for (const name of Object.keys(makers)) {
      if (name === "JSON") continue;
      expect([`a_${name}`, again?.[`a_${name}`]]).toEqual([`a_${name}`, row[`a_${name}`]]);
      expect([`n_${name}`, again?.[`n_${name}`]]).toEqual([`n_${name}`, row[`n_${name}`]]);
    }
  });
});

/** The elements of `{"Data":{"LongData":{"data":[…]}}}`, null for a null. */
const elementsIn = (value: unknown): unknown => {
  if (value === null) return null;
  const [list] = Object.values((value as { Data: Record<string, { data?: unknown[] }> }).Data);
  return list?.data ?? [];
};

test("every type of a row has a payload", () => {
  const covered = new Set(everyType().fields.map((field) => field.dataType));
  expect([...covered].sort((a, b) => a - b)).toEqual([
    ...[DataType.Bool, DataType.Int8, DataType.Int16, DataType.Int32, DataType.Int64],
    ...[DataType.Float, DataType.Double, DataType.VarChar, DataType.Array, DataType.JSON],
    ...[DataType.BinaryVector, DataType.FloatVector, DataType.Float16Vector, DataType.BFloat16Vector],
    ...[DataType.SparseFloatVector, DataType.Int8Vector],
  ]);
});
