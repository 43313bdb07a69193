/** The dialect of the SDKs: a value has the type of its field or the row is refused. */
import { invalid } from "../errors.js";
import { DataType, type FieldSchema } from "../proto/generated/messages.js";
import { DYNAMIC_FIELD } from "../schema.js";
import { type ArrayReader, type Dialect, inRange, type ScalarReader } from "./dialect.js";
import { isTypedArray, toJsonText } from "./json.js";
import { strictBytes, strictVector } from "./strict-vectors.js";
import { kindOf, mismatch } from "./strict-words.js";

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

/** What `typeof` may say of an element. */
const elementKinds = (type: DataType): readonly string[] => {
  if (type === DataType.Bool) return ["boolean"];
  if (type === DataType.VarChar) return ["string"];
  return type === DataType.Float || type === DataType.Double ? ["number"] : ["number", "bigint"];
};

const array = (field: FieldSchema): ArrayReader => {
  const kinds = elementKinds(field.elementType);
  const read = scalar({ ...field, dataType: field.elementType });
  return (value) => {
    if (!Array.isArray(value) && !isTypedArray(value)) throw mismatch(field, value);
    return Array.from(value as ArrayLike<unknown>, (element, i) => {
      if (!kinds.includes(typeof element)) throw mismatch(field, value, ` Element ${i} is a {${kindOf(element)}}.`);
      return read(element, i);
    });
  };
};

const scalar = (field: FieldSchema): ScalarReader => {
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
};

export const strictDialect: Dialect = {
  scalar,
  array,
  vector: strictVector,
  bytes: strictBytes,
  unknownKey: (key) => invalid(`Attempt to insert an unexpected field \`${key}\` to collection without enabling dynamic field`),
  metaKey: (dynamic) =>
    dynamic
      ? invalid(`cannot set json key to: ${DYNAMIC_FIELD}`)
      : invalid(`without dynamic schema enabled, the field name cannot be set to ${DYNAMIC_FIELD}`),
  notARow: (value) => invalid(`expected an object for each row, got '${kindOf(value)}'`),
  noRows: () => invalid("num_rows should be greater than 0"),
  skipsDynamicNull: false,
};
