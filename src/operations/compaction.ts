/**
 * Compactions that a user asks for, and what became of them.
 *
 * The kind follows from the request: a target size merges everything into segments of that size, l0 writes delete sets, major orders by the clustering
 * key, none of these merges small segments and drops dead rows. A compaction without a plan has the id -1, as in Milvus, and counts as completed.
 * Sources: milvus internal/datacoord/{services,compaction_trigger_v2,compaction_policy_forcemerge}.go.
 */
import { requireCollectionById } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import type { Compaction, CompactionPlanState, CompactionRequest } from "../engine/compaction.js";
import { failure, invalid } from "../shared/errors.js";
import { SEGMENT_MB_MAX } from "../shared/limits.js";
import {
  type CompactionMergeInfo,
  CompactionState,
  CompactionTaskState,
  CompactionType,
  type GetCompactionPlansRequest,
  type GetCompactionStateResponse,
  ManualCompactionRequest,
  type ManualCompactionResponse,
  services,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { type AnyOperation, type Call, defineOperation, type RestReply } from "./operation.js";
import { type Body, collectionOf, flagIn, longIn, required, textIn } from "./support.js";

const MEGABYTE = 1024 * 1024;
/** From so many megabytes on their bytes do not fit 64 bits: Milvus then chooses the size, and so do we: one segment. */
const AUTOMATIC_MB = (1n << 63n) / BigInt(MEGABYTE);
const NO_COMPACTION = -1n;

/** By name or alias; clients older than 2.4 send the id. */
const compacted = (
  call: Call,
  request: { readonly dbName: string; readonly collectionName: string; readonly collectionID: bigint },
): Collection => {
  if (request.collectionName !== "" || request.collectionID === 0n) return collectionOf(call, request);
  return requireCollectionById(call.engine.catalog, request.collectionID);
};

const requestOf = (call: Call, collection: Collection, request: ManualCompactionRequest): CompactionRequest => {
  const scope = {
    ...(request.segmentIds.length === 0 ? {} : { segmentIds: request.segmentIds }),
    ...(request.partitionId === 0n ? {} : { partitionId: request.partitionId }),
  };
  if (request.targetSize !== 0n) {
    if (request.targetSize < BigInt(SEGMENT_MB_MAX))
      throw invalid(`targetSize ${request.targetSize} MB should be greater than or equal to configMaxSize ${SEGMENT_MB_MAX} MB`);
    const targetBytes = request.targetSize >= AUTOMATIC_MB ? Number.MAX_SAFE_INTEGER : Number(request.targetSize) * MEGABYTE;
    return { kind: "merge", targetBytes, ...scope };
  }
  if (request.l0Compaction) return { kind: "deletes" };
  if (!request.majorCompaction) return { kind: "mix", ...scope };
  if (!collection.schema.fields.some((field) => field.isClusteringKey)) throw failure("clusteringNotSupported", {});
  if (call.engine.isClustering(collection)) throw failure("clusteringUnderWay", {});
  return { kind: "clustering", ...scope };
};

const compact = async (call: Call, request: ManualCompactionRequest): Promise<Init<ManualCompactionResponse>> => {
  const collection = compacted(call, request);
  const { id, plans } = await call.engine.compact(collection, requestOf(call, collection, request));
  return { compactionID: plans.length === 0 ? NO_COMPACTION : id, compactionPlanCount: plans.length };
};

const count = (plans: readonly CompactionPlanState[], state: CompactionPlanState["state"]): bigint =>
  BigInt(plans.filter((plan) => plan.state === state).length);

const stateOf = (plans: readonly CompactionPlanState[]): CompactionState =>
  count(plans, "executing") > 0n ? CompactionState.Executing : CompactionState.Completed;

const compactionState = (call: Call, id: bigint): Init<GetCompactionStateResponse> & { state: CompactionState } => {
  const plans = call.engine.compaction(id)?.plans ?? [];
  return {
    state: stateOf(plans),
    executingPlanNo: count(plans, "executing"),
    completedPlanNo: count(plans, "completed"),
    failedPlanNo: count(plans, "failed"),
  };
};

const TYPES: Record<CompactionRequest["kind"], CompactionType> = {
  mix: CompactionType.CompactionTypeMix,
  merge: CompactionType.CompactionTypeMix,
  clustering: CompactionType.CompactionTypeClustering,
  deletes: CompactionType.CompactionTypeLevel0Delete,
};

const TASK_STATES: Record<CompactionPlanState["state"], CompactionTaskState> = {
  executing: CompactionTaskState.CompactionTaskStateExecuting,
  completed: CompactionTaskState.CompactionTaskStateCompleted,
  failed: CompactionTaskState.CompactionTaskStateFailed,
};

const mergeInfos = (compaction: Compaction): Init<CompactionMergeInfo>[] =>
  compaction.plans.map((plan, at) => ({
    sources: [...plan.sources],
    target: plan.targets[0] ?? 0n,
    targets: [...plan.targets],
    planId: compaction.id + BigInt(at),
    triggerId: compaction.id,
    collectionId: compaction.collectionId,
    partitionId: plan.partitionId,
    type: TYPES[compaction.kind],
    state: TASK_STATES[plan.state],
    failureReason: plan.reason,
  }));

/** Of one compaction, or of all that are remembered of a collection. */
const compactionPlans = (call: Call, request: GetCompactionPlansRequest) => {
  const byCollection = request.collectionName !== "" || request.collectionId !== 0n;
  const named = { ...request, collectionID: request.collectionId };
  const one = call.engine.compaction(request.compactionID);
  const compactions = byCollection ? call.engine.compactions(compacted(call, named)) : one === undefined ? [] : [one];
  return { state: stateOf(compactions.flatMap(({ plans }) => plans)), mergeInfos: compactions.flatMap(mergeInfos) };
};

const restCompact = async (call: Call, body: Body): Promise<RestReply> => {
  const collection = collectionOf(call, { dbName: call.databaseName, collectionName: textIn(body, "collectionName") });
  const clustering = flagIn(body, "isClustering") ?? false;
  const request = { majorCompaction: clustering, collectionName: collection.name, dbName: call.databaseName };
  const { compactionID } = await compact(call, ManualCompactionRequest.create(request));
  return { data: { compactionID: compactionID } };
};

const STATE_NAMES: Record<CompactionState, string> = { 0: "UndefiedState", 1: "Executing", 2: "Completed" };

const restState = async (call: Call, body: Body): Promise<RestReply> => {
  const id = longIn(body, "jobID");
  const { state, executingPlanNo = 0n, completedPlanNo = 0n } = compactionState(call, id);
  return {
    data: {
      compactionID: id,
      state: STATE_NAMES[state],
      executingPlanNumber: Number(executingPlanNo),
      timeoutPlanNumber: 0,
      completedPlanNumber: Number(completedPlanNo),
    },
  };
};

const milvus = services["milvus.proto.milvus.MilvusService"];

export const operations = [
  defineOperation(milvus.ManualCompaction, {
    privilege: "Compaction",
    scope: "collection",
    rest: [{ route: "POST /v2/vectordb/collections/compact", required: required("CompactReq", "collectionName"), handle: restCompact }],
    handle: compact,
  }),
  defineOperation(milvus.GetCompactionState, {
    privilege: "",
    scope: "global",
    rest: [
      {
        route: "POST /v2/vectordb/collections/get_compaction_state",
        handle: restState,
      },
    ],
    handle: (call, request) => compactionState(call, request.compactionID),
  }),
  defineOperation(milvus.GetCompactionStateWithPlans, { privilege: "", scope: "global", handle: compactionPlans }),
] as unknown as readonly AnyOperation[];
