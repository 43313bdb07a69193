/** The core and the interpreter select the same rows: random filters over random rows. */
import { expect, it } from "vitest";
import { loadCore } from "../../src/engine/core.js";
import { momentsOf } from "../../src/operations/timestamptz.js";
import { DataType, FieldSchema, IDs } from "../../src/shared/proto/generated/messages.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { parseJson } from "../../src/shared/rows/json.js";
import { schemaOf } from "../rows/schemas.js";
import { runSeed, SeededRandom } from "../support/random.js";
import { compile, dynamicFields } from "./fixture.js";
import { randomFilter } from "./generate.js";
import { array, type Cell, evaluate, json, type Row, single } from "./interpreter.js";

const columns = dynamicFields.filter(({ dataType }) => dataType <= DataType.JSON || dataType === DataType.Timestamptz);

const schema = () =>
  schemaOf(
    columns
      .filter(({ dynamic }) => dynamic !== true)
      .map(({ id, name, dataType, primary, nullable, elementType }) =>
        FieldSchema.create({
          fieldID: BigInt(id),
          name,
          dataType: dataType as FieldSchema["dataType"],
          isPrimaryKey: primary === true,
          nullable: nullable === true,
          elementType: (elementType ?? DataType.None) as FieldSchema["elementType"],
        }),
      ),
    { enableDynamicField: true },
  );

const documents = [
  '{"a":1,"l":[1,2],"o":{"k":"v"}}',
  '{"a":1.5,"e":{},"n":null}',
  '{"a":"1","m":[{"k":true}],"l":[1,2.0]}',
  '{"a":9007199254740993,"1":"one","o":{"k":10}}',
  '{"a":true,"l":[],"o":[7]}',
  '{"a":"abc","l":["x",7]}',
  '{"a":-7.0,"l":[7,[1,2],"a",null,{},[],2.5,true]}',
  '[1,10,"a",[7]]',
  "{}",
];
const dynamics = ['"x":5', '"x":"5"', '"x":{"y":[7,8]}', '"x":[7,8]', '"x":2.5', '"z":1', '"x":null'];

/** Microseconds and what a client writes for them. */
const moments: readonly (readonly [bigint, string])[] = [
  [0n, "1970-01-01T00:00:00Z"],
  [-1n, "1969-12-31T23:59:59.999999Z"],
  [1735689599999999n, "2024-12-31T23:59:59.999999Z"],
  [1735689600000000n, "2025-01-01T00:00:00Z"],
];

type Written = { readonly row: Row; readonly input: Record<string, unknown> };

/** One random row, as the interpreter and as the encoder take it. */
const randomRow = (random: SeededRandom, id: number): Written => {
  const maybe = <T>(value: T): T | null => (random.chance(0.2) ? null : value);
  const i8 = random.pick([0, 1, -7, 127, -128, 10, 3]);
  const i64 = maybe(random.pick([0n, 1n, -7n, 10n, 9223372036854775807n, -9223372036854775808n, 9007199254740993n]));
  const f = maybe(random.pick([0, 1.1, 2.5, -3, 100, 0.1]));
  const d = random.pick([0.5, 2.5, -3, 1e300, 0.1, 9007199254740992]);
  const b = maybe(random.chance(0.5));
  const s = maybe(random.pick(["", "a", "abc", "中文%", "a%", "b", "a\nc", "ab\u0000c"]));
  const t = random.pick(["", "a", "abc", "zz", "中x"]);
  const j = maybe(random.pick(documents));
  const dynamic = `{${random.pick(dynamics)}}`;
  const many = <T>(of: readonly T[]): T[] => Array.from({ length: random.below(4) }, () => random.pick(of));
  const ai = many([0, 1, -7, 127, 10]);
  const arr = maybe(many([0n, 1n, -7n, 10n, 9223372036854775807n, -9223372036854775808n]));
  const ab = many([true, false]);
  const af = maybe(many([0, 1.1, 2.5, -3, 0.1, 300]));
  const ad = many([0.5, 2.5, -3, 1e300, 0.1, 10]);
  const as = maybe(many(["", "a", "abc", "中文%", "b"]));
  const ts = maybe(random.pick(moments));
  const cells: Record<string, Cell> = {
    id: BigInt(id),
    i8: BigInt(i8),
    i64,
    f: f === null ? null : single(f),
    d,
    b,
    s,
    t,
    j: j === null ? null : json(j),
    $meta: json(dynamic),
    ts: ts === null ? null : ts[0],
    ai: array(ai.map(BigInt)),
    arr: arr === null ? null : array(arr),
    ab: array(ab),
    af: af === null ? null : array(af, true),
    ad: array(ad),
    as: as === null ? null : array(as),
  };
  const row: Row = new Map(columns.map((column) => [column.id, cells[column.name] ?? null]));
  const input = {
    id,
    i8,
    i64,
    f,
    d,
    b,
    s,
    t,
    j: j === null ? null : parseJson(j),
    ts: ts === null ? null : ts[1],
    ai,
    arr,
    ab,
    af,
    ad,
    as,
    ...(parseJson(dynamic) as object),
  };
  return { row, input };
};

it("the core selects the rows that the interpreter selects", async () => {
  const seed = runSeed();
  const random = new SeededRandom(seed);
  const written = Array.from({ length: 200 }, (_, id) => randomRow(random, id));
  const core = loadCore();
  const described = columns.map(({ id, dataType, primary, nullable, dynamic, elementType }) => ({
    id,
    type: dataType,
    primary: primary === true,
    nullable: nullable === true,
    dynamic: dynamic === true,
    ...(dataType === DataType.JSON || dataType === DataType.VarChar ? { maxLength: 65535 } : {}),
    ...(dataType === DataType.Array ? { elementType, maxCapacity: 10, maxLength: 100 } : {}),
  }));
  const coreSchema = core.createSchema(JSON.stringify(described));
  const encoded = rowsToFields(
    schema(),
    written.map(({ input }) => input),
  );
  const byName = new Map(columns.map((column) => [column.name, column.id]));
  const fields = encoded.map(({ fieldName, data }) => ({
    id: byName.get(fieldName === "" ? "$meta" : fieldName) ?? -1,
    data: fieldName === "ts" ? momentsOf(data, "UTC") : data,
  }));
  const segment = core.createSegment(coreSchema);
  segment.append(await core.decodeRows(coreSchema, written.length, fields), 1n);
  let selective = 0;
  for (let round = 0; round < 4_000; round++) {
    const text = randomFilter(random, 3);
    const { program } = compile(text);
    const keys = await core.keys([segment], { readTimestamp: 2n, ...(program === undefined ? {} : { filter: program }) });
    const selected = (IDs.decode(keys).intId?.data ?? []).map(Number).sort((left, right) => left - right);
    const truths = evaluate(
      program,
      written.map(({ row }) => row),
    );
    const expected = truths.flatMap((truth, id) => (truth === true ? [id] : []));
    expect(selected, `ELANUS_SEED=${seed}: ${text}`).toEqual(expected);
    if (expected.length > 0 && expected.length < written.length) selective += 1;
  }
  expect(selective).toBeGreaterThan(1_000);
});
