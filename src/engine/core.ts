/**
 * The border to the Rust core: what it offers, typed, and the only place that loads it.
 *
 * The core knows numbers, not names: columns by field id, bytes in, bytes out. Everything that takes longer than copying a request runs on its own
 * threads and answers by a promise. It fails with a `CoreFailure`: a kind and arguments; the words are made by `engine/core-errors.ts`.
 */
import { createRequire } from "node:module";

/** One column of a schema as the core sees it. `type` is a Milvus DataType number. */
export interface CoreColumn {
  readonly id: number;
  readonly type: number;
  /** Vectors: number of elements. */
  readonly dim?: number;
  /** Array, ArrayOfVector: DataType of the elements, and how many a row may have. */
  readonly elementType?: number;
  readonly maxCapacity?: number;
  /** VarChar: bytes. JSON: bytes. */
  readonly maxLength?: number;
  readonly nullable?: boolean;
  readonly primary?: boolean;
  /** The dynamic field: each row must be a JSON object. */
  readonly dynamic?: boolean;
  /** Value of rows that give none. 64-bit integers as decimal text; JSON as text. */
  readonly default?: boolean | number | string;
  /** VarChar: the JSON of its analyzer, empty for the standard one; absent: nobody asks for its terms. */
  readonly analyzer?: string;
  /** Sparse vectors: the column of texts whose terms this one has; rows never give it. */
  readonly termsOf?: number;
  /** The struct that it is a member of: all members of one have as many elements in each row. */
  readonly structOf?: number;
}

export interface CoreSchema {
  readonly columnCount: number;
}

/** One encoded `schema.FieldData` message of `rowCount` rows and the column it belongs to. */
export interface CoreField {
  readonly id: number;
  readonly data: Buffer;
}

/** Decoded, checked rows that belong to no segment yet. */
export interface CoreRows {
  readonly rowCount: number;
  readonly byteSize: number;
  /** The new rows' keys as an encoded `schema.IDs` message. */
  ids(): Buffer;
  /** The keys that the request carried, when `autoIdStart` made new ones; else the same as `ids`. */
  givenIds(): Buffer;
  hasDuplicateKeys(): boolean;
  /** The rows by hash of a partition key (Milvus's hash): position is the partition's ordinal, null where no row falls. */
  split(fieldId: number, partitionCount: number): Promise<(CoreRows | null)[]>;
}

/** The structures that the core builds over vectors. */
export type CoreIndexKind =
  | "HNSW"
  | "HNSW_SQ"
  | "HNSW_PQ"
  | "HNSW_PRQ"
  | "DISKANN"
  | "IVF_FLAT"
  | "IVF_SQ"
  | "IVF_PQ"
  | "IVF_RABITQ"
  | "SCANN"
  | "BIN_IVF_FLAT"
  | "SPARSE_INVERTED";

/** How an index is built, in Milvus's names; what its kind does not know is not read. */
export interface CoreIndex {
  readonly kind: CoreIndexKind;
  readonly metric: CoreMetric;
  /** Graphs. */
  readonly m?: number;
  readonly efConstruction?: number;
  /** IVF. */
  readonly nlist?: number;
  /** PQ: sub-vectors (`m`), bits of a code, code books one after another (PRQ). */
  readonly pqM?: number;
  readonly nbits?: number;
  readonly nrq?: number;
  /** SCANN. */
  readonly subDim?: number;
  readonly rbqBits?: number;
  /** SQ4U, SQ6, SQ8, FP16, BF16. */
  readonly sqType?: string;
  /** What found rows are ranked by again: SQ4U, SQ6, SQ8, FP16, BF16, FP32, FLAT; absent: they are not. */
  readonly refineType?: string;
  /** DISKANN. */
  readonly maxDegree?: number;
  readonly searchListSize?: number;
  readonly pqCodeRatio?: number;
  /** Sparse; `dropRatioBuild` changes nothing, as in Milvus. */
  readonly invertedIndexAlgo?: string;
  readonly dropRatioBuild?: number;
}

/** What one search asks of indexes; absent: the index's default. */
export interface CoreLook {
  /** Graphs: rows that a walk keeps. */
  readonly ef?: number;
  /** IVF: lists that are looked at. */
  readonly nprobe?: number;
  /** Rows ranked again, in multiples of the hits wanted. */
  readonly refineK?: number;
  /** SCANN: rows ranked again. */
  readonly reorderK?: number;
  readonly rbqBitsQuery?: number;
  /** DISKANN: rows that a walk keeps; sectors read at once. */
  readonly searchList?: number;
  readonly beamWidth?: number;
  /** Sparse: the part of a query's smallest values that an index leaves out; a scan leaves out none, as in Milvus. */
  readonly dropRatioSearch?: number;
  readonly dimMaxScoreRatio?: number;
}

/** Segments of several channels (BM25), each with query vectors of its own: first all queries of the first channel, then all of the second, and so on. */
export interface CoreChannels {
  /** One a segment. */
  readonly ofSegments: number[];
  /** One a channel; `averageLength` is above 0. */
  readonly bm25: readonly { readonly k1: number; readonly b: number; readonly averageLength: number }[];
}

/** Texts as query vectors. */
export interface CoreTextQueries {
  readonly vectors: Buffer;
  readonly lengths: number[];
  readonly averageLength: number;
}

/** Binary vectors have the four from HAMMING on, sparse ones IP and BM25, others the first three. */
export type CoreMetric = "L2" | "IP" | "COSINE" | "HAMMING" | "JACCARD" | "SUBSTRUCTURE" | "SUPERSTRUCTURE" | "BM25";

/** Which rows are past their time; a reader does not see them, a merge leaves them out. */
export interface CoreExpiry {
  /** Rows written at or before this timestamp (collection TTL). */
  readonly writtenUpTo?: bigint;
  /** A Timestamptz column, microseconds since 1970 in UTC: rows whose value is at or before `now`; null never expires. */
  readonly field?: { readonly id: number; readonly now: bigint };
}

/** One segment: growing (rows are appended) or sealed (a mapped file). Methods that change it are synchronous and ordered by the caller. */
export interface CoreSegment {
  readonly rowCount: number;
  readonly deletedCount: number;
  /** Bytes of memory held (not mapped bytes). */
  readonly byteSize: number;
  readonly sealed: boolean;
  /** Bytes of the mapped file; 0 while growing. */
  readonly mappedSize: number;
  /** The part of the file that tells absent keys was damaged: look-ups go without. */
  readonly filterDamaged: boolean;
  /** Takes the rows' memory when they are many; copies when few. */
  append(rows: CoreRows, timestamp: bigint): void;
  /** Gives all rows the columns that the schema has and they lack: default or null. Rows decoded by an older schema may still be appended. */
  setSchema(schema: CoreSchema): void;
  /** Lets go of the rows: their memory goes back once the calls under way have ended. Every later call fails. */
  release(): void;
  /** Marks rows with these keys (an encoded `schema.IDs`) written before `timestamp` as deleted then; returns how many it marked. */
  delete(ids: Buffer, timestamp: bigint): number;
  /** Marks all rows written before `timestamp` as deleted then. */
  deleteAll(timestamp: bigint): void;
  /** The delete set as bytes with a checksum, and back. */
  encodeDeletes(): Buffer;
  /** `upTo`: deletes after this timestamp are passed over. */
  applyDeletes(bytes: Buffer, upTo?: bigint): void;
  /** Bytes of the mapped file that hold these columns. */
  mappedSizeOf(fieldIds: number[]): number;
  /**
   * True: reads the pages of the mapped file, or only those of some columns, into memory. False: gives them back to the system; they are read again when
   * they are needed.
   */
  advise(resident: boolean, fieldIds?: number[]): Promise<void>;
  /** Begins writing this growing segment as a file; no rows may be appended any more (deletes may). */
  startSealing(): CoreSealing;
  /** Builds an index beside the segment; searches use it from the moment the promise resolves. */
  buildIndex(fieldId: number, parameters: CoreIndex): Promise<void>;
  /** Rows that the latest build of the field's index is done with; 0 when none was begun. */
  indexProgress(fieldId: number): number;
  dropIndex(fieldId: number): void;
  hasIndex(fieldId: number): boolean;
  /** The built index as file content; null when there is none. */
  encodeIndex(fieldId: number): Promise<Buffer | null>;
  /** Maps an index written by `encodeIndex`; rejects with kind `damaged` when it is not whole or not of this segment. `resident`: all of it
   * is to stay in memory, and counts in `byteSize` (but for what a kind keeps on the disk). */
  openIndex(fieldId: number, path: string, resident: boolean): Promise<void>;
}

/** A segment file in the making: its blocks in order, then the sealed segment takes over the deletes made meanwhile. */
export interface CoreSealing {
  readonly blockCount: number;
  block(index: number): Promise<Buffer>;
  /** Copies deletes of the growing segment into `sealed`, which was opened from the blocks. */
  finish(sealed: CoreSegment): void;
}

/** How segments become others: every row that is alive goes into one output, with its time of writing and what was deleted later. */
export interface CoreMerge {
  /** Rows deleted at or before this timestamp are left out. */
  readonly dropDeletedUpTo: bigint;
  readonly expiry?: CoreExpiry;
  /** About how many bytes an output file has at most. */
  readonly targetBytes: number;
  /** Outputs hold consecutive ranges of this scalar column (clustering key); absent: of the primary key. */
  readonly clusteringFieldId?: number;
}

/** Output files in the making; none when no row is left. Each is finished with the sealed segment that was opened from its blocks. */
export interface CoreMerging {
  readonly outputs: CoreSealing[];
  /** Rows that were left out. */
  readonly droppedRows: number;
}

/** What an upsert of some columns does to an array column. */
export interface CoreArrayOperation {
  readonly fieldId: number;
  readonly operation: "append" | "remove";
}

/** Rows completed by what the segments hold under their keys. */
export interface CoreUpdate {
  readonly rows: CoreRows;
  /** All columns of the complete rows as encoded FieldData, for the log. */
  readonly fields: { readonly id: number; readonly data: Buffer }[];
}

/** An output column: the core appends the values to `header`, the encoded type, name and id of its FieldData. */
export interface CoreOutput {
  readonly id: number;
  readonly header: Buffer;
  /** Dynamic field: only these keys; absent: all. */
  readonly keys?: string[];
}

export interface CoreSearch {
  readonly fieldId: number;
  readonly metric: CoreMetric;
  /** nq vectors one after another, each as its column has them: float32 little-endian, other elements as they are. */
  readonly vectors: Buffer;
  /** Sparse vectors: bytes of each. */
  readonly lengths?: number[];
  /** Hits wanted per query after `offset`. */
  readonly limit: number;
  readonly offset: number;
  readonly look?: CoreLook;
  readonly channels?: CoreChannels;
  readonly readTimestamp: bigint;
  readonly filter?: Buffer;
  readonly expiry?: CoreExpiry;
  readonly radius?: number;
  readonly rangeFilter?: number;
  /** -1: none. */
  readonly roundDecimal: number;
  readonly outputs: CoreOutput[];
  readonly groupBy?: CoreGroupBy;
  /** A reply that would have more bytes is refused (`replyTooLarge`) before they are made; absent: any. */
  readonly bytesMax?: number;
}

/** Hits with the same values of some fields make a group; null is a value of its own. `limit` and `offset` of the search then count groups. */
export interface CoreGroupBy {
  readonly fields: CoreGroupField[];
  /** Hits that a group has at most. */
  readonly size: number;
  /** Groups are filled as far as there are rows; else with what is found while looking for other groups. */
  readonly strict: boolean;
}

export interface CoreGroupField {
  readonly id: number;
  /** The encoded type, name and id of the FieldData that tells each hit's value. */
  readonly header: Buffer;
  /** JSON: the keys that lead to the value; absent: the whole document. */
  readonly path?: string[];
  /** JSON: DataType that the value is read as (Bool, an integer, VarChar), others being null; absent: its text. */
  readonly cast?: number;
  /** JSON: a value of another type fails the search. */
  readonly strictCast?: boolean;
}

export interface CoreSearchResult {
  /** Hits of each query. */
  readonly topks: number[];
  /** Encoded `schema.IDs` of all hits. */
  readonly ids: Buffer;
  /** float32 little-endian, one a hit. */
  readonly scores: Buffer;
  /** One encoded FieldData an output. */
  readonly fields: Buffer[];
  /** One encoded FieldData a field of `groupBy`. A query's hits stand group by group, best group first. */
  readonly groups: Buffer[];
}

/** A search that is asked again and again with other vectors. */
export interface CorePreparedSearch {
  /**
   * The encoded `schema.SearchResultData`, without values of groups. `atOnce`: a short search is done before the call returns, throwing where another
   * would reject.
   */
  run(
    segments: CoreSegment[],
    vectors: Buffer,
    readTimestamp: bigint,
    atOnce: boolean,
    more?: Pick<CoreSearch, "lengths" | "expiry">,
  ): Buffer | Promise<Buffer>;
}

export interface CoreQuery {
  readonly readTimestamp: bigint;
  readonly filter?: Buffer;
  readonly expiry?: CoreExpiry;
  /** -1: all. Rows come in ascending key order. */
  readonly limit: number;
  readonly offset: number;
  readonly outputs: CoreOutput[];
  /** As in `CoreSearch`. */
  readonly bytesMax?: number;
}

export type CoreSelection = Pick<CoreQuery, "readTimestamp" | "filter" | "expiry">;

export interface CoreQueryResult {
  readonly rowCount: number;
  readonly fields: Buffer[];
}

export interface Core {
  /** Threads for all heavy work of this process. Once, before anything else; later calls change nothing. */
  configure(threads: number): void;
  /** Names of the instruction sets in use, e.g. `["avx512", "avx512vnni"]`. */
  instructionSets(): string[];
  /** `columns`: JSON of CoreColumn[]. */
  createSchema(columns: string): CoreSchema;
  /** Decodes and checks rows. Fields of the schema that are absent get their default or null. `autoIdStart`: first of consecutive Int64 keys
   * (or their decimal texts for VarChar) that the rows get; then a key column in `fields` is only kept as `givenIds`. */
  decodeRows(schema: CoreSchema, rowCount: number, fields: CoreField[], autoIdStart?: bigint): Promise<CoreRows>;
  createSegment(schema: CoreSchema): CoreSegment;
  /** Maps a segment file and verifies every block; rejects with kind `damaged`. */
  openSegment(schema: CoreSchema, path: string): Promise<CoreSegment>;
  /** Plans the merge of sealed segments of one schema; they go on serving and taking deletes meanwhile. */
  startMerging(segments: CoreSegment[], merge: CoreMerge): Promise<CoreMerging>;
  /**
   * Completes rows of which some columns are given: a key that is alive at `readTimestamp` keeps the values of its newest row in the columns that are
   * absent; keys of the dynamic field are merged; `operations` append to or remove from its arrays. New keys need all columns without default.
   */
  updateRows(
    schema: CoreSchema,
    segments: CoreSegment[],
    request: {
      readonly readTimestamp: bigint;
      readonly expiry?: CoreExpiry;
      readonly rowCount: number;
      readonly fields: CoreField[];
      readonly operations: CoreArrayOperation[];
    },
  ): Promise<CoreUpdate>;
  /** Texts as sparse query vectors of a field of terms: a term's value is its frequency times its idf among all rows of the segments. */
  weighTexts(segments: CoreSegment[], fieldId: number, texts: Buffer[]): Promise<CoreTextQueries>;
  search(segments: CoreSegment[], request: CoreSearch): Promise<CoreSearchResult>;
  /** What `request` says of vectors, their lengths, the timestamp and expiry is not kept. */
  prepareSearch(request: CoreSearch): CorePreparedSearch;
  query(segments: CoreSegment[], request: CoreQuery): Promise<CoreQueryResult>;
  /** Rows that match. */
  count(segments: CoreSegment[], request: CoreSelection): Promise<number>;
  /** Keys of the rows that match, as an encoded `schema.IDs`. */
  keys(segments: CoreSegment[], request: CoreSelection): Promise<Buffer>;
}

/** What a call into the core failed with. The core throws an Error whose message is the JSON of this. */
export interface CoreFailure {
  readonly kind: string;
  readonly fieldId?: number;
  readonly args: readonly (string | number)[];
}

let loaded: Core | undefined;

/** The core, loaded once a process. `core/elanus_core.node` is made by the build. */
export const loadCore = (): Core => {
  loaded ??= createRequire(import.meta.url)("../elanus_core.node") as Core;
  return loaded;
};
