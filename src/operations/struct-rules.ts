/**
 * Arrays of structs: what their members must be. A member is an array of a scalar type, or a list of vectors of one dimension; nulls belong to the struct.
 * Sources: milvus internal/proxy/util.go (ValidateStructArrayField), internal/proxy/task.go (validateAddStructFieldRequest), internal/rootcoord/util.go.
 */
import { propertyOf } from "../catalog/properties.js";
import type { CollectionSchema } from "../catalog/types.js";
import { invalid } from "../shared/errors.js";
import { FIELDS_MAX, VECTOR_FIELDS_MAX } from "../shared/limits.js";
import { checkFieldName } from "../shared/names.js";
import { DataType, type FieldSchema, type StructArrayFieldSchema } from "../shared/proto/generated/messages.js";
import { columnsOf, fieldCount, isVector, memberColumn, typeName, vectorColumns } from "../shared/schema.js";
import { checkCapacity, checkDimension, checkElementType, checkMaxLength } from "./field-rules.js";
import { checkWarmupPolicy } from "./property-rules.js";

const NESTED: ReadonlySet<number> = new Set([DataType.Array, DataType.ArrayOfVector, DataType.ArrayOfStruct]);

const LISTED_VECTORS: ReadonlySet<number> = new Set([
  DataType.FloatVector,
  DataType.Float16Vector,
  DataType.BFloat16Vector,
  DataType.BinaryVector,
  DataType.Int8Vector,
]);

const checkWarmup = (params: FieldSchema["typeParams"], what: string): void => {
  const policy = propertyOf(params, "warmup");
  const wrong = policy === undefined ? undefined : checkWarmupPolicy(policy);
  if (wrong !== undefined) throw invalid(`invalid warmup policy for ${what}: ${wrong}`);
};

const checkMember = (field: FieldSchema, collection: string): void => {
  const { name, dataType, elementType } = field;
  checkFieldName(name);
  if (dataType !== DataType.Array && dataType !== DataType.ArrayOfVector)
    throw invalid(`fields in StructArrayField can only be array or array of struct, but field ${name} is ${typeName(dataType)}`);
  if (NESTED.has(elementType)) throw invalid(`nested array is not supported ${name}`);
  if (dataType === DataType.Array) checkElementType(elementType);
  else {
    if (!LISTED_VECTORS.has(elementType))
      throw invalid(
        `Unsupported element type ${typeName(elementType)} of ArrayOfVector field ${name}, only fixed dimension vector types are supported`,
      );
    checkDimension(field);
  }
  if (elementType === DataType.VarChar) checkMaxLength(field, collection);
  checkCapacity(field, collection);
  checkWarmup(field.typeParams, `field ${name}`);
};

/** One struct by itself. */
export const checkStruct = (struct: StructArrayFieldSchema, collection: string): void => {
  const { name, fields } = struct;
  if (fields.length === 0) throw invalid(`struct array field ${name} has no sub-fields`);
  checkWarmup(struct.typeParams, `struct field ${name}`);
  for (const field of fields) checkMember(field, collection);
  const capacityOf = (field: FieldSchema): bigint => BigInt(propertyOf(field.typeParams, "max_capacity") ?? 0);
  const expected = capacityOf(fields[0] as FieldSchema);
  for (const field of fields) {
    if (capacityOf(field) === expected) continue;
    throw invalid(
      `all sub-fields in struct array field must have the same max_capacity: structName=${name}, subFieldName=${field.name}, max_capacity=${capacityOf(field)}, expected=${expected}`,
    );
  }
  const nullable = struct.nullable ? undefined : fields.find((field) => field.nullable);
  if (nullable !== undefined)
    throw invalid(
      `sub-field in non-nullable struct cannot be nullable individually, set nullable on the struct instead: structName=${name}, subFieldName=${nullable.name}`,
    );
};

/** What only the coordinator asks of structs of a new collection. */
export const checkStructDefaults = (struct: StructArrayFieldSchema): void => {
  const field = struct.fields.find((member) => member.defaultValue !== undefined);
  if (field === undefined) return;
  const types = `data type:${typeName(field.dataType)}, element type:${typeName(field.elementType)}, name:${field.name}`;
  throw invalid(`fields in struct array field not support default_value, ${types}`);
};

/** The struct as it is kept: where it takes nulls, so do its members. */
export const withNullableMembers = (struct: StructArrayFieldSchema): StructArrayFieldSchema => ({
  ...struct,
  fields: struct.fields.map((field) => ({ ...field, nullable: struct.nullable })),
});

const SYSTEM = ["RowID", "Timestamp", "$meta", "$namespace_id", "__virtual_pk__"];

const checkAddedMember = (field: FieldSchema): void => {
  const refuse = (what: string) => invalid(`${what} is not supported for struct field, field name = ${field.name}`);
  if (SYSTEM.includes(field.name)) throw invalid(`not support to add system field, field name = ${field.name}`);
  if (field.isPrimaryKey) throw refuse("primary key");
  if (field.autoID) throw refuse("autoID");
  if (field.isPartitionKey) throw refuse("partition key");
  if (field.isClusteringKey) throw refuse("clustering key");
  if (field.defaultValue !== undefined) throw refuse("default value");
  if (field.isFunctionOutput) throw refuse("function output");
  if (field.externalField !== "")
    throw invalid(`add struct field operation does not support external field mapping, field name = ${field.name}`);
};

const checkNames = (schema: CollectionSchema, struct: StructArrayFieldSchema): void => {
  const taken = new Set([...columnsOf(schema).map((field) => field.name), ...schema.structArrayFields.map((other) => other.name)]);
  if (taken.has(struct.name)) throw invalid(`duplicated field name ${struct.name}`);
  const own = new Set<string>();
  for (const { name } of struct.fields) {
    const column = memberColumn(struct.name, name);
    if (own.has(name)) throw invalid(`duplicated field name ${name}`);
    if (taken.has(column)) throw invalid(`duplicated field name ${column}`);
    own.add(name);
  }
};

/** A struct that is to be added to a collection. */
export const checkAddedStruct = (struct: StructArrayFieldSchema, schema: CollectionSchema): void => {
  if (!struct.nullable) throw invalid(`added struct field must be nullable, please check it, struct field name = ${struct.name}`);
  checkFieldName(struct.name);
  if (SYSTEM.includes(struct.name)) throw invalid(`not support to add system field, field name = ${struct.name}`);
  checkStruct(struct, schema.name);
  for (const field of struct.fields) checkAddedMember(field);
  checkNames(schema, struct);
  if (fieldCount(schema) + 1 + struct.fields.length > FIELDS_MAX)
    throw invalid(`maximum field's number should be limited to ${FIELDS_MAX}`);
  const vectors = vectorColumns(schema).length + struct.fields.filter((field) => isVector(field.dataType)).length;
  if (vectors > VECTOR_FIELDS_MAX) throw invalid(`maximum vector field's number should be limited to ${VECTOR_FIELDS_MAX}`);
};
