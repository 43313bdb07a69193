/** Which filters are a plain list of primary keys. */
import { expect, it } from "vitest";
import { compileFilter, type FilterField } from "../../src/filter/index.js";
import { DataType } from "../../src/shared/proto/generated/messages.js";
import { compile } from "./fixture.js";

const named: readonly FilterField[] = [{ id: 1, name: "name", dataType: DataType.VarChar, primary: true }];

it("`pk == c` and `pk in [...]` alone, or joined by `or`, give the keys, each once", () => {
  expect(compile("id == 5").keys).toEqual({ kind: "int64", keys: [5n] });
  expect(compile("(5 == id)").keys).toEqual({ kind: "int64", keys: [5n] });
  expect(compile("id in [3, 1, 3, -9223372036854775808]").keys).toEqual({ kind: "int64", keys: [3n, 1n, -(2n ** 63n)] });
  expect(compile("id == 5 or id in [6, 5] or (id == 7 or id == 6)").keys).toEqual({ kind: "int64", keys: [5n, 6n, 7n] });
  expect(compile("id in []").keys).toEqual({ kind: "int64", keys: [] });
  expect(compile("true and id == {k}", new Map([["k", { int64Val: 7n }]])).keys).toEqual({ kind: "int64", keys: [7n] });
  expect(compileFilter("name in ['a', \"b\"]", named).keys).toEqual({ kind: "varchar", keys: ["a", "b"] });
});

it("everything else gives none", () => {
  for (const text of [
    "id != 5",
    "id > 5",
    "id not in [5]",
    "not (id == 5)",
    "id + 1 == 5",
    "id == 5 and i8 == 1",
    "id == 5 or i64 == 6",
    "id == 5 or id > 6",
    "not (id == 5 or id == 6)",
    "4 < id < 6",
    "id == i64",
    "i64 == 5",
    "id is null",
    "",
  ])
    expect(compile(text).keys, text).toBeUndefined();
});

it("a filter that every row passes has no program", () => {
  for (const text of ["", "  ", "true", "1 == 1", "id == 1 or true", "not false"])
    expect(compile(text), text).toEqual({ program: undefined, alwaysTrue: true });
  expect(compile("false")).toEqual({ program: Buffer.from([2, 2]), alwaysTrue: false });
});
