/**
 * What one field must be, by itself: name, dimension, lengths, capacity, default. Members of structs keep the same rules.
 *
 * Sources: milvus internal/proxy/util.go (ValidateField), internal/rootcoord/util.go (checkFieldSchema).
 */
import { propertyOf } from "../catalog/properties.js";
import { invalid, MilvusError, missing, outOfRange } from "../shared/errors.js";
import { ARRAY_CAPACITY_MAX, DIMENSION_MAX, TEXT_BYTES_MAX, VARCHAR_BYTES_MAX } from "../shared/limits.js";
import { checkFieldName } from "../shared/names.js";
import { DataType, type FieldSchema, type ValueField } from "../shared/proto/generated/messages.js";
import { isVector, typeName } from "../shared/schema.js";
import { DEFAULT_TIME_ZONE, parseMoment } from "../shared/time-zone.js";
import { checkWarmupPolicy } from "./property-rules.js";

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
export const noString = () => invalid("string data type not supported yet, please use VarChar type instead");

export const checkElementType = (type: DataType): void => {
  if (ELEMENTS.has(type)) return;
  if (type === DataType.String) throw noString();
  throw invalid(type === DataType.None ? "element data type None is not valid" : `element type ${typeName(type)} is not supported`);
};

/** Go's words for text that is no integer; Milvus gives them to the client as they are. */
const goInteger = (text: string): bigint => {
  if (!/^[+-]?\d+$/.test(text)) throw new MilvusError(65535, `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = BigInt(text);
  if (BigInt.asIntN(64, value) !== value)
    throw new MilvusError(65535, `strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  return value;
};

export const checkDimension = (field: FieldSchema): void => {
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
  const kind = field.dataType === DataType.ArrayOfVector ? field.elementType : field.dataType;
  if (kind !== DataType.BinaryVector) {
    if (dim > DIMENSION_MAX) throw refuse(`float vector dimension should be in range 2 ~ ${DIMENSION_MAX}`);
    return;
  }
  if (dim % 8n !== 0n) throw refuse("binary vector dimension should be multiple of 8.");
  if (dim > DIMENSION_MAX * 8) throw refuse(`binary vector dimension should be in range 2 ~ ${DIMENSION_MAX * 8}`);
};

export const checkMaxLength = (field: FieldSchema, collection: string): void => {
  const text = propertyOf(field.typeParams, "max_length");
  if (text === undefined)
    throw missing(`type param(max_length) should be specified for the field(${field.name}) of collection ${collection}`);
  const length = goInteger(text);
  if (length > VARCHAR_BYTES_MAX || length <= 0n)
    throw invalid(
      `the maximum length specified for the field(${field.name}) should be in (0, ${VARCHAR_BYTES_MAX}], but got ${length} instead`,
    );
};

export const checkCapacity = (field: FieldSchema, collection: string): void => {
  const text = propertyOf(field.typeParams, "max_capacity");
  if (text === undefined)
    throw missing(`type param(max_capacity) should be specified for array field ${field.name} of collection ${collection}`);
  if (!/^[+-]?\d+$/.test(text)) throw invalid(`the value for max_capacity of field ${field.name} must be an integer`);
  const capacity = BigInt(text);
  if (capacity > ARRAY_CAPACITY_MAX || capacity <= 0n)
    throw invalid(`the maximum capacity specified for a Array should be in (0, ${ARRAY_CAPACITY_MAX}]`);
};

/** Texts need no length; one that is given has a limit of its own. */
const checkTextLength = (field: FieldSchema): void => {
  const text = propertyOf(field.typeParams, "max_length");
  if (text === undefined) return;
  const length = goInteger(text);
  if (length > TEXT_BYTES_MAX || length <= 0n)
    throw invalid(
      `the maximum length specified for the field(${field.name}) should be in (0, ${TEXT_BYTES_MAX}], but got ${length} instead`,
    );
};

/** Name, dimension, lengths and capacity of one field. */
export const checkField = (field: FieldSchema, collection: string): void => {
  checkFieldName(field.name);
  if (isVector(field.dataType)) checkDimension(field);
  const strings = field.dataType === DataType.VarChar || (field.dataType === DataType.Array && field.elementType === DataType.VarChar);
  if (strings) checkMaxLength(field, collection);
  if (field.dataType === DataType.Text) checkTextLength(field);
  if (field.dataType === DataType.Array) {
    checkElementType(field.elementType);
    checkCapacity(field, collection);
  }
  if (field.dataType === DataType.ArrayOfVector)
    throw invalid(`array of vector can only be in the struct array field, field name: ${field.name}`);
  const warmup = propertyOf(field.typeParams, "warmup");
  const wrong = warmup === undefined ? undefined : checkWarmupPolicy(warmup);
  if (wrong !== undefined) throw invalid(`invalid warmup policy for field ${field.name}: ${wrong}`);
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
