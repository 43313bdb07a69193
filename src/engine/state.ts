/**
 * Everything the engine holds in memory, and how log records change it.
 *
 * `applyCatalogRecord`, `applyRows` and `applyDelete` are the only writers. They run in log order, once a record is durable, the same way when it
 * was just written and when it is replayed. What a record does depends on the state it meets and on nothing else, so replay ends in the same state.
 */
import { applyRecord } from "../catalog/reducer.js";
import type { Catalog, CatalogRecord, Collection } from "../catalog/types.js";
import type { Log, Lsn } from "../log/log.js";
import type { Env } from "../shared/env.js";
import { failure } from "../shared/errors.js";
import type { Logger, Timestamp } from "../shared/types.js";
import type { Store } from "../store/store.js";
import type { HybridClock } from "./clock.js";
import type { Core, CoreRows } from "./core.js";
import type { Leases } from "./leases.js";
import type { MemoryBudget } from "./memory.js";
import type { Pace } from "./pace.js";
import { BY_PARTITION_KEY, type DeleteRecord, type RowsRecord } from "./records.js";
import { type Place, type SegmentEntry, Shard } from "./shard.js";
import type { WriteGates } from "./write-gate.js";

export interface EngineSettings {
  /** Bytes of a growing segment at which it is sealed. */
  readonly segmentBytesMax: number;
  /** Bytes of live log at which growing segments are sealed, so that the log can be cut. */
  readonly logBytesMax: number;
  /** Bytes of live log that an orderly close may leave to the next opening. */
  readonly replayBytesMax: number;
  /** Milliseconds without new rows after which a growing segment of at least `idleBytesMin` is sealed, and its age at which it is sealed anyway. */
  readonly idleMsMax: number;
  readonly idleBytesMin: number;
  readonly growingMsMax: number;
  /** Milliseconds between two looks at what time has made necessary. */
  readonly upkeepMs: number;
  /** Milliseconds between two looks for compactions that are worth doing (Milvus: dataCoord.compaction.mix.triggerInterval). */
  readonly compactMs: number;
}

export interface EngineState {
  readonly env: Env;
  readonly core: Core;
  readonly store: Store;
  readonly log: Log;
  readonly clock: HybridClock;
  readonly logger: Logger;
  readonly settings: EngineSettings;
  readonly shards: Map<bigint, Shard>;
  readonly leases: Leases;
  readonly gates: WriteGates;
  /** Of searches. */
  readonly pace: Pace;
  readonly memory: MemoryBudget;
  /** Files of the store that are written or wanted, and that no manifest names yet. */
  readonly pendingFiles: Set<string>;
  /** Opened segments of collections that are being restored, by id; applying the record takes them. */
  readonly restored: Map<bigint, SegmentEntry>;
  catalog: Catalog;
  appliedLsn: Lsn;
  /** Of the last row record applied: what a reader may see. */
  appliedTimestamp: Timestamp;
}

/** What the appliers need; replay has no log yet. */
export type Applicable = Omit<EngineState, "log">;

const advance = (state: Applicable, lsn: Lsn, timestamp: Timestamp): void => {
  if (lsn > state.appliedLsn) state.appliedLsn = lsn;
  if (timestamp > state.appliedTimestamp) state.appliedTimestamp = timestamp;
  state.clock.advance(timestamp);
};

export const shardOf = (state: Applicable, collection: Collection): Shard => {
  let shard = state.shards.get(collection.id);
  if (shard === undefined) {
    shard = new Shard(state.core, collection.id, collection);
    state.shards.set(collection.id, shard);
  }
  return shard;
};

/** @throws what the reducer refuses the record with; the state is then as before but for the position in the log. */
export const applyCatalogRecord = (state: Applicable, record: CatalogRecord, lsn: Lsn): void => {
  advance(state, lsn, record.timestamp);
  const before = state.catalog;
  state.catalog = applyRecord(before, record);
  followCatalog(state, before, record);
};

/** Rows follow their definitions: what the catalog dropped or emptied has no segments any more, what got columns has them in every row, what lost some in none. */
const followCatalog = (state: Applicable, before: Catalog, record: CatalogRecord): void => {
  switch (record.kind) {
    case "addField":
    case "addStruct":
    case "dropField":
    case "alterField":
    case "addFunction":
    case "alterFunction":
    case "dropFunction": {
      dropIndexes(state, record.collectionId);
      const collection = state.catalog.collections.get(record.collectionId);
      if (collection !== undefined) state.shards.get(record.collectionId)?.setSchema(collection);
      return;
    }
    case "restoreSnapshot": {
      const collection = state.catalog.collections.get(record.definition.id);
      if (collection === undefined) return;
      const shard = shardOf(state, collection);
      // What was dead at the snapshot's moment may be missing from its files.
      shard.horizon = record.moment;
      for (const { id } of record.segments) {
        const entry = state.restored.get(id);
        if (entry === undefined) throw new Error(`segment ${id} of a restored collection was not opened`);
        state.restored.delete(id);
        shard.add(entry);
      }
      return;
    }
    case "truncateCollection":
      state.shards.get(record.collectionId)?.drop();
      return;
    case "dropPartition": {
      const gone = before.collections.get(record.collectionId)?.partitions.find((partition) => partition.name === record.name);
      if (gone !== undefined) state.shards.get(record.collectionId)?.drop(gone.id);
      return;
    }
    case "dropCollection":
    case "dropDatabase":
      for (const [id, shard] of state.shards) {
        if (state.catalog.collections.has(id)) continue;
        shard.drop();
        state.shards.delete(id);
      }
      return;
    case "dropIndex":
      dropIndexes(state, record.collectionId);
      return;
    default:
  }
};

const dropIndexes = (state: Applicable, collectionId: bigint): void => {
  const live = new Set(state.catalog.collections.get(collectionId)?.indexes.map((index) => index.id));
  for (const entry of state.shards.get(collectionId)?.list() ?? []) {
    for (const [indexId, index] of entry.indexes) {
      if (live.has(indexId)) continue;
      entry.indexes.delete(indexId);
      entry.core.dropIndex(Number(index.fieldId));
    }
  }
};

/** The collection of a row record as it is now; throws 100 when it went meanwhile. */
const target = (state: Applicable, record: { collectionId: bigint }): Collection => {
  const collection = state.catalog.collections.get(record.collectionId);
  if (collection === undefined) throw failure("collectionNotFound", { collection: record.collectionId });
  return collection;
};

/** Rows of one request that go to one place. */
export interface PlacedRows extends Place {
  /** Number of the place among those that the record may go to. */
  readonly ordinal: number;
  readonly rows: CoreRows;
}

type PartitionRows = Omit<PlacedRows, "channel">;

/** To the record's partition, or to several by their partition key. */
const byPartition = async (collection: Collection, record: RowsRecord, rows: CoreRows): Promise<PartitionRows[]> => {
  if (record.partitionId !== BY_PARTITION_KEY) return [{ partitionId: record.partitionId, ordinal: 0, rows }];
  const key = collection.schema.fields.find((field) => field.isPartitionKey);
  if (key === undefined) throw new Error(`collection ${collection.name} has no partition key`);
  const parts = await rows.split(Number(key.fieldID), collection.partitions.length);
  return parts.flatMap((part, ordinal) => {
    const partition = collection.partitions[ordinal];
    return part === null || partition === undefined ? [] : [{ partitionId: partition.id, ordinal, rows: part }];
  });
};

/** To several channels by their primary key. Source: milvus pkg/util/typeutil/hash.go, HashPK2Channels. */
const byChannel = async (collection: Collection, { ordinal, partitionId, rows }: PartitionRows): Promise<PlacedRows[]> => {
  if (collection.shardsNum === 1) return [{ partitionId, channel: 0, ordinal, rows }];
  const key = collection.schema.fields.find((field) => field.isPrimaryKey);
  if (key === undefined) throw new Error(`collection ${collection.name} has no primary key`);
  const parts = await rows.split(Number(key.fieldID), collection.shardsNum);
  return parts.flatMap((part, channel) =>
    part === null ? [] : [{ partitionId, channel, ordinal: ordinal * collection.shardsNum + channel, rows: part }],
  );
};

/** Where the rows of a record go. */
export const routeRows = async (collection: Collection, record: RowsRecord, rows: CoreRows): Promise<PlacedRows[]> => {
  const placed: PlacedRows[] = [];
  for (const part of await byPartition(collection, record, rows)) placed.push(...(await byChannel(collection, part)));
  return placed;
};

/** How many places the rows of a record may go to; one id each is the record's: a segment that a part opens has the timestamp plus the ordinal. */
export const placeCount = (collection: Collection, { partitionId }: Pick<RowsRecord, "partitionId">): number =>
  (partitionId === BY_PARTITION_KEY ? collection.partitions.length : 1) * collection.shardsNum;

/** An insert, or an upsert (`replace`): rows with the same keys in the same partition, or anywhere when the partition follows from a key, are deleted at its timestamp. */
export interface RowsChange {
  readonly record: RowsRecord;
  readonly parts: readonly PlacedRows[];
  /** Encoded keys of the rows replaced; absent for an insert. */
  readonly replaced?: Buffer;
}

/** Appends the rows; returns the segments that took them. @throws 100 or 200 when the collection or a partition went meanwhile */
export const applyRows = (state: Applicable, { record, parts, replaced }: RowsChange, lsn: Lsn): SegmentEntry[] => {
  advance(state, lsn, record.timestamp);
  const collection = target(state, record);
  // Nobody else may get the ids of segments that the parts open, after a replay either.
  state.clock.advance(record.timestamp + BigInt(placeCount(collection, record) - 1));
  for (const { partitionId } of parts) {
    if (!collection.partitions.some((partition) => partition.id === partitionId))
      throw failure("partitionNotFound", { partition: partitionId });
  }
  const shard = shardOf(state, collection);
  const scope = record.partitionId === BY_PARTITION_KEY ? [] : [record.partitionId];
  if (replaced !== undefined) shard.delete(scope, replaced, record.timestamp);
  const now = state.env.now();
  return parts.map(({ ordinal, rows, ...place }) =>
    shard.append(place, rows, { timestamp: record.timestamp, lsn, now }, () => record.timestamp + BigInt(ordinal)),
  );
};

export const applyDelete = (state: Applicable, record: DeleteRecord, lsn: Lsn): void => {
  advance(state, lsn, record.timestamp);
  state.shards.get(target(state, record).id)?.delete(record.partitionIds, record.ids, record.timestamp);
};
