/** A collection's schema as the core sees it: columns by number, without names. */
import type { Collection } from "../catalog/types.js";
import { DataType, type FieldSchema, type ValueField } from "../shared/proto/generated/messages.js";
import type { CoreColumn } from "./core.js";
import type { FieldOf } from "./core-errors.js";

/** Bytes of a JSON value (common.JSONMaxLength). */
const JSON_LENGTH_MAX = 65536;

const param = (field: FieldSchema, key: string): string | undefined => field.typeParams.find((pair) => pair.key === key)?.value;

const defaultOf = (value: ValueField | undefined): boolean | number | string | undefined => {
  if (value === undefined) return undefined;
  if (value.longData !== undefined) return value.longData.toString();
  if (value.bytesData !== undefined) return value.bytesData.toString("utf8");
  return value.boolData ?? value.intData ?? value.floatData ?? value.doubleData ?? value.stringData;
};

const columnOf = (field: FieldSchema): CoreColumn => {
  const dim = param(field, "dim");
  const maxLength = param(field, "max_length");
  const fallback = field.isDynamic ? "{}" : defaultOf(field.defaultValue);
  return {
    id: Number(field.fieldID),
    type: field.dataType,
    nullable: field.nullable && !field.isDynamic,
    primary: field.isPrimaryKey,
    dynamic: field.isDynamic,
    ...(dim === undefined ? {} : { dim: Number(dim) }),
    ...(field.dataType === DataType.Array ? { elementType: field.elementType, maxCapacity: Number(param(field, "max_capacity")) } : {}),
    ...(field.dataType === DataType.JSON
      ? { maxLength: JSON_LENGTH_MAX }
      : maxLength === undefined
        ? {}
        : { maxLength: Number(maxLength) }),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
};

export const coreColumns = (collection: Collection): string => JSON.stringify(collection.schema.fields.map(columnOf));

/** Names and types of the collection's fields, for the words of the core's failures. */
export const fieldNames = (collection: Collection): FieldOf => {
  const known = new Map(
    collection.schema.fields.map((field) => [Number(field.fieldID), { name: field.name, type: field.dataType as number }]),
  );
  return (id) => known.get(id);
};
