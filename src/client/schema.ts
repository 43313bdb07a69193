/** Schemas as objects: what `createCollection` takes and `describeCollection` gives. */
import { invalid } from "../shared/errors.js";
import {
  CollectionSchema,
  DataType,
  type DescribeCollectionResponse,
  FieldSchema,
  FunctionSchema,
  StructArrayFieldSchema,
  type ValueField,
} from "../shared/proto/generated/messages.js";
import { clientForm, int64Value } from "../shared/rows/decode.js";
import { toJsonText } from "../shared/rows/json.js";
import { isVector } from "../shared/schema.js";
import {
  type ConsistencyLevelName,
  consistencyName,
  type DataTypeName,
  dataTypeName,
  dataTypeOf,
  type FunctionTypeName,
  functionTypeName,
  functionTypeOf,
  type Properties,
  pairsOf,
  propertiesOf,
} from "./names.js";

export interface FieldDefinition {
  readonly name: string;
  readonly dataType: DataTypeName | number;
  readonly description?: string;
  readonly isPrimary?: boolean;
  /** Primary key only: the server makes the values. */
  readonly autoId?: boolean;
  /** Int64 or VarChar, not nullable: rows with the same value are in the same partition, which the server chooses. One field of a collection. */
  readonly isPartitionKey?: boolean;
  readonly isClusteringKey?: boolean;
  readonly nullable?: boolean;
  /** Value of rows that leave the field out. Not of Array, JSON and vectors. */
  readonly defaultValue?: boolean | number | bigint | string;
  /** Of vectors but SparseFloatVector: elements. Of BinaryVector: bits, a multiple of 8. */
  readonly dim?: number;
  /** Of VarChar, and of an Array of VarChar: bytes of one value. */
  readonly maxLength?: number;
  /** Of Array: elements that a row may have, at most 4096. */
  readonly maxCapacity?: number;
  /** Of Array: a scalar type but JSON. */
  readonly elementType?: DataTypeName | number;
  /** Further type parameters, by Milvus's names (`enable_analyzer`, `mmap.enabled`, …). */
  readonly params?: Properties;
}

/** A member of a struct: an array of a scalar type, or a list of vectors, element by element. */
export interface StructMemberDefinition {
  readonly name: string;
  /** Of one element: a scalar type but JSON, or a vector type but SparseFloatVector. */
  readonly dataType: DataTypeName | number;
  readonly description?: string;
  readonly dim?: number;
  readonly maxLength?: number;
  readonly params?: Properties;
}

/** A field of which each row has an array of objects, all with these members. */
export interface StructDefinition {
  readonly name: string;
  readonly description?: string;
  /** Elements that a row may have, at most 4096. */
  readonly maxCapacity: number;
  /** Whether rows may leave the struct out. */
  readonly nullable?: boolean;
  readonly fields: readonly StructMemberDefinition[];
  readonly params?: Properties;
}

export interface FunctionDefinition {
  readonly name: string;
  readonly type: FunctionTypeName | number;
  readonly description?: string;
  readonly inputFieldNames: readonly string[];
  readonly outputFieldNames: readonly string[];
  readonly params?: Properties;
}

export interface SchemaDefinition {
  readonly fields: readonly FieldDefinition[];
  readonly description?: string;
  /** Whether rows may have keys that are no fields. Default false. */
  readonly enableDynamicField?: boolean;
  readonly functions?: readonly FunctionDefinition[];
  readonly structs?: readonly StructDefinition[];
}

/** A field as the server describes it; fits into `SchemaDefinition`. */
export interface FieldInfo extends FieldDefinition {
  readonly fieldId: number | bigint;
  readonly dataType: DataTypeName;
  readonly elementType?: DataTypeName;
  readonly params: Record<string, string>;
  readonly isFunctionOutput?: boolean;
}

export interface StructMemberInfo extends StructMemberDefinition {
  readonly fieldId: number | bigint;
  readonly dataType: DataTypeName;
  readonly params: Record<string, string>;
}

/** A struct as the server describes it; fits into `SchemaDefinition`. */
export interface StructInfo extends StructDefinition {
  readonly fieldId: number | bigint;
  readonly fields: readonly StructMemberInfo[];
  readonly params: Record<string, string>;
}

export interface CollectionInfo extends SchemaDefinition {
  /** The collection's own name, also when it was asked for by an alias. */
  readonly collectionName: string;
  readonly collectionId: number | bigint;
  readonly databaseName: string;
  readonly description: string;
  readonly fields: readonly FieldInfo[];
  readonly structs: readonly StructInfo[];
  readonly enableDynamicField: boolean;
  /** Counts the changes of fields and functions. */
  readonly schemaVersion: number;
  readonly aliases: string[];
  readonly consistencyLevel: ConsistencyLevelName;
  readonly shardsNum: number;
  readonly numPartitions: number;
  readonly properties: Record<string, string>;
  /** Hybrid timestamps: milliseconds since 1970 << 18 | counter. */
  readonly createdTimestamp: bigint;
  readonly updateTimestamp: bigint;
}

export const schemaOf = (collectionName: string, definition: SchemaDefinition): CollectionSchema =>
  CollectionSchema.create({
    name: collectionName,
    description: definition.description ?? "",
    enableDynamicField: definition.enableDynamicField ?? false,
    autoID: definition.fields.some((field) => field.isPrimary && field.autoId),
    fields: definition.fields.map(fieldSchemaOf),
    functions: (definition.functions ?? []).map(functionSchemaOf),
    structArrayFields: (definition.structs ?? []).map(structSchemaOf),
  });

const memberSchemaOf = (member: StructMemberDefinition, maxCapacity: number): FieldSchema => {
  const elementType = dataTypeOf(member.dataType);
  const known = { dim: member.dim, max_length: member.maxLength, max_capacity: maxCapacity };
  return FieldSchema.create({
    name: member.name,
    description: member.description ?? "",
    dataType: isVector(elementType) ? DataType.ArrayOfVector : DataType.Array,
    elementType,
    typeParams: pairsOf({ ...known, ...withoutKnown(member.params) }),
  });
};

export const structSchemaOf = (struct: StructDefinition): StructArrayFieldSchema =>
  StructArrayFieldSchema.create({
    name: struct.name,
    description: struct.description ?? "",
    nullable: struct.nullable ?? false,
    typeParams: pairsOf(struct.params),
    fields: struct.fields.map((member) => memberSchemaOf(member, struct.maxCapacity)),
  });

export const fieldSchemaOf = (field: FieldDefinition): FieldSchema => {
  const dataType = dataTypeOf(field.dataType);
  const known = { dim: field.dim, max_length: field.maxLength, max_capacity: field.maxCapacity };
  return FieldSchema.create({
    name: field.name,
    dataType,
    description: field.description ?? "",
    isPrimaryKey: field.isPrimary ?? false,
    autoID: field.autoId ?? false,
    isPartitionKey: field.isPartitionKey ?? false,
    isClusteringKey: field.isClusteringKey ?? false,
    nullable: field.nullable ?? false,
    elementType: field.elementType === undefined ? DataType.None : dataTypeOf(field.elementType),
    defaultValue: field.defaultValue === undefined ? undefined : valueFieldOf(field.name, dataType, field.defaultValue),
    typeParams: pairsOf({ ...known, ...withoutKnown(field.params) }),
  });
};

const KNOWN_PARAMS: ReadonlySet<string> = new Set(["dim", "max_length", "max_capacity"]);

/** Described fields have `dim` and the like both ways. */
const withoutKnown = (params: Properties | undefined): Properties =>
  Object.fromEntries(Object.entries(params ?? {}).filter(([key]) => !KNOWN_PARAMS.has(key)));

export const functionSchemaOf = (definition: FunctionDefinition): FunctionSchema =>
  FunctionSchema.create({
    name: definition.name,
    type: functionTypeOf(definition.type),
    description: definition.description ?? "",
    inputFieldNames: [...definition.inputFieldNames],
    outputFieldNames: [...definition.outputFieldNames],
    params: pairsOf(definition.params),
  });

const valueFieldOf = (name: string, type: DataType, value: boolean | number | bigint | string): ValueField => {
  if (typeof value === "boolean") return { boolData: value };
  if (typeof value === "string") return { stringData: value };
  switch (type) {
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
      return { intData: Number(value) };
    case DataType.Int64:
      if (typeof value === "number" && !Number.isSafeInteger(value)) break;
      return { longData: BigInt(value) };
    case DataType.Float:
      return { floatData: Number(value) };
    case DataType.Double:
      return { doubleData: Number(value) };
  }
  throw invalid(`default value ${toJsonText(value)} of field ${name} does not fit ${dataTypeName(type)}`);
};

const defaultOf = (value: ValueField): FieldDefinition["defaultValue"] =>
  value.boolData ??
  value.intData ??
  (value.longData === undefined ? undefined : (int64Value(value.longData, clientForm) as number | bigint)) ??
  value.floatData ??
  value.doubleData ??
  value.stringData;

/** Drops what is false, 0, empty or undefined: only what a field has is told. */
const told = <T extends object>(members: T): Partial<T> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== false && value !== "")) as Partial<T>;

const fieldInfoOf = (field: FieldSchema): FieldInfo => {
  const params = propertiesOf(field.typeParams);
  const number = (key: string): number | undefined => (params[key] === undefined ? undefined : Number(params[key]));
  return {
    name: field.name,
    fieldId: int64Value(field.fieldID, clientForm) as number | bigint,
    dataType: dataTypeName(field.dataType),
    params,
    ...told({
      description: field.description,
      isPrimary: field.isPrimaryKey,
      autoId: field.autoID,
      isPartitionKey: field.isPartitionKey,
      isClusteringKey: field.isClusteringKey,
      nullable: field.nullable,
      isFunctionOutput: field.isFunctionOutput,
      dim: number("dim"),
      maxLength: number("max_length"),
      maxCapacity: number("max_capacity"),
      elementType: field.elementType === DataType.None ? undefined : dataTypeName(field.elementType),
    }),
    ...(field.defaultValue === undefined ? {} : { defaultValue: defaultOf(field.defaultValue) }),
  };
};

const memberInfoOf = (member: FieldSchema): StructMemberInfo => {
  const { name, fieldId, params, description, dim, maxLength } = fieldInfoOf(member);
  return { name, fieldId, params, dataType: dataTypeName(member.elementType), ...told({ description, dim, maxLength }) };
};

const structInfoOf = (struct: StructArrayFieldSchema): StructInfo => ({
  name: struct.name,
  fieldId: int64Value(struct.fieldID, clientForm) as number | bigint,
  maxCapacity: Number(struct.fields[0]?.typeParams.find(({ key }) => key === "max_capacity")?.value ?? 0),
  params: propertiesOf(struct.typeParams),
  fields: struct.fields.map(memberInfoOf),
  ...told({ description: struct.description, nullable: struct.nullable }),
});

export const collectionInfoOf = (reply: DescribeCollectionResponse): CollectionInfo => {
  const schema = reply.schema ?? CollectionSchema.create();
  return {
    collectionName: schema.name,
    collectionId: int64Value(reply.collectionID, clientForm) as number | bigint,
    databaseName: reply.dbName || schema.dbName,
    description: schema.description,
    fields: schema.fields.map(fieldInfoOf),
    functions: schema.functions.map((definition) => ({
      name: definition.name,
      type: functionTypeName(definition.type),
      description: definition.description,
      inputFieldNames: definition.inputFieldNames,
      outputFieldNames: definition.outputFieldNames,
      params: propertiesOf(definition.params),
    })),
    structs: schema.structArrayFields.map(structInfoOf),
    enableDynamicField: schema.enableDynamicField,
    schemaVersion: schema.version,
    aliases: reply.aliases,
    consistencyLevel: consistencyName(reply.consistencyLevel),
    shardsNum: reply.shardsNum,
    numPartitions: Number(reply.numPartitions),
    properties: propertiesOf(reply.properties),
    createdTimestamp: reply.createdTimestamp,
    updateTimestamp: reply.updateTimestamp,
  };
};
