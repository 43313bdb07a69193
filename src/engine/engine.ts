/** One open data folder: the answers to operations. Its state is in `state.ts`, what goes on besides in `background.ts`. */
import { encodeRecord } from "../catalog/codec.js";
import { applyRecord } from "../catalog/reducer.js";
import type { Catalog, CatalogRecord, Collection, IndexDefinition, Snapshot } from "../catalog/types.js";
import type { PrimaryKeys, Timestamp } from "../shared/types.js";
import type {
  CatalogChange,
  EngineApi,
  FlushedCollection,
  IndexProgress,
  PreparedSearch,
  QueryRows,
  ReadScope,
  SearchRows,
  SegmentInfo,
  UpdateRows,
  WriteRows,
  Written,
} from "./api.js";
import { Background } from "./background.js";
import { writeClosedMark } from "./closed-mark.js";
import type { Compaction, CompactionRequest } from "./compaction.js";
import { checkAnalyzer, isGeometry } from "./core-schema.js";
import { indexProgress } from "./indexing.js";
import { countRows, prepareSearch, queryRows, searchRows } from "./read.js";
import { RecordKind } from "./records.js";
import { type JobKind, type JobState, type JobTotals, Priority } from "./scheduler.js";
import { commit, sealAll } from "./seal.js";
import { createSnapshot, restoreSnapshot, type SnapshotRequest } from "./snapshots.js";
import { applyCatalogRecord, type EngineState } from "./state.js";
import { deleteKeys, deleteWhere, insertRows, updateRows, upsertRows } from "./write.js";

/** Records after which files of the store are wanted no more. */
const FREES_FILES: ReadonlySet<CatalogRecord["kind"]> = new Set([
  "truncateCollection",
  "dropPartition",
  "dropCollection",
  "dropDatabase",
  "dropIndex",
  "dropSnapshot",
]);

const SEGMENT_STATES = { growing: "Growing", sealing: "Sealed", sealed: "Flushed" } as const;

export class Engine implements EngineApi {
  private readonly background: Background;
  private closed = false;

  constructor(
    private readonly state: EngineState,
    private readonly release: () => Promise<void>,
  ) {
    this.background = new Background(state);
  }

  get catalog(): Catalog {
    return this.state.catalog;
  }

  tick(): Timestamp {
    return this.state.clock.tick();
  }

  ids(count: number): bigint {
    return this.state.clock.ids(count);
  }

  isGeometry(text: string): boolean {
    return isGeometry(this.state.core, text);
  }

  checkAnalyzer(field: string, params: string): void {
    checkAnalyzer(this.state.core, field, params);
  }

  async change(change: CatalogChange): Promise<{ catalog: Catalog; timestamp: Timestamp }> {
    const timestamp = this.state.clock.tick();
    const record = { ...change, timestamp } as CatalogRecord;
    const next = applyRecord(this.state.catalog, record);
    if (record.kind === "load") {
      const collection = next.collections.get(record.collectionId);
      // Asked before the record is written, so a load that does not fit changes nothing.
      if (collection !== undefined) await this.background.residency.requireRoom(collection, record.partitionIds);
    }
    const append = () =>
      this.state.log.append(RecordKind.Catalog, [encodeRecord(record)], (lsn) => {
        applyCatalogRecord(this.state, record, lsn);
        return this.state.catalog;
      });
    // What an update of some columns has read and not yet written must not come back once the rows are gone.
    const empties = record.kind === "truncateCollection" || record.kind === "dropPartition";
    const catalog = await (empties ? this.state.gates.share(record.collectionId, append) : append());
    if (record.kind === "createIndex") this.background.indexSoon();
    if (record.kind === "load" || record.kind === "release") await this.background.residency.follow(record.collectionId);
    if (FREES_FILES.has(record.kind)) this.background.commitSoon();
    this.background.sealIfLogIsLong();
    return { catalog, timestamp };
  }

  insert(rows: WriteRows): Promise<Written> {
    return insertRows(this.state, rows, (entries) => this.background.appended(entries));
  }

  upsert(rows: WriteRows): Promise<Written> {
    return upsertRows(this.state, rows, (entries) => this.background.appended(entries));
  }

  update(rows: UpdateRows): Promise<Written> {
    return updateRows(this.state, rows, (entries) => this.background.appended(entries));
  }

  deleteKeys(collection: Collection, partitionIds: readonly bigint[], keys: PrimaryKeys): Promise<{ timestamp: Timestamp }> {
    return deleteKeys(this.state, collection, partitionIds, keys);
  }

  deleteWhere(scope: ReadScope): Promise<{ timestamp: Timestamp; count: number }> {
    return deleteWhere(this.state, scope);
  }

  async search(request: SearchRows): ReturnType<typeof searchRows> {
    await this.background.residency.wanted(request.collection.id);
    return searchRows(this.state, request);
  }

  prepareSearch(request: SearchRows): PreparedSearch {
    const run = prepareSearch(this.state, request);
    return (vectors, lengths) => {
      const wanted = this.background.residency.wanted(request.collection.id);
      return wanted === undefined ? run(vectors, lengths) : wanted.then(() => run(vectors, lengths));
    };
  }

  query(request: QueryRows): ReturnType<typeof queryRows> {
    return queryRows(this.state, request);
  }

  count(scope: ReadScope): ReturnType<typeof countRows> {
    return countRows(this.state, scope);
  }

  rowCount(collection: Collection, partitionIds: readonly bigint[] = []): number {
    return this.state.shards.get(collection.id)?.rowCount(partitionIds) ?? 0;
  }

  indexProgress(collection: Collection, index: IndexDefinition): IndexProgress {
    return indexProgress(this.state, collection, index, this.background.failedBuilds);
  }

  segments(collection: Collection): SegmentInfo[] {
    return (this.state.shards.get(collection.id)?.list() ?? []).map((entry) => ({
      id: entry.id,
      collectionId: entry.collectionId,
      partitionId: entry.partitionId,
      rowCount: entry.core.rowCount,
      deletedCount: entry.core.deletedCount,
      byteSize: entry.state === "sealed" ? entry.fileBytes : entry.core.byteSize,
      level: entry.level,
      state: SEGMENT_STATES[entry.state],
      indexIds: [...entry.indexes.keys()],
    }));
  }

  createSnapshot(collection: Collection, request: SnapshotRequest): Promise<Snapshot> {
    return this.background.snapshot(collection, () => createSnapshot(this.state, collection.id, request));
  }

  restoreSnapshot(source: Collection, snapshotName: string, target: { readonly database: string; readonly name: string }): Promise<bigint> {
    return this.background.snapshot(source, () => restoreSnapshot(this.state, source.id, snapshotName, target));
  }

  compact(collection: Collection, request: CompactionRequest): Promise<Compaction> {
    return this.background.compactor.request(collection, request, this.state.clock.tick());
  }

  compaction(id: bigint): Compaction | undefined {
    return this.background.compactor.get(id);
  }

  compactions(collection: Collection): readonly Compaction[] {
    return this.background.compactor.of(collection.id);
  }

  isClustering(collection: Collection): boolean {
    return this.background.compactor.isClustering(collection.id);
  }

  get logBytes(): number {
    return this.state.log.byteSize;
  }

  jobs(): readonly JobState[] {
    return this.background.scheduler.jobs();
  }

  jobTotals(): ReadonlyMap<JobKind, JobTotals> {
    return this.background.scheduler.totals();
  }

  async flush(collections: readonly Collection[]): Promise<Map<bigint, FlushedCollection>> {
    const flushTimestamp = this.state.clock.tick();
    const ids = collections.map((collection) => collection.id);
    const result = new Map<bigint, FlushedCollection>();
    for (const id of ids) {
      const shard = this.state.shards.get(id);
      shard?.rotate();
      const segmentIds = shard?.list().flatMap((entry) => (entry.state === "sealing" ? [entry.id] : [])) ?? [];
      result.set(id, { segmentIds, flushTimestamp });
    }
    if ([...result.values()].some((flushed) => flushed.segmentIds.length > 0)) await this.background.seal(ids, Priority.Waited);
    return result;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    // A build or a merge in progress is not waited for: it may take minutes, writes nothing any more, and is made again after the next opening.
    await this.background.stop();
    if (this.state.log.byteSize > this.state.settings.replayBytesMax) await this.sealBeforeEnd();
    await this.state.log.close();
    await this.markClosed();
    for (const shard of this.state.shards.values()) shard.drop();
    await this.release();
  }

  loadProgress(collection: Collection, partitionIds: readonly bigint[] = []): number {
    return this.background.residency.progress(collection.id, partitionIds);
  }

  get memoryUsed(): number {
    return this.state.memory.used;
  }

  get memoryLimit(): number {
    return this.state.memory.limit;
  }

  /** Without it the next opening only knows less. */
  private async markClosed(): Promise<void> {
    try {
      await writeClosedMark(this.state.store, this.state.log.nextLsn);
    } catch (error) {
      this.state.logger.warn({ reason: String(error) }, "the mark of an orderly close could not be written");
    }
  }

  /** So that the next opening has little to replay. The log has it all: a failure costs only that time. */
  private async sealBeforeEnd(): Promise<void> {
    for (const shard of this.state.shards.values()) shard.rotate();
    try {
      await sealAll(this.state);
      await commit(this.state);
    } catch (error) {
      this.state.logger.warn({ reason: String(error) }, "writing segments before the end failed; the next start replays the log");
    }
  }
}
