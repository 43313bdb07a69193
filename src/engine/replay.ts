/**
 * Applies the records of the log again, in their order, when a folder is opened.
 *
 * While a record is applied the rows of the next ones are decoded on the core's threads already, up to `AHEAD_BYTES` of them. What decoding depends on (the
 * definitions) changes only with catalog records: one of those waits until all before it are applied, and nothing behind it begins before it is.
 */
import { decodeRecord } from "../catalog/codec.js";
import { applyRecord } from "../catalog/reducer.js";
import type { Catalog, CatalogRecord, Collection } from "../catalog/types.js";
import type { LogRecord, Lsn } from "../log/log.js";
import { MilvusError } from "../shared/errors.js";
import { columnsOf } from "../shared/schema.js";
import type { Manifest } from "./manifest.js";
import { BY_PARTITION_KEY, decodeDelete, decodeRows, RecordKind } from "./records.js";
import type { Place } from "./shard.js";
import { openRestored } from "./snapshots.js";
import { type Applicable, applyCatalogRecord, applyDelete, applyRows, routeRows, shardOf } from "./state.js";

/** Bytes of records that are decoded and not applied yet. */
const AHEAD_BYTES = 32 * 1024 * 1024;

/** A refusal is the outcome that the record had when it was written, too; anything else is a fault. */
const unlessRefused = (work: () => void): void => {
  try {
    work();
  } catch (error) {
    if (!(error instanceof MilvusError)) throw error;
  }
};

const isAccepted = (catalog: Catalog, record: CatalogRecord): boolean => {
  let accepted = false;
  unlessRefused(() => {
    applyRecord(catalog, record);
    accepted = true;
  });
  return accepted;
};

/** What is left to do with a record that was prepared. */
type Apply = () => void;
const nothing: Apply = () => undefined;

export class Replay {
  private readonly catalogLsn: Lsn;
  /** Records that are being prepared, in log order. */
  private readonly ahead: { readonly bytes: number; readonly prepared: Promise<Apply> }[] = [];
  private aheadBytes = 0;

  constructor(
    private readonly state: Applicable,
    private readonly manifest: Manifest | undefined,
  ) {
    this.catalogLsn = manifest?.appliedLsn ?? 0;
  }

  /** Takes the next record of the log; it may be applied later, `end` is the last moment. */
  async take({ lsn, kind, body }: LogRecord): Promise<void> {
    if (kind === RecordKind.Catalog) {
      await this.end();
      if (lsn > this.catalogLsn) await replayCatalog(this.state, decodeRecord(body), lsn);
      return;
    }
    const prepared = this.prepare(lsn, kind, body);
    // Whoever waits for it first is told of a failure; until then it is nobody's.
    prepared.catch(() => undefined);
    this.ahead.push({ bytes: body.length, prepared });
    this.aheadBytes += body.length;
    while (this.aheadBytes > AHEAD_BYTES) await this.applyFirst();
  }

  /** Applies all records that were taken. */
  async end(): Promise<void> {
    while (this.ahead.length > 0) await this.applyFirst();
  }

  private async applyFirst(): Promise<void> {
    const first = this.ahead.shift();
    if (first === undefined) return;
    this.aheadBytes -= first.bytes;
    const apply = await first.prepared;
    apply();
  }

  private async prepare(lsn: Lsn, kind: number, body: Buffer): Promise<Apply> {
    if (kind === RecordKind.Delete) {
      const record = decodeDelete(body);
      return () => unlessRefused(() => applyDelete(this.state, record, lsn));
    }
    if (kind === RecordKind.Insert || kind === RecordKind.Upsert) return this.prepareRows(lsn, kind === RecordKind.Upsert, body);
    throw new Error(`log record ${lsn} is of kind ${kind}, which this version does not know`);
  }

  private async prepareRows(lsn: Lsn, replace: boolean, body: Buffer): Promise<Apply> {
    const { state } = this;
    const record = decodeRows(body);
    const collection = state.catalog.collections.get(record.collectionId);
    if (collection === undefined) return nothing;
    if (!replace && record.partitionId !== BY_PARTITION_KEY && this.isAllInFiles(collection, record.partitionId, lsn)) return nothing;
    const start = record.autoIdStart === -1n ? undefined : record.autoIdStart;
    const { schema } = shardOf(state, collection);
    // Rows that were on their way when a field was dropped still name it.
    const live = new Set(columnsOf(collection.schema).map((field) => Number(field.fieldID)));
    const fields = record.fields.filter(({ id }) => live.has(id));
    const rows = await state.core.decodeRows(schema, record.rowCount, fields, start);
    const replaced = replace ? { replaced: rows.givenIds() } : {};
    // Rows that are in files already are not appended again. The keys that they replaced may be in files too, whose delete sets are older than the record.
    const parts = (await routeRows(collection, record, rows)).filter((part) => !this.isInFiles(part, lsn));
    return () => unlessRefused(() => void applyRows(state, { record, parts, ...replaced }, lsn));
  }

  /** Whether the inserts of a place up to `lsn` are in the manifest's files (or were dropped). */
  private isInFiles({ partitionId, channel }: Place, lsn: Lsn): boolean {
    const lsns = this.manifest?.flushed.get(partitionId);
    return lsn <= (lsns?.[channel] ?? lsns?.[0] ?? this.catalogLsn);
  }

  private isAllInFiles(collection: Collection, partitionId: bigint, lsn: Lsn): boolean {
    for (let channel = 0; channel < collection.shardsNum; channel++) if (!this.isInFiles({ partitionId, channel }, lsn)) return false;
    return true;
  }
}

const replayCatalog = async (state: Applicable, record: CatalogRecord, lsn: Lsn): Promise<void> => {
  // One that was refused has nothing to open; files of an accepted one that cannot be opened are damage, and are told.
  if (record.kind === "restoreSnapshot" && isAccepted(state.catalog, record)) await openRestored(state, record);
  unlessRefused(() => applyCatalogRecord(state, record, lsn));
};
