/** What rows need to know of a schema, beside shared/schema.ts. */
import type { CollectionSchema, FieldSchema } from "../proto/generated/messages.js";

/** One row of a collection. `unknown` values: see `rowsToFields` for what each type takes. */
export type Row = Record<string, unknown>;

/** Whether rows may have keys that are not fields. True for both forms of the schema, with and without its `$meta` field. */
export const hasDynamicField = (schema: CollectionSchema): boolean =>
  schema.enableDynamicField || schema.fields.some((field) => field.isDynamic);

/** The fields that a client names; `$meta` is not one. */
export const staticFields = (schema: CollectionSchema): FieldSchema[] => schema.fields.filter((field) => !field.isDynamic);

/** Whether rows may leave the field out or set it to null. */
export const takesNull = (field: FieldSchema): boolean => field.nullable || field.defaultValue !== undefined;

/** Sets a key of an object that comes from outside; `__proto__` is a key like any other. */
export const setKey = (row: Row, key: string, value: unknown): void => {
  if (key === "__proto__") Object.defineProperty(row, key, { value, enumerable: true, configurable: true, writable: true });
  else row[key] = value;
};
