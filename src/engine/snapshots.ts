/**
 * Snapshots: a collection at one moment, as names of files; and collections made from them. Nothing is copied.
 *
 * Creating: growing segments are ended and the definition is taken in one synchronous step, which is the moment. The rows are sealed and a manifest names
 * them, with delete sets that tell every delete up to the moment (and maybe later ones, which their timestamps set apart). Then one record of the log names
 * the files. Restoring: the files are opened for a new collection, whose segments share them, and one record of the log makes it with all its rows.
 * Both run in the storage lane, where no file is removed meanwhile; files that a snapshot names are wanted as long as the catalog has it.
 */
import { requireSnapshot, snapshotsOf } from "../catalog/apply-snapshot.js";
import { encodeRecord } from "../catalog/codec.js";
import { requireCollectionById } from "../catalog/read.js";
import { applyRecord } from "../catalog/reducer.js";
import type { Catalog, Collection, RestoreSnapshotRecord, SegmentFiles, Snapshot } from "../catalog/types.js";
import { CollectionSchema } from "../shared/proto/generated/messages.js";
import type { CoreSegment } from "./core.js";
import { coreError } from "./core-errors.js";
import { coreColumns } from "./core-schema.js";
import { readDeletes } from "./delete-files.js";
import { RecordKind } from "./records.js";
import { commit, sealAll } from "./seal.js";
import { type SegmentEntry, sealedEntry } from "./shard.js";
import { type Applicable, applyCatalogRecord, type EngineState } from "./state.js";

export interface SnapshotRequest {
  readonly name: string;
  readonly description: string;
  readonly protectionSeconds: bigint;
}

/** Files that snapshots name. */
export const snapshotFiles = (catalog: Catalog): Set<string> => {
  const files = new Set<string>();
  for (const collection of catalog.collections.values()) {
    for (const { segments } of snapshotsOf(collection)) {
      for (const segment of segments) {
        files.add(segment.file);
        if (segment.deletesFile !== undefined) files.add(segment.deletesFile);
        for (const index of segment.indexes) files.add(index.file);
      }
    }
  }
  return files;
};

/** Call when a manifest names the segment. */
const filesOf = ({ id, partitionId, channel, file, deletesFile, level, indexes }: SegmentEntry): SegmentFiles => {
  if (file === undefined) throw new Error(`segment ${id} of a snapshot has no file`);
  const written = [...indexes.values()].flatMap(({ indexId, fieldId, file }) => (file === undefined ? [] : [{ indexId, fieldId, file }]));
  return { partitionId, channel, file, deletesFile, level, indexes: written };
};

const definitionOf = ({ properties, partitions, indexes, shardsNum, consistencyLevel, numPartitions, schema }: Collection) => ({
  schema: CollectionSchema.encode(schema),
  ...{ properties, partitions, indexes, shardsNum, consistencyLevel, numPartitions },
});

/** Call inside the storage lane. @throws 1100 when the name is taken, 100 when the collection is gone */
export const createSnapshot = async (state: EngineState, collectionId: bigint, request: SnapshotRequest): Promise<Snapshot> => {
  for (;;) {
    const collection = requireCollectionById(state.catalog, collectionId);
    const shard = state.shards.get(collectionId);
    const moment = state.appliedTimestamp;
    shard?.rotate();
    // Rows that come later go to segments that are not among these.
    const entries = shard?.list() ?? [];
    await sealAll(state, [collectionId]);
    // Only files that a manifest names are never written again: a replay would make a segment of the same id, with later rows, too.
    await commit(state);
    // Segments that were dropped meanwhile may have no file, and files written after a change of the schema may hold columns that the moment did not have.
    const { schema } = requireCollectionById(state.catalog, collectionId);
    if (schema !== collection.schema || !entries.every((entry) => shard?.holds(entry))) continue;
    const { name, description, protectionSeconds } = request;
    const id = state.clock.ids(1);
    const snapshot = { id, name, description, moment, protectionSeconds, ...definitionOf(collection), segments: entries.map(filesOf) };
    const record = { kind: "createSnapshot", collectionId, snapshot, timestamp: state.clock.tick() } as const;
    applyRecord(state.catalog, record);
    await state.log.append(RecordKind.Catalog, [encodeRecord(record)], (lsn) => applyCatalogRecord(state, record, lsn));
    return { ...snapshot, createdTimestamp: record.timestamp, pins: [] };
  }
};

/** Opens the files of a restored collection, so that applying its record needs no waiting. */
export const openRestored = async (state: Applicable, record: RestoreSnapshotRecord): Promise<void> => {
  const collection = applyRecord(state.catalog, record).collections.get(record.definition.id);
  if (collection === undefined) return;
  const schema = state.core.createSchema(coreColumns(collection));
  const opened: CoreSegment[] = [];
  try {
    for (const segment of record.segments) {
      const core = await state.core.openSegment(schema, state.store.path(segment.file));
      opened.push(core);
      if (segment.deletesFile !== undefined) await readDeletes(state, core, segment.deletesFile, record.moment);
      const { id, partitionId, channel = 0, file, level } = segment;
      const entry = sealedEntry({ id, collectionId: collection.id, partitionId, channel, core, file, level });
      // It is not loaded yet: the names are enough.
      for (const index of segment.indexes) entry.indexes.set(index.indexId, index);
      state.restored.set(id, entry);
    }
  } catch (error) {
    for (const core of opened) core.release();
    for (const { id } of record.segments) state.restored.delete(id);
    throw coreError(error);
  }
};

const newIds = <T extends { readonly id: bigint }>(state: EngineState, things: readonly T[]): Map<bigint, bigint> =>
  new Map(things.map(({ id }) => [id, state.clock.ids(1)]));

const restoreRecord = (state: EngineState, snapshot: Snapshot, database: string, name: string): RestoreSnapshotRecord => {
  const id = state.clock.ids(1);
  const partitionIds = newIds(state, snapshot.partitions);
  const indexIds = newIds(state, snapshot.indexes);
  const partitions = snapshot.partitions.map((partition) => ({ ...partition, id: partitionIds.get(partition.id) as bigint }));
  const segments = snapshot.segments.map((segment) => ({
    ...segment,
    id: state.clock.ids(1),
    partitionId: partitionIds.get(segment.partitionId) as bigint,
    indexes: segment.indexes.flatMap((index) => {
      const indexId = indexIds.get(index.indexId);
      return indexId === undefined ? [] : [{ ...index, indexId }];
    }),
  }));
  const { properties, shardsNum, consistencyLevel, numPartitions, moment } = snapshot;
  const schema = { ...CollectionSchema.decode(snapshot.schema), name };
  return {
    kind: "restoreSnapshot",
    definition: { kind: "createCollection", id, database, schema, properties, partitions, shardsNum, consistencyLevel, numPartitions },
    indexes: snapshot.indexes.map(({ createdTimestamp: _, ...index }) => ({ ...index, id: indexIds.get(index.id) as bigint })),
    segments,
    moment,
    timestamp: state.clock.tick(),
  };
};

/** Call inside the storage lane. Returns the id of the new collection. @throws what refuses a collection of this name, 2600, 100 */
export const restoreSnapshot = async (
  state: EngineState,
  sourceId: bigint,
  snapshotName: string,
  target: { readonly database: string; readonly name: string },
): Promise<bigint> => {
  const snapshot = requireSnapshot(requireCollectionById(state.catalog, sourceId), snapshotName);
  const record = restoreRecord(state, snapshot, target.database, target.name);
  await openRestored(state, record);
  try {
    await state.log.append(RecordKind.Catalog, [encodeRecord(record)], (lsn) => applyCatalogRecord(state, record, lsn));
    return record.definition.id;
  } finally {
    // What was not taken over: the record was refused.
    for (const { id } of record.segments) {
      state.restored.get(id)?.core.release();
      state.restored.delete(id);
    }
  }
};
