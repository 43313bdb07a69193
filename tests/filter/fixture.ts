/** The collection that the filter tests ask, and how its answers are written. */
import { compileFilter, type FilterField } from "../../src/filter/index.js";
import { DataType, type TemplateValue } from "../../src/shared/proto/generated/messages.js";
import { array, type Cell, evaluate, json, type Row, single } from "./interpreter.js";

const declared: readonly (readonly [string, number, Partial<FilterField>?])[] = [
  ["id", DataType.Int64, { primary: true }],
  ["i8", DataType.Int8],
  ["i64", DataType.Int64, { nullable: true }],
  ["f", DataType.Float, { nullable: true }],
  ["d", DataType.Double],
  ["b", DataType.Bool, { nullable: true }],
  ["s", DataType.VarChar, { nullable: true }],
  ["t", DataType.VarChar],
  ["j", DataType.JSON, { nullable: true }],
  ["vec", DataType.FloatVector],
  ["arr", DataType.Array, { elementType: DataType.Int64, nullable: true }],
  ["text", DataType.Text],
  ["ts", DataType.Timestamptz, { nullable: true }],
  ["geo", DataType.Geometry],
  ["ai", DataType.Array, { elementType: DataType.Int8 }],
  ["ab", DataType.Array, { elementType: DataType.Bool }],
  ["af", DataType.Array, { elementType: DataType.Float, nullable: true }],
  ["ad", DataType.Array, { elementType: DataType.Double }],
  ["as", DataType.Array, { elementType: DataType.VarChar, nullable: true }],
];

export const fields: readonly FilterField[] = declared.map(([name, dataType, more], index) => ({
  id: 100 + index,
  name,
  dataType,
  ...more,
}));
export const dynamicFields: readonly FilterField[] = [...fields, { id: 130, name: "$meta", dataType: DataType.JSON, dynamic: true }];

const row = (cells: Record<string, Cell>): Row =>
  new Map(dynamicFields.map((field) => [field.id, cells[field.name] ?? (field.dynamic ? json("{}") : null)]));

/** Rows 0 to 4. In row 4 all is null that may be. */
export const rows: readonly Row[] = [
  row({
    id: 0n,
    i8: 1n,
    i64: 10n,
    f: single(1.1),
    d: 0.5,
    b: true,
    s: "abc",
    t: "abc",
    j: json('{"a":1,"l":[1,2],"o":{"k":"v"}}'),
    ts: 1735689600000000n,
    arr: array([1n, 2n, 3n]),
    af: array([1.1, 2.5], true),
    as: array(["a", "b", "abc"]),
    $meta: json('{"x":5}'),
  }),
  row({
    id: 1n,
    i8: -2n,
    i64: -7n,
    f: single(2.5),
    d: 2.5,
    b: false,
    s: "中文%",
    t: "b",
    j: json('{"a":1.5,"e":{},"n":null,"w":[1.0,"1",true,[1,2],null,{"k":1}]}'),
    ts: 0n,
    arr: array([]),
    af: array([], true),
    as: array([]),
    $meta: json('{"x":"5"}'),
  }),
  row({
    id: 2n,
    i8: 127n,
    i64: 9223372036854775807n,
    f: single(-3),
    d: -3,
    b: true,
    s: "",
    t: "",
    j: json('{"a":"1","m":[{"k":true}]}'),
    ts: -1n,
    arr: array([10n]),
    af: array([-3], true),
    as: array(["中文%"]),
    $meta: json('{"x":{"y":[7,8]}}'),
  }),
  row({
    id: 3n,
    i8: 0n,
    i64: 0n,
    f: single(100),
    d: 1e300,
    b: false,
    s: 'a\nb"',
    t: "zz",
    j: json('{"a":9007199254740993,"1":"one","w":"no"}'),
    ts: 1735689599999999n,
    arr: array([9223372036854775807n, -7n, 10n, 10n]),
    af: array([100, 1.1], true),
    as: array(["", "a"]),
    $meta: json('{"and":1}'),
  }),
  row({ id: 4n, i8: 4n, d: 4, t: "null" }),
];

export const compile = (text: string, templates?: ReadonlyMap<string, TemplateValue>) => compileFilter(text, dynamicFields, templates);

/** One character a row: `1` true, `0` false, `-` null. */
export const truths = (text: string, templates?: ReadonlyMap<string, TemplateValue>): string =>
  evaluate(compile(text, templates).program, rows)
    .map((truth) => (truth === null ? "-" : truth ? "1" : "0"))
    .join("");

export const list = (data: Partial<NonNullable<TemplateValue["arrayVal"]>>): TemplateValue => ({ arrayVal: data });
