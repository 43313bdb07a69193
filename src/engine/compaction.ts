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
import { commit } from "./seal.js";
import type { SegmentEntry } from "./shard.js";
import type { EngineState } from "./state.js";

export interface CompactionPlanState {
  readonly partitionId: bigint;
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
  readonly kind: CompactionRequest["kind"];
  readonly plans: readonly CompactionPlanState[];
}

export interface CompactionRequest {
  /** `deletes`: delete sets are written as files; rows stay. */
  readonly kind: Exclude<CompactionKind, "routine"> | "deletes";
  /** Bytes of the segments made; absent: as large as segments grow. */
  readonly targetBytes?: number;
  /** Only these segments, or those of one partition; absent: all. */
  readonly segmentIds?: readonly bigint[];
  readonly partitionId?: bigint;
}

interface Routine {
  readonly collectionId: bigint;
  readonly plan: CompactionPlanState;
  /** Somebody who asked was told of it. */
  told: boolean;
}

/** Requests, and compactions nobody asked for, that are remembered. */
const REMEMBERED_MAX = 1024;

export class Compactor {
  private readonly compactions = new Map<bigint, Compaction>();
  /** What the engine began by itself and has not ended. */
  private readonly routines = new Set<Routine>();
  /** What the engine did by itself since the collection's last request, oldest first; what it made is still there. */
  private ended: readonly Routine[] = [];

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

  /** The compaction asked for last, of a collection, first. */
  of(collectionId: bigint): Compaction[] {
    return [...this.compactions.values()].filter((compaction) => compaction.collectionId === collectionId).reverse();
  }

  async request(collection: Collection, request: CompactionRequest, id: Timestamp): Promise<Compaction> {
    const plans =
      request.kind === "deletes"
        ? this.writeDeletes(collection)
        : [
            // Who asks is told of the work that is under way already, since it does a part of what is asked for.
            ...this.tellUnderWay(collection.id),
            ...(await this.plan(collection, { ...request, kind: request.kind })).map(
              (plan) => this.earlier(plan) ?? this.start(collection, plan, Priority.Asked),
            ),
          ];
    this.ended = this.ended.filter(({ collectionId }) => collectionId !== collection.id);
    const compaction: Compaction = { id, collectionId: collection.id, kind: request.kind, plans: [...new Set(plans)] };
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
      for (const plan of await this.plan(collection, { kind: "routine" })) this.start(collection, plan, Priority.Routine);
    }
  }

  private async plan(
    collection: Collection,
    request: Omit<CompactionRequest, "kind"> & { readonly kind: CompactionKind },
  ): Promise<MergePlan[]> {
    const list = () => this.state.shards.get(collection.id)?.list() ?? [];
    const expired = await expiredRows(this.state, collection, list());
    const clustering = collection.schema.fields.find((field) => field.isClusteringKey);
    const plans = planCompaction(list(), {
      targetBytes: this.state.settings.segmentBytesMax,
      ...request,
      expiredRows: (entry) => expired.get(entry) ?? 0,
      ...(request.kind === "clustering" && clustering !== undefined ? { clusteringFieldId: clustering.fieldID } : {}),
    });
    for (const plan of plans) for (const entry of plan.sources) entry.compacting = true;
    return plans;
  }

  private writeDeletes(collection: Collection): CompactionPlanState[] {
    const entries = this.state.shards.get(collection.id)?.list() ?? [];
    const changed = entries.filter((entry) => entry.state === "sealed" && entry.core.deletedCount !== entry.persistedDeletes);
    const plans = changed.map((entry) => planState(entry.partitionId, [entry]));
    if (plans.length === 0) return plans;
    this.hooks
      .inStorage(() => commit(this.state))
      .then(
        () => settle(plans, "completed", ""),
        (error: unknown) => settle(plans, "failed", String((coreError(error) as Error).message)),
      );
    return plans;
  }

  private tellUnderWay(id: bigint): CompactionPlanState[] {
    const found = [...this.routines].filter(({ collectionId }) => collectionId === id);
    for (const routine of found) routine.told = true;
    return found.map(({ plan }) => plan);
  }

  /** Segments that need nothing because the engine has just made them so: what it did is what was asked for. */
  private earlier(plan: MergePlan): CompactionPlanState | undefined {
    if (!plan.kept) return undefined;
    const found = this.ended.find((routine) => plan.sources.every((entry) => routine.plan.targets.includes(entry.id)));
    if (found !== undefined) for (const entry of plan.sources) entry.compacting = false;
    return found?.plan;
  }

  private remember(routine: Routine): void {
    const outdated = ({ plan }: Routine): boolean => plan.targets.some((target) => routine.plan.sources.includes(target));
    this.ended = [...this.ended.filter((earlier) => !outdated(earlier)), routine].slice(-REMEMBERED_MAX);
  }

  private start(collection: Collection, plan: MergePlan, priority: Priority): CompactionPlanState {
    const result = planState(plan.partitionId, plan.sources);
    if (plan.kept) {
      result.targets = result.sources;
      result.state = "completed";
      for (const entry of plan.sources) entry.compacting = false;
      return result;
    }
    const description = {
      lane: "compact",
      kind: "compact",
      priority,
      collectionId: collection.id,
      clustering: plan.clusteringFieldId !== undefined,
    } as const;
    const routine: Routine = { collectionId: collection.id, plan: result, told: priority !== Priority.Routine };
    if (priority === Priority.Routine) this.routines.add(routine);
    this.scheduler
      .run(description, (progress) => mergeSegments(this.state, collection.id, plan, this.hooks, progress))
      .then(
        (targets) => {
          result.targets = targets ?? [];
          result.state = targets === undefined ? "failed" : "completed";
          if (targets === undefined) result.reason = "the segments went meanwhile";
          else this.hooks.merged();
          if (targets !== undefined && !routine.told) this.remember(routine);
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
        this.routines.delete(routine);
      });
    return result;
  }
}

const settle = (plans: readonly CompactionPlanState[], state: CompactionPlanState["state"], reason: string): void => {
  for (const plan of plans) {
    plan.state = state;
    plan.reason = reason;
    if (state === "completed") plan.targets = plan.sources;
  }
};

const planState = (partitionId: bigint, sources: readonly SegmentEntry[]): CompactionPlanState => ({
  partitionId,
  sources: sources.map((entry) => entry.id),
  targets: [],
  state: "executing",
  reason: "",
});

/** `collection.autocompaction.enabled` turns routine compactions of a collection off. */
const isAutomatic = (collection: Collection): boolean =>
  collection.properties.find((pair) => pair.key === "collection.autocompaction.enabled")?.value.toLowerCase() !== "false";
