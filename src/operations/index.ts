/**
 * Indexes: what a user asked for, and how far the engine is with it.
 *
 * Model: a definition is kept as it was asked for and shown so; the engine decides what serves it. Creating the same again and dropping what is not there
 * succeed. Sources: milvus internal/proxy/task_index.go, internal/datacoord/index_service.go.
 */
import { expandIndexParams, indexParam } from "../catalog/index-params.js";
import { requireCollection } from "../catalog/read.js";
import type { Collection, IndexDefinition, KeyValuePair } from "../catalog/types.js";
import { indexType } from "../engine/index-plan.js";
import { failure, invalid } from "../shared/errors.js";
import { checkIndexName } from "../shared/names.js";
import {
  type AlterIndexRequest,
  type CreateIndexRequest,
  DataType,
  type DescribeIndexRequest,
  type DropIndexRequest,
  type FieldSchema,
  IndexState,
  services,
} from "../shared/proto/generated/messages.js";
import { columnNamed, columnWithId } from "../shared/schema.js";
import { indexRoutes } from "./index-rest.js";
import { checkAlteredParams, checkIndexParams, checkWarmupParam } from "./index-rules.js";
import { jsonPath } from "./json-path.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { change, collectionOf, databaseOf } from "./support.js";

const { CreateIndex, DescribeIndex, GetIndexStatistics, AlterIndex, DropIndex, GetIndexState, GetIndexBuildProgress } =
  services["milvus.proto.milvus.MilvusService"];

/** A field by its name; a name that is none of the schema is a key of the dynamic field. */
const indexedField = (collection: Collection, name: string): FieldSchema => {
  const field = columnNamed(collection.schema, name) ?? collection.schema.fields.find((candidate) => candidate.isDynamic);
  if (field === undefined) throw invalid(`cannot create index on non-exist field: ${name}`);
  return field;
};

/** Milvus's name for an index that got none: the field's one index, else the field's name, with the path on JSON fields. */
const defaultName = (collection: Collection, field: FieldSchema, fieldName: string, params: readonly KeyValuePair[]): string => {
  if (field.dataType === DataType.JSON) return field.name + jsonPath(field, expandIndexParams(params).get("json_path") ?? fieldName);
  const [only, ...others] = collection.indexes.filter((index) => index.fieldId === field.fieldID);
  return only !== undefined && others.length === 0 ? only.name : field.name;
};

export type NewIndex = Pick<CreateIndexRequest, "dbName" | "collectionName" | "fieldName" | "indexName" | "extraParams">;

export const createIndex = async (call: Call, request: NewIndex) => {
  const collection = requireCollection(call.engine.catalog, databaseOf(call, request), request.collectionName);
  checkIndexName(request.indexName);
  const field = indexedField(collection, request.fieldName);
  const params = checkIndexParams(field, request.fieldName, request.extraParams);
  const name = request.indexName.trim() || defaultName(collection, field, request.fieldName, params);
  await change(call, {
    kind: "createIndex",
    collectionId: collection.id,
    id: call.engine.ids(1),
    name,
    fieldId: field.fieldID,
    params,
  });
  return {};
};

type Named = Pick<DescribeIndexRequest, "dbName" | "collectionName" | "fieldName" | "indexName">;

/** The indexes with this name, or all; 700 when there is none. */
const requireIndexes = (collection: Collection, request: Named): readonly IndexDefinition[] => {
  const found = request.indexName === "" ? collection.indexes : collection.indexes.filter((index) => index.name === request.indexName);
  if (found.length > 0) return found;
  throw failure("indexNotFound", request.indexName === "" ? { collection: request.collectionName } : { indexName: request.indexName });
};

/** The name that a client knows the indexed field by: for the dynamic field the first key of the path. */
const shownField = (collection: Collection, index: IndexDefinition): string => {
  const field = columnWithId(collection.schema, index.fieldId);
  if (field === undefined) return "";
  if (!field.isDynamic) return field.name;
  const [first = ""] = jsonPath(field, indexParam(index, "json_path") ?? "")
    .slice(1)
    .split("/");
  return first.replaceAll("~1", "/").replaceAll("~0", "~");
};

const stateOf = (call: Call, collection: Collection, index: IndexDefinition) => {
  const progress = call.engine.indexProgress(collection, index);
  const unfinished = progress.indexedRows < progress.totalRows ? IndexState.InProgress : IndexState.Finished;
  return { ...progress, state: progress.failReason === "" ? unfinished : IndexState.Failed };
};

const descriptionOf = (call: Call, collection: Collection, index: IndexDefinition) => {
  const { totalRows, indexedRows, pendingRows, failReason, state } = stateOf(call, collection, index);
  return {
    indexName: index.name,
    indexID: index.id,
    fieldName: shownField(collection, index),
    params: index.params,
    indexedRows: BigInt(indexedRows),
    totalRows: BigInt(totalRows),
    pendingIndexRows: BigInt(pendingRows),
    state,
    indexStateFailReason: failReason,
    minIndexVersion: 0,
    maxIndexVersion: 0,
  };
};

export const describeIndexes = (call: Call, request: Named) => {
  const collection = collectionOf(call, request);
  return { indexDescriptions: requireIndexes(collection, request).map((index) => descriptionOf(call, collection, index)) };
};

/** The one index meant; 702 when a request that names none could mean several. */
const requireOne = (call: Call, request: Named): [Collection, IndexDefinition] => {
  const collection = collectionOf(call, request);
  const [index, ...others] = requireIndexes(collection, request);
  if (index === undefined || others.length > 0) throw failure("indexDuplicate", { indexName: request.indexName });
  return [collection, index];
};

const state = (call: Call, request: Named) => {
  const { state: indexState, failReason } = stateOf(call, ...requireOne(call, request));
  return { state: indexState, failReason };
};

const progress = (call: Call, request: Named) => {
  const { indexedRows, totalRows } = stateOf(call, ...requireOne(call, request));
  return { indexedRows: BigInt(indexedRows), totalRows: BigInt(totalRows) };
};

const CONFIGURABLE = ["mmap.enabled", "indexoffsetcache.enabled", "warmup"];

export type IndexChanges = Pick<AlterIndexRequest, "dbName" | "collectionName" | "indexName" | "extraParams" | "deleteKeys">;

export const alterIndex = async (call: Call, request: IndexChanges) => {
  const { extraParams, deleteKeys, collectionName, indexName } = request;
  if (deleteKeys.length > 0 && extraParams.length > 0) throw invalid("cannot provide both DeleteKeys and ExtraParams");
  const fixed = [...extraParams.map((pair) => pair.key), ...deleteKeys].find((key) => !CONFIGURABLE.includes(key));
  if (fixed !== undefined) throw invalid(`${fixed} is not a configable index property`);
  const changed = new Map(extraParams.map(({ key, value }) => [key, value]));
  checkWarmupParam(changed);
  const collection = requireCollection(call.engine.catalog, databaseOf(call, request), collectionName);
  if (indexName === "") throw invalid("index name is empty");
  if (collection.load !== undefined)
    throw failure(
      "collectionLoaded",
      { collection: collectionName },
      "can't alter index on loaded collection, please release the collection first",
    );
  const index = collection.indexes.find((candidate) => candidate.name === indexName);
  if (index !== undefined) checkAlteredParams(indexType(index), changed);
  await change(call, { kind: "alterIndex", collectionId: collection.id, name: indexName, properties: extraParams, deleteKeys });
  return {};
};

/** By index name, or by the field whose one index is meant. */
export const dropIndex = async (call: Call, request: Pick<DropIndexRequest, "dbName" | "collectionName" | "fieldName" | "indexName">) => {
  const collection = collectionOf(call, request);
  const asked = request.indexName || request.fieldName;
  const named = collection.indexes.filter((index) => index.name === asked);
  const found = asked === "" ? collection.indexes : named;
  if (found.length > 1) throw failure("indexDuplicate", { indexName: request.indexName });
  const [index] = found;
  if (index !== undefined) await change(call, { kind: "dropIndex", collectionId: collection.id, name: index.name });
  return {};
};

export const operations: readonly AnyOperation[] = [
  defineOperation(CreateIndex, {
    privilege: "CreateIndex",
    scope: "collection",
    handle: createIndex,
    note: "all vector index types but MINHASH_LSH and those of GPUs; scalar indexes are kept and shown, and filters run over the columns",
    rest: indexRoutes.create(createIndex),
  }),
  defineOperation(DescribeIndex, {
    privilege: "IndexDetail",
    scope: "collection",
    handle: describeIndexes,
    rest: indexRoutes.describe(describeIndexes),
  }),
  defineOperation(GetIndexStatistics, {
    privilege: "IndexDetail",
    scope: "collection",
    handle: (call, request) => describeIndexes(call, { ...request, fieldName: "" }),
  }),
  defineOperation(AlterIndex, { privilege: "CreateIndex", scope: "collection", handle: alterIndex, rest: indexRoutes.alter(alterIndex) }),
  defineOperation(DropIndex, { privilege: "DropIndex", scope: "collection", handle: dropIndex, rest: indexRoutes.drop(dropIndex) }),
  defineOperation(GetIndexState, { privilege: "IndexDetail", scope: "collection", handle: state }),
  defineOperation(GetIndexBuildProgress, { privilege: "IndexDetail", scope: "collection", handle: progress }),
];
