/**
 * Compactions: those that a user asks for, with a state to be asked for by id, and those that the engine does by itself.
 *
 * A request is planned at once and its plans run one after another in the compact lane; segments of a plan are marked, so that no two plans share one.
 */
import type { Catalog, Collection } from "../catalog/types.js";
import type { Timestamp } from "../shared/types.js";
import { type CompactionKind, type MergePlan, planCompaction } from "./compaction-plan.js";
import { coreError } from "./core-errors.js";
import { expiredRows } from "./expiry.js";
import { type MergeHooks, mergeSegments } from "./merge.js";
import { Priority, type Scheduler } from "./scheduler.js";
import type { EngineState } from "./state.js";

export interface CompactionPlanState {
  readonly sources: readonly bigint[];
  /** Segments made; empty until completed, and when no row was left. */
  targets: readonly bigint[];
  state: "executing" | "completed" | "failed";
  /** Why it failed. */
  reason: string;
}

export interface Compaction {
  readonly id: bigint;
  readonly collectionId: bigint;
  readonly plans: readonly CompactionPlanState[];
}

export interface CompactionRequest {
  readonly kind: Exclude<CompactionKind, "routine">;
  /** Bytes of the segments made; absent: as large as segments grow. */
  readonly targetBytes?: number;
}

/** Requests whose state is remembered. */
const REMEMBERED_MAX = 1024;

export class Compactor {
  private readonly compactions = new Map<bigint, Compaction>();

  constructor(
    private readonly state: EngineState,
    private readonly scheduler: Scheduler,
    private readonly hooks: MergeHooks & { readonly merged: () => void },
  ) {}

  get(id: bigint): Compaction | undefined {
    return this.compactions.get(id);
  }

  /** Whether a clustering compaction of the collection is under way. */
  isClustering(collectionId: bigint): boolean {
    return this.scheduler.jobs().some((job) => job.lane === "compact" && job.collectionId === collectionId && job.clustering === true);
  }

  async request(collection: Collection, request: CompactionRequest, id: Timestamp): Promise<Compaction> {
    const plans = await this.plan(collection, request.kind, request.targetBytes);
    const compaction: Compaction = {
      id,
      collectionId: collection.id,
      plans: plans.map((plan) => this.start(collection, plan, Priority.Asked)),
    };
    this.compactions.set(id, compaction);
    for (const old of this.compactions.keys()) {
      if (this.compactions.size <= REMEMBERED_MAX) break;
      this.compactions.delete(old);
    }
    return compaction;
  }

  /** Begins what the state of the segments makes worth doing. */
  async routine(catalog: Catalog): Promise<void> {
    for (const collection of catalog.collections.values()) {
      if (!isAutomatic(collection)) continue;
      for (const plan of await this.plan(collection, "routine", undefined)) this.start(collection, plan, Priority.Routine);
    }
  }

  private async plan(
    collection: Collection,
    kind: CompactionKind,
    targetBytes = this.state.settings.segmentBytesMax,
  ): Promise<MergePlan[]> {
    const list = () => this.state.shards.get(collection.id)?.list() ?? [];
    const expired = await expiredRows(this.state, collection, list());
    const clustering = collection.schema.fields.find((field) => field.isClusteringKey);
    const plans = planCompaction(list(), {
      kind,
      targetBytes,
      expiredRows: (entry) => expired.get(entry) ?? 0,
      ...(kind === "clustering" && clustering !== undefined ? { clusteringFieldId: clustering.fieldID } : {}),
    });
    for (const plan of plans) for (const entry of plan.sources) entry.compacting = true;
    return plans;
  }

  private start(collection: Collection, plan: MergePlan, priority: Priority): CompactionPlanState {
    const result: CompactionPlanState = { sources: plan.sources.map((entry) => entry.id), targets: [], state: "executing", reason: "" };
    const description = {
      lane: "compact",
      kind: "compact",
      priority,
      collectionId: collection.id,
      clustering: plan.clusteringFieldId !== undefined,
    } as const;
    this.scheduler
      .run(description, (progress) => mergeSegments(this.state, collection, plan, this.hooks, progress))
      .then(
        (targets) => {
          result.targets = targets ?? [];
          result.state = targets === undefined ? "failed" : "completed";
          if (targets === undefined) result.reason = "the segments went meanwhile";
          else this.hooks.merged();
        },
        (error: unknown) => {
          result.state = "failed";
          result.reason = String((coreError(error) as Error).message);
          this.state.logger.error(
            { collection: collection.name, reason: result.reason },
            "a compaction failed; its segments stay as they were",
          );
        },
      )
      .finally(() => {
        for (const entry of plan.sources) entry.compacting = false;
      });
    return result;
  }
}

/** `collection.autocompaction.enabled` turns routine compactions of a collection off. */
const isAutomatic = (collection: Collection): boolean =>
  collection.properties.find((pair) => pair.key === "collection.autocompaction.enabled")?.value.toLowerCase() !== "false";
