/** A collection's schema as the core sees it: columns by number, without names. */
import type { Collection } from "../catalog/types.js";
import { type CollectionSchema, DataType, type FieldSchema, type ValueField } from "../shared/proto/generated/messages.js";
import { bm25Input, columnsOf } from "../shared/schema.js";
import type { Core, CoreColumn } from "./core.js";
import { coreError, coreFailureOf, type FieldOf } from "./core-errors.js";

/** Bytes of a JSON value (common.JSONMaxLength). */
const JSON_LENGTH_MAX = 65536;

const param = (field: FieldSchema, key: string): string | undefined => field.typeParams.find((pair) => pair.key === key)?.value;

const defaultOf = (field: FieldSchema): boolean | number | string | undefined => {
  const value: ValueField | undefined = field.defaultValue;
  if (value === undefined) return undefined;
  if (value.timestamptzData !== undefined) return value.timestamptzData.toString();
  if (value.longData !== undefined) return value.longData.toString();
  if (value.bytesData !== undefined) return value.bytesData.toString("utf8");
  return value.boolData ?? value.intData ?? value.floatData ?? value.doubleData ?? value.stringData;
};

/** @param analyzed whether terms are made of it */
const columnOf = (schema: CollectionSchema, field: FieldSchema, analyzed: boolean): CoreColumn => {
  const dim = param(field, "dim");
  const maxLength = param(field, "max_length");
  const fallback = field.isDynamic ? "{}" : defaultOf(field);
  const input = bm25Input(schema, field);
  const struct = schema.structArrayFields.find((candidate) => candidate.fields.some((member) => member.fieldID === field.fieldID));
  return {
    id: Number(field.fieldID),
    // A Text is to the core a VarChar that may have any length.
    type: field.dataType === DataType.Text ? DataType.VarChar : field.dataType,
    nullable: field.nullable && !field.isDynamic,
    primary: field.isPrimaryKey,
    dynamic: field.isDynamic,
    ...(dim === undefined ? {} : { dim: Number(dim) }),
    ...(struct === undefined ? {} : { structOf: Number(struct.fieldID) }),
    ...(field.dataType === DataType.Array || field.dataType === DataType.ArrayOfVector
      ? { elementType: field.elementType, maxCapacity: Number(param(field, "max_capacity")) }
      : {}),
    ...(field.dataType === DataType.JSON
      ? { maxLength: JSON_LENGTH_MAX }
      : maxLength === undefined || field.dataType === DataType.Text
        ? {}
        : { maxLength: Number(maxLength) }),
    ...(fallback === undefined ? {} : { default: fallback }),
    ...(analyzed ? { analyzer: param(field, "analyzer_params") ?? "" } : {}),
    ...(input === undefined ? {} : { termsOf: Number(input.fieldID) }),
  };
};

export const coreColumns = ({ schema }: Collection): string => {
  const inputs = new Set(schema.fields.map((field) => bm25Input(schema, field)));
  return JSON.stringify(columnsOf(schema).map((field) => columnOf(schema, field, inputs.has(field))));
};

/** @throws MilvusError when the analyzer of the named field cannot be made of these parameters */
export const checkAnalyzer = (core: Core, field: string, params: string): void => {
  const columns: CoreColumn[] = [
    { id: 0, type: DataType.Int64, primary: true },
    { id: 1, type: DataType.VarChar, analyzer: params },
  ];
  try {
    core.createSchema(JSON.stringify(columns));
  } catch (error) {
    throw coreError(error, () => ({ name: field, type: DataType.VarChar }));
  }
};

/** Whether the core takes a text as a geometry: whether it may be the default of one. */
export const isGeometry = (core: Core, text: string): boolean => {
  const columns: CoreColumn[] = [
    { id: 0, type: DataType.Int64, primary: true },
    { id: 1, type: DataType.Geometry, default: text },
  ];
  try {
    core.createSchema(JSON.stringify(columns));
    return true;
  } catch (error) {
    if (coreFailureOf(error)?.kind === "notGeometry") return false;
    throw error;
  }
};

/** Names and types of the collection's fields, for the words of the core's failures. */
export const fieldNames = (collection: Collection): FieldOf => {
  const known = new Map(
    columnsOf(collection.schema).map((field) => [Number(field.fieldID), { name: field.name, type: field.dataType as number }]),
  );
  return (id) => known.get(id);
};
