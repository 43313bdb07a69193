/**
 * The rows of one collection: its segments, by partition.
 *
 * A segment is *growing* (rows are appended; covered by the log), *sealing* (no more rows; its file is being written; still covered by the log) or
 * *sealed* (a mapped file that the manifest names). Deletes reach it in every state. Within a partition the rows are divided into *channels* by the hash
 * of their keys (Milvus's shards: as many as the collection was created with, by default one); each has at most one growing segment. All changes are
 * synchronous and in log order; readers take the list of segments once and judge rows by their read timestamp.
 */
import type { Collection } from "../catalog/types.js";
import type { Lsn } from "../log/log.js";
import type { Timestamp } from "../shared/types.js";
import type { Core, CoreRows, CoreSchema, CoreSealing, CoreSegment } from "./core.js";
import { coreColumns } from "./core-schema.js";

export interface SegmentIndex {
  readonly indexId: bigint;
  readonly fieldId: bigint;
  /** Name in the store; absent until written. */
  readonly file: string | undefined;
}

export interface SegmentEntry {
  readonly id: bigint;
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  readonly channel: number;
  core: CoreSegment;
  state: "growing" | "sealing" | "sealed";
  /** First log record with rows of this segment; only while not sealed. */
  firstLsn: Lsn;
  /** Milliseconds since 1970 at which its first and its last rows came; only while not sealed. */
  readonly begunAt: number;
  touchedAt: number;
  /** Names in the store; only when sealed. */
  file: string | undefined;
  deletesFile: string | undefined;
  /** Bytes of `file`. */
  fileBytes: number;
  /** Deleted rows that `deletesFile` tells. */
  persistedDeletes: number;
  /** 2: made by a clustering compaction, holds a range of the clustering key; else 1. */
  readonly level: 1 | 2;
  indexes: Map<bigint, SegmentIndex>;
  /** Its file in the making; only while sealing. */
  sealing: CoreSealing | undefined;
  /** A compaction is making others of it. */
  compacting: boolean;
}

/** Which rows a segment holds: those of one channel of one partition. */
export type Place = Pick<SegmentEntry, "partitionId" | "channel">;

export const placeKey = ({ partitionId, channel }: Place): string => `${partitionId}/${channel}`;

/** A sealed segment that nobody has changed yet. */
export const sealedEntry = (
  of: Pick<SegmentEntry, "id" | "collectionId" | "partitionId" | "channel" | "core"> & { readonly file: string; readonly level?: 1 | 2 },
): SegmentEntry => ({
  level: 1,
  ...of,
  state: "sealed",
  firstLsn: 0,
  begunAt: 0,
  touchedAt: 0,
  deletesFile: undefined,
  fileBytes: of.core.mappedSize,
  persistedDeletes: 0,
  indexes: new Map(),
  sealing: undefined,
  compacting: false,
});

/** Of rows with one key and time of writing a reader takes the last; where they lie in several partitions, this is one order whatever was merged when. */
const byPartition = (entries: readonly SegmentEntry[]): readonly SegmentEntry[] =>
  entries.toSorted((one, other) => Number(one.partitionId - other.partitionId));

export class Shard {
  schema: CoreSchema;
  private segments: readonly SegmentEntry[] = [];
  private readonly growing = new Map<string, SegmentEntry>();
  /** What a read over no segments is given: results without rows still have the columns' types, which a segment knows. */
  private empty: CoreSegment;
  /** Rows that were deleted or expired at or before this moment may be gone: a reader at an older one cannot be answered. */
  horizon: Timestamp = 0n;
  readonly channelCount: number;

  constructor(
    private readonly core: Core,
    readonly collectionId: bigint,
    collection: Collection,
  ) {
    this.channelCount = collection.shardsNum;
    this.schema = core.createSchema(coreColumns(collection));
    this.empty = core.createSegment(this.schema);
  }

  /** The segments to read for these partitions; never none. */
  readable(partitionIds: readonly bigint[], ignoreGrowing = false): CoreSegment[] {
    const found = this.list(partitionIds).flatMap((entry) => (ignoreGrowing && entry.state !== "sealed" ? [] : [entry.core]));
    return found.length > 0 ? found : [this.empty];
  }

  /** All segments of these partitions, by channel; never none. */
  byChannel(partitionIds: readonly bigint[]): CoreSegment[][] {
    const channels = Array.from({ length: this.channelCount }, (): CoreSegment[] => []);
    for (const entry of this.list(partitionIds)) channels[entry.channel]?.push(entry.core);
    return channels.map((segments) => (segments.length > 0 ? segments : [this.empty]));
  }

  /** The channel of each of these segments. */
  channelsOf(segments: readonly CoreSegment[]): number[] {
    const channels = new Map(this.segments.map((entry) => [entry.core, entry.channel]));
    return segments.map((segment) => channels.get(segment) ?? 0);
  }

  /** Takes over a changed schema: new columns are there for all rows, with their default or null. */
  setSchema(collection: Collection): void {
    this.schema = this.core.createSchema(coreColumns(collection));
    this.empty = this.core.createSegment(this.schema);
    for (const entry of this.segments) entry.core.setSchema(this.schema);
  }

  /** All segments, or those of some partitions. */
  list(partitionIds: readonly bigint[] = []): readonly SegmentEntry[] {
    return partitionIds.length === 0 ? this.segments : this.segments.filter((entry) => partitionIds.includes(entry.partitionId));
  }

  add(entry: SegmentEntry): void {
    this.segments = byPartition([...this.segments, entry]);
  }

  /** Appends rows that came at `now` (milliseconds since 1970) to the growing segment of their place; it is made when there is none. */
  append(place: Place, rows: CoreRows, at: { timestamp: Timestamp; lsn: Lsn; now: number }, newId: () => bigint): SegmentEntry {
    const key = placeKey(place);
    let entry = this.growing.get(key);
    if (entry === undefined) {
      entry = {
        id: newId(),
        collectionId: this.collectionId,
        partitionId: place.partitionId,
        channel: place.channel,
        core: this.core.createSegment(this.schema),
        state: "growing",
        firstLsn: at.lsn,
        begunAt: at.now,
        touchedAt: at.now,
        file: undefined,
        deletesFile: undefined,
        fileBytes: 0,
        persistedDeletes: 0,
        level: 1,
        indexes: new Map(),
        sealing: undefined,
        compacting: false,
      };
      this.growing.set(key, entry);
      this.add(entry);
    }
    entry.core.append(rows, at.timestamp);
    entry.touchedAt = at.now;
    return entry;
  }

  delete(partitionIds: readonly bigint[], ids: Buffer, timestamp: Timestamp): void {
    for (const entry of this.list(partitionIds)) entry.core.delete(ids, timestamp);
  }

  /** Ends the growing segments of the partitions (none given: all): they become sealing. */
  rotate(partitionIds: readonly bigint[] = []): void {
    for (const [key, entry] of this.growing) {
      if (partitionIds.length > 0 && !partitionIds.includes(entry.partitionId)) continue;
      entry.state = "sealing";
      this.growing.delete(key);
    }
  }

  /** Lets go of the segments of a partition, or all; reads under way keep them until they end. */
  drop(partitionId?: bigint): void {
    for (const entry of this.list(partitionId === undefined ? [] : [partitionId])) entry.core.release();
    this.segments = partitionId === undefined ? [] : this.segments.filter((entry) => entry.partitionId !== partitionId);
    for (const [key, entry] of this.growing) if (partitionId === undefined || entry.partitionId === partitionId) this.growing.delete(key);
  }

  /** Puts segments in the place of others that hold the same rows, and lets go of those. */
  replace(sources: readonly SegmentEntry[], outputs: readonly SegmentEntry[]): void {
    this.segments = byPartition([...this.segments.filter((entry) => !sources.includes(entry)), ...outputs]);
    for (const entry of sources) entry.core.release();
  }

  holds(entry: SegmentEntry): boolean {
    return this.segments.includes(entry);
  }

  rowCount(partitionIds: readonly bigint[] = []): number {
    return this.list(partitionIds).reduce((sum, entry) => sum + entry.core.rowCount, 0);
  }
}
