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
import { DYNAMIC_FIELD, isVector, typeName } from "../schema.js";
import { vectorsOf } from "./decode-vectors.js";
import { type Row, setKey } from "./fields.js";
import { parseJson, shortFloat } from "./json.js";

export interface RowForm {
  /** `number`: number when safe, else bigint. `text`: decimal text. */
  readonly int64: "number" | "text";
  /** `value`: parsed. `text`: the JSON text of a JSON column (dynamic keys are always values). */
  readonly json: "value" | "text";
  /** `typed`: Float32Array of its own. `array`: number[] with the shortest digits that give the same floats; scalars of type Float too. */
  readonly floats: "typed" | "array";
  /**
   * Vectors of bytes. `typed`: BinaryVector as Uint8Array, Int8Vector as Int8Array, Float16Vector and BFloat16Vector as Float32Array.
   * `base64`: the bytes of all of them but Int8Vector, which is a number[].
   */
  readonly bytes: "typed" | "base64";
  /** `list`: an Array is an array. `message`: as Go prints its message, e.g. `{"Data":{"LongData":{"data":[1]}}}`, int64 always as digits. */
  readonly arrays: "list" | "message";
}

/** What the TypeScript client gives. */
export const clientForm: RowForm = { int64: "number", json: "value", floats: "typed", bytes: "typed", arrays: "list" };

/** What REST gives. `allowInt64` is its header Accept-Type-Allow-Int64. Print with `toJsonText`: rows may hold bigints. */
export const restForm = (allowInt64: boolean): RowForm => ({
  int64: allowInt64 ? "number" : "text",
  json: "text",
  floats: "array",
  bytes: "base64",
  arrays: "message",
});

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
  if (field.structArrays !== undefined) return { ...column, ...structs(field.structArrays.fields, form) };
  if (field.vectors?.vectorArray !== undefined) return { ...column, ...lists(field, form) };
  return { ...column, ...(isVector(field.type) ? vectors(field, form) : scalars(field, form)) };
};

type Values = Pick<Column, "rowCount" | "value">;

const vectors = (field: FieldData, form: RowForm): Values => {
  const { count, at } = vectorsOf(field, form);
  const valid = field.validData;
  if (valid.length === 0) return { rowCount: count, value: at };
  const places = placesOf(valid);
  return {
    rowCount: valid.length,
    value: (row) => {
      const place = places[row] as number;
      return place < 0 ? null : at(place);
    },
  };
};

/** Lists of vectors have one of each row, also of one that is null. */
const lists = (field: FieldData, form: RowForm): Values => {
  const { data = [], elementType = DataType.None } = field.vectors?.vectorArray ?? {};
  const valid = field.validData;
  return {
    rowCount: data.length,
    value: (row) => {
      if (valid[row] === false) return null;
      const { count, at } = vectorsOf({ ...field, type: elementType, vectors: data[row] }, form);
      return Array.from({ length: count }, (_, place) => at(place));
    },
  };
};

/** Elements as objects: the values of a row's members side by side. A row of which a member is null is null. */
const structs = (fields: readonly FieldData[], form: RowForm): Values => {
  const members = fields.map((field) => columnOf(field, { ...form, arrays: "list" }));
  return {
    rowCount: members[0]?.rowCount ?? 0,
    value: (row) => {
      const values = members.map((member) => member.value(row) as unknown[] | null);
      if (values.includes(null)) return null;
      return Array.from({ length: values[0]?.length ?? 0 }, (_, at) => {
        const element: Row = {};
        members.forEach((member, place) => {
          setKey(element, member.name, values[place]?.[at]);
        });
        return element;
      });
    },
  };
};

/** Index of each row among the valid ones; -1 for a null. */
const placesOf = (valid: readonly boolean[]): number[] => {
  let next = 0;
  return valid.map((isValid) => (isValid ? next++ : -1));
};

const scalars = (field: FieldData, form: RowForm): Values => {
  const { data, read } = field.type === DataType.Array ? arrayData(field, form) : scalarData(field, field.type, field.scalars ?? {}, form);
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

const scalarData = (field: FieldData, type: DataType, source: Partial<ScalarField>, form: RowForm): ScalarData => {
  switch (type) {
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
    case DataType.Geometry:
      return { data: source.geometryWktData?.data ?? [], read: same };
    case DataType.JSON:
      return { data: source.jsonData?.data ?? [], read: jsonReader(field.isDynamic || form.json === "value") };
    default:
      throw invalid(`the type(${typeName(type)}) of field(${field.fieldName}) is not supported`);
  }
};

/** Each value of an Array column is the ScalarField of its elements. */
const arrayData = (field: FieldData, form: RowForm): ScalarData => {
  const { data = [], elementType = DataType.None } = field.scalars?.arrayData ?? {};
  const listOf = (value: unknown): unknown[] => {
    const source = value as ScalarField;
    const elements = scalarData(field, elementType === DataType.None ? kindIn(source) : elementType, source, form);
    return Array.from(elements.data, elements.read);
  };
  return { data, read: form.arrays === "list" ? listOf : (value) => arrayMessage(value as ScalarField) };
};

/** The kind of elements by what there are; an array without any may be of every kind. */
const kindIn = (source: ScalarField): DataType => {
  if (source.longData) return DataType.Int64;
  if (source.floatData) return DataType.Float;
  if (source.doubleData) return DataType.Double;
  if (source.stringData) return DataType.VarChar;
  return source.boolData ? DataType.Bool : DataType.Int32;
};

const arrayMessage = (source: ScalarField): Row => {
  const of = (name: string, data: ArrayLike<unknown>): Row => ({ Data: { [name]: data.length === 0 ? {} : { data: Array.from(data) } } });
  if (source.boolData) return of("BoolData", source.boolData.data);
  if (source.intData) return of("IntData", source.intData.data);
  if (source.longData)
    return of(
      "LongData",
      Array.from(source.longData.data, (value) => int64Value(value, clientForm)),
    );
  if (source.floatData) return of("FloatData", Array.from(source.floatData.data, shortFloat));
  if (source.doubleData) return of("DoubleData", source.doubleData.data);
  return source.stringData ? of("StringData", source.stringData.data) : { Data: null };
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
