/**
 * What a collection schema must be before a catalog record is made of it, in Milvus's order: `checkRequest` is what its proxy checks,
 * `checkDefinition` what its coordinator checks once the database and the room for the collection are known.
 *
 * Sources: milvus internal/proxy/{task,util}.go, internal/rootcoord/{create_collection_task,util}.go.
 */
import { propertyOf } from "../catalog/properties.js";
import type { KeyValuePair } from "../catalog/types.js";
import { parseBool } from "../shared/booleans.js";
import { failure, invalid, MilvusError, missing, outOfRange } from "../shared/errors.js";
import {
  ARRAY_CAPACITY_MAX,
  COLLECTION_DESCRIPTION_BYTES_MAX,
  DIMENSION_MAX,
  FIELDS_MAX,
  SHARDS_MAX,
  VARCHAR_BYTES_MAX,
  VECTOR_FIELDS_MAX,
} from "../shared/limits.js";
import { checkCollectionName, checkFieldName, checkNotReserved } from "../shared/names.js";
import { type CollectionSchema, DataType, type FieldSchema, FunctionType, type ValueField } from "../shared/proto/generated/messages.js";
import { isVector, typeName } from "../shared/schema.js";
import { DEFAULT_TIME_ZONE, parseMoment } from "../shared/time-zone.js";
import { checkFunctions } from "./function-rules.js";
import { checkPartitionKey } from "./partition-key.js";
import { checkProperties, checkTtl, checkWarmupPolicy } from "./property-rules.js";

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

const countFields = (schema: CollectionSchema): number =>
  schema.fields.length + schema.structArrayFields.reduce((sum, struct) => sum + 1 + struct.fields.length, 0);

const countVectors = (schema: CollectionSchema): number =>
  [...schema.fields, ...schema.structArrayFields.flatMap((struct) => struct.fields)].filter((field) => isVector(field.dataType)).length;

const checkSize = ({ schema, shardsNum }: Definition): void => {
  const external = schema.fields.some((field) => field.externalField !== "");
  if ((schema.externalSource !== "" || schema.externalSpec !== "") && !external)
    throw invalid(`external_source/external_spec require external_field mappings on collection ${schema.name}`);
  if (shardsNum > SHARDS_MAX) throw invalid(`maximum shards's number should be limited to ${SHARDS_MAX}`);
  if (countFields(schema) > FIELDS_MAX) throw invalid(`maximum field's number should be limited to ${FIELDS_MAX}`);
  const vectors = countVectors(schema);
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

const ELEMENTS: ReadonlySet<number> = new Set([
  DataType.Bool,
  DataType.Int8,
  DataType.Int16,
  DataType.Int32,
  DataType.Int64,
  DataType.Float,
  DataType.Double,
  DataType.VarChar,
]);
const noString = () => invalid("string data type not supported yet, please use VarChar type instead");

const checkElementType = (type: DataType): void => {
  if (ELEMENTS.has(type)) return;
  if (type === DataType.String) throw noString();
  throw invalid(type === DataType.None ? "element data type None is not valid" : `element type ${typeName(type)} is not supported`);
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

/** Go's words for text that is no integer; Milvus gives them to the client as they are. */
const goInteger = (text: string): bigint => {
  if (!/^[+-]?\d+$/.test(text)) throw new MilvusError(65535, `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = BigInt(text);
  if (BigInt.asIntN(64, value) !== value)
    throw new MilvusError(65535, `strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  return value;
};

const checkDimension = (field: FieldSchema): void => {
  const text = propertyOf(field.typeParams, "dim");
  const dim = text === undefined ? undefined : goInteger(text);
  if (field.dataType === DataType.SparseFloatVector) {
    if (dim !== undefined) throw invalid(`dim should not be specified for sparse vector field ${field.name}(${field.fieldID})`);
    return;
  }
  if (dim === undefined)
    throw invalid(`dimension is not defined in field type params of field ${field.name}, check type param \`dim\` for vector field`);
  if (dim <= 1n) throw invalid(`invalid dimension: ${dim}. should be in range 2 ~ ${DIMENSION_MAX}`);
  const refuse = (why: string) => invalid(`invalid dimension: ${dim} of field ${field.name}. ${why}`);
  if (field.dataType !== DataType.BinaryVector) {
    if (dim > DIMENSION_MAX) throw refuse(`float vector dimension should be in range 2 ~ ${DIMENSION_MAX}`);
    return;
  }
  if (dim % 8n !== 0n) throw refuse("binary vector dimension should be multiple of 8.");
  if (dim > DIMENSION_MAX * 8) throw refuse(`binary vector dimension should be in range 2 ~ ${DIMENSION_MAX * 8}`);
};

const checkMaxLength = (field: FieldSchema, collection: string): void => {
  const text = propertyOf(field.typeParams, "max_length");
  if (text === undefined)
    throw missing(`type param(max_length) should be specified for the field(${field.name}) of collection ${collection}`);
  const length = goInteger(text);
  if (length > VARCHAR_BYTES_MAX || length <= 0n)
    throw invalid(
      `the maximum length specified for the field(${field.name}) should be in (0, ${VARCHAR_BYTES_MAX}], but got ${length} instead`,
    );
};

const checkMaxCapacity = (field: FieldSchema, collection: string): void => {
  const text = propertyOf(field.typeParams, "max_capacity");
  if (text === undefined)
    throw missing(`type param(max_capacity) should be specified for array field ${field.name} of collection ${collection}`);
  if (!/^[+-]?\d+$/.test(text)) throw invalid(`the value for max_capacity of field ${field.name} must be an integer`);
  const capacity = BigInt(text);
  if (capacity > ARRAY_CAPACITY_MAX || capacity <= 0n)
    throw invalid(`the maximum capacity specified for a Array should be in (0, ${ARRAY_CAPACITY_MAX}]`);
};

/** Name, dimension, lengths and capacity of one field. */
export const checkField = (field: FieldSchema, collection: string): void => {
  checkFieldName(field.name);
  if (isVector(field.dataType)) checkDimension(field);
  const strings = field.dataType === DataType.VarChar || (field.dataType === DataType.Array && field.elementType === DataType.VarChar);
  if (strings) checkMaxLength(field, collection);
  if (field.dataType === DataType.Array) {
    checkElementType(field.elementType);
    checkMaxCapacity(field, collection);
  }
  if (field.dataType === DataType.ArrayOfVector)
    throw invalid(`array of vector can only be in the struct array field, field name: ${field.name}`);
  const warmup = propertyOf(field.typeParams, "warmup");
  const wrong = warmup === undefined ? undefined : checkWarmupPolicy(warmup);
  if (wrong !== undefined) throw invalid(`invalid warmup policy for field ${field.name}: ${wrong}`);
};

const checkDuplicates = (schema: CollectionSchema): void => {
  const seen = new Set<string>();
  for (const { name } of [...schema.fields, ...schema.structArrayFields]) {
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
  const struct = schema.structArrayFields[0];
  if (struct) throw unsupported(`struct array field ${struct.name}`);
  const fn = schema.functions.find(({ type }) => type !== FunctionType.BM25);
  if (fn) throw unsupported(`${Object.entries(FunctionType).find(([, type]) => type === fn.type)?.[0]} function ${fn.name}`);
  const multi = schema.fields.find((field) => propertyOf(field.typeParams, "multi_analyzer_params") !== undefined);
  if (multi) throw unsupported(`multi_analyzer_params of field ${multi.name}`);
  if (schema.enableNamespace) throw unsupported("enable_namespace");
  if (schema.externalSource !== "" || schema.externalSpec !== "") throw unsupported("an external collection");
};

/** Everything that can be said of a request by itself. */
export const checkRequest = (definition: Definition): void => {
  const { schema, properties, collectionName } = definition;
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
  checkDuplicates(schema);
  checkSkippedLoads(schema);
  checkTtl(properties, schema);
  checkFunctions(schema);
};

const DEFAULTS: Readonly<Record<keyof ValueField, readonly [string, readonly DataType[]]>> = {
  boolData: ["DataType_Bool", [DataType.Bool]],
  intData: ["DataType_Int", [DataType.Int8, DataType.Int16, DataType.Int32]],
  longData: ["DataType_Int64", [DataType.Int64]],
  floatData: ["DataType_Float", [DataType.Float]],
  doubleData: ["DataType_Double", [DataType.Double]],
  stringData: ["DataType_VarChar", [DataType.VarChar, DataType.Geometry, DataType.Timestamptz]],
  bytesData: ["DataType_SJON", [DataType.JSON]],
  timestamptzData: ["DataType_Timestamptz", [DataType.Timestamptz]],
  dateData: ["DataType_Date", []],
  timeData: ["DataType_Time", []],
};

const NARROW: Readonly<Partial<Record<DataType, readonly [number, number]>>> = {
  [DataType.Int8]: [-128, 127],
  [DataType.Int16]: [-32768, 32767],
};

export const checkDefault = (field: FieldSchema, value: ValueField): void => {
  const type = typeName(field.dataType);
  if (field.isPrimaryKey) throw invalid(`primary field not support default_value, type:${type}, name:${field.name}`);
  if (isVector(field.dataType) || field.dataType === DataType.Array || field.dataType === DataType.JSON)
    throw invalid(`type not support default_value, type:${type}, name:${field.name}`);
  const given = (Object.keys(DEFAULTS) as (keyof ValueField)[]).find((kind) => value[kind] !== undefined);
  if (given === undefined) throw invalid(`default value of field (${field.name}) has no data`);
  const [words, types] = DEFAULTS[given];
  if (!types.includes(field.dataType))
    throw invalid(`type (${type}) of field (${field.name}) is not equal to the type(${words}) of default_value`);
  // Text without an offset is read in the collection's zone; whether it is a moment at all does not depend on that.
  if (field.dataType === DataType.Timestamptz && value.stringData !== undefined) parseMoment(value.stringData, DEFAULT_TIME_ZONE);
  const range = NARROW[field.dataType];
  if (range && value.intData !== undefined && (value.intData < range[0] || value.intData > range[1]))
    throw outOfRange("default value out of range", value.intData, range[0], range[1]);
  const length = Buffer.byteLength(value.stringData ?? "", "utf8");
  const longest = Number(propertyOf(field.typeParams, "max_length") ?? VARCHAR_BYTES_MAX);
  if (field.dataType === DataType.VarChar && length > longest)
    throw invalid(`the length (${length}) of string exceeds max length (${longest})`, {
      expected: "valid length string",
      actual: "string length exceeds max length",
    });
};

/** @param isGeometry whether a text is one */
export const checkGeometryDefault = (field: FieldSchema, isGeometry: (text: string) => boolean): void => {
  const text = field.dataType === DataType.Geometry ? field.defaultValue?.stringData : undefined;
  if (text !== undefined && !isGeometry(text)) throw invalid("invalid default value for geometry field");
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
};
