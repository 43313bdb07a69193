/** What the engine offers to operations. `open.ts` makes one from a data folder. */
import type { Catalog, CatalogRecord, Collection, IndexDefinition, Snapshot } from "../catalog/types.js";
import type { PrimaryKeys, Timestamp } from "../shared/types.js";
import type { Compaction, CompactionRequest } from "./compaction.js";
import type { CoreArrayOperation, CoreGroupBy, CoreLook, CoreMetric, CoreOutput, CoreQueryResult, CoreSearchResult } from "./core.js";
import type { JobKind, JobState, JobTotals } from "./scheduler.js";
import type { SnapshotRequest } from "./snapshots.js";

/** A record before the engine gives it its timestamp. */
export type CatalogChange = CatalogRecord extends infer R ? (R extends CatalogRecord ? Omit<R, "timestamp"> : never) : never;

/** The encoded FieldData of one column, as it came from the client. */
export interface RowField {
  readonly fieldId: bigint;
  readonly data: Buffer;
}

export interface WriteRows {
  readonly collection: Collection;
  /** Or `BY_PARTITION_KEY`. */
  readonly partitionId: bigint;
  readonly rowCount: number;
  readonly fields: readonly RowField[];
}

/** An upsert of some columns: the rest is kept of the rows that the keys have. */
export interface UpdateRows extends WriteRows {
  readonly operations: readonly { readonly fieldId: bigint; readonly operation: CoreArrayOperation["operation"] }[];
}

export interface Written {
  /** Encoded `schema.IDs` of the rows written. */
  readonly ids: Buffer;
  readonly timestamp: Timestamp;
}

export interface ReadScope {
  readonly collection: Collection;
  /** Empty: all partitions. */
  readonly partitionIds: readonly bigint[];
  /** Compiled filter program; absent: all rows. */
  readonly filter?: Buffer;
  /** Only rows of sealed segments. */
  readonly ignoreGrowing?: boolean;
  /** The read begins or continues an iterator: its moment stays readable for a while after this use. */
  readonly lease?: boolean;
  /** The reader waits until everything up to here is visible; absent: everything acknowledged so far. */
  readonly guaranteeTimestamp?: Timestamp;
}

export interface SearchRows extends ReadScope {
  readonly fieldId: bigint;
  readonly metric: CoreMetric;
  readonly vectors: Buffer;
  /** Sparse vectors: bytes of each. */
  readonly lengths?: number[];
  /** In the place of vectors: texts that are searched for in a field of terms. */
  readonly texts?: { readonly values: readonly Buffer[]; readonly k1: number; readonly b: number };
  readonly limit: number;
  readonly offset: number;
  readonly look?: CoreLook;
  readonly radius?: number;
  readonly rangeFilter?: number;
  readonly roundDecimal: number;
  readonly outputs: CoreOutput[];
  readonly groupBy?: CoreGroupBy;
  /** Bytes of a reply, beyond which it is refused; absent: any. */
  readonly bytesMax?: number;
}

/** A search that is asked again and again with other vectors: `nq` of them one after another, and where they are sparse the bytes of each. */
export type PreparedSearch = (vectors: Buffer, lengths?: number[]) => FoundRows | Promise<FoundRows>;

export interface FoundRows {
  /** Encoded `schema.SearchResultData` of the hits: no names, no groups. */
  readonly data: Buffer;
  readonly readTimestamp: Timestamp;
}

export interface QueryRows extends ReadScope {
  readonly limit: number;
  readonly offset: number;
  readonly outputs: CoreOutput[];
  /** As in `SearchRows`. */
  readonly bytesMax?: number;
}

export interface IndexProgress {
  readonly totalRows: number;
  readonly indexedRows: number;
  readonly pendingRows: number;
  readonly failReason: string;
}

export interface FlushedCollection {
  readonly segmentIds: readonly bigint[];
  readonly flushTimestamp: Timestamp;
}

export interface SegmentInfo {
  readonly id: bigint;
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  /** Deleted rows included. */
  readonly rowCount: number;
  readonly deletedCount: number;
  /** Of its file; while it has none: of memory. */
  readonly byteSize: number;
  /** 2: made by a clustering compaction. */
  readonly level: 1 | 2;
  /** Sealed: takes no more rows, its file is being written. */
  readonly state: "Growing" | "Sealed" | "Flushed";
  /** Indexes built. */
  readonly indexIds: readonly bigint[];
}

export interface EngineApi {
  /** The current catalog version. Hold one for a whole request. */
  readonly catalog: Catalog;
  /** A fresh unique timestamp; also the source of ids. */
  tick(): Timestamp;
  /** First of `count` consecutive fresh ids. */
  ids(count: number): bigint;
  /** Checks, logs, fsyncs and applies one catalog record; throws what the reducer refuses it with. */
  change(change: CatalogChange): Promise<{ catalog: Catalog; timestamp: Timestamp }>;

  /** Whether a text is WKT of a geometry. */
  isGeometry(text: string): boolean;
  /** @throws MilvusError when an analyzer of the named field cannot be made of these parameters (JSON) */
  checkAnalyzer(field: string, params: string): void;

  insert(rows: WriteRows): Promise<Written>;
  upsert(rows: WriteRows): Promise<Written>;
  update(rows: UpdateRows): Promise<Written>;
  /** Deletes by key; `partitionIds` empty: all. */
  deleteKeys(collection: Collection, partitionIds: readonly bigint[], keys: PrimaryKeys): Promise<{ timestamp: Timestamp }>;
  /** Deletes the rows that match; returns how many. */
  deleteWhere(scope: ReadScope): Promise<{ timestamp: Timestamp; count: number }>;

  search(request: SearchRows): Promise<CoreSearchResult & { readTimestamp: Timestamp }>;
  /** For as long as the catalog stays as it is. Its vectors and lengths are given at each run; it has no groups and takes no lease. */
  prepareSearch(request: SearchRows): PreparedSearch;
  query(request: QueryRows): Promise<CoreQueryResult & { readTimestamp: Timestamp }>;
  count(scope: ReadScope): Promise<{ count: number; readTimestamp: Timestamp }>;

  /** Rows of growing and sealed segments, deleted ones included (as Milvus counts). */
  rowCount(collection: Collection, partitionIds?: readonly bigint[]): number;
  indexProgress(collection: Collection, index: IndexDefinition): IndexProgress;
  segments(collection: Collection): SegmentInfo[];
  /** Seals the growing rows of these collections into files; resolves when they are durable and the manifest names them. */
  flush(collections: readonly Collection[]): Promise<Map<bigint, FlushedCollection>>;
  /** Keeps the collection as it is at this moment. @throws 1100 when the name is taken */
  createSnapshot(collection: Collection, request: SnapshotRequest): Promise<Snapshot>;
  /** Makes a new collection of a snapshot's rows; returns its id. */
  restoreSnapshot(source: Collection, snapshotName: string, target: { readonly database: string; readonly name: string }): Promise<bigint>;
  /** Plans a compaction and begins it. */
  compact(collection: Collection, request: CompactionRequest): Promise<Compaction>;
  /** What became of a compaction asked for; undefined when it is not known (any more). */
  compaction(id: bigint): Compaction | undefined;
  /** Compactions of a collection that are remembered, the latest first. */
  compactions(collection: Collection): readonly Compaction[];
  /** Whether a compaction by clustering key is under way. */
  isClustering(collection: Collection): boolean;
  /** Bytes of the log that the next opening would replay. */
  readonly logBytes: number;
  /** How much of what a load promised is in memory, in percent; 100 when nothing is being loaded. */
  loadProgress(collection: Collection, partitionIds?: readonly bigint[]): number;
  /** Bytes that rows, indexes and requests take, and may take. */
  readonly memoryUsed: number;
  readonly memoryLimit: number;
  /** Background work that runs or waits, and what became of the rest. */
  jobs(): readonly JobState[];
  jobTotals(): ReadonlyMap<JobKind, JobTotals>;
  close(): Promise<void>;
}
