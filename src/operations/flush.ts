/** Flush and what tells of segments. A flush answers when the rows are in synced files that the manifest names, so what it named is flushed by then. */
import { collectionsIn, requireCollection, requireCollectionById, requireDatabase } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import { failure, invalid } from "../shared/errors.js";
import { checkCollectionName } from "../shared/names.js";
import {
  type FlushAllRequest,
  type FlushAllResponse,
  type FlushRequest,
  type FlushResponse,
  SegmentLevel,
  SegmentState,
  services,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { physicalMs } from "../shared/types.js";
import { NODE_ID } from "./load.js";
import { type AnyOperation, type Call, defineOperation, type RestReply } from "./operation.js";
import { type Body, collectionOf, databaseOf, longIn, textIn } from "./support.js";

const flush = async (call: Call, request: FlushRequest): Promise<Init<FlushResponse>> => {
  const database = databaseOf(call, request);
  if (request.collectionNames.length === 0) throw invalid("collection names must not be empty");
  const named = request.collectionNames.map((name): [string, Collection] => {
    checkCollectionName(name);
    return [name, requireCollection(call.engine.catalog, database, name)];
  });
  const flushed = await call.engine.flush(named.map(([, collection]) => collection));
  const reply = {
    dbName: database,
    collSegIDs: new Map<string, { data: bigint[] }>(),
    flushCollSegIDs: new Map<string, { data: bigint[] }>(),
    collSealTimes: new Map<string, bigint>(),
    collFlushTs: new Map<string, bigint>(),
  };
  for (const [name, collection] of named) {
    const result = flushed.get(collection.id);
    if (result === undefined) continue;
    const sealed = call.engine.segments(collection).filter((segment) => segment.state === "Flushed");
    reply.collSegIDs.set(name, { data: [...result.segmentIds] });
    reply.flushCollSegIDs.set(name, { data: sealed.map((segment) => segment.id) });
    reply.collSealTimes.set(name, physicalMs(result.flushTimestamp) / 1000n);
    reply.collFlushTs.set(name, result.flushTimestamp);
  }
  return reply;
};

const flushAll = async (call: Call, request: FlushAllRequest): Promise<Init<FlushAllResponse>> => {
  const { catalog } = call.engine;
  const targets = request.flushTargets.length > 0 ? request.flushTargets : [{ dbName: request.dbName, collectionNames: [] }];
  const collections = targets.flatMap(({ dbName, collectionNames }) => {
    if (collectionNames.length > 0) return collectionNames.map((name) => requireCollection(catalog, dbName || call.databaseName, name));
    const databases = dbName === "" ? [...catalog.databases.values()] : [requireDatabase(catalog, dbName)];
    return databases.flatMap((database) => collectionsIn(catalog, database));
  });
  await call.engine.flush(collections);
  return { flushAllTs: call.engine.tick() };
};

const restFlush = async (call: Call, body: Body): Promise<RestReply> => {
  const collection = requireCollection(call.engine.catalog, call.databaseName, textIn(body, "collectionName"));
  await call.engine.flush([collection]);
  return { data: {} };
};

const segmentInfo = (call: Call, request: { dbName: string; collectionName: string }) =>
  call.engine.segments(collectionOf(call, request)).map((segment) => ({
    segmentID: segment.id,
    collectionID: segment.collectionId,
    partitionID: segment.partitionId,
    numRows: BigInt(segment.rowCount),
    state: SegmentState[segment.state],
    level: segment.level === 2 ? SegmentLevel.L2 : SegmentLevel.L1,
    isSorted: segment.state === "Flushed",
  }));

/**
 * What a loaded collection is read from: segments that are written to files, Sealed here, with their bytes and the vector index they have. Growing ones are
 * none of what Milvus loads, and are not told either (querycoordv2/handlers.go, utils/types.go).
 */
const querySegments = (call: Call, request: { dbName: string; collectionName: string }) => {
  const collection = collectionOf(call, request);
  if (collection.load === undefined) return { infos: [] };
  const details = new Map(call.engine.segments(collection).map((segment) => [segment.id, segment]));
  const written = segmentInfo(call, request).filter((info) => info.state === SegmentState.Flushed);
  const infos = written.map((info) => {
    const { byteSize = 0, indexIds = [] } = details.get(info.segmentID) ?? {};
    const index = collection.indexes.find(({ id }) => indexIds.includes(id));
    const node = { memSize: BigInt(byteSize), nodeID: NODE_ID, nodeIds: [NODE_ID] };
    return { ...info, ...node, state: SegmentState.Sealed, ...(index === undefined ? {} : { indexName: index.name, indexID: index.id }) };
  });
  return { infos };
};

/** Of any state; of the ids named, if any are. Files are ours, so there are no logs to name. */
const restSegments = async (call: Call, body: Body): Promise<RestReply> => {
  const collection = requireCollectionById(call.engine.catalog, longIn(body, "collectionID"));
  const given = body.segmentIDs ?? [];
  const wanted = new Set(Array.isArray(given) ? given.map((_, index) => longIn(given as unknown as Body, String(index))) : []);
  const found = call.engine.segments(collection).filter(({ id }) => wanted.size === 0 || wanted.has(id));
  const gone = [...wanted].find((id) => !found.some((segment) => segment.id === id));
  if (gone !== undefined) throw failure("segmentNotFound", { segment: gone });
  const segmentInfos = found.map((segment) => ({
    segmentID: segment.id,
    collectionID: segment.collectionId,
    partitionID: segment.partitionId,
    vChannel: "",
    numRows: segment.rowCount,
    state: SegmentState[segment.state],
    level: segment.level === 2 ? SegmentLevel.L2 : SegmentLevel.L1,
    isSorted: segment.state === "Flushed",
    insertLogs: [],
    deltaLogs: [],
    statsLogs: [],
  }));
  return { data: { segmentInfos } };
};

/** Whether one of these segments still has its rows in memory. */
const anyGrowing = (call: Call, segmentIds: readonly bigint[]): boolean =>
  segmentIds.length > 0 &&
  [...call.engine.catalog.collections.values()].some((collection) =>
    call.engine.segments(collection).some(({ id, state }) => state !== "Flushed" && segmentIds.includes(id)),
  );

const milvus = services["milvus.proto.milvus.MilvusService"];

export const operations = [
  defineOperation(milvus.Flush, {
    privilege: "Flush",
    scope: "collection",
    rest: [
      {
        route: "POST /v2/vectordb/collections/flush",
        required: [{ name: "collectionName", goName: "FlushReq.CollectionName" }],
        handle: restFlush,
      },
    ],
    handle: flush,
  }),
  defineOperation(milvus.FlushAll, { privilege: "FlushAll", scope: "global", handle: flushAll }),
  defineOperation(milvus.GetFlushState, {
    privilege: "GetFlushState",
    scope: "collection",
    handle: (call, request) => ({ flushed: !anyGrowing(call, request.segmentIDs) }),
  }),
  defineOperation(milvus.GetFlushAllState, { privilege: "", scope: "global", handle: () => ({ flushed: true }) }),
  defineOperation(milvus.GetPersistentSegmentInfo, {
    rest: [{ route: "POST /v2/vectordb/segments/describe", handle: restSegments }],
    privilege: "",
    scope: "collection",
    handle: (call, request) => ({ infos: segmentInfo(call, { ...request }).filter((info) => info.state === SegmentState.Flushed) }),
  }),
  defineOperation(milvus.GetQuerySegmentInfo, {
    privilege: "",
    scope: "collection",
    handle: querySegments,
  }),
] as unknown as readonly AnyOperation[];
