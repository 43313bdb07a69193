/**
 * Snapshots: a collection as it was, kept as names of files, and restored into a new collection.
 *
 * A restore shares the files, so it is complete when the call returns; its job says so and is remembered while the process lives.
 * Sources: milvus internal/proxy/{task_snapshot,snapshot_impl}.go, internal/datacoord/snapshot_manager.go.
 */
import { requireSnapshot, snapshotsOf } from "../catalog/apply-snapshot.js";
import { requireCollection, requireDatabase } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import type { EngineApi } from "../engine/api.js";
import { failure, invalid, missing } from "../shared/errors.js";
import { PIN_SECONDS_MAX, SNAPSHOT_PROTECTION_SECONDS_MAX } from "../shared/limits.js";
import { checkCollectionName, checkSnapshotName } from "../shared/names.js";
import {
  type CreateSnapshotRequest,
  type ListRestoreSnapshotJobsRequest,
  type PinSnapshotDataRequest,
  type RestoreSnapshotInfo,
  type RestoreSnapshotRequest,
  RestoreSnapshotState,
  services,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { physicalMs } from "../shared/types.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { change, databaseOf } from "./support.js";

interface Named {
  readonly name: string;
  readonly dbName: string;
  readonly collectionName: string;
}

/** The collection of a request about a snapshot; the snapshot's name is checked first. */
const collectionFor = (call: Call, request: Named, what: string): Collection => {
  checkSnapshotName(request.name);
  if (request.collectionName === "") throw missing(`collection_name is required for ${what}`);
  return requireCollection(call.engine.catalog, databaseOf(call, request), request.collectionName);
};

const create = async (call: Call, request: CreateSnapshotRequest) => {
  checkSnapshotName(request.name);
  const protectionSeconds = request.compactionProtectionSeconds;
  if (protectionSeconds < 0n) throw invalid("compaction_protection_seconds must be non-negative");
  if (protectionSeconds > BigInt(SNAPSHOT_PROTECTION_SECONDS_MAX))
    throw invalid(`compaction_protection_seconds must not exceed ${SNAPSHOT_PROTECTION_SECONDS_MAX}`);
  const collection = requireCollection(call.engine.catalog, databaseOf(call, request), request.collectionName);
  if (snapshotsOf(collection).some(({ name }) => name === request.name))
    throw invalid(`snapshot name ${request.name} already exists in collection ${collection.id}`);
  await call.engine.createSnapshot(collection, { name: request.name, description: request.description, protectionSeconds });
  return {};
};

const drop = async (call: Call, request: Named) => {
  const collection = collectionFor(call, request, "drop snapshot");
  if (snapshotsOf(collection).some(({ name }) => name === request.name)) {
    await call.engine.change({ kind: "dropSnapshot", collectionId: collection.id, name: request.name });
  }
  return {};
};

const describe = (call: Call, request: Named) => {
  const collection = collectionFor(call, request, "describe snapshot");
  const snapshot = requireSnapshot(collection, request.name);
  return {
    name: snapshot.name,
    description: snapshot.description,
    collectionName: collection.name,
    partitionNames: snapshot.partitions.map(({ name }) => name),
    createTs: physicalMs(snapshot.createdTimestamp),
  };
};

const list = (call: Call, request: Omit<Named, "name">) => {
  if (request.collectionName === "") throw missing("collection_name is required for ListSnapshots");
  const collection = requireCollection(call.engine.catalog, databaseOf(call, request), request.collectionName);
  return { snapshots: snapshotsOf(collection).map(({ name }) => name) };
};

/** Restores of this process, by engine; they are gone when it ends, as their ids say nothing afterwards. */
type Job = Init<RestoreSnapshotInfo> & { readonly sourceId: bigint };
const jobs = new WeakMap<EngineApi, Map<bigint, Job>>();
const jobsOf = (call: Call): Map<bigint, Job> => {
  let known = jobs.get(call.engine);
  if (known === undefined) {
    known = new Map();
    jobs.set(call.engine, known);
  }
  return known;
};

const restore = async (call: Call, request: RestoreSnapshotRequest) => {
  checkSnapshotName(request.name);
  if (request.collectionName === "") throw missing("collection_name is required for restore snapshot");
  if (request.targetCollectionName === "") throw missing("target_collection_name is required for restore snapshot");
  checkCollectionName(request.targetCollectionName);
  const sourceDatabase = databaseOf(call, request);
  const source = requireCollection(call.engine.catalog, sourceDatabase, request.collectionName);
  const database = request.targetDbName || sourceDatabase;
  requireDatabase(call.engine.catalog, database);
  requireSnapshot(source, request.name);
  const jobId = call.engine.tick();
  const started = physicalMs(jobId);
  await call.engine.restoreSnapshot(source, request.name, { database, name: request.targetCollectionName });
  jobsOf(call).set(jobId, {
    jobId,
    sourceId: source.id,
    snapshotName: request.name,
    dbName: database,
    collectionName: request.targetCollectionName,
    state: RestoreSnapshotState.RestoreSnapshotCompleted,
    progress: 100,
    startTime: started,
    timeCost: physicalMs(call.engine.tick()) - started,
  });
  return { jobId };
};

const restoreState = (call: Call, jobId: bigint) => {
  const info = jobsOf(call).get(jobId);
  if (info === undefined) throw failure("importFailed", {}, `restore job not found: jobID=${jobId}`);
  return { info };
};

/** All, or those from or into one collection, or into one database. */
const restoreJobs = (call: Call, request: ListRestoreSnapshotJobsRequest) => {
  const named =
    request.collectionName === "" ? undefined : requireCollection(call.engine.catalog, databaseOf(call, request), request.collectionName);
  const wanted = (info: Job): boolean =>
    (named === undefined || info.collectionName === named.name || info.sourceId === named.id) &&
    (request.dbName === "" || info.dbName === request.dbName);
  return { jobs: [...jobsOf(call).values()].filter(wanted) };
};

const pin = async (call: Call, request: PinSnapshotDataRequest) => {
  const collection = collectionFor(call, request, "pin snapshot data");
  if (request.ttlSeconds < 0n) throw invalid("ttl_seconds must be non-negative");
  if (request.ttlSeconds > BigInt(PIN_SECONDS_MAX)) throw invalid(`ttl_seconds exceeds maximum of ${PIN_SECONDS_MAX} (30 days)`);
  const id = call.engine.tick();
  const endMs = request.ttlSeconds === 0n ? 0 : Number(physicalMs(id) + request.ttlSeconds * 1000n);
  await call.engine.change({ kind: "pinSnapshot", collectionId: collection.id, name: request.name, id, endMs });
  return { pinId: id };
};

const milvus = services["milvus.proto.milvus.MilvusService"];

export const operations = [
  defineOperation(milvus.CreateSnapshot, { privilege: "CreateSnapshot", scope: "collection", handle: create }),
  defineOperation(milvus.DropSnapshot, { privilege: "DropSnapshot", scope: "collection", handle: drop }),
  defineOperation(milvus.DescribeSnapshot, { privilege: "DescribeSnapshot", scope: "collection", handle: describe }),
  defineOperation(milvus.ListSnapshots, { privilege: "ListSnapshots", scope: "collection", handle: list }),
  defineOperation(milvus.RestoreSnapshot, { privilege: "RestoreSnapshot", scope: "collection", handle: restore }),
  defineOperation(milvus.GetRestoreSnapshotState, {
    privilege: "GetRestoreSnapshotState",
    scope: "global",
    handle: (call, request) => restoreState(call, request.jobId),
  }),
  defineOperation(milvus.ListRestoreSnapshotJobs, { privilege: "ListRestoreSnapshotJobs", scope: "global", handle: restoreJobs }),
  defineOperation(milvus.PinSnapshotData, { privilege: "PinSnapshotData", scope: "collection", handle: pin }),
  defineOperation(milvus.UnpinSnapshotData, {
    privilege: "UnpinSnapshotData",
    scope: "global",
    handle: async (call, request) => {
      await change(call, { kind: "unpinSnapshot", id: request.pinId });
      return {};
    },
  }),
] as unknown as readonly AnyOperation[];
