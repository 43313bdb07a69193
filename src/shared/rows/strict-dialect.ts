/** The dialect of the SDKs: a value has the type of its field or the row is refused. */
import { invalid, type MilvusError } from "../errors.js";
import { DataType, type FieldSchema } from "../proto/generated/messages.js";
import { DYNAMIC_FIELD, typeName } from "../schema.js";
import { type Dialect, inRange, type ScalarReader, type VectorReader } from "./dialect.js";
import { toJsonText } from "./json.js";

const kindOf = (value: unknown): string => {
  if (value === null) return "null";
  if (typeof value === "object") return value.constructor?.name ?? "object";
  return typeof value;
};

/** Also says that a value is missing, when it is undefined. */
const mismatch = (field: FieldSchema, value: unknown, detail = ""): MilvusError =>
  value === undefined
    ? invalid(`Insert missed an field \`${field.name}\` to collection without set nullable==true or set default_value`)
    : invalid(
        `The Input data type is inconsistent with defined schema, {${field.name}} field should be a ${typeName(field.dataType)}, ` +
          `but got a {${kindOf(value)}} instead.${detail}`,
      );

const integer =
  (field: FieldSchema): ScalarReader =>
  (value, row) => {
    if (typeof value === "bigint") {
      inRange(field.dataType, value, row);
      return field.dataType === DataType.Int64 ? value : Number(value);
    }
    if (typeof value !== "number" || !Number.isInteger(value)) throw mismatch(field, value);
    if (!Number.isSafeInteger(value)) throw mismatch(field, value, ` ${value} is outside the safe integers of a number: pass a bigint.`);
    const exact = inRange(field.dataType, BigInt(value), row);
    return field.dataType === DataType.Int64 ? exact : value;
  };

const typed =
  (field: FieldSchema, type: "boolean" | "number" | "string"): ScalarReader =>
  (value) => {
    if (typeof value !== type) throw mismatch(field, value);
    return value;
  };

const json =
  (field: FieldSchema): ScalarReader =>
  (value) => {
    if (value === null) throw invalid(`field (${field.name}) expects a non-None input`);
    const text = toJsonText(value);
    if (text === undefined) throw mismatch(field, value);
    return Buffer.from(text);
  };

const vector =
  (field: FieldSchema, dim: number): VectorReader =>
  (value, into, at) => {
    if (value instanceof Float32Array || value instanceof Float64Array) {
      checkLength(field, value.length, dim);
      into.set(value, at);
      return;
    }
    if (!Array.isArray(value)) throw mismatch(field, value);
    checkLength(field, value.length, dim);
    for (let i = 0; i < dim; i++) {
      const element: unknown = value[i];
      if (typeof element !== "number") throw mismatch(field, value, ` Element ${i} is a {${kindOf(element)}}.`);
      into[at + i] = element;
    }
  };

const checkLength = (field: FieldSchema, length: number, dim: number): void => {
  if (length !== dim) throw invalid(`the dim (${length}) of field data(${field.name}) is not equal to schema dim (${dim})`);
};

export const strictDialect: Dialect = {
  scalar(field) {
    switch (field.dataType) {
      case DataType.Bool:
        return typed(field, "boolean");
      case DataType.Int8:
      case DataType.Int16:
      case DataType.Int32:
      case DataType.Int64:
        return integer(field);
      case DataType.Float:
      case DataType.Double:
        return typed(field, "number");
      case DataType.JSON:
        return json(field);
      default:
        return typed(field, "string");
    }
  },
  vector,
  unknownKey: (key) => invalid(`Attempt to insert an unexpected field \`${key}\` to collection without enabling dynamic field`),
  metaKey: (dynamic) =>
    dynamic
      ? invalid(`cannot set json key to: ${DYNAMIC_FIELD}`)
      : invalid(`without dynamic schema enabled, the field name cannot be set to ${DYNAMIC_FIELD}`),
  notARow: (value) => invalid(`expected an object for each row, got '${kindOf(value)}'`),
  noRows: () => invalid("num_rows should be greater than 0"),
  skipsDynamicNull: false,
};
