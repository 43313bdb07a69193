/**
 * Columns (FieldData) to rows, as results carry them.
 *
 * Model: scalars are dense (a placeholder stands where `valid_data` is false; the compact form of inserts is read too), vectors are compact
 * (only the valid rows). A row has every field of the result, null where it is null; the keys of `$meta` stand beside them, all of them, or
 * those that were asked for when some output field is no column. Both forms of results are read by the same code; `RowForm` says how int64, JSON
 * and vectors look.
 */
import { invalid } from "../errors.js";
import { DataType, FieldData, IDs, type ScalarField, type SearchResultData } from "../proto/generated/messages.js";
import { DYNAMIC_FIELD, typeName } from "../schema.js";
import { type Row, setKey } from "./fields.js";
import { parseJson, shortFloat } from "./json.js";

export interface RowForm {
  /** `number`: number when safe, else bigint. `text`: decimal text. */
  readonly int64: "number" | "text";
  /** `value`: parsed. `text`: the JSON text of a JSON column (dynamic keys are always values). */
  readonly json: "value" | "text";
  /** `typed`: Float32Array of its own. `array`: number[] with the shortest digits that give the same floats; scalars of type Float too. */
  readonly floats: "typed" | "array";
}

/** What the TypeScript client gives. */
export const clientForm: RowForm = { int64: "number", json: "value", floats: "typed" };

/** What REST gives. `allowInt64` is its header Accept-Type-Allow-Int64. Print with `toJsonText`: rows may hold bigints. */
export const restForm = (allowInt64: boolean): RowForm => ({ int64: allowInt64 ? "number" : "text", json: "text", floats: "array" });

/** An int64 as `number` when it is safe, else `bigint`; or as text. */
export const int64Value = (value: bigint, form: RowForm): number | bigint | string => {
  if (form.int64 === "text") return value.toString();
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};

/** The keys of an encoded `schema.IDs`. */
export const idsToValues = (encoded: Uint8Array, form: RowForm = clientForm): (number | bigint | string)[] => {
  const ids = IDs.decode(encoded);
  return ids.strId ? ids.strId.data : (ids.intId?.data ?? []).map((id) => int64Value(id, form));
};

/** Value of row `row`, or undefined when the row does not have the column (dynamic column only). */
type Accessor = (row: number) => unknown;

interface Column {
  readonly name: string;
  readonly dynamic: boolean;
  readonly rowCount: number;
  readonly value: Accessor;
}

/**
 * Decodes the columns of a result.
 * @param fields encoded or decoded FieldData, all with the same number of rows
 * @param outputFields what was asked for; names the dynamic keys to inline
 */
export const fieldsToRows = (
  fields: readonly (Uint8Array | FieldData)[],
  form: RowForm = clientForm,
  outputFields: readonly string[] = [],
): Row[] => {
  const columns = fields.map((field) => columnOf(field instanceof Uint8Array ? FieldData.decode(field) : field, form));
  const rowCount = columns[0]?.rowCount ?? 0;
  const odd = columns.find((column) => column.rowCount !== rowCount);
  if (odd) throw invalid(`the num_rows (${odd.rowCount}) of field (${odd.name}) is not equal to passed num_rows (${rowCount})`);
  const keys = dynamicKeys(columns, outputFields);
  return Array.from({ length: rowCount }, (_, row) => rowOf(columns, row, keys));
};

/** undefined: all keys. */
const dynamicKeys = (columns: readonly Column[], outputFields: readonly string[]): ReadonlySet<string> | undefined => {
  const names = new Set(columns.map((column) => column.name));
  const keys = outputFields.filter((name) => !names.has(name) && name !== "*").map(keyOf);
  return keys.length === 0 || outputFields.includes(DYNAMIC_FIELD) || outputFields.includes("*") ? undefined : new Set(keys);
};

/** The key that an output field names: `color`, or `$meta["color"]`. */
const keyOf = (name: string): string => /^\$meta\[["'](.*)["']\]$/.exec(name)?.[1] ?? name;

const rowOf = (columns: readonly Column[], row: number, keys: ReadonlySet<string> | undefined): Row => {
  const made: Row = {};
  for (const column of columns) {
    const value = column.value(row);
    if (!column.dynamic) setKey(made, column.name, value);
    else
      for (const [key, member] of Object.entries((value ?? {}) as Row))
        if ((keys === undefined || keys.has(key)) && !Object.hasOwn(made, key)) setKey(made, key, member);
  }
  return made;
};

const columnOf = (field: FieldData, form: RowForm): Column => {
  const column = { name: field.fieldName, dynamic: field.isDynamic };
  return field.type === DataType.FloatVector ? { ...column, ...vectors(field, form) } : { ...column, ...scalars(field, form) };
};

type Values = Pick<Column, "rowCount" | "value">;

const vectors = (field: FieldData, form: RowForm): Values => {
  const dim = Number(field.vectors?.dim ?? 0n);
  const all = field.vectors?.floatVector?.data ?? new Float32Array(0);
  const valid = field.validData;
  const rowCount = valid.length > 0 ? valid.length : dim === 0 ? 0 : all.length / dim;
  const places = valid.length > 0 ? placesOf(valid) : undefined;
  const value = (row: number): unknown => {
    const place = places === undefined ? row : (places[row] as number);
    if (place < 0) return null;
    const vector = all.slice(place * dim, (place + 1) * dim);
    return form.floats === "typed" ? vector : Array.from(vector, shortFloat);
  };
  return { rowCount, value };
};

/** Index of each row among the valid ones; -1 for a null. */
const placesOf = (valid: readonly boolean[]): number[] => {
  let next = 0;
  return valid.map((isValid) => (isValid ? next++ : -1));
};

const scalars = (field: FieldData, form: RowForm): Values => {
  const { data, read } = scalarData(field, form);
  const valid = field.validData;
  if (valid.length === 0) return { rowCount: data.length, value: (row) => read(data[row]) };
  const places = data.length === valid.length ? undefined : placesOf(valid);
  return {
    rowCount: valid.length,
    value: (row) => (valid[row] === true ? read(data[places === undefined ? row : (places[row] as number)]) : null),
  };
};

interface ScalarData {
  readonly data: ArrayLike<unknown>;
  readonly read: (value: unknown) => unknown;
}

const same = (value: unknown): unknown => value;

const scalarData = (field: FieldData, form: RowForm): ScalarData => {
  const source: Partial<ScalarField> = field.scalars ?? {};
  switch (field.type) {
    case DataType.Bool:
      return { data: source.boolData?.data ?? [], read: same };
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
      return { data: source.intData?.data ?? [], read: same };
    case DataType.Int64:
      return { data: source.longData?.data ?? [], read: (value) => int64Value(value as bigint, form) };
    case DataType.Float:
      return {
        data: source.floatData?.data ?? [],
        read: form.floats === "typed" ? same : (value) => shortFloat(value as number),
      };
    case DataType.Double:
      return { data: source.doubleData?.data ?? [], read: same };
    case DataType.VarChar:
    case DataType.String:
    case DataType.Text:
    case DataType.Timestamptz:
      return { data: source.stringData?.data ?? [], read: same };
    case DataType.JSON:
      return { data: source.jsonData?.data ?? [], read: jsonReader(field.isDynamic || form.json === "value") };
    default:
      throw invalid(`the type(${typeName(field.type)}) of field(${field.fieldName}) is not supported`);
  }
};

const jsonReader =
  (parse: boolean) =>
  (value: unknown): unknown => {
    const text = (value as Buffer).toString("utf8");
    return parse ? parseJson(text) : text;
  };

/** One hit of a search: `distance` is the score in the metric's own scale. */
export interface Hit {
  readonly id: number | bigint | string;
  readonly distance: number;
  readonly entity: Row;
}

/** The hits of a search, one list a query vector, best first. */
export const resultsToHits = (results: SearchResultData, form: RowForm = clientForm, outputFields?: readonly string[]): Hit[][] => {
  const ids = idsToValues(results.ids, form);
  const asked = outputFields ?? results.outputFields;
  const rows = results.fieldsData.length === 0 ? [] : fieldsToRows(results.fieldsData, form, asked);
  let next = 0;
  return results.topks.map((count) => {
    const hits: Hit[] = [];
    for (const end = next + Number(count); next < end; next++) {
      const score = results.scores[next] ?? 0;
      hits.push({
        id: ids[next] as Hit["id"],
        distance: form.floats === "typed" ? score : shortFloat(score),
        entity: rows[next] ?? {},
      });
    }
    return hits;
  });
};
