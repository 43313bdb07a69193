/**
 * Carries out one plan of a compaction.
 *
 * The rows of the sources that anybody may still see are written into new segment files, mapped, and given their indexes while the sources go on serving.
 * Then, in one synchronous step inside the storage lane, the outputs take over the deletes made meanwhile and the sources' places; a manifest names them.
 * A crash at any point leaves the old manifest with the sources, or the new one with the outputs. If a source went meanwhile (drop, truncate), or a
 * file call fails, the outputs are thrown away and the sources stay.
 */
import type { Collection } from "../catalog/types.js";
import { type Timestamp, timestampOf } from "../shared/types.js";
import type { MergePlan } from "./compaction-plan.js";
import type { CoreExpiry, CoreMerging, CoreSealing } from "./core.js";
import { expiryAt, readerMs } from "./expiry.js";
import { buildIndexesOf } from "./indexing.js";
import { isResident, putAway } from "./residency.js";
import type { Progress } from "./scheduler.js";
import { commit, segmentFile, writeSegment } from "./seal.js";
import { type SegmentEntry, type Shard, sealedEntry } from "./shard.js";
import type { EngineState } from "./state.js";

export interface MergeHooks {
  /** True once the engine closes. */
  stopped(): boolean;
  /** Runs a job in the storage lane. */
  inStorage<T>(job: () => Promise<T>): Promise<T>;
}

interface Output {
  readonly entry: SegmentEntry;
  readonly sealing: CoreSealing;
}

interface Dropping {
  /** Rows deleted at or before it may go. */
  readonly deletedUpTo: Timestamp;
  readonly expiry: CoreExpiry | undefined;
  /** Readers at older moments could miss what goes. */
  readonly horizon: Timestamp;
}

/** What nobody sees any more: neither the present nor the oldest moment that a reader comes back to. */
const droppingOf = (state: EngineState, collection: Collection): Dropping => {
  const oldest = state.leases.oldest(collection.id);
  const applied = state.appliedTimestamp;
  const deletedUpTo = oldest !== undefined && oldest < applied ? oldest : applied;
  const nowMs = readerMs(state, oldest);
  const expiry = expiryAt(collection, nowMs);
  const judgedAt = oldest ?? timestampOf(nowMs);
  return { deletedUpTo, expiry, horizon: expiry !== undefined && judgedAt > deletedUpTo ? judgedAt : deletedUpTo };
};

/** Returns the ids of the new segments; undefined when the sources went meanwhile or the engine closes. */
export const mergeSegments = async (
  state: EngineState,
  collectionId: bigint,
  plan: MergePlan,
  hooks: MergeHooks,
  progress: Progress,
): Promise<bigint[] | undefined> => {
  // As it is now: rows may have been given more time to live since the merge was planned.
  const collection = state.catalog.collections.get(collectionId);
  const shard = state.shards.get(collectionId);
  if (collection === undefined || shard === undefined) return undefined;
  const wanted = (): boolean => !hooks.stopped() && plan.sources.every((entry) => shard.holds(entry));
  if (!wanted()) return undefined;
  const { deletedUpTo, expiry, horizon } = droppingOf(state, collection);
  const merging = await state.core.startMerging(
    plan.sources.map((entry) => entry.core),
    {
      dropDeletedUpTo: deletedUpTo,
      targetBytes: plan.targetBytes,
      ...(expiry === undefined ? {} : { expiry }),
      ...(plan.clusteringFieldId === undefined ? {} : { clusteringFieldId: Number(plan.clusteringFieldId) }),
    },
  );
  const pending: string[] = [];
  const outputs: Output[] = [];
  let taken = false;
  try {
    for (const sealing of merging.outputs) {
      if (!wanted()) return undefined;
      outputs.push(await makeOutput(state, shard, plan, sealing, wanted, pending));
      progress(outputs.length / merging.outputs.length);
    }
    taken = await hooks.inStorage(async () => {
      if (!wanted()) return false;
      takeOver(shard, plan, outputs, merging, horizon);
      for (const { entry } of outputs) if (!isResident(state, entry)) putAway(entry);
      await commit(state);
      return true;
    });
    return taken ? outputs.map(({ entry }) => entry.id) : undefined;
  } finally {
    for (const file of pending) state.pendingFiles.delete(file);
    for (const { entry } of outputs) {
      entry.compacting = false;
      // Those that took their place stay, even when naming them failed: the next manifest does it.
      if (!shard.holds(entry)) entry.core.release();
    }
  }
};

const makeOutput = async (
  state: EngineState,
  shard: Shard,
  plan: MergePlan,
  sealing: CoreSealing,
  wanted: () => boolean,
  pending: string[],
): Promise<Output> => {
  const id = state.clock.ids(1);
  const file = segmentFile(id);
  state.pendingFiles.add(file);
  pending.push(file);
  const core = await writeSegment(state, shard, file, sealing);
  const { partitionId, channel } = plan;
  const entry = sealedEntry({
    id,
    collectionId: shard.collectionId,
    partitionId,
    channel,
    core,
    file,
    level: plan.clusteringFieldId === undefined ? 1 : 2,
  });
  // Until a manifest names it, its compaction is under way: whoever asks is told of that.
  entry.compacting = true;
  try {
    await buildIndexesOf(state, shard.collectionId, entry, wanted);
  } catch (error) {
    core.release();
    throw error;
  } finally {
    for (const index of entry.indexes.values()) if (index.file !== undefined) pending.push(index.file);
  }
  return { entry, sealing };
};

/** Synchronous: no delete and no schema change can come in between. */
const takeOver = (shard: Shard, plan: MergePlan, outputs: readonly Output[], merging: CoreMerging, horizon: Timestamp): void => {
  for (const { entry, sealing } of outputs) {
    sealing.finish(entry.core);
    entry.core.setSchema(shard.schema);
  }
  shard.replace(
    plan.sources,
    outputs.map(({ entry }) => entry),
  );
  if (merging.droppedRows > 0 && horizon > shard.horizon) shard.horizon = horizon;
};
