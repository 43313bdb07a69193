/**
 * Snapshots: a collection at one moment, as names of files; and collections made from them. Nothing is copied.
 *
 * Creating: the growing rows are sealed as they are at one moment; what is deleted later is told apart by its timestamp. Then one record of the log names
 * the files. Restoring: the files are opened for a new collection, whose segments share them, and one record of the log makes it with all its rows.
 * Both run in the storage lane, where no file is removed meanwhile; files that a snapshot names are wanted as long as the catalog has it.
 */
import { requireSnapshot, snapshotsOf } from "../catalog/apply-snapshot.js";
import { encodeRecord } from "../catalog/codec.js";
import { applyRecord } from "../catalog/reducer.js";
import type { Catalog, Collection, RestoreSnapshotRecord, SegmentFiles, Snapshot } from "../catalog/types.js";
import { CollectionSchema } from "../shared/proto/generated/messages.js";
import type { CoreSegment } from "./core.js";
import { coreColumns } from "./core-schema.js";
import { openIndex } from "./indexing.js";
import { RecordKind } from "./records.js";
import { SEGMENTS, sealAll } from "./seal.js";
import { type SegmentEntry, type Shard, sealedEntry } from "./shard.js";
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

const filesOf = async (state: EngineState, shard: Shard, entry: SegmentEntry, snapshotId: bigint): Promise<SegmentFiles | undefined> => {
  const { partitionId, level, file } = entry;
  if (file === undefined || !shard.holds(entry)) return undefined;
  let deletesFile: string | undefined;
  if (entry.core.deletedCount > 0) {
    deletesFile = `${SEGMENTS}/${entry.id}-${snapshotId}.del`;
    state.pendingFiles.add(deletesFile);
    await state.store.writeFile(deletesFile, [entry.core.encodeDeletes()]);
  }
  const indexes = [...entry.indexes.values()].flatMap(({ indexId, fieldId, file }) =>
    file === undefined ? [] : [{ indexId, fieldId, file }],
  );
  return { partitionId, file, deletesFile, level, indexes };
};

/** Call inside the storage lane. @throws 1100 when the name is taken */
export const createSnapshot = async (state: EngineState, collectionId: bigint, request: SnapshotRequest): Promise<Snapshot> => {
  const shard = state.shards.get(collectionId);
  const moment = state.appliedTimestamp;
  shard?.rotate();
  // Of this moment: what is sealed or sealing now. Rows that come later go to segments that are not among these.
  const entries = shard?.list() ?? [];
  const id = state.clock.ids(1);
  await sealAll(state, [collectionId]);
  const segments: SegmentFiles[] = [];
  try {
    for (const entry of entries) {
      const files = shard === undefined ? undefined : await filesOf(state, shard, entry, id);
      if (files !== undefined) segments.push(files);
    }
    // What was dropped or truncated meanwhile belongs to the moment no more: the snapshot is made of a later one.
    if (!entries.every((entry) => shard?.holds(entry) ?? true)) return await createSnapshot(state, collectionId, request);
    const collection = state.catalog.collections.get(collectionId);
    const { partitions = [], indexes = [], properties = [], shardsNum = 1, consistencyLevel = 0, numPartitions = 1n } = collection ?? {};
    const definition = { properties, partitions, indexes, shardsNum, consistencyLevel, numPartitions };
    const schema = collection === undefined ? Buffer.alloc(0) : CollectionSchema.encode(collection.schema);
    const { name, description, protectionSeconds } = request;
    const snapshot = { id, name, description, moment, protectionSeconds, schema, ...definition, segments };
    const record = { kind: "createSnapshot", collectionId, snapshot, timestamp: state.clock.tick() } as const;
    applyRecord(state.catalog, record);
    await state.log.append(RecordKind.Catalog, [encodeRecord(record)], (lsn) => applyCatalogRecord(state, record, lsn));
    return { ...snapshot, createdTimestamp: record.timestamp, pins: [] };
  } finally {
    for (const { deletesFile } of segments) if (deletesFile !== undefined) state.pendingFiles.delete(deletesFile);
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
      if (segment.deletesFile !== undefined) core.applyDeletes(await state.store.readFile(segment.deletesFile), record.moment);
      const { id, partitionId, file, level } = segment;
      const entry = sealedEntry({ id, collectionId: collection.id, partitionId, core, file, level });
      for (const index of segment.indexes) await openIndex(state, entry, index);
      state.restored.set(id, entry);
    }
  } catch (error) {
    for (const core of opened) core.release();
    for (const { id } of record.segments) state.restored.delete(id);
    throw error;
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

/** Call inside the storage lane. Returns the id of the new collection. @throws what refuses a collection of this name, 2600 */
export const restoreSnapshot = async (
  state: EngineState,
  source: Collection,
  snapshotName: string,
  target: { readonly database: string; readonly name: string },
): Promise<bigint> => {
  const snapshot = requireSnapshot(state.catalog.collections.get(source.id) ?? source, snapshotName);
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
