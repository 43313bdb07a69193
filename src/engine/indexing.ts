/**
 * Indexes of sealed segments: built one at a time in the background, written beside the segment, named by the next manifest.
 *
 * A segment without its index is searched by a scan, so answers are right at any moment.
 */
import type { Collection, IndexDefinition } from "../catalog/types.js";
import { columnWithId } from "../shared/schema.js";
import type { IndexProgress } from "./api.js";
import type { CoreIndex } from "./core.js";
import { coreError } from "./core-errors.js";
import { graphBytes, graphOf, INDEXED_ROWS_MIN } from "./index-plan.js";
import { isResident, putAway } from "./residency.js";
import { indexIsHeld } from "./residency-rules.js";
import { indexFile } from "./seal.js";
import type { SegmentEntry, SegmentIndex } from "./shard.js";
import type { EngineState } from "./state.js";

interface Wanted {
  readonly entry: SegmentEntry;
  readonly index: IndexDefinition;
  readonly graph: CoreIndex;
}

const graphFor = (collection: Collection, index: IndexDefinition): CoreIndex | undefined => {
  const field = columnWithId(collection.schema, index.fieldId);
  return field === undefined ? undefined : graphOf(index, field);
};

const needs = (entry: SegmentEntry, index: IndexDefinition): boolean =>
  entry.state === "sealed" && entry.core.rowCount >= INDEXED_ROWS_MIN && !entry.indexes.has(index.id);

/** Milliseconds after which a build that failed is tried again. */
const RETRY_MS = 60_000;

/** Why builds failed, and when; by segment and index. */
export type FailedBuilds = Map<string, { readonly reason: string; readonly at: number }>;

/** The next index to build, if any. One that failed waits for its next try. */
const nextWanted = (state: EngineState, failed: FailedBuilds): Wanted | undefined => {
  for (const collection of state.catalog.collections.values()) {
    for (const index of collection.indexes) {
      const graph = graphFor(collection, index);
      if (graph === undefined) continue;
      for (const entry of state.shards.get(collection.id)?.list() ?? []) {
        const failure = failed.get(`${entry.id}-${index.id}`);
        if (failure !== undefined && state.env.elapsed() < failure.at + RETRY_MS) continue;
        if (needs(entry, index) && !entry.compacting) return { entry, index, graph };
      }
    }
  }
  return undefined;
};

/** Whether the index and the segment are still wanted after the time a build takes. */
const stillWanted = (state: EngineState, { entry, index }: Wanted): boolean =>
  state.shards.get(entry.collectionId)?.holds(entry) === true &&
  state.catalog.collections.get(entry.collectionId)?.indexes.some((other) => other.id === index.id) === true;

/** What a round of building needs to know of the engine around it. */
export interface Building {
  readonly failed: FailedBuilds;
  /** True once the engine closes: nothing is written from then on. */
  stopped(): boolean;
  /** Runs a job in the storage lane, which a closing engine waits for. */
  inStorage(job: () => Promise<void>): Promise<void>;
}

/** Builds an index of a segment and writes its file; undefined when the core has none to write. The file counts as pending until a manifest names it. */
export const buildAndWrite = async (
  state: EngineState,
  entry: SegmentEntry,
  index: IndexDefinition,
  graph: CoreIndex,
  wanted: () => boolean,
): Promise<SegmentIndex | undefined> => {
  const fieldId = Number(index.fieldId);
  await entry.core.buildIndex(fieldId, graph);
  if (!wanted()) {
    entry.core.dropIndex(fieldId);
    return undefined;
  }
  const bytes = await entry.core.encodeIndex(fieldId);
  if (bytes === null) return undefined;
  const file = indexFile(entry.id, index.id);
  state.pendingFiles.add(file);
  try {
    await state.store.writeFile(file, [bytes]);
    // From now on its memory is the file's. Where it was dropped meanwhile, it is not brought back.
    const collection = state.catalog.collections.get(entry.collectionId);
    if (wanted()) await entry.core.openIndex(fieldId, state.store.path(file), collection === undefined || indexIsHeld(collection, index));
    if (!wanted()) entry.core.dropIndex(fieldId);
  } catch (error) {
    state.pendingFiles.delete(file);
    throw error;
  }
  return { indexId: index.id, fieldId: index.fieldId, file };
};

/** What a graph over the segment takes in memory, about. */
const bytesOf = (collection: Collection, { entry, index, graph }: Wanted): number => {
  const field = columnWithId(collection.schema, index.fieldId);
  return field === undefined ? 0 : graphBytes(graph, entry.core.rowCount, field);
};

const buildOne = async (state: EngineState, wanted: Wanted, building: Building): Promise<void> => {
  const { entry, index, graph } = wanted;
  const collection = state.catalog.collections.get(entry.collectionId);
  // What does not fit in memory is tried again later; a scan serves the segment until then.
  if (collection !== undefined) state.memory.require(bytesOf(collection, wanted));
  const built = await buildAndWrite(state, entry, index, graph, () => !building.stopped() && stillWanted(state, wanted));
  if (built === undefined || building.stopped()) return;
  await building.inStorage(async () => {
    if (stillWanted(state, wanted)) entry.indexes.set(index.id, built);
    if (!isResident(state, entry)) putAway(entry);
    if (built.file !== undefined) state.pendingFiles.delete(built.file);
  });
};

/** The indexes that a segment about to join the collection is to have. */
export const buildIndexesOf = async (
  state: EngineState,
  collectionId: bigint,
  entry: SegmentEntry,
  wanted: () => boolean,
): Promise<void> => {
  const collection = state.catalog.collections.get(collectionId);
  for (const index of collection?.indexes ?? []) {
    const graph = collection === undefined ? undefined : graphFor(collection, index);
    if (collection === undefined || graph === undefined || !needs(entry, index) || !wanted()) continue;
    // It is built once it fits.
    if (!state.memory.hasRoom(bytesOf(collection, { entry, index, graph }))) continue;
    const built = await buildAndWrite(state, entry, index, graph, wanted);
    if (built !== undefined) entry.indexes.set(index.id, built);
  }
};

/** Builds every index that is wanted. Returns how many it built. */
export const buildIndexes = async (state: EngineState, building: Building): Promise<number> => {
  const { failed } = building;
  let built = 0;
  for (let wanted = nextWanted(state, failed); wanted !== undefined && !building.stopped(); wanted = nextWanted(state, failed)) {
    try {
      await buildOne(state, wanted, building);
      failed.delete(`${wanted.entry.id}-${wanted.index.id}`);
      built++;
    } catch (error) {
      const reason = String((coreError(error) as Error).message);
      failed.set(`${wanted.entry.id}-${wanted.index.id}`, { reason, at: state.env.elapsed() });
      state.logger.error({ segment: wanted.entry.id.toString(), index: wanted.index.name, reason }, "building an index failed");
    }
  }
  return built;
};

/** Rows of sealed segments, and how many of them are in an index, be it one that is still being built. */
export const indexProgress = (state: EngineState, collection: Collection, index: IndexDefinition, failed: FailedBuilds): IndexProgress => {
  const graph = graphFor(collection, index);
  let totalRows = 0;
  let pendingRows = 0;
  let failReason = "";
  for (const entry of state.shards.get(collection.id)?.list() ?? []) {
    if (entry.state !== "sealed") continue;
    totalRows += entry.core.rowCount;
    if (graph === undefined || !needs(entry, index)) continue;
    const reason = failed.get(`${entry.id}-${index.id}`)?.reason;
    if (reason === undefined) pendingRows += Math.max(1, entry.core.rowCount - entry.core.indexProgress(Number(index.fieldId)));
    else failReason += `${entry.id}: ${reason};`;
  }
  return { totalRows, pendingRows, indexedRows: totalRows - pendingRows, failReason };
};
