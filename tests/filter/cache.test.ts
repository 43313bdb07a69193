/** The cache of compiled filters: what is kept, what is dropped, what is told apart. */
import { expect, it } from "vitest";
import { FilterCache, FilterError } from "../../src/filter/index.js";
import { dynamicFields, fields } from "./fixture.js";

const schema = {};

it("compiles a text once a schema", () => {
  const cache = new FilterCache({ countMax: 10, byteMax: 10_000 });
  const first = cache.compile("i64 == 1", schema, () => fields);
  expect(cache.compile("i64 == 1", schema, () => expect.unreachable())).toBe(first);
  expect(() => cache.compile("x == 1", schema, () => fields)).toThrow(FilterError);
  expect(cache.compile("x == 1", {}, () => dynamicFields).program).toBeDefined();
  expect(cache.count).toBe(2);
});

it("drops the one that was not used for longest when there are too many", () => {
  const cache = new FilterCache({ countMax: 2, byteMax: 10_000 });
  const one = cache.compile("i64 == 1", schema, () => fields);
  const two = cache.compile("i64 == 2", schema, () => fields);
  cache.compile("i64 == 1", schema, () => fields);
  cache.compile("i64 == 3", schema, () => fields);
  expect(cache.count).toBe(2);
  expect(cache.compile("i64 == 1", schema, () => fields)).toBe(one);
  expect(cache.compile("i64 == 2", schema, () => fields)).not.toBe(two);
});

it("is bounded by bytes, and does not keep what alone would fill it", () => {
  const cache = new FilterCache({ countMax: 1000, byteMax: 2_000 });
  for (let value = 0; value < 200; value++) cache.compile(`i64 == ${value}`, schema, () => fields);
  expect(cache.byteSize).toBeLessThanOrEqual(2_000);
  expect(cache.count).toBeGreaterThan(5);
  const before = cache.count;
  const large = `s == '${"a".repeat(3_000)}'`;
  expect(cache.compile(large, schema, () => fields)).not.toBe(cache.compile(large, schema, () => fields));
  expect(cache.count).toBe(before);
});

it("keeps no filter with template values, and no bytes of what it dropped", () => {
  const cache = new FilterCache({ countMax: 1, byteMax: 10_000 });
  const templates = new Map([["v", { int64Val: 1n }]]);
  expect(cache.compile("i64 == {v}", schema, () => fields, templates).program).toBeDefined();
  expect([cache.count, cache.byteSize]).toEqual([0, 0]);
  cache.compile("i64 == 1", schema, () => fields, new Map());
  const size = cache.byteSize;
  cache.compile("i64 == 2", schema, () => fields);
  expect([cache.count, cache.byteSize]).toEqual([1, size]);
});
