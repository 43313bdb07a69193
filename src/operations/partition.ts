/**
 * Partitions. Creating one that is there and dropping one that is not succeed; `_default` and loaded ones stay.
 * Sources: milvus internal/proxy/task.go, internal/rootcoord/ddl_callbacks_{create,drop}_partition.go.
 */
import { hasPartitionKey, isPartitionLoaded, partitionNamed, requirePartition } from "../catalog/read.js";
import { failure, invalid } from "../shared/errors.js";
import { checkPartitionName } from "../shared/names.js";
import { type ShowPartitionsRequest, ShowType, services } from "../shared/proto/generated/messages.js";
import { physicalMs } from "../shared/types.js";
import { type AnyOperation, type Call, defineOperation, type RestReply, type RestRoute } from "./operation.js";
import { type Body, change, collectionOf, nothing, required, restDatabase, textIn } from "./support.js";

const { CreatePartition, DropPartition, HasPartition, ShowPartitions, GetPartitionStatistics } =
  services["milvus.proto.milvus.MilvusService"];

interface Named {
  readonly dbName: string;
  readonly collectionName: string;
  readonly partitionName: string;
}

const create = async (call: Call, request: Named) => {
  const collection = collectionOf(call, request);
  if (hasPartitionKey(collection)) throw invalid("disable create partition if partition key mode is used");
  checkPartitionName(request.partitionName);
  await change(call, {
    kind: "createPartition",
    collectionId: collection.id,
    id: call.engine.ids(1),
    name: request.partitionName.trim(),
  });
  return {};
};

const drop = async (call: Call, request: Named) => {
  const collection = collectionOf(call, request);
  if (hasPartitionKey(collection)) throw invalid("disable drop partition if partition key mode is used");
  checkPartitionName(request.partitionName);
  await change(call, { kind: "dropPartition", collectionId: collection.id, name: request.partitionName.trim() });
  return {};
};

const has = (call: Call, request: Named) => {
  checkPartitionName(request.partitionName);
  const collection = collectionOf(call, request);
  return { value: partitionNamed(collection, request.partitionName.trim()) !== undefined };
};

const show = (
  call: Call,
  request: Pick<ShowPartitionsRequest, "dbName" | "collectionName" | "collectionID" | "partitionNames" | "type">,
) => {
  const byId = request.collectionName === "" ? call.engine.catalog.collections.get(request.collectionID) : undefined;
  const collection = byId ?? collectionOf(call, request);
  const inMemory = request.type === ShowType.InMemory;
  if (inMemory && collection.load === undefined) throw failure("collectionNotLoaded", { collection: collection.id });
  const named = request.partitionNames.map((name) => requirePartition(collection, name));
  const asked = inMemory && named.length > 0 ? named : collection.partitions;
  const shown = inMemory ? asked.filter((partition) => isPartitionLoaded(collection, partition.id)) : asked;
  return {
    partitionNames: shown.map((partition) => partition.name),
    partitionIDs: shown.map((partition) => partition.id),
    createdTimestamps: shown.map((partition) => partition.createdTimestamp),
    createdUtcTimestamps: shown.map((partition) => physicalMs(partition.createdTimestamp)),
    inMemoryPercentages: inMemory ? shown.map(({ id }) => BigInt(call.engine.loadProgress(collection, [id]))) : [],
  };
};

const statistics = (call: Call, request: Named) => {
  const collection = collectionOf(call, request);
  const partition = requirePartition(collection, request.partitionName);
  return { stats: [{ key: "row_count", value: String(call.engine.rowCount(collection, [partition.id])) }] };
};

const named = (call: Call, body: Body): Named => ({
  ...restDatabase(call, body),
  collectionName: textIn(body, "collectionName"),
  partitionName: textIn(body, "partitionName"),
});

const route = (path: string, handle: (call: Call, request: Named) => RestReply | Promise<RestReply>): RestRoute[] => [
  {
    route: `POST /v2/vectordb/partitions/${path}`,
    required: required("PartitionReq", "collectionName", "partitionName"),
    handle: async (call, body) => handle(call, named(call, body)),
  },
];

export const operations: readonly AnyOperation[] = [
  defineOperation(CreatePartition, {
    privilege: "CreatePartition",
    scope: "collection",
    handle: create,
    rest: route("create", (call, request) => create(call, request).then(() => nothing)),
  }),
  defineOperation(DropPartition, {
    privilege: "DropPartition",
    scope: "collection",
    handle: drop,
    rest: route("drop", (call, request) => drop(call, request).then(() => nothing)),
  }),
  defineOperation(HasPartition, {
    privilege: "HasPartition",
    scope: "collection",
    handle: has,
    rest: route("has", (call, request) => ({ data: { has: has(call, request).value } })),
  }),
  defineOperation(ShowPartitions, {
    privilege: "ShowPartitions",
    scope: "collection",
    handle: show,
    rest: [
      {
        route: "POST /v2/vectordb/partitions/list",
        required: required("CollectionNameReq", "collectionName"),
        handle: async (call, body) => {
          const { partitionName: _, ...request } = named(call, body);
          return { data: show(call, { ...request, collectionID: 0n, partitionNames: [], type: ShowType.All }).partitionNames };
        },
      },
    ],
  }),
  defineOperation(GetPartitionStatistics, {
    privilege: "GetStatistics",
    scope: "collection",
    handle: statistics,
    rest: route("get_stats", (call, request) => ({ data: { rowCount: Number(statistics(call, request).stats[0]?.value) } })),
  }),
];
