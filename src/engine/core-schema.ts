/** A collection's schema as the core sees it: columns by number, without names. */
import type { Collection } from "../catalog/types.js";
import { DataType, type FieldSchema, type ValueField } from "../shared/proto/generated/messages.js";
import { DEFAULT_TIME_ZONE, parseMoment } from "../shared/time-zone.js";
import type { CoreColumn } from "./core.js";
import type { FieldOf } from "./core-errors.js";

/** Bytes of a JSON value (common.JSONMaxLength). */
const JSON_LENGTH_MAX = 65536;

const param = (field: FieldSchema, key: string): string | undefined => field.typeParams.find((pair) => pair.key === key)?.value;

const defaultOf = (field: FieldSchema, zone: string): boolean | number | string | undefined => {
  const value: ValueField | undefined = field.defaultValue;
  if (value === undefined) return undefined;
  if (field.dataType === DataType.Timestamptz && value.stringData !== undefined) return parseMoment(value.stringData, zone).toString();
  if (value.timestamptzData !== undefined) return value.timestamptzData.toString();
  if (value.longData !== undefined) return value.longData.toString();
  if (value.bytesData !== undefined) return value.bytesData.toString("utf8");
  return value.boolData ?? value.intData ?? value.floatData ?? value.doubleData ?? value.stringData;
};

const columnOf = (field: FieldSchema, zone: string): CoreColumn => {
  const dim = param(field, "dim");
  const maxLength = param(field, "max_length");
  const fallback = field.isDynamic ? "{}" : defaultOf(field, zone);
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

export const coreColumns = (collection: Collection): string => {
  const zone = collection.properties.find(({ key }) => key === "timezone")?.value ?? DEFAULT_TIME_ZONE;
  return JSON.stringify(collection.schema.fields.map((field) => columnOf(field, zone)));
};

/** Names and types of the collection's fields, for the words of the core's failures. */
export const fieldNames = (collection: Collection): FieldOf => {
  const known = new Map(
    collection.schema.fields.map((field) => [Number(field.fieldID), { name: field.name, type: field.dataType as number }]),
  );
  return (id) => known.get(id);
};
