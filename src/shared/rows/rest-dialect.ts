/**
 * The dialect of REST: a scalar is read from its text, so `1`, `"1"` and `1.0` are the same Int64; null is an empty text.
 * The words are those of Milvus's HTTP layer, which shows the conversions of Go.
 * Source: milvus internal/distributed/proxy/httpserver/utils.go, checkAndSetData.
 */
import { parseBool } from "../booleans.js";
import { invalid } from "../errors.js";
import { DataType, type FieldSchema } from "../proto/generated/messages.js";
import { DYNAMIC_FIELD, typeName } from "../schema.js";
import { type Dialect, inRange, type ScalarReader } from "./dialect.js";
import { toJsonText } from "./json.js";
import { restArray, restBytes, restVector } from "./rest-lists.js";
import { isJson, refused, textOf } from "./rest-words.js";

const bool =
  (field: FieldSchema): ScalarReader =>
  (value) => {
    if (typeof value === "boolean") return value;
    const text = textOf(value);
    const parsed = parseBool(text);
    if (parsed === undefined) throw refused(field, text, `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
    return parsed;
  };

const smallInteger =
  (field: FieldSchema): ScalarReader =>
  (value, row) => {
    const text = textOf(value);
    const whole = text.replace(/\.0*$/, "");
    if (!/^[+-]?\d+$/.test(whole))
      throw refused(field, text, `unable to cast ${JSON.stringify(text)} of type string to ${typeName(field.dataType).toLowerCase()}`);
    return Number(inRange(field.dataType, BigInt(whole.replace("+", "")), row));
  };

const int64 =
  (field: FieldSchema): ScalarReader =>
  (value) => {
    if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
    const text = textOf(value);
    const failed = `strconv.ParseInt: parsing ${JSON.stringify(text)}`;
    if (!/^[+-]?\d+$/.test(text)) throw refused(field, text, `${failed}: invalid syntax`);
    const exact = BigInt(text.replace("+", ""));
    if (BigInt.asIntN(64, exact) !== exact) throw refused(field, text, `${failed}: value out of range`);
    return exact;
  };

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const NOT_FINITE: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, infinity: Infinity };

/** NaN and infinities are numbers here; the column refuses them. */
const float =
  (field: FieldSchema): ScalarReader =>
  (value) => {
    if (typeof value === "number") return value;
    const text = textOf(value);
    if (DECIMAL.test(text)) return Number(text);
    const named = NOT_FINITE[text.replace(/^[+-]/, "").toLowerCase()];
    if (named === undefined)
      throw refused(
        field,
        text,
        `unable to cast ${JSON.stringify(text)} of type string to float${field.dataType === DataType.Float ? "32" : "64"}`,
      );
    return text.startsWith("-") ? -named : named;
  };

/** Any JSON value; a string may also hold JSON text. */
const json =
  (field: FieldSchema): ScalarReader =>
  (value) => {
    if (value === null || value === undefined) throw refused(field, "", `missing json field: ${field.name}`);
    if (typeof value === "string" && isJson(value)) return Buffer.from(value);
    return Buffer.from(toJsonText(value) ?? "null");
  };

const gjsonKind = (value: unknown): string => {
  if (value === null || value === undefined) return "Null";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return "String";
  return typeof value === "object" ? "JSON" : "Number";
};

const scalar = (field: FieldSchema): ScalarReader => {
  switch (field.dataType) {
    case DataType.Bool:
      return bool(field);
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
      return smallInteger(field);
    case DataType.Int64:
      return int64(field);
    case DataType.Float:
    case DataType.Double:
      return float(field);
    case DataType.JSON:
      return json(field);
    default:
      return textOf;
  }
};

export const restDialect: Dialect = {
  scalar,
  array: restArray,
  vector: restVector,
  bytes: restBytes,
  unknownKey: () => invalid("has pass more field without dynamic schema, please check it"),
  metaKey: (dynamic) =>
    dynamic
      ? invalid(`use the invalid field name(${DYNAMIC_FIELD}) when enable dynamicField`)
      : invalid("has pass more field without dynamic schema, please check it"),
  notARow: (value) => invalid("NULL:0, FALSE:1, NUMBER:2, STRING:3, TRUE:4, JSON:5", { expected: "JSON", actual: gjsonKind(value) }),
  noRows: () => invalid("no row need to be convert to columns"),
  skipsDynamicNull: true,
};
