/**
 * Arrays of structs of rows as columns. A row's value is an array of objects, one an element, each with every member: `[{ "text": "a", "vector": [0.1, 0.2] }]`.
 * A column of each member goes inside the struct's column: arrays of the scalars, lists of the vectors.
 */
import { invalid } from "../errors.js";
import { DataType, type FieldData, type FieldSchema, type StructArrayFieldSchema } from "../proto/generated/messages.js";
import type { Init } from "../proto/wire.js";
import { typeParam } from "../schema.js";
import type { Dialect } from "./dialect.js";
import { payload } from "./encode-payload.js";
import type { Row } from "./fields.js";

/** The elements of one row. */
const elementsOf = (struct: StructArrayFieldSchema, value: unknown): Row[] => {
  if (!Array.isArray(value)) throw invalid(`struct array field ${struct.name} expects a JSON array of objects`);
  value.forEach((element: unknown, at) => {
    const what = `struct array field ${struct.name} element #${at}`;
    if (typeof element !== "object" || element === null || Array.isArray(element)) throw invalid(`${what} must be a JSON object`);
    const known = struct.fields.map((field) => field.name);
    const missing = known.find((name) => !Object.hasOwn(element, name));
    if (missing !== undefined) throw invalid(`${what} missing sub-field ${missing}`);
    const unknown = Object.keys(element).find((name) => !known.includes(name));
    if (unknown !== undefined) throw invalid(`${what} has unexpected sub-field ${unknown}`);
  });
  return value as Row[];
};

const listPayload = (field: FieldSchema, rows: readonly unknown[][], dialect: Dialect): Pick<Init<FieldData>, "vectors"> => {
  const vector = { ...field, dataType: field.elementType };
  const dim = BigInt(typeParam(field, "dim") ?? 0);
  const data = rows.map((values) => ({ dim, ...payload(vector, values, [], dialect).vectors }));
  return { vectors: { dim, vectorArray: { dim, data, elementType: field.elementType } } };
};

/** The column of a struct; undefined when no row has it and it may be left out. */
export const structColumn = (
  struct: StructArrayFieldSchema,
  values: readonly unknown[],
  dialect: Dialect,
  partialUpdate: boolean,
): Init<FieldData> | undefined => {
  const given = values.filter((value) => value !== undefined).length;
  if (given === 0 && (struct.nullable || partialUpdate)) return undefined;
  if (partialUpdate && given !== values.length) throw invalid(`column ${struct.name} has length ${given}, expected ${values.length}`);
  const valid = struct.nullable ? values.map((value) => value !== undefined && value !== null) : [];
  if (!struct.nullable && values.some((value) => value === undefined || value === null))
    throw invalid(`required struct array field '${struct.name}' is missing in insert data`);
  const rows = values.filter((_, row) => valid[row] !== false).map((value) => elementsOf(struct, value));
  const fields = struct.fields.map((field): Init<FieldData> => {
    const columns = rows.map((elements) => elements.map((element) => element[field.name]));
    const data = field.dataType === DataType.Array ? payload(field, columns, [], dialect) : listPayload(field, columns, dialect);
    return { type: field.dataType, fieldName: field.name, fieldId: field.fieldID, validData: valid, ...data };
  });
  return { type: DataType.ArrayOfStruct, fieldName: struct.name, fieldId: struct.fieldID, structArrays: { fields } };
};
