/**
 * `POST /v2/vectordb/collections/create`: one request that creates, indexes and loads.
 *
 * Quick form: a primary key, one vector field and the dynamic field, from a few words. Full form: a schema as the client wrote it, indexes for the
 * fields it names, and a load when there are any. The three steps are three records: a failure in between leaves the collection, as in Milvus.
 * Source: milvus internal/distributed/proxy/httpserver/handler_v2.go.
 */
import type { KeyValuePair } from "../catalog/types.js";
import { failure, httpFailure, invalid } from "../shared/errors.js";
import {
  CollectionSchema,
  ConsistencyLevel,
  CreateCollectionRequest,
  DataType,
  FieldSchema,
  FunctionSchema,
  FunctionType,
  LoadCollectionRequest,
  ValueField,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { isVector } from "../shared/schema.js";
import { createIndex } from "./index.js";
import { indexIn } from "./index-rest.js";
import { defaultMetric } from "./index-types.js";
import { load } from "./load.js";
import type { Call, RestReply } from "./operation.js";
import {
  type Body,
  flagIn,
  integerIn,
  nothing,
  objectIn,
  objectsIn,
  pairsIn,
  parameterText,
  restDatabase,
  textIn,
  textsIn,
} from "./support.js";

type Create = (call: Call, request: CreateCollectionRequest) => Promise<object>;

const missingMember = (key: string, member: string) =>
  httpFailure("httpMissingParameter", `Key: '${key}.${member}' Error:Field validation for '${member}' failed on the 'required' tag`);

const typeOf = (name: string): DataType => {
  const type = Object.hasOwn(DataType, name) ? DataType[name as keyof typeof DataType] : undefined;
  if (type === undefined || type === DataType.None) throw invalid(`data type ${name} is invalid(case sensitive)`);
  return type;
};

const consistencyIn = (body: Body, params: Body): ConsistencyLevel => {
  const name = textIn(body, "consistencyLevel") || textIn(params, "consistencyLevel") || "Bounded";
  const level = Object.hasOwn(ConsistencyLevel, name) ? ConsistencyLevel[name as keyof typeof ConsistencyLevel] : undefined;
  if (level === undefined)
    throw failure(
      "invalidParameter",
      { expected: "Strong, Session, Bounded, Eventually, Customized", actual: name },
      "consistencyLevel can only be [Strong, Session, Bounded, Eventually, Customized], default: Bounded",
    );
  return level;
};

/** The properties that the route knows; others are dropped, as in Milvus. */
const propertiesIn = (body: Body, params: Body): KeyValuePair[] => {
  const known: Readonly<Record<string, string>> = {
    ttlSeconds: "collection.ttl.seconds",
    ttlField: "ttl_field",
    partitionKeyIsolation: "partitionkey.isolation",
    "mmap.enabled": "mmap.enabled",
    "warmup.vectorField": "warmup.vectorField",
    "warmup.scalarField": "warmup.scalarField",
    "warmup.vectorIndex": "warmup.vectorIndex",
    "warmup.scalarIndex": "warmup.scalarIndex",
  };
  const fromParams = Object.entries(known).flatMap(([name, key]) => {
    const value = params[name] ?? undefined;
    return value === undefined ? [] : [{ key, value: parameterText(value) }];
  });
  const keys = Object.values(known);
  const fromProperties = pairsIn(body, "properties")
    .map(({ key, value }) => ({ key: key === "ttl.seconds" ? "collection.ttl.seconds" : key, value }))
    .filter((pair) => keys.includes(pair.key));
  const merged = new Map([...fromParams, ...fromProperties].map((pair) => [pair.key, pair.value]));
  return [...merged].map(([key, value]) => ({ key, value }));
};

/** A default value of the field's type; what the type cannot hold is refused. */
const defaultOf = (value: unknown, type: DataType, field: string): ValueField | undefined => {
  if (value === undefined || value === null) return undefined;
  const refuse = () =>
    invalid(`convert defaultValue of field ${field} fail, expected ${typeOfName(type)}, but got ${parameterText(value)}`);
  const number = (): number => {
    if (typeof value !== "number") throw refuse();
    return value;
  };
  const integer = (): number => {
    if (!Number.isInteger(number())) throw refuse();
    return number();
  };
  switch (type) {
    case DataType.Bool:
      if (typeof value !== "boolean") throw refuse();
      return ValueField.create({ boolData: value });
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
      return ValueField.create({ intData: integer() });
    case DataType.Int64:
      return ValueField.create({ longData: typeof value === "bigint" ? value : BigInt(integer()) });
    case DataType.Float:
      return ValueField.create({ floatData: Math.fround(number()) });
    case DataType.Double:
      return ValueField.create({ doubleData: number() });
    case DataType.VarChar:
      if (typeof value !== "string") throw refuse();
      return ValueField.create({ stringData: value });
    default:
      throw invalid(`type not support default_value, type:${typeOfName(type)}, name:${field}`);
  }
};

const typeOfName = (type: DataType): string => Object.entries(DataType).find(([, value]) => value === type)?.[0] ?? String(type);

/** A field of a REST body. */
export const fieldIn = (entry: Body, autoId: boolean): FieldSchema => {
  const name = textIn(entry, "fieldName");
  if (name === "") throw missingMember("FieldSchema", "FieldName");
  if (textIn(entry, "dataType") === "") throw missingMember("FieldSchema", "DataType");
  const dataType = typeOf(textIn(entry, "dataType"));
  const isPrimaryKey = flagIn(entry, "isPrimary") ?? false;
  const elementType = textIn(entry, "elementDataType");
  return FieldSchema.create({
    name,
    dataType,
    description: textIn(entry, "description"),
    isPrimaryKey,
    autoID: isPrimaryKey && autoId,
    isPartitionKey: flagIn(entry, "isPartitionKey") ?? false,
    isClusteringKey: flagIn(entry, "isClusteringKey") ?? false,
    nullable: flagIn(entry, "nullable") ?? false,
    elementType: elementType === "" ? DataType.None : typeOf(elementType),
    typeParams: [...pairsIn(entry, "elementTypeParams"), ...pairsIn(entry, "typeParams")],
    defaultValue: defaultOf(entry.defaultValue, dataType, name),
    externalField: textIn(entry, "externalField"),
  });
};

const functionIn = (entry: Body): FunctionSchema => {
  const type = textIn(entry, "type");
  const known = Object.entries(FunctionType).find(([name]) => name === type);
  if (known === undefined) throw invalid(`Unsupported function type: ${type}`);
  return FunctionSchema.create({
    name: textIn(entry, "name"),
    description: textIn(entry, "description"),
    type: known[1],
    inputFieldNames: textsIn(entry, "inputFieldNames"),
    outputFieldNames: textsIn(entry, "outputFieldNames"),
    params: pairsIn(entry, "params"),
  });
};

const givenSchema = (schema: Body, name: string, description: string): Init<CollectionSchema> => {
  const autoId = flagIn(schema, "autoId") ?? flagIn(schema, "autoID") ?? false;
  return {
    name,
    description: description || textIn(schema, "description"),
    enableDynamicField: flagIn(schema, "enableDynamicField") ?? false,
    fields: objectsIn(schema, "fields").map((field) => fieldIn(field, autoId)),
    functions: objectsIn(schema, "functions").map(functionIn),
    externalSource: textIn(schema, "externalSource"),
    externalSpec: textIn(schema, "externalSpec"),
  };
};

const quickKey = (body: Body, params: Body): FieldSchema => {
  const idType = textIn(body, "idType");
  if (!["", "Int64", "int64", "VarChar", "Varchar", "varchar"].includes(idType))
    throw failure(
      "invalidParameter",
      { expected: "Int64, Varchar", actual: idType },
      "idType can only be [Int64, VarChar], default: Int64",
    );
  const text = idType.toLowerCase() === "varchar";
  const length = params.max_length ?? undefined;
  return FieldSchema.create({
    name: textIn(body, "primaryFieldName") || "id",
    isPrimaryKey: true,
    autoID: flagIn(body, "autoID") ?? flagIn(body, "autoId") ?? false,
    dataType: text ? DataType.VarChar : DataType.Int64,
    typeParams: text && length !== undefined ? [{ key: "max_length", value: parameterText(length) }] : [],
  });
};

const quickSchema = (body: Body, params: Body, name: string): Init<CollectionSchema> => {
  const vectorType = typeOf(textIn(body, "vectorFieldType") || "FloatVector");
  if (!isVector(vectorType)) throw invalid(`vectorFieldType ${typeOfName(vectorType)} is not a vector type`);
  const dimension = integerIn(body, "dimension") ?? 0;
  const sparse = vectorType === DataType.SparseFloatVector;
  if (dimension === 0 && !sparse)
    throw failure(
      "invalidParameter",
      { expected: "collectionName & dimension", actual: "collectionName" },
      "dimension is required for quickly create collection(default metric type: COSINE)",
    );
  return {
    name,
    description: textIn(body, "description"),
    enableDynamicField: flagIn(params, "enableDynamicField") ?? true,
    fields: [
      quickKey(body, params),
      FieldSchema.create({
        name: textIn(body, "vectorFieldName") || "vector",
        dataType: vectorType,
        typeParams: sparse ? [] : [{ key: "dim", value: String(dimension) }],
      }),
    ],
  };
};

interface Wanted {
  readonly fieldName: string;
  readonly indexName: string;
  readonly extraParams: KeyValuePair[];
}

/** The indexes to build; a field that is not in the schema is refused before anything is created. */
const indexesIn = (body: Body, schema: Init<CollectionSchema>, quick: boolean): Wanted[] => {
  if (quick) {
    const vector = schema.fields?.[1];
    const fieldName = vector?.name ?? "vector";
    const metric = textIn(body, "metricType") || defaultMetric(FieldSchema.create({ dataType: DataType.FloatVector, ...vector }));
    return [
      {
        fieldName,
        indexName: fieldName,
        extraParams: [
          { key: "index_type", value: "AUTOINDEX" },
          { key: "metric_type", value: metric },
        ],
      },
    ];
  }
  return objectsIn(body, "indexParams").map((entry) => {
    const wanted = indexIn(entry);
    if (!schema.fields?.some((field) => field.name === wanted.fieldName))
      throw httpFailure("httpMissingParameter", `\`${wanted.fieldName}\` hasn't defined in schema`);
    return wanted;
  });
};

/** The steps after the first need their own. */
export const privilegesToCreate = (body: Body): readonly string[] => {
  const quick = objectsIn(objectIn(body, "schema"), "fields").length === 0;
  return quick || objectsIn(body, "indexParams").length > 0 ? ["CreateIndex", "Load"] : [];
};

export const createFromRest = async (call: Call, body: Body, create: Create): Promise<RestReply> => {
  const { dbName } = restDatabase(call, body);
  const collectionName = textIn(body, "collectionName");
  if (textIn(body, "externalSource") !== "" || textIn(body, "externalSpec") !== "")
    throw invalid("externalSource and externalSpec must be set inside schema");
  const [params, given] = [objectIn(body, "params"), objectIn(body, "schema")];
  const quick = objectsIn(given, "fields").length === 0;
  const schema = quick ? quickSchema(body, params, collectionName) : givenSchema(given, collectionName, textIn(body, "description"));
  const indexes = indexesIn(body, schema, quick);
  await create(
    call,
    CreateCollectionRequest.create({
      dbName,
      collectionName,
      schema: CollectionSchema.encode(schema),
      shardsNum: integerIn(params, "shardsNum") ?? 1,
      consistencyLevel: consistencyIn(body, params),
      properties: propertiesIn(body, params),
      numPartitions: BigInt(integerIn(params, "partitionsNum") ?? 0),
    }),
  );
  for (const index of indexes) await createIndex(call, { dbName, collectionName, ...index });
  if (indexes.length > 0) await load(call, LoadCollectionRequest.create({ dbName, collectionName }));
  return nothing;
};
