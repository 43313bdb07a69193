/**
 * Loading: what of a collection may be searched.
 *
 * Model: rows are always in the engine; a load is the catalog's word that they may be read, and brings indexes and wanted pages into memory; the call returns when
 * they are there. Meanwhile, and after a start, the state is Loading and the progress what is there of them; reads are served already. A load asks for an index
 * on every vector field, as Milvus does. There is one replica on this one node.
 * Sources: milvus internal/proxy/{task,impl}.go, internal/querycoordv2/job.
 */
import { checkIndexes } from "../catalog/apply-partition.js";
import { checkGroupForLoad } from "../catalog/apply-resource-group.js";
import { propertyOf } from "../catalog/properties.js";
import {
  DEFAULT_RESOURCE_GROUP,
  hasPartitionKey,
  isPartitionLoaded,
  loadedPartitions,
  requireCollection,
  requirePartition,
  resolve,
  resourceGroupOf,
} from "../catalog/read.js";
import type { Catalog, Collection } from "../catalog/types.js";
import type { EngineApi } from "../engine/api.js";
import { collectionNotFound, failure, invalid } from "../shared/errors.js";
import { checkCollectionName } from "../shared/names.js";
import {
  type GetLoadStateRequest,
  type GetReplicasRequest,
  type LoadCollectionRequest,
  type LoadPartitionsRequest,
  LoadState,
  type ReleasePartitionsRequest,
  services,
} from "../shared/proto/generated/messages.js";
import { fieldNamed, isVector, primaryField, structNamed } from "../shared/schema.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { type Body, change, collectionOf, databaseOf, nothing, required, restDatabase, textIn, textsIn } from "./support.js";

const { LoadCollection, ReleaseCollection, LoadPartitions, ReleasePartitions, GetLoadState, GetLoadingProgress, GetReplicas } =
  services["milvus.proto.milvus.MilvusService"];

/** The id of the one node there is, where a reply must name nodes. */
export const NODE_ID = 1n;

export const loadStateOf = (
  engine: Pick<EngineApi, "loadProgress">,
  collection: Collection,
  partitionIds?: readonly bigint[],
): LoadState => {
  if (collection.load === undefined) return LoadState.LoadStateNotLoad;
  return engine.loadProgress(collection, partitionIds) < 100 ? LoadState.LoadStateLoading : LoadState.LoadStateLoaded;
};

const checkLoadFields = (collection: Collection, names: readonly string[]): void => {
  if (names.length === 0) return;
  const fields = names.flatMap((name) => {
    const struct = structNamed(collection.schema, name);
    const field = fieldNamed(collection.schema, name);
    if (field === undefined && struct === undefined) throw failure("fieldNotFound", { field: name });
    return field ?? struct?.fields ?? [];
  });
  const key = primaryField(collection.schema);
  const refuse = (what: string) => invalid(`load field list [${names.join(" ")}] does not contain ${what}`);
  if (!fields.includes(key)) throw refuse(`primary key field ${key.name}`);
  if (!fields.some((field) => isVector(field.dataType))) throw refuse("vector field");
  const clustering = collection.schema.fields.find((field) => field.isClusteringKey);
  if (clustering && !fields.includes(clustering)) throw refuse(`clustering key field ${clustering.name}`);
};

/** A request without a number and without groups takes them from the collection's properties, then from its database's. */
const wantedReplicas = (catalog: Catalog, collection: Collection, asked: number, groups: readonly string[]) => {
  if (asked > 0 || groups.length > 0) return { wanted: Math.max(asked, 1), groups };
  const own = (key: string) => propertyOf(collection.properties, `collection.${key}`);
  const shared = (key: string) => propertyOf(catalog.databases.get(collection.databaseName)?.properties ?? [], `database.${key}`);
  const number = [own("replica.number"), shared("replica.number")].map(Number).find((value) => Number.isInteger(value) && value > 0);
  const list = [own("resource_groups"), shared("resource_groups")].map(namesIn).find((names) => names.length > 0);
  return { wanted: number ?? 1, groups: list ?? [] };
};

const namesIn = (text: string | undefined): string[] =>
  (text ?? "").split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()]));

interface Asked {
  readonly replicaNumber: number;
  readonly resourceGroups: readonly string[];
}

/** How many replicas, and the group of the one that can be. More than the node can hold are refused (12), and groups that are not there (300). */
const placementOf = (catalog: Catalog, collection: Collection, asked: Asked, begins: boolean, context: string) => {
  const { wanted, groups } = wantedReplicas(catalog, collection, asked.replicaNumber, asked.resourceGroups);
  const prefix = context === "" ? "" : `${context}: `;
  if (groups.length > 1 && groups.length !== wanted)
    throw invalid(
      `${prefix}replica=[${wanted}] resource group=[${groups.join(",")}], resource group num can only be 0, 1 or same as replica number`,
    );
  if (wanted > 1)
    throw failure(
      "resourceInsufficient",
      { currentStreamingNode: 1, expectedStreamingNode: wanted },
      `${prefix}when load ${wanted} replica count`,
    );
  const [group] = groups;
  const placement = { replicaNumber: wanted, ...(group === undefined || group === DEFAULT_RESOURCE_GROUP ? {} : { resourceGroup: group }) };
  checkGroupForLoad(catalog, placement, begins, context);
  return placement;
};

type LoadRequest = Pick<
  LoadPartitionsRequest & LoadCollectionRequest,
  "dbName" | "collectionName" | "replicaNumber" | "resourceGroups" | "refresh" | "loadFields" | "skipLoadDynamicField"
>;

export const load = async (call: Call, request: LoadRequest) => {
  const collection = collectionOf(call, request);
  checkLoadFields(collection, request.loadFields);
  checkIndexes(collection, request.collectionName, request.loadFields);
  const context = "call query coordinator LoadCollection";
  if (request.refresh && collection.load === undefined) throw failure("collectionNotLoaded", { collection: collection.id }, context);
  const placement = placementOf(call.engine.catalog, collection, request, collection.load === undefined, context);
  // A refresh asks for rows written since to be found, which they are already.
  if (request.refresh) return {};
  await change(call, {
    kind: "load",
    collectionId: collection.id,
    ...placement,
    loadFields: request.loadFields,
    skipDynamicField: request.skipLoadDynamicField,
  });
  return {};
};

const loadPartitions = async (call: Call, request: LoadRequest & { readonly partitionNames: readonly string[] }) => {
  const collection = collectionOf(call, request);
  if (hasPartitionKey(collection)) throw invalid("disable load partitions if partition key mode is used");
  checkLoadFields(collection, request.loadFields);
  checkIndexes(collection, request.collectionName, request.loadFields);
  const partitionIds = request.partitionNames.map((name) => requirePartition(collection, name).id);
  if (partitionIds.length === 0) throw invalid("failed to load partition, due to no partition specified");
  if (request.refresh && collection.load === undefined) throw failure("collectionNotLoaded", { collection: collection.id });
  const placement = placementOf(call.engine.catalog, collection, request, true, "");
  if (request.refresh) return {};
  await change(call, {
    kind: "load",
    collectionId: collection.id,
    partitionIds,
    ...placement,
    loadFields: request.loadFields,
    skipDynamicField: request.skipLoadDynamicField,
  });
  return {};
};

const release = async (call: Call, request: { readonly dbName: string; readonly collectionName: string }) => {
  await change(call, { kind: "release", collectionId: collectionOf(call, request).id });
  return {};
};

const releasePartitions = async (call: Call, request: Pick<ReleasePartitionsRequest, "dbName" | "collectionName" | "partitionNames">) => {
  const collection = collectionOf(call, request);
  if (hasPartitionKey(collection)) throw invalid("disable release partitions if partition key mode is used");
  const partitionIds = request.partitionNames.map((name) => requirePartition(collection, name).id);
  if (partitionIds.length === 0) throw failure("invalidParameter", { expected: "any partition", actual: "empty partition list" });
  await change(call, { kind: "release", collectionId: collection.id, partitionIds });
  return {};
};

type StateRequest = Pick<GetLoadStateRequest, "dbName" | "collectionName" | "partitionNames">;

/** Never an error for what is missing or released. */
const loadState = (call: Call, request: StateRequest) => {
  checkCollectionName(request.collectionName);
  const collection = resolve(call.engine.catalog, databaseOf(call, request), request.collectionName);
  if (collection === undefined) return { state: LoadState.LoadStateNotExist };
  const partitionIds = request.partitionNames.map((name) => requirePartition(collection, name).id);
  if (partitionIds.some((id) => !isPartitionLoaded(collection, id))) return { state: LoadState.LoadStateNotLoad };
  return { state: loadStateOf(call.engine, collection, partitionIds) };
};

const progress = (call: Call, request: StateRequest) => {
  const collection = collectionOf(call, request);
  const partitions = request.partitionNames.map((name) => requirePartition(collection, name));
  if (collection.load === undefined) throw failure("collectionNotLoaded", { collection: collection.id });
  const released = partitions.find((partition) => !isPartitionLoaded(collection, partition.id));
  if (released) throw failure("partitionNotLoaded", { partition: released.id });
  const ids = partitions.map((partition) => partition.id);
  return { progress: BigInt(call.engine.loadProgress(collection, ids)), refreshProgress: 100n };
};

const replicas = (call: Call, request: Pick<GetReplicasRequest, "dbName" | "collectionName" | "collectionID">) => {
  const { catalog } = call.engine;
  const collection =
    request.collectionName !== ""
      ? requireCollection(catalog, databaseOf(call, request), request.collectionName)
      : catalog.collections.get(request.collectionID);
  if (collection?.load === undefined) return { replicas: [] };
  const resourceGroupName = resourceGroupOf(collection.load);
  const replica = {
    replicaID: collection.id,
    collectionID: collection.id,
    partitionIds: loadedPartitions(collection),
    shardReplicas: Array.from({ length: collection.shardsNum }, (_, shard) => ({
      leaderID: NODE_ID,
      leaderAddr: "",
      dmChannelName: `elanus-dml_${shard}_${collection.id}v${shard}`,
      nodeIds: [NODE_ID],
    })),
    nodeIds: [NODE_ID],
    resourceGroupName,
    numOutboundNode: new Map(catalog.nodeGroup === resourceGroupName ? [] : [[catalog.nodeGroup, 1]]),
  };
  return { replicas: [replica] };
};

const COLLECTIONS = "POST /v2/vectordb/collections";
const PARTITIONS = "POST /v2/vectordb/partitions";

const named = (call: Call, body: Body) => ({
  ...restDatabase(call, body),
  collectionName: textIn(body, "collectionName"),
  partitionNames: textsIn(body, "partitionNames"),
});
const plainLoad = { replicaNumber: 0, resourceGroups: [], loadFields: [], skipLoadDynamicField: false };
const byName = required("CollectionNameReq", "collectionName");
const byPartitions = required("PartitionsReq", "collectionName", "partitionNames");

/** Unlike the RPC, the route answers a missing collection with 100. */
const restState = (call: Call, body: Body) => {
  const request = named(call, body);
  const { state } = loadState(call, request);
  if (state === LoadState.LoadStateNotExist) throw collectionNotFound(databaseOf(call, request), request.collectionName);
  if (state === LoadState.LoadStateNotLoad) return { message: "", data: { loadState: "LoadStateNotLoad", loadProgress: 0 } };
  const name = state === LoadState.LoadStateLoading ? "LoadStateLoading" : "LoadStateLoaded";
  return { message: "", data: { loadState: name, loadProgress: Number(progress(call, request).progress) } };
};

export const operations: readonly AnyOperation[] = [
  defineOperation(LoadCollection, {
    privilege: "Load",
    scope: "collection",
    handle: load,
    rest: [
      {
        route: `${COLLECTIONS}/load`,
        required: byName,
        handle: async (call, body) => load(call, { ...plainLoad, ...named(call, body), refresh: false }).then(() => nothing),
      },
      {
        route: `${COLLECTIONS}/refresh_load`,
        required: byName,
        handle: async (call, body) => load(call, { ...plainLoad, ...named(call, body), refresh: true }).then(() => nothing),
      },
    ],
  }),
  defineOperation(ReleaseCollection, {
    privilege: "Release",
    scope: "collection",
    handle: release,
    rest: [
      {
        route: `${COLLECTIONS}/release`,
        required: byName,
        handle: async (call, body) => release(call, named(call, body)).then(() => nothing),
      },
    ],
  }),
  defineOperation(LoadPartitions, {
    privilege: "Load",
    scope: "collection",
    handle: loadPartitions,
    rest: [
      {
        route: `${PARTITIONS}/load`,
        required: byPartitions,
        handle: async (call, body) => loadPartitions(call, { ...plainLoad, ...named(call, body), refresh: false }).then(() => nothing),
      },
    ],
  }),
  defineOperation(ReleasePartitions, {
    privilege: "Release",
    scope: "collection",
    handle: releasePartitions,
    rest: [
      {
        route: `${PARTITIONS}/release`,
        required: byPartitions,
        handle: async (call, body) => releasePartitions(call, named(call, body)).then(() => nothing),
      },
    ],
  }),
  defineOperation(GetLoadState, {
    privilege: "GetLoadState",
    scope: "collection",
    handle: loadState,
    rest: [{ route: `${COLLECTIONS}/get_load_state`, required: byName, handle: async (call, body) => restState(call, body) }],
  }),
  defineOperation(GetLoadingProgress, { privilege: "GetLoadState", scope: "collection", handle: progress }),
  defineOperation(GetReplicas, { privilege: "", scope: "collection", handle: replicas }),
];
