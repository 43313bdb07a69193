/**
 * What of a collection is in memory: as much as is loaded.
 *
 * A release drops the indexes of its segments from memory (their files stay) and lets the mapped pages go; a load opens the index files again before it
 * answers. Pages of the mapped files are read when they are needed, unless a property asks for more: `mmap.enabled` = false, or a warm-up policy `sync`, reads
 * them before the load answers, `async` afterwards. A scan serves segments whose index is not there, so answers are right at any moment.
 */
import { isPartitionLoaded } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import { coreError } from "./core-errors.js";
import { openIndex } from "./indexing.js";
import type { SegmentEntry } from "./shard.js";
import type { Applicable, EngineState } from "./state.js";

export const isResident = (state: Pick<Applicable, "catalog">, entry: Pick<SegmentEntry, "collectionId" | "partitionId">): boolean => {
  const collection = state.catalog.collections.get(entry.collectionId);
  return collection?.load !== undefined && isPartitionLoaded(collection, entry.partitionId);
};

/** When the pages of mapped files are read. */
type Warming = "before" | "after" | "on demand";

const WARMUPS = ["warmup", "warmup.vectorField", "warmup.scalarField", "warmup.vectorIndex", "warmup.scalarIndex"];

const warmingOf = (collection: Collection): Warming => {
  const pairs = [...collection.properties, ...collection.schema.fields.flatMap((field) => field.typeParams)];
  const isOn = (keys: readonly string[], value: string): boolean =>
    pairs.some((pair) => keys.includes(pair.key) && pair.value.toLowerCase() === value);
  if (isOn(["mmap.enabled", "mmap_enabled"], "false") || isOn(WARMUPS, "sync")) return "before";
  return isOn(WARMUPS, "async") ? "after" : "on demand";
};

/** Takes from memory what a segment that is not loaded has there. */
export const putAway = (entry: SegmentEntry): void => {
  for (const { fieldId, file } of entry.indexes.values()) if (file !== undefined) entry.core.dropIndex(Number(fieldId));
};

/** Opens the index files of a segment that are not in memory. */
export const bringIndexes = async (state: Applicable, entry: SegmentEntry): Promise<void> => {
  for (const index of [...entry.indexes.values()]) {
    if (index.file === undefined || entry.core.hasIndex(Number(index.fieldId))) continue;
    // One that cannot be opened is wanted again, and built.
    entry.indexes.delete(index.indexId);
    await openIndex(state, entry, { ...index, file: index.file });
  }
};

/** Bytes that indexes of these partitions will take in memory once they are loaded; `partitionIds` absent: all. */
export const bytesToLoad = async (state: EngineState, collection: Collection, partitionIds?: readonly bigint[]): Promise<number> => {
  let bytes = 0;
  for (const entry of state.shards.get(collection.id)?.list(partitionIds) ?? []) {
    for (const { fieldId, file } of entry.indexes.values()) {
      if (file !== undefined && !entry.core.hasIndex(Number(fieldId))) bytes += await state.env.files.size(state.store.path(file));
    }
  }
  return bytes;
};

/** Makes memory follow what the catalog says is loaded of a collection; resolves when what was loaded is there. */
export const followLoad = async (state: EngineState, collectionId: bigint): Promise<void> => {
  const collection = state.catalog.collections.get(collectionId);
  if (collection === undefined) return;
  const warming = warmingOf(collection);
  for (const entry of state.shards.get(collectionId)?.list() ?? []) {
    if (entry.state !== "sealed") continue;
    if (!isResident(state, entry)) {
      putAway(entry);
      // A wish that may come to nothing, as when the segment goes meanwhile.
      entry.core
        .advise(false)
        .catch((error: unknown) => state.logger.warn({ reason: String(coreError(error)) }, "pages were not given back"));
      continue;
    }
    await bringIndexes(state, entry);
    if (warming === "on demand") continue;
    const warmed = entry.core.advise(true);
    if (warming === "before") await warmed;
    else warmed.catch((error: unknown) => state.logger.warn({ reason: String(coreError(error)) }, "warming up was given up"));
  }
};
