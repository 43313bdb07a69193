/**
 * New collections from snapshots.
 *
 * A restore shares the snapshot's files, so it is complete when the call returns. Its job says so and is remembered, by the collection that was made, while
 * the process lives: what it is called now is looked up when somebody asks.
 * Sources: milvus internal/proxy/{task_snapshot,snapshot_impl}.go, internal/datacoord/{services,snapshot_manager}.go.
 */
import { requireSnapshot } from "../catalog/apply-snapshot.js";
import { DEFAULT_DATABASE, requireCollection, requireDatabase } from "../catalog/read.js";
import type { EngineApi } from "../engine/api.js";
import { failure, failureBecause, invalid, missing } from "../shared/errors.js";
import { RESTORE_JOBS_REMEMBERED_MAX } from "../shared/limits.js";
import { checkCollectionName, checkSnapshotName } from "../shared/names.js";
import {
  type ListRestoreSnapshotJobsRequest,
  type RestoreExternalSnapshotRequest,
  type RestoreSnapshotInfo,
  type RestoreSnapshotRequest,
  RestoreSnapshotState,
  services,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { physicalMs } from "../shared/types.js";
import { type AnyOperation, type Call, defineOperation, type RestReply } from "./operation.js";
import { type Body, databaseOf, required, textIn } from "./support.js";

interface Job {
  readonly id: bigint;
  readonly snapshotName: string;
  /** Of the collection that was made. */
  readonly collectionId: bigint;
  /** Milliseconds since 1970, and how many it took. */
  readonly startTime: bigint;
  readonly timeCost: bigint;
}

const jobs = new WeakMap<EngineApi, Map<bigint, Job>>();
const jobsOf = (call: Call): Map<bigint, Job> => {
  let known = jobs.get(call.engine);
  if (known === undefined) {
    known = new Map();
    jobs.set(call.engine, known);
  }
  return known;
};

const remember = (call: Call, job: Job): void => {
  const known = jobsOf(call);
  known.set(job.id, job);
  for (const id of known.keys()) {
    if (known.size <= RESTORE_JOBS_REMEMBERED_MAX) return;
    known.delete(id);
  }
};

/** A collection that is gone has no names. */
const infoOf = (call: Call, { id, collectionId, ...rest }: Job): Init<RestoreSnapshotInfo> => {
  const collection = call.engine.catalog.collections.get(collectionId);
  return {
    ...rest,
    jobId: id,
    dbName: collection?.databaseName ?? "",
    collectionName: collection?.name ?? "",
    state: RestoreSnapshotState.RestoreSnapshotCompleted,
    progress: 100,
  };
};

const restore = async (call: Call, request: RestoreSnapshotRequest) => {
  checkSnapshotName(request.name);
  if (request.collectionName === "") throw missing("collection_name is required for restore snapshot");
  if (request.targetCollectionName === "") throw missing("target_collection_name is required for restore snapshot");
  checkCollectionName(request.targetCollectionName);
  const source = requireCollection(call.engine.catalog, databaseOf(call, request), request.collectionName);
  // Unlike that of the source, an absent one is not taken from the connection.
  const database = request.targetDbName || DEFAULT_DATABASE;
  requireSnapshot(source, request.name);
  requireDatabase(call.engine.catalog, database);
  const id = call.engine.tick();
  const startTime = physicalMs(id);
  const collectionId = await call.engine.restoreSnapshot(source, request.name, { database, name: request.targetCollectionName });
  remember(call, { id, snapshotName: request.name, collectionId, startTime, timeCost: physicalMs(call.engine.tick()) - startTime });
  return { jobId: id };
};

const restoreState = (call: Call, jobId: bigint): Init<RestoreSnapshotInfo> => {
  const job = jobsOf(call).get(jobId);
  if (job === undefined) throw failure("importFailed", {}, `restore job not found: jobID=${jobId}`);
  return infoOf(call, job);
};

/** Jobs into one collection, or into those that the database has. */
const restoreJobs = (
  call: Call,
  request: Pick<ListRestoreSnapshotJobsRequest, "dbName" | "collectionName">,
): Init<RestoreSnapshotInfo>[] => {
  const { catalog } = call.engine;
  const database = requireDatabase(catalog, databaseOf(call, request));
  const only = request.collectionName === "" ? undefined : requireCollection(catalog, database.name, request.collectionName);
  const wanted = ({ collectionId }: Job): boolean =>
    only === undefined ? catalog.collections.get(collectionId)?.databaseId === database.id : collectionId === only.id;
  return [...jobsOf(call).values()].filter(wanted).map((job) => infoOf(call, job));
};

/** Checks the request, then refuses it, as Milvus does. */
const restoreExternal = (request: Pick<RestoreExternalSnapshotRequest, "snapshotMetadataUri">): never => {
  if (request.snapshotMetadataUri === "") throw invalid("snapshot_metadata_uri is required for restore external snapshot");
  throw failureBecause("unimplemented", "RestoreExternalSnapshot is not implemented");
};

const restJob = ({ reason = "", ...info }: Init<RestoreSnapshotInfo>) => ({ ...info, state: "RestoreSnapshotCompleted", reason });

/** As Go's ParseInt refuses it. */
const notJobId = (text: string, why: string) =>
  invalid(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`, { expected: "int64 jobId", actual: text });

const restDescribe = async (call: Call, body: Body): Promise<RestReply> => {
  const text = textIn(body, "jobId");
  if (!/^[+-]?\d+$/.test(text)) throw notJobId(text, "invalid syntax");
  const id = BigInt(text);
  if (BigInt.asIntN(64, id) !== id) throw notJobId(text, "value out of range");
  return { data: restJob(restoreState(call, id)) };
};

const restList = async (call: Call, body: Body): Promise<RestReply> => {
  const request = { dbName: textIn(body, "dbName"), collectionName: textIn(body, "collectionName") };
  return { data: { records: restoreJobs(call, request).map(restJob) } };
};

const milvus = services["milvus.proto.milvus.MilvusService"];

export const operations = [
  defineOperation(milvus.RestoreSnapshot, { privilege: "RestoreSnapshot", scope: "collection", handle: restore }),
  defineOperation(milvus.GetRestoreSnapshotState, {
    privilege: "",
    scope: "global",
    rest: [
      { route: "POST /v2/vectordb/jobs/snapshot/describe", required: [{ name: "jobId", goName: "JobIDReq.JobID" }], handle: restDescribe },
    ],
    handle: (call, request) => ({ info: restoreState(call, request.jobId) }),
  }),
  defineOperation(milvus.ListRestoreSnapshotJobs, {
    privilege: "RestoreSnapshot",
    scope: "global",
    rest: [{ route: "POST /v2/vectordb/jobs/snapshot/list", handle: restList }],
    handle: (call, request) => ({ jobs: restoreJobs(call, request) }),
  }),
  defineOperation(milvus.RestoreExternalSnapshot, {
    privilege: "RestoreExternalSnapshot",
    scope: "global",
    note: "refused, as in Milvus",
    rest: [
      {
        route: "POST /v2/vectordb/jobs/snapshot/restore_external",
        required: required("RestoreExternalSnapshotReq", "targetCollectionName", "snapshotMetadataURI"),
        handle: async (_call, body) => restoreExternal({ snapshotMetadataUri: textIn(body, "snapshotMetadataURI") }),
      },
    ],
    handle: (_call, request) => restoreExternal(request),
  }),
] as unknown as readonly AnyOperation[];
