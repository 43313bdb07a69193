/**
 * The body of the manifest: which segments, delete sets and indexes are live, the catalog, and from where the log must be replayed.
 *
 *     header length u32 LE, header (JSON, 64-bit numbers as decimal text), encoded catalog
 *
 * It states one moment of the log: everything up to `appliedLsn` is either in it or in log records from `replayFrom` on. Per partition and channel `flushed`
 * says up to where its inserts are in the named files, so replay skips those; deletes are applied again, which changes nothing.
 */
import type { Lsn } from "../log/log.js";
import type { Timestamp } from "../shared/types.js";

export interface ManifestSegment {
  readonly id: bigint;
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  readonly channel: number;
  readonly file: string;
  readonly deletesFile: string | undefined;
  readonly level: 1 | 2;
  readonly indexes: readonly { readonly indexId: bigint; readonly fieldId: bigint; readonly file: string }[];
}

export interface Manifest {
  readonly appliedLsn: Lsn;
  readonly replayFrom: Lsn;
  /** Larger than or equal to every timestamp and id given out. */
  readonly latestTimestamp: Timestamp;
  readonly appliedTimestamp: Timestamp;
  readonly segments: readonly ManifestSegment[];
  /** By partition, then channel; only partitions of which one differs from `appliedLsn`. */
  readonly flushed: ReadonlyMap<bigint, readonly Lsn[]>;
  /** By collection: the moment from which on readers can be answered (`Shard.horizon`); only where rows were dropped. */
  readonly horizons: ReadonlyMap<bigint, Timestamp>;
  readonly catalog: Buffer;
}

interface JsonHeader {
  appliedLsn: Lsn;
  replayFrom: Lsn;
  latestTimestamp: string;
  appliedTimestamp: string;
  segments: {
    id: string;
    collectionId: string;
    partitionId: string;
    channel?: number;
    file: string;
    deletesFile?: string;
    level?: 2;
    indexes: { indexId: string; fieldId: string; file: string }[];
  }[];
  /** A number alone: of all channels. */
  flushed: Record<string, Lsn | readonly Lsn[]>;
  horizons: Record<string, string>;
}

export const encodeManifest = (manifest: Manifest): Buffer => {
  const header: JsonHeader = {
    appliedLsn: manifest.appliedLsn,
    replayFrom: manifest.replayFrom,
    latestTimestamp: manifest.latestTimestamp.toString(),
    appliedTimestamp: manifest.appliedTimestamp.toString(),
    segments: manifest.segments.map((segment) => ({
      id: segment.id.toString(),
      collectionId: segment.collectionId.toString(),
      partitionId: segment.partitionId.toString(),
      ...(segment.channel === 0 ? {} : { channel: segment.channel }),
      file: segment.file,
      ...(segment.deletesFile === undefined ? {} : { deletesFile: segment.deletesFile }),
      ...(segment.level === 1 ? {} : { level: segment.level }),
      indexes: segment.indexes.map(({ indexId, fieldId, file }) => ({ indexId: indexId.toString(), fieldId: fieldId.toString(), file })),
    })),
    flushed: Object.fromEntries([...manifest.flushed].map(([id, lsns]) => [id.toString(), lsns.length === 1 ? (lsns[0] as Lsn) : lsns])),
    horizons: Object.fromEntries([...manifest.horizons].map(([id, moment]) => [id.toString(), moment.toString()])),
  };
  const text = Buffer.from(JSON.stringify(header), "utf8");
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, manifest.catalog]);
};

/** The body was checked by its checksum, so its shape is trusted. */
export const decodeManifest = (body: Buffer): Manifest => {
  const end = 4 + body.readUInt32LE(0);
  const header = JSON.parse(body.toString("utf8", 4, end)) as JsonHeader;
  return {
    appliedLsn: header.appliedLsn,
    replayFrom: header.replayFrom,
    latestTimestamp: BigInt(header.latestTimestamp),
    appliedTimestamp: BigInt(header.appliedTimestamp),
    segments: header.segments.map((segment) => ({
      id: BigInt(segment.id),
      collectionId: BigInt(segment.collectionId),
      partitionId: BigInt(segment.partitionId),
      channel: segment.channel ?? 0,
      file: segment.file,
      deletesFile: segment.deletesFile,
      level: segment.level ?? 1,
      indexes: segment.indexes.map(({ indexId, fieldId, file }) => ({ indexId: BigInt(indexId), fieldId: BigInt(fieldId), file })),
    })),
    flushed: new Map(Object.entries(header.flushed).map(([id, lsns]) => [BigInt(id), typeof lsns === "number" ? [lsns] : lsns])),
    horizons: new Map(Object.entries(header.horizons).map(([id, moment]) => [BigInt(id), BigInt(moment)])),
    catalog: body.subarray(end),
  };
};
