/** Texts of values as Milvus's HTTP layer sees them, and its words for those it cannot read. */
import { invalid, type MilvusError } from "../errors.js";
import type { FieldSchema } from "../proto/generated/messages.js";
import { typeName } from "../schema.js";
import { toJsonText } from "./json.js";

/** The text of a JSON value: the content of a string, the JSON text of others, empty for null. */
export const textOf = (value: unknown): string => {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value).toString();
  return toJsonText(value) ?? "";
};

/** @param expected default: the field's type */
export const refused = (field: FieldSchema, actual: string, reason: string, expected = typeName(field.dataType)): MilvusError =>
  invalid(reason, { expected, actual });

export const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

const goKind = (value: unknown): string => {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  return typeof value === "bigint" ? "number" : value === null ? "null" : typeof value;
};

/** What Go's decoder says of a value that does not fit `type`. */
export const cannotUnmarshal = (value: unknown, type: string): string => {
  const number = typeof value === "number" || typeof value === "bigint";
  return `json: cannot unmarshal ${goKind(value)}${number ? ` ${value}` : ""} into Go value of type ${type}`;
};
