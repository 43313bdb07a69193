/**
 * Rows (objects) to columns (encoded FieldData), as Milvus's insert and upsert take them.
 *
 * Model: one column a field, in the schema's order, then `$meta` with the keys that are no fields. A field that takes nulls (nullable, or with a
 * default) travels with `valid_data` for every row and a payload of the valid rows only; missing and null are the same there. A column that no
 * row has is left out where the server makes it (auto id, function output) or keeps it (partial update). Nothing is encoded when any row is
 * refused.
 *
 * | type | strict dialect takes | payload |
 * | --- | --- | --- |
 * | Bool | boolean | bool_data |
 * | Int8, Int16, Int32 | integer number or bigint in range | int_data |
 * | Int64 | safe integer number, or bigint | long_data |
 * | Float, Double | number | float_data, double_data |
 * | VarChar | string | string_data |
 * | JSON | any JSON value | json_data, UTF-8 text |
 * | Geometry | string (WKT) | geometry_wkt_data |
 * | Array | array or typed array of what its elements' type takes | array_data |
 * | FloatVector | number[], Float32Array, Float64Array of `dim` | float_vector |
 * | BinaryVector | number[] of bytes, Uint8Array of `dim` / 8 | binary_vector |
 * | Float16Vector, BFloat16Vector | number[], Float32Array, Float64Array of `dim`; Uint8Array of its bytes | float16_vector, bfloat16_vector |
 * | Int8Vector | number[], Int8Array of `dim` | int8_vector |
 * | SparseFloatVector | `{ [index]: value }`, Map, `{ indices, values }` | sparse_float_vector |
 * | Text | string | string_data |
 * | array of structs | array of objects with every member | struct_arrays; see `encode-structs.ts` |
 */
import { httpFailure, invalid, MilvusError } from "../errors.js";
import { type CollectionSchema, DataType, FieldData, type FieldSchema } from "../proto/generated/messages.js";
import type { Init } from "../proto/wire.js";
import { DYNAMIC_FIELD } from "../schema.js";
import type { Dialect } from "./dialect.js";
import { payload } from "./encode-payload.js";
import { structColumn } from "./encode-structs.js";
import { hasDynamicField, staticFields, takesNull } from "./fields.js";
import { toJsonText } from "./json.js";
import { restDialect } from "./rest-dialect.js";
import { strictDialect } from "./strict-dialect.js";

export interface RowOptions {
  /** `strict` (default): values have the types of their fields, failures are 1100. `rest`: values are read by their text, failures are 1804. */
  readonly dialect?: "strict" | "rest";
  /** Default `insert`. */
  readonly operation?: "insert" | "upsert";
  /** Upsert only: columns that no row has are left as they are stored. */
  readonly partialUpdate?: boolean;
}

/** One column: its name and its encoded `schema.FieldData`. */
export interface EncodedField {
  readonly fieldName: string;
  readonly data: Buffer;
}

/**
 * Encodes rows by a schema (as DescribeCollection answers it, or as the catalog holds it).
 * @throws MilvusError 1100, or 1804 in the rest dialect, when a row does not fit the schema.
 */
export const rowsToFields = (
  schema: CollectionSchema,
  rows: readonly Readonly<Record<string, unknown>>[],
  options: RowOptions = {},
): EncodedField[] => {
  if (options.dialect !== "rest") return encodeRows(schema, rows, options, strictDialect);
  try {
    return encodeRows(schema, rows, options, restDialect);
  } catch (error) {
    throw error instanceof MilvusError ? httpFailure("httpInsertData", error.message) : error;
  }
};

type Rows = readonly Readonly<Record<string, unknown>>[];

const encodeRows = (schema: CollectionSchema, rows: Rows, options: RowOptions, dialect: Dialect): EncodedField[] => {
  if (rows.length === 0) throw dialect.noRows();
  for (const row of rows) if (typeof row !== "object" || row === null || Array.isArray(row)) throw dialect.notARow(row);
  const fields = staticFields(schema);
  const names = new Set([...fields, ...schema.structArrayFields].map((field) => field.name));
  const dynamic = hasDynamicField(schema);
  const extras = rows.map((row) => extraKeys(row, names, dynamic, dialect));
  const encoded: EncodedField[] = [];
  for (const field of fields) {
    const column = encodeColumn(schema, field, rows, options, dialect);
    if (column !== undefined) encoded.push({ fieldName: field.name, data: FieldData.encode(column) });
  }
  for (const struct of schema.structArrayFields) {
    const values = rows.map((row) => ownValue(row, struct.name));
    const column = structColumn(struct, values, dialect, options.partialUpdate === true);
    if (column !== undefined) encoded.push({ fieldName: struct.name, data: FieldData.encode(column) });
  }
  if (dynamic) encoded.push({ fieldName: DYNAMIC_FIELD, data: dynamicColumn(rows, extras, dialect) });
  return encoded;
};

const extraKeys = (row: Readonly<Record<string, unknown>>, names: ReadonlySet<string>, dynamic: boolean, dialect: Dialect): string[] => {
  const extras: string[] = [];
  for (const key of Object.keys(row)) {
    if (names.has(key) || row[key] === undefined) continue;
    if (key === DYNAMIC_FIELD) throw dialect.metaKey(dynamic);
    if (!dynamic) throw dialect.unknownKey(key);
    extras.push(key);
  }
  return extras;
};

const ownValue = (row: Readonly<Record<string, unknown>>, name: string): unknown => (Object.hasOwn(row, name) ? row[name] : undefined);

const encodeColumn = (
  schema: CollectionSchema,
  field: FieldSchema,
  rows: Rows,
  options: RowOptions,
  dialect: Dialect,
): Init<FieldData> | undefined => {
  const values = rows.map((row) => ownValue(row, field.name));
  const given = values.reduce<number>((sum, value) => (value === undefined ? sum : sum + 1), 0);
  const automatic = field.isPrimaryKey && (field.autoID || schema.autoID);
  if (given === 0 && (automatic || field.isFunctionOutput || options.partialUpdate)) return undefined;
  checkAutomaticKey(schema, field, given, automatic, options);
  if (options.partialUpdate && given !== rows.length) throw invalid(`column ${field.name} has length ${given}, expected ${rows.length}`);
  const nulls = takesNull(field);
  const valid = nulls ? values.map((value) => value !== undefined && value !== null) : [];
  return {
    type: field.dataType,
    fieldName: field.name,
    fieldId: field.fieldID,
    validData: valid,
    ...payload(field, values, valid, dialect),
  };
};

/** REST refuses a given key where ids are made by the server; the SDKs leave that to the server. */
const checkAutomaticKey = (schema: CollectionSchema, field: FieldSchema, given: number, automatic: boolean, options: RowOptions): void => {
  if (!automatic || given === 0 || options.dialect !== "rest" || options.operation === "upsert") return;
  const allowed = schema.properties.some((pair) => pair.key === "allow_insert_auto_id" && pair.value.toLowerCase() === "true");
  if (!allowed) throw invalid(`no need to pass pk field(${field.name}) when autoid==true in insert`);
};

const dynamicColumn = (rows: Rows, extras: readonly string[][], dialect: Dialect): Buffer =>
  FieldData.encode({
    type: DataType.JSON,
    fieldName: DYNAMIC_FIELD,
    isDynamic: true,
    scalars: { jsonData: { data: rows.map((row, i) => Buffer.from(dynamicText(row, extras[i] ?? [], dialect))) } },
  });

const dynamicText = (row: Readonly<Record<string, unknown>>, keys: readonly string[], dialect: Dialect): string => {
  const members: string[] = [];
  for (const key of keys) {
    const value = row[key];
    if (value === null && dialect.skipsDynamicNull) continue;
    const text = toJsonText(value);
    if (text === undefined) throw invalid(`the value of the dynamic key ${key} is not JSON: ${typeof value}`);
    members.push(`${JSON.stringify(key)}:${text}`);
  }
  return `{${members.join(",")}}`;
};
