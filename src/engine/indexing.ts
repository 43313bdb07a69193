/**
 * Indexes of sealed segments: built one at a time in the background, written beside the segment, named by the next manifest.
 *
 * A segment without its index is searched by a scan, so answers are right at any moment. An index file that is damaged or missing is built again.
 */
import type { Collection, IndexDefinition } from "../catalog/types.js";
import type { IndexProgress } from "./api.js";
import type { CoreHnsw } from "./core.js";
import { coreError } from "./core-errors.js";
import { graphOf, INDEXED_ROWS_MIN } from "./index-plan.js";
import { indexFile } from "./seal.js";
import type { SegmentEntry } from "./shard.js";
import type { Applicable, EngineState } from "./state.js";

interface Wanted {
  readonly entry: SegmentEntry;
  readonly index: IndexDefinition;
  readonly graph: CoreHnsw;
}

const graphFor = (collection: Collection, index: IndexDefinition): CoreHnsw | undefined => {
  const field = collection.schema.fields.find((candidate) => candidate.fieldID === index.fieldId);
  return field === undefined ? undefined : graphOf(index, field);
};

const needs = (entry: SegmentEntry, index: IndexDefinition): boolean =>
  entry.state === "sealed" && entry.core.rowCount >= INDEXED_ROWS_MIN && !entry.indexes.has(index.id);

/** The next index to build, if any. Indexes in `failed` (segment-index) are not tried again. */
const nextWanted = (state: EngineState, failed: ReadonlyMap<string, string>): Wanted | undefined => {
  for (const collection of state.catalog.collections.values()) {
    for (const index of collection.indexes) {
      const graph = graphFor(collection, index);
      if (graph === undefined) continue;
      for (const entry of state.shards.get(collection.id)?.list() ?? []) {
        if (needs(entry, index) && !failed.has(`${entry.id}-${index.id}`)) return { entry, index, graph };
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
  /** By segment and index: why a build failed; it is not tried again. */
  readonly failed: Map<string, string>;
  /** True once the engine closes: nothing is written from then on. */
  stopped(): boolean;
  /** Runs a job in the storage lane, which a closing engine waits for. */
  inStorage(job: () => Promise<void>): Promise<void>;
}

const buildOne = async (state: EngineState, wanted: Wanted, building: Building): Promise<void> => {
  const { entry, index, graph } = wanted;
  const core = entry.core;
  const fieldId = Number(index.fieldId);
  await core.buildIndex(fieldId, graph);
  if (building.stopped()) return;
  if (!stillWanted(state, wanted)) {
    core.dropIndex(fieldId);
    return;
  }
  entry.indexes.set(index.id, { indexId: index.id, fieldId: index.fieldId, file: undefined });
  const bytes = await core.encodeIndex(fieldId);
  if (bytes === null) return;
  await building.inStorage(async () => {
    if (building.stopped() || !stillWanted(state, wanted)) return;
    const file = indexFile(entry.id, index.id);
    await state.store.writeFile(file, [bytes]);
    if (stillWanted(state, wanted)) entry.indexes.set(index.id, { indexId: index.id, fieldId: index.fieldId, file });
  });
};

/** Builds every index that is wanted. Returns how many it built. */
export const buildIndexes = async (state: EngineState, building: Building): Promise<number> => {
  const { failed } = building;
  let built = 0;
  for (let wanted = nextWanted(state, failed); wanted !== undefined && !building.stopped(); wanted = nextWanted(state, failed)) {
    try {
      await buildOne(state, wanted, building);
      built++;
    } catch (error) {
      const reason = String((coreError(error) as Error).message);
      failed.set(`${wanted.entry.id}-${wanted.index.id}`, reason);
      state.logger.error({ segment: wanted.entry.id.toString(), index: wanted.index.name, reason }, "building an index failed");
    }
  }
  return built;
};

/** Loads an index file of a sealed segment; damage is reported and healed by building it again. */
export const openIndex = async (
  state: Applicable,
  entry: SegmentEntry,
  index: { indexId: bigint; fieldId: bigint; file: string },
): Promise<void> => {
  try {
    await entry.core.openIndex(Number(index.fieldId), state.store.path(index.file));
    entry.indexes.set(index.indexId, index);
  } catch (error) {
    const reason = String((coreError(error) as Error).message);
    state.logger.warn({ file: index.file, reason }, "an index file cannot be used and is built again");
  }
};

/** Rows of sealed segments, and how many of them searches reach through the index. */
export const indexProgress = (
  state: EngineState,
  collection: Collection,
  index: IndexDefinition,
  failed: ReadonlyMap<string, string>,
): IndexProgress => {
  const graph = graphFor(collection, index);
  let totalRows = 0;
  let pendingRows = 0;
  let failReason = "";
  for (const entry of state.shards.get(collection.id)?.list() ?? []) {
    if (entry.state !== "sealed") continue;
    totalRows += entry.core.rowCount;
    if (graph === undefined || !needs(entry, index)) continue;
    const reason = failed.get(`${entry.id}-${index.id}`);
    if (reason === undefined) pendingRows += entry.core.rowCount;
    else failReason += `${entry.id}: ${reason};`;
  }
  return { totalRows, pendingRows, indexedRows: totalRows - pendingRows, failReason };
};
