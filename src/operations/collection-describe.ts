/**
 * What collections are: describe (one, many), list, statistics.
 *
 * A description through an alias carries the alias as `collection_name` and the real name in the schema. The dynamic field is not shown as a field.
 * A missing collection answers code 100 with the legacy code 4 and the words of Milvus's cached provider, which every client knows.
 * Sources: milvus internal/proxy/service_provider.go, internal/distributed/proxy/httpserver/handler_v2.go.
 */
import { indexParam } from "../catalog/index-params.js";
import { aliasesOf, collectionsIn, requireCollection, requireDatabase, resolve } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import { failure, MilvusError, missing, successStatus, toStatus } from "../shared/errors.js";
import { checkCollectionName } from "../shared/names.js";
import {
  type BatchDescribeCollectionRequest,
  ConsistencyLevel,
  DataType,
  type DescribeCollectionRequest,
  type DescribeCollectionResponse,
  ErrorCode,
  type FieldSchema,
  LoadState,
  type ShowCollectionsRequest,
  ShowType,
  type StructArrayFieldSchema,
  services,
  type ValueField,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { primaryField, typeName } from "../shared/schema.js";
import { physicalMs } from "../shared/types.js";
import { loadStateOf } from "./load.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { HTTP_DENIED, refusal } from "./permit.js";
import { type Body, databaseOf, required, restDatabase, textIn } from "./support.js";
import { timeZoneOf, withTextDefault } from "./timestamptz.js";
import { seenCollections } from "./visibility.js";

const { DescribeCollection, BatchDescribeCollection, ShowCollections, GetCollectionStatistics } =
  services["milvus.proto.milvus.MilvusService"];

const cannotFind = (database: string, collection: string): MilvusError =>
  new MilvusError(100, `can't find collection[database=${database}][collection=${collection}]`, false, ErrorCode.CollectionNotExists, true);

const channels = (collection: Collection, suffix: (shard: number) => string): string[] =>
  Array.from({ length: collection.shardsNum }, (_, shard) => `elanus-dml_${shard}${suffix(shard)}`);

const shownFields = (call: Call, collection: Collection): FieldSchema[] => {
  const zone = timeZoneOf(call.engine.catalog, collection);
  return collection.schema.fields.filter((field) => !field.isDynamic).map((field) => withTextDefault(field, zone));
};

const descriptionOf = (call: Call, collection: Collection): Init<DescribeCollectionResponse> => ({
  schema: {
    ...collection.schema,
    fields: shownFields(call, collection),
    properties: [...collection.properties],
  },
  collectionID: collection.id,
  virtualChannelNames: channels(collection, (shard) => `_${collection.id}v${shard}`),
  physicalChannelNames: channels(collection, () => ""),
  createdTimestamp: collection.createdTimestamp,
  createdUtcTimestamp: physicalMs(collection.createdTimestamp),
  shardsNum: collection.shardsNum,
  aliases: aliasesOf(call.engine.catalog, collection),
  consistencyLevel: collection.consistencyLevel as ConsistencyLevel,
  properties: collection.properties,
  numPartitions: BigInt(collection.partitions.length),
  updateTimestamp: collection.updateTimestamp,
  updateTimestampStr: String(collection.updateTimestamp),
});

/** By name or alias, or by id when no name is given. */
const find = (call: Call, databaseName: string, name: string, id: bigint): Collection => {
  const { catalog } = call.engine;
  if (name !== "" || id <= 0n) checkCollectionName(name);
  const database = requireDatabase(catalog, databaseName);
  const byId = catalog.collections.get(id);
  const collection = name !== "" ? resolve(catalog, databaseName, name) : byId?.databaseId === database.id ? byId : undefined;
  if (collection === undefined) throw cannotFind(databaseName, name);
  return collection;
};

/** The collection of a request that Milvus describes first: in the words of a description when it is missing. */
export const describedCollection = (call: Call, request: { readonly dbName: string; readonly collectionName: string }): Collection =>
  find(call, databaseOf(call, request), request.collectionName, 0n);

const describe = (
  call: Call,
  request: Pick<DescribeCollectionRequest, "dbName" | "collectionName" | "collectionID">,
): Init<DescribeCollectionResponse> => {
  const dbName = databaseOf(call, request);
  const collection = find(call, dbName, request.collectionName, request.collectionID);
  return { ...descriptionOf(call, collection), collectionName: request.collectionName, dbName };
};

const describeMany = (call: Call, request: BatchDescribeCollectionRequest) => {
  if (request.collectionName.length === 0) throw missing("collection names cannot be empty");
  const one = (collectionName: string): Init<DescribeCollectionResponse> => {
    try {
      return { status: successStatus(), ...describe(call, { dbName: request.dbName, collectionName, collectionID: 0n }) };
    } catch (error) {
      return { status: toStatus(error), collectionName, dbName: databaseOf(call, request) };
    }
  };
  return { responses: request.collectionName.map(one) };
};

const loadedOnes = (call: Call, database: string, names: readonly string[], all: readonly Collection[]): Collection[] => {
  if (names.length === 0) return all.filter((collection) => collection.load !== undefined);
  return names.map((name) => {
    checkCollectionName(name);
    const collection = requireCollection(call.engine.catalog, database, name);
    if (collection.load === undefined) throw failure("collectionNotLoaded", { collection: collection.id });
    return collection;
  });
};

const show = (call: Call, request: Pick<ShowCollectionsRequest, "dbName" | "type" | "collectionNames">) => {
  const database = requireDatabase(call.engine.catalog, databaseOf(call, request));
  const all = collectionsIn(call.engine.catalog, database).filter(seenCollections(call, database.name));
  const inMemory = request.type === ShowType.InMemory;
  const shown = inMemory ? loadedOnes(call, database.name, request.collectionNames, all) : all;
  return {
    collectionNames: shown.map((collection) => collection.name),
    collectionIds: shown.map((collection) => collection.id),
    createdTimestamps: shown.map((collection) => collection.createdTimestamp),
    createdUtcTimestamps: shown.map((collection) => physicalMs(collection.createdTimestamp)),
    inMemoryPercentages: inMemory ? shown.map((collection) => BigInt(call.engine.loadProgress(collection))) : [],
    queryServiceAvailable: inMemory ? shown.map(() => true) : [],
    shardsNum: shown.map((collection) => collection.shardsNum),
  };
};

const statistics = (call: Call, request: { readonly dbName: string; readonly collectionName: string }) => {
  const collection = requireCollection(call.engine.catalog, databaseOf(call, request), request.collectionName);
  return { stats: [{ key: "row_count", value: String(call.engine.rowCount(collection)) }] };
};

/** As Go's JSON writes the message: `{"Data":{"StringData":"x"}}`. */
const defaultOf = (value: ValueField): unknown => {
  const [name, data] = Object.entries(value).find(([, member]) => member !== undefined) ?? [];
  return name === undefined ? {} : { Data: { [`${name[0]?.toUpperCase()}${name.slice(1)}`]: data } };
};

const restField = (field: FieldSchema) => ({
  name: field.name,
  id: field.fieldID,
  type: typeName(field.dataType),
  primaryKey: field.isPrimaryKey,
  partitionKey: field.isPartitionKey,
  clusteringKey: field.isClusteringKey,
  autoId: field.autoID,
  description: field.description,
  nullable: field.nullable,
  ...(field.typeParams.length > 0 ? { params: field.typeParams } : {}),
  ...(field.dataType === DataType.Array || field.dataType === DataType.ArrayOfVector ? { elementType: typeName(field.elementType) } : {}),
  ...(field.defaultValue ? { defaultValue: defaultOf(field.defaultValue) } : {}),
  ...(field.isFunctionOutput ? { isFunctionOutput: true } : {}),
});

const restStruct = (struct: StructArrayFieldSchema) => ({
  name: struct.name,
  id: struct.fieldID,
  type: typeName(DataType.ArrayOfStruct),
  description: struct.description,
  nullable: struct.nullable,
  fields: struct.fields.map(restField),
  ...(struct.typeParams.length > 0 ? { params: struct.typeParams } : {}),
});

const nameOf = (values: Readonly<Record<string, number>>, value: number): string =>
  Object.entries(values).find(([, candidate]) => candidate === value)?.[0] ?? String(value);

const restIndexes = (collection: Collection) =>
  collection.indexes.map((index) => ({
    indexName: index.name,
    fieldName: collection.schema.fields.find((field) => field.fieldID === index.fieldId)?.name ?? "",
    metricType: indexParam(index, "metric_type") ?? "",
  }));

const describeForRest = (call: Call, body: Body) => {
  const { dbName } = restDatabase(call, body);
  const collectionName = textIn(body, "collectionName");
  const collection = find(call, dbName, collectionName, 0n);
  const { schema } = collection;
  // What belongs to other calls is shown to those who may make them.
  const hidden = ["GetLoadState", "IndexDetail", "ListAliases"].map((privilege) => refusal(call, privilege, { dbName, collectionName }));
  const [noLoad, noIndexes, noAliases] = hidden;
  return {
    message: hidden.flatMap((words) => (words === undefined ? [] : [`${HTTP_DENIED}${words};`])).join(""),
    data: {
      collectionName,
      collectionID: collection.id,
      description: schema.description,
      autoId: primaryField(schema).autoID,
      shardsNum: collection.shardsNum,
      partitionsNum: BigInt(collection.partitions.length),
      enableDynamicField: schema.enableDynamicField,
      consistencyLevel: nameOf(ConsistencyLevel, collection.consistencyLevel),
      fields: shownFields(call, collection).map(restField),
      structFields: schema.structArrayFields.map(restStruct),
      functions: schema.functions.map((fn) => ({
        name: fn.name,
        description: fn.description,
        type: fn.type,
        id: fn.id,
        inputFieldNames: fn.inputFieldNames,
        outputFieldNames: fn.outputFieldNames,
        params: fn.params,
      })),
      aliases: noAliases ? [] : aliasesOf(call.engine.catalog, collection),
      indexes: noIndexes ? [] : restIndexes(collection),
      load: noLoad ? "" : nameOf(LoadState, loadStateOf(call.engine, collection)),
      properties: collection.properties,
      externalSource: schema.externalSource,
      externalSpec: schema.externalSpec,
    },
  };
};

const BASE = "POST /v2/vectordb/collections";

export const operations: readonly AnyOperation[] = [
  defineOperation(DescribeCollection, {
    privilege: "DescribeCollection",
    scope: "collection",
    handle: describe,
    rest: [
      {
        route: `${BASE}/describe`,
        required: required("CollectionNameReq", "collectionName"),
        handle: async (call, body) => describeForRest(call, body),
      },
    ],
  }),
  defineOperation(BatchDescribeCollection, { privilege: "DescribeCollection", scope: "collection", handle: describeMany }),
  defineOperation(ShowCollections, {
    privilege: "",
    scope: "database",
    handle: show,
    rest: [
      {
        route: `${BASE}/list`,
        handle: async (call, body) => ({
          data: show(call, { ...restDatabase(call, body), type: ShowType.All, collectionNames: [] }).collectionNames,
        }),
      },
    ],
  }),
  defineOperation(GetCollectionStatistics, {
    privilege: "GetStatistics",
    scope: "collection",
    handle: statistics,
    rest: [
      {
        route: `${BASE}/get_stats`,
        required: required("CollectionNameReq", "collectionName"),
        handle: async (call, body) => {
          const { stats } = statistics(call, { ...restDatabase(call, body), collectionName: textIn(body, "collectionName") });
          return { data: { rowCount: Number(stats[0]?.value) } };
        },
      },
    ],
  }),
];
