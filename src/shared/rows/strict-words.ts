/** The words of the SDKs for a value that is not of its field's type. */
import { invalid, type MilvusError } from "../errors.js";
import type { FieldSchema } from "../proto/generated/messages.js";
import { typeName } from "../schema.js";

/** `number`, `null`, `Array`, `Float32Array`, … */
export const kindOf = (value: unknown): string => {
  if (value === null) return "null";
  if (typeof value === "object") return value.constructor?.name ?? "object";
  return typeof value;
};

/** Also says that a value is missing, when it is undefined. */
export const mismatch = (field: FieldSchema, value: unknown, detail = ""): MilvusError =>
  value === undefined
    ? invalid(`Insert missed an field \`${field.name}\` to collection without set nullable==true or set default_value`)
    : invalid(
        `The Input data type is inconsistent with defined schema, {${field.name}} field should be a ${typeName(field.dataType)}, ` +
          `but got a {${kindOf(value)}} instead.${detail}`,
      );
