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
  LoadCollectionRequest,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { memberColumn } from "../shared/schema.js";
import { fieldIn, functionIn, typeOf } from "./field-rest.js";
import { createIndex } from "./index.js";
import { indexIn } from "./index-rest.js";
import { defaultMetric } from "./index-types.js";
import { load } from "./load.js";
import type { Call, RestReply } from "./operation.js";
import { structIn } from "./struct-rest.js";
import { type Body, flagIn, integerIn, nothing, objectIn, objectsIn, pairsIn, parameterText, restDatabase, textIn } from "./support.js";

type Create = (call: Call, request: CreateCollectionRequest) => Promise<object>;

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

const givenSchema = (schema: Body, name: string, description: string): Init<CollectionSchema> => {
  const autoId = flagIn(schema, "autoId") ?? flagIn(schema, "autoID") ?? false;
  return {
    name,
    description: description || textIn(schema, "description"),
    enableDynamicField: flagIn(schema, "enableDynamicField") ?? false,
    fields: objectsIn(schema, "fields").map((field) => fieldIn(field, autoId)),
    functions: objectsIn(schema, "functions").map(functionIn),
    structArrayFields: objectsIn(schema, "structFields").map(structIn),
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

const QUICK_VECTORS = ["FloatVector", "BinaryVector", "Float16Vector", "BFloat16Vector", "SparseFloatVector"];
const FLOAT_METRICS = ["L2", "IP", "COSINE"];
const BINARY_METRICS = ["HAMMING", "JACCARD"];

/** Refused before anything is made; a full schema is refused where its index is. */
const checkQuickMetric = (type: DataType, metric: string): void => {
  const refuse = (why: string) => invalid(why, { expected: "valid index params", actual: "invalid index params" });
  if (metric === "") return;
  if (type === DataType.SparseFloatVector) {
    if (metric === "BM25") throw refuse("only BM25 Function output field support BM25 metric type");
    if (metric !== "IP") throw refuse("only IP&BM25 is the supported metric type for sparse index");
  } else if (type === DataType.BinaryVector) {
    if (!BINARY_METRICS.includes(metric)) throw refuse(`binary vector index does not support metric type: ${metric}`);
  } else if (!FLOAT_METRICS.includes(metric)) throw refuse(`float vector index does not support metric type: ${metric}`);
};

const checkDimension = (sparse: boolean, dimension: number): void => {
  if (sparse && dimension !== 0)
    throw invalid("dimension should not be specified for SparseFloatVector quick create", { expected: 0, actual: dimension });
  if (!sparse && dimension === 0)
    throw invalid("dimension is required for quickly create collection(default metric type: COSINE)", {
      expected: "collectionName & dimension",
      actual: "collectionName",
    });
};

const quickSchema = (body: Body, params: Body, name: string): Init<CollectionSchema> => {
  const given = textIn(body, "vectorFieldType") || "FloatVector";
  if (!QUICK_VECTORS.includes(given))
    throw invalid(`vectorFieldType can only be [${QUICK_VECTORS.join(", ")}], default: FloatVector`, {
      expected: QUICK_VECTORS.join(", "),
      actual: given,
    });
  const vectorType = typeOf(given);
  const dimension = integerIn(body, "dimension") ?? 0;
  const sparse = vectorType === DataType.SparseFloatVector;
  checkDimension(sparse, dimension);
  checkQuickMetric(vectorType, textIn(body, "metricType"));
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
  const members = (schema.structArrayFields ?? []).flatMap((struct) =>
    (struct.fields ?? []).map((member) => memberColumn(struct.name ?? "", member.name ?? "")),
  );
  const names = new Set([...(schema.fields ?? []).map((field) => field.name), ...members]);
  return objectsIn(body, "indexParams").map((entry) => {
    const wanted = indexIn(entry);
    if (!names.has(wanted.fieldName)) throw httpFailure("httpMissingParameter", `\`${wanted.fieldName}\` hasn't defined in schema`);
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
