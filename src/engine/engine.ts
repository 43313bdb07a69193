/**
 * One open data folder: the state, its two lanes of background work, and the answers to operations.
 *
 * The storage lane seals segments and commits manifests; the index lane builds indexes. Writers and readers wait for neither. A growing segment over
 * `segmentBytesMax`, or a log over `logBytesMax`, puts a seal into the storage lane; a failed one (a full disk, say) is reported and tried again after `RETRY_MS`.
 */
import { encodeRecord } from "../catalog/codec.js";
import { applyRecord } from "../catalog/reducer.js";
import type { Catalog, CatalogRecord, Collection, IndexDefinition } from "../catalog/types.js";
import type { PrimaryKeys, Timestamp } from "../shared/types.js";
import type {
  CatalogChange,
  EngineApi,
  FlushedCollection,
  IndexProgress,
  QueryRows,
  ReadScope,
  SearchRows,
  SegmentInfo,
  WriteRows,
  Written,
} from "./api.js";
import { buildIndexes, indexProgress } from "./indexing.js";
import { Lane } from "./lane.js";
import { countRows, queryRows, searchRows } from "./read.js";
import { RecordKind } from "./records.js";
import { commit, sealAll } from "./seal.js";
import type { SegmentEntry } from "./shard.js";
import { applyCatalogRecord, type EngineState } from "./state.js";
import { deleteKeys, deleteWhere, insertRows, upsertRows } from "./write.js";

const RETRY_MS = 3000;

export class Engine implements EngineApi {
  private readonly storage = new Lane();
  private readonly indexing = new Lane();
  private readonly failedIndexes = new Map<string, string>();
  private retry: NodeJS.Timeout | undefined;
  private checkpointing = false;
  private closed = false;

  constructor(
    private readonly state: EngineState,
    private readonly release: () => Promise<void>,
  ) {
    this.indexSoon();
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

  async change(change: CatalogChange): Promise<{ catalog: Catalog; timestamp: Timestamp }> {
    const timestamp = this.state.clock.tick();
    const record = { ...change, timestamp } as CatalogRecord;
    applyRecord(this.state.catalog, record);
    const catalog = await this.state.log.append(RecordKind.Catalog, [encodeRecord(record)], (lsn) => {
      applyCatalogRecord(this.state, record, lsn);
      return this.state.catalog;
    });
    if (record.kind === "createIndex") this.indexSoon();
    this.checkpointIfLogIsLong();
    return { catalog, timestamp };
  }

  insert(rows: WriteRows): Promise<Written> {
    return insertRows(this.state, rows, (entries) => this.afterAppend(entries));
  }

  upsert(rows: WriteRows): Promise<Written> {
    return upsertRows(this.state, rows, (entries) => this.afterAppend(entries));
  }

  deleteKeys(collection: Collection, partitionIds: readonly bigint[], keys: PrimaryKeys): Promise<{ timestamp: Timestamp }> {
    return deleteKeys(this.state, collection, partitionIds, keys);
  }

  deleteWhere(scope: ReadScope): Promise<{ timestamp: Timestamp; count: number }> {
    return deleteWhere(this.state, scope);
  }

  search(request: SearchRows): ReturnType<typeof searchRows> {
    return searchRows(this.state, request);
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
    return indexProgress(this.state, collection, index, this.failedIndexes);
  }

  segments(collection: Collection): SegmentInfo[] {
    return (this.state.shards.get(collection.id)?.list() ?? []).map((entry) => ({
      id: entry.id,
      collectionId: entry.collectionId,
      partitionId: entry.partitionId,
      rowCount: entry.core.rowCount,
      state: entry.state === "sealed" ? "Flushed" : "Growing",
    }));
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
    if ([...result.values()].some((flushed) => flushed.segmentIds.length > 0)) await this.seal(ids);
    return result;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.retry);
    // A build in progress is not waited for: it may take minutes, writes nothing any more, and is made again after the next opening.
    await this.storage.drained();
    if (this.state.log.byteSize > this.state.settings.replayBytesMax) await this.sealBeforeEnd();
    await this.state.log.close();
    for (const shard of this.state.shards.values()) shard.drop();
    await this.release();
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

  private async seal(collectionIds?: readonly bigint[]): Promise<void> {
    await this.storage.run(async () => {
      await sealAll(this.state, collectionIds);
      await commit(this.state);
    });
    this.indexSoon();
  }

  private afterAppend(entries: readonly SegmentEntry[]): void {
    const full = entries.filter((entry) => entry.core.byteSize >= this.state.settings.segmentBytesMax);
    for (const entry of full) this.state.shards.get(entry.collectionId)?.rotate([entry.partitionId]);
    if (full.length > 0) this.checkpointSoon();
    this.checkpointIfLogIsLong();
  }

  private checkpointIfLogIsLong(): void {
    if (this.checkpointing || this.state.log.byteSize < this.state.settings.logBytesMax) return;
    for (const shard of this.state.shards.values()) shard.rotate();
    this.checkpointSoon();
  }

  /** Seals in the background; a failure is reported and tried again later. */
  private checkpointSoon(): void {
    if (this.checkpointing || this.closed) return;
    this.checkpointing = true;
    this.seal()
      .catch((error: unknown) => {
        this.state.logger.error({ reason: String(error) }, "writing segments failed; it is tried again");
        this.retry = setTimeout(() => this.checkpointSoon(), RETRY_MS);
        this.retry.unref();
      })
      .finally(() => {
        this.checkpointing = false;
      });
  }

  private indexSoon(): void {
    if (this.closed) return;
    this.indexing
      .run(async () => {
        const built = await buildIndexes(this.state, {
          failed: this.failedIndexes,
          stopped: () => this.closed,
          inStorage: (job) => this.storage.run(job),
        });
        if (built > 0 && !this.closed) await this.storage.run(() => commit(this.state));
      })
      .catch((error: unknown) => {
        this.state.logger.error({ reason: String(error) }, "naming a built index failed; it is named by the next manifest");
      });
  }
}
