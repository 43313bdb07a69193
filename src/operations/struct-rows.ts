/**
 * Arrays of structs between clients and the engine: on the wire a struct is one column with a column of each member in it; the engine holds the members'
 * columns. Sources: milvus internal/proxy/util.go (checkAndFlattenStructFieldData), internal/proxy/task_query.go.
 */
import type { CollectionSchema } from "../catalog/types.js";
import { invalid } from "../shared/errors.js";
import { fieldHeader, readEnvelope } from "../shared/proto/envelope.js";
import { DataType, type StructArrayFieldSchema } from "../shared/proto/generated/messages.js";
import { Reader, Writer } from "../shared/proto/wire.js";
import { memberColumn, structNamed } from "../shared/schema.js";

/** FieldData.struct_arrays and StructArrayField.fields. */
const STRUCT_ARRAYS = 8;
const FIELDS = 1;
const BYTES = 2;

/** The encoded messages in a field of an encoded message. */
const messagesIn = (bytes: Buffer, wanted: number): Buffer[] => {
  const reader = new Reader(bytes);
  const found: Buffer[] = [];
  while (reader.position < reader.end) {
    const tag = reader.uint32();
    if (tag >>> 3 === wanted && (tag & 7) === BYTES) found.push(reader.bytes());
    else reader.skip(tag & 7);
  }
  return found;
};

export interface NamedColumn {
  readonly name: string;
  readonly data: Buffer;
}

/**
 * The members' columns of an encoded struct column, by their columns' names; none when it has no values at all, as if it were left out.
 * @throws WireError for bytes that are no message
 */
export const membersOf = (schema: CollectionSchema, struct: StructArrayFieldSchema, data: Buffer): NamedColumn[] => {
  if (readEnvelope(data).payload !== "structs")
    throw invalid(`field convert FieldData_StructArrays fail in fieldData, fieldName: ${struct.name}, collectionName:${schema.name}`);
  const members = messagesIn(data, STRUCT_ARRAYS).flatMap((arrays) => messagesIn(arrays, FIELDS));
  if (members.length !== struct.fields.length)
    throw invalid(
      `length of fields of struct field mismatch length of the fields in schema, fieldName: ${struct.name}, collectionName:${schema.name}, fieldData fields length:${members.length}, schema fields length:${struct.fields.length}`,
    );
  const given = members.map((member) => ({ envelope: readEnvelope(member), data: member }));
  const filled = given.filter(({ envelope }) => envelope.payload !== "none").length;
  if (filled === 0) return [];
  if (filled < given.length)
    throw invalid(
      `inconsistent sub-field data in struct '${struct.name}': ${filled} of ${given.length} sub-fields have data, all must be present or all absent`,
    );
  return given.map(({ envelope, data: member }) => {
    const field = struct.fields.find(({ name }) => name === envelope.name || memberColumn(struct.name, name) === envelope.name);
    if (field === undefined) throw invalid(`sub-field '${envelope.name}' not found in struct schema '${struct.name}'`);
    return { name: memberColumn(struct.name, field.name), data: member };
  });
};

/** Refuses rows without a struct that takes no nulls. */
export const checkStructsGiven = (schema: CollectionSchema, given: ReadonlySet<string>): void => {
  const missing = schema.structArrayFields.find((struct) => !struct.nullable && !given.has(struct.name));
  if (missing !== undefined) throw invalid(`required struct array field '${missing.name}' is missing in insert data`);
};

const wrapped = (struct: StructArrayFieldSchema, members: readonly Buffer[]): Buffer => {
  const arrays = new Writer();
  for (const member of members) {
    arrays.tag(FIELDS, BYTES);
    arrays.bytes(member);
  }
  const writer = new Writer();
  writer.tag(STRUCT_ARRAYS, BYTES);
  writer.bytes(arrays.finish());
  return Buffer.concat([fieldHeader(DataType.ArrayOfStruct, struct.name, struct.fieldID, false), writer.finish()]);
};

/** The struct that has a column of this id as a member. */
export const structOf = (schema: CollectionSchema, id: number): StructArrayFieldSchema | undefined =>
  schema.structArrayFields.find((struct) => struct.fields.some((field) => Number(field.fieldID) === id));

/** Result columns with the members of a struct in one column, where the first of them was. `ids`: of the columns. */
export const withStructs = (fields: readonly Buffer[], ids: readonly number[], schema: CollectionSchema): Buffer[] => {
  if (schema.structArrayFields.length === 0) return [...fields];
  const members = new Map<string, Buffer[]>();
  const places: (Buffer | string)[] = [];
  fields.forEach((data, at) => {
    const struct = structOf(schema, ids[at] as number);
    if (struct === undefined) places.push(data);
    else if (members.has(struct.name)) members.get(struct.name)?.push(data);
    else {
      members.set(struct.name, [data]);
      places.push(struct.name);
    }
  });
  return places.map((place) => {
    if (typeof place !== "string") return place;
    return wrapped(structNamed(schema, place) as StructArrayFieldSchema, members.get(place) ?? []);
  });
};
