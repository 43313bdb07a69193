/**
 * What a collection schema must be before a catalog record is made of it, in Milvus's order: `checkRequest` is what its proxy checks,
 * `checkDefinition` what its coordinator checks once the database and the room for the collection are known.
 *
 * Sources: milvus internal/proxy/{task,util}.go, internal/rootcoord/{create_collection_task,util}.go.
 */
import { propertyOf } from "../catalog/properties.js";
import type { KeyValuePair } from "../catalog/types.js";
import { parseBool } from "../shared/booleans.js";
import { failure, invalid, type MilvusError, missing } from "../shared/errors.js";
import { COLLECTION_DESCRIPTION_BYTES_MAX, FIELDS_MAX, SHARDS_MAX, VECTOR_FIELDS_MAX } from "../shared/limits.js";
import { checkCollectionName, checkFieldName, checkNotReserved } from "../shared/names.js";
import { type CollectionSchema, DataType, type FieldSchema } from "../shared/proto/generated/messages.js";
import { columnsOf, fieldCount, isVector, typeName, vectorColumns } from "../shared/schema.js";
import { checkDefault, checkElementType, checkField, noString } from "./field-rules.js";
import { checkFunctions } from "./function-rules.js";
import { checkPartitionKey } from "./partition-key.js";
import { checkProperties, checkTtl } from "./property-rules.js";
import { checkStruct, checkStructDefaults } from "./struct-rules.js";

export interface Definition {
  readonly schema: CollectionSchema;
  readonly properties: readonly KeyValuePair[];
  readonly shardsNum: number;
  readonly numPartitions: bigint;
  readonly collectionName: string;
}

export const checkDescription = (description: string): void => {
  if (Buffer.byteLength(description, "utf8") > COLLECTION_DESCRIPTION_BYTES_MAX)
    throw invalid(`the length of a collection description must not exceed ${COLLECTION_DESCRIPTION_BYTES_MAX} bytes`);
};

const checkSize = ({ schema, shardsNum }: Definition): void => {
  const external = schema.fields.some((field) => field.externalField !== "");
  if ((schema.externalSource !== "" || schema.externalSpec !== "") && !external)
    throw invalid(`external_source/external_spec require external_field mappings on collection ${schema.name}`);
  if (shardsNum > SHARDS_MAX) throw invalid(`maximum shards's number should be limited to ${SHARDS_MAX}`);
  if (fieldCount(schema) > FIELDS_MAX) throw invalid(`maximum field's number should be limited to ${FIELDS_MAX}`);
  const vectors = vectorColumns(schema).length;
  if (vectors > VECTOR_FIELDS_MAX) throw invalid(`maximum vector field's number should be limited to ${VECTOR_FIELDS_MAX}`);
  if (vectors === 0) throw invalid("schema does not contain vector field");
};

const checkPrimaryKey = (schema: CollectionSchema): void => {
  let primary: FieldSchema | undefined;
  for (const field of schema.fields.filter((candidate) => candidate.isPrimaryKey)) {
    if (primary) throw invalid(`there are more than one primary key, field name = ${primary.name}, ${field.name}`);
    if (field.dataType !== DataType.Int64 && field.dataType !== DataType.VarChar)
      throw invalid("the data type of primary key should be Int64 or VarChar");
    primary = field;
  }
  if (primary === undefined) throw missing("primary key is not specified");
  for (const field of schema.structArrayFields.flatMap((struct) => struct.fields))
    if (field.isPrimaryKey) throw invalid(`primary key is not supported for struct field, field name = ${field.name}`);
};

const checkAutoId = (schema: CollectionSchema): void => {
  let auto: FieldSchema | undefined;
  for (const field of schema.fields.filter((candidate) => candidate.autoID)) {
    if (auto) throw invalid(`only one field can speficy AutoID with true, field name = ${auto.name}, ${field.name}`);
    if (!field.isPrimaryKey) throw invalid(`only primary field can speficy AutoID with true, field name = ${field.name}`);
    auto = field;
  }
  for (const field of schema.structArrayFields.flatMap((struct) => struct.fields))
    if (field.autoID) throw invalid(`autoID is not supported for struct field, field name = ${field.name}`);
};

const checkTypes = (schema: CollectionSchema): void => {
  for (const field of schema.fields) {
    if (field.dataType === DataType.String) throw noString();
    if (field.dataType === DataType.None) throw invalid("data type None is not valid");
    if (field.dataType === DataType.Array) checkElementType(field.elementType);
  }
  for (const field of schema.structArrayFields.flatMap((struct) => struct.fields))
    if (field.dataType !== DataType.Array && field.dataType !== DataType.ArrayOfVector)
      throw invalid(
        `fields in StructArrayField must be Array or ArrayOfVector, field name = ${field.name}, field type = ${typeName(field.dataType)}`,
      );
};

/** Types that a clustering key may name; a vector is then refused with an error of its own. */
export const CLUSTERING: ReadonlySet<number> = new Set([
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.Float,
  DataType.Double,
  DataType.VarChar,
  DataType.FloatVector,
]);

const checkClusteringKey = (schema: CollectionSchema, collection: string): void => {
  const refuse = (why: string) => failure("illegalSchema", { collection }, why);
  let key: FieldSchema | undefined;
  for (const field of schema.fields.filter((candidate) => candidate.isClusteringKey)) {
    if (!CLUSTERING.has(field.dataType))
      throw refuse(`clustering key field ${field.name} has unsupported data type ${typeName(field.dataType)}`);
    if (isVector(field.dataType)) throw failure("vectorClusteringKey", { collection });
    if (key) throw refuse(`there are more than one clustering key, field name = ${key.name}, ${field.name}`);
    key = field;
  }
  for (const field of schema.structArrayFields.flatMap((struct) => struct.fields))
    if (field.isClusteringKey) throw refuse(`clustering key is not supported for struct field, field name = ${field.name}`);
};

const checkDuplicates = (schema: CollectionSchema): void => {
  const seen = new Set<string>();
  for (const { name } of [...columnsOf(schema), ...schema.structArrayFields]) {
    if (seen.has(name)) throw invalid(`duplicated field name ${name} found`);
    seen.add(name);
  }
};

/** Fields that say `field.skipLoad` are left out of a load; some may not. */
const checkSkippedLoads = (schema: CollectionSchema): void => {
  const skipped = schema.fields.filter((field) => parseBool(propertyOf(field.typeParams, "field.skipLoad") ?? "false") === true);
  for (const field of skipped) {
    if (field.isPrimaryKey) throw invalid(`Primary key field ${field.name} cannot skip loading`);
    if (field.isPartitionKey) throw invalid(`Partition Key field ${field.name} cannot skip loading`);
    if (field.isClusteringKey) throw invalid(`Clustering Key field ${field.name} cannot skip loading`);
  }
  const vectors = schema.fields.filter((field) => isVector(field.dataType));
  if (vectors.length > 0 && vectors.every((field) => skipped.includes(field)))
    throw invalid("cannot config all vector field(s) skip loading");
};

const STORED: ReadonlySet<number> = new Set([
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.Float,
  DataType.Double,
  DataType.VarChar,
  DataType.Text,
  DataType.JSON,
  DataType.Geometry,
  DataType.Timestamptz,
  DataType.Array,
  DataType.FloatVector,
  DataType.BinaryVector,
  DataType.Float16Vector,
  DataType.BFloat16Vector,
  DataType.Int8Vector,
  DataType.SparseFloatVector,
]);

/** Legal types that cannot be stored yet. */
export const checkStorableField = (field: FieldSchema): void => {
  if (!STORED.has(field.dataType)) throw unsupported(`data type ${typeName(field.dataType)} of field ${field.name}`);
};

const unsupported = (what: string): MilvusError => failure("notSupported", {}, `${what} is not supported yet`, true);

/** Refuses legal Milvus definitions that cannot be stored yet. */
export const checkStorable = (schema: CollectionSchema): void => {
  schema.fields.forEach(checkStorableField);
  const multi = schema.fields.find((field) => propertyOf(field.typeParams, "multi_analyzer_params") !== undefined);
  if (multi) throw unsupported(`multi_analyzer_params of field ${multi.name}`);
  if (schema.enableNamespace) throw unsupported("enable_namespace");
  if (schema.externalSource !== "" || schema.externalSpec !== "") throw unsupported("an external collection");
};

/** Everything that can be said of a request by itself. */
export const checkRequest = (definition: Definition): void => {
  const { schema, properties, collectionName } = definition;
  checkFunctions(schema, parseBool(propertyOf(properties, "disable_func_runtime_check") ?? "false") !== true);
  checkSize(definition);
  checkCollectionName(schema.name);
  checkDescription(schema.description);
  for (const field of schema.fields) checkNotReserved(field.name);
  checkPrimaryKey(schema);
  if (schema.fields.some((field) => field.isDynamic)) throw invalid("cannot explicitly set a field as a dynamic field");
  checkAutoId(schema);
  checkTypes(schema);
  checkPartitionKey(definition);
  checkProperties(definition);
  checkClusteringKey(schema, collectionName);
  for (const field of schema.fields) checkField(field, schema.name);
  for (const struct of schema.structArrayFields) {
    checkFieldName(struct.name);
    checkStruct(struct, schema.name);
  }
  checkDuplicates(schema);
  checkSkippedLoads(schema);
  checkTtl(properties, schema);
};

/** Checks of the fields that Milvus makes after it has found room for the collection. */
export const checkDefinition = ({ schema, collectionName }: Definition): void => {
  if (collectionName !== schema.name)
    throw invalid(`collection name = ${collectionName}, schema.Name=${schema.name}`, {
      expected: "collection name matches schema name",
      actual: "don't match",
    });
  for (const field of schema.fields) {
    if (field.nullable && field.isPrimaryKey)
      throw invalid(`primary field not support null, type:${typeName(field.dataType)}, name:${field.name}`);
    if (field.defaultValue) checkDefault(field, field.defaultValue);
  }
  schema.structArrayFields.forEach(checkStructDefaults);
};
