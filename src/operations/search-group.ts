/**
 * What the hits of a search are grouped by.
 *
 * `group_by_field` (older clients) wins over `group_by_fields`, a list. A JSON field or a key of the dynamic field is grouped by the value at a path, as text
 * or, with `json_type`, as a value of one type. Source: milvus internal/proxy/search_util.go (parseGroupByInfo), search-groupby/SearchGroupByOperator.cpp.
 */
import type { Collection } from "../catalog/types.js";
import type { CoreGroupBy, CoreGroupField } from "../engine/core.js";
import { parseBool } from "../shared/booleans.js";
import { failure, invalid, segcore } from "../shared/errors.js";
import { GROUP_SIZE_MAX } from "../shared/limits.js";
import { fieldHeader } from "../shared/proto/envelope.js";
import { DataType, type FieldSchema, type KeyValuePair } from "../shared/proto/generated/messages.js";
import { jsonPath } from "./json-path.js";
import { parameter, parseInteger } from "./reading.js";

export interface Grouping {
  readonly by: CoreGroupBy;
  readonly fields: readonly FieldSchema[];
  /** The reply tells the values where older clients look for them. */
  readonly singular: boolean;
}

/** A field and, of JSON, the text of the path in it. */
interface Named {
  readonly field: FieldSchema;
  readonly path?: string;
}

const named = (collection: Collection, name: string): Named => {
  const { fields } = collection.schema;
  const hasPath = name.includes("[") && name.includes("]");
  const field = fields.find((each) => each.name === (hasPath ? name.slice(0, name.indexOf("[")) : name));
  if (field !== undefined) return hasPath && field.dataType === DataType.JSON ? { field, path: name } : { field };
  const dynamic = fields.find((each) => each.isDynamic);
  if (dynamic === undefined) throw failure("fieldNotFound", { field: name }, "groupBy field not found in schema");
  return { field: dynamic, path: name };
};

const namesOf = (params: readonly KeyValuePair[]): string[] => {
  const one = (parameter(params, "group_by_field") ?? "").trim();
  if (one !== "") return [one];
  const list = (parameter(params, "group_by_fields") ?? "").split(",");
  return list.map((name) => name.trim()).filter((name) => name !== "");
};

const sizeOf = (params: readonly KeyValuePair[]): number => {
  const text = parameter(params, "group_size");
  if (text === undefined) return 1;
  const size = parseInteger(text);
  if (size === undefined) throw invalid(`failed to parse input group size:${text}`);
  if (size <= 0) throw invalid(`input group size:${size} is negative, failed to do search_groupby`);
  if (size > GROUP_SIZE_MAX) throw invalid(`input group size:${size} exceeds configured max group size:${GROUP_SIZE_MAX}`);
  return size;
};

const CASTS: ReadonlySet<number> = new Set([
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.VarChar,
]);
const GROUPABLE: ReadonlySet<number> = new Set([...CASTS, DataType.Timestamptz, DataType.JSON]);
/** Milvus's C++ core numbers what it does not do (Unsupported). */
const UNSUPPORTED = 2003;

const typeName = (type: number): string => Object.entries(DataType).find(([, value]) => value === type)?.[0] ?? "None";
const segcoreName = (type: number): string =>
  typeName(type)
    .replace(/^(Binary|Float|Float16|BFloat16|Int8)Vector$/, (_, element: string) => `VECTOR_${element}`)
    .replace("SparseFloatVector", "VECTOR_SPARSE_U32_F32")
    .toUpperCase();

const keysOf = (pointer: string): string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));

const castOf = (params: readonly KeyValuePair[]): number | undefined =>
  DataType[(parameter(params, "json_type") ?? "") as keyof typeof DataType];

const coreField = ({ field, path }: Named, params: readonly KeyValuePair[]): CoreGroupField => {
  const asked = parameter(params, "json_path");
  const text = asked ?? path;
  const keys = text === undefined || text === "" ? [] : keysOf(jsonPath(field, text));
  const id = Number(field.fieldID);
  if (field.dataType !== DataType.JSON) return { id, header: fieldHeader(field.dataType, field.name, field.fieldID, false) };
  const cast = castOf(params);
  return {
    id,
    header: fieldHeader((cast ?? DataType.VarChar) as DataType, field.name, field.fieldID, false),
    path: keys,
    ...(cast === undefined ? {} : { cast }),
    strictCast: parseBool(parameter(params, "strict_cast") ?? "false") === true,
  };
};

/** The grouping that a search asks for. @throws 1100, 1700 for a field that is not there; types are looked at by `checkGrouping` */
export const groupingOf = (collection: Collection, params: readonly KeyValuePair[]): Grouping | undefined => {
  const names = namesOf(params);
  const fields = names.map((name) => named(collection, name));
  const deep = names.length > 1 ? names.find((_, at) => fields[at]?.path !== undefined) : undefined;
  if (deep !== undefined) throw invalid(`group_by with json path is not supported for multi-field group_by, field:${deep}`);
  const size = sizeOf(params);
  if (names.length === 0) return undefined;
  return {
    by: {
      fields: fields.map((each) => coreField(each, params)),
      size,
      strict: parseBool(parameter(params, "strict_group_size") ?? "false") === true,
    },
    fields: fields.map(({ field }) => field),
    singular: parameter(params, "group_by_field") !== undefined && parameter(params, "group_by_fields") === undefined,
  };
};

/** Refuses fields whose type is not grouped by, as Milvus's core does when it runs the search. @throws 2000 */
export const checkGrouping = ({ by, fields }: Grouping): void => {
  const wrong = fields.find((field) => !GROUPABLE.has(field.dataType));
  if (wrong !== undefined) throw segcore(UNSUPPORTED, `unsupported data type ${segcoreName(wrong.dataType)} for group by operator`);
  const cast = by.fields.find((field) => field.cast !== undefined && !CASTS.has(field.cast))?.cast;
  if (cast !== undefined) throw segcore(UNSUPPORTED, `unsupported json_type ${segcoreName(cast)} for JSON group by`);
};
