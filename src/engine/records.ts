/**
 * The bodies of log records.
 *
 * | kind | body |
 * | --- | --- |
 * | Catalog | an encoded catalog record (catalog/codec.ts) |
 * | Insert, Upsert | collection u64, partition u64 (0: by partition key), timestamp u64, first auto id i64 (or -1), rows u32, fields u32; per field: id u32, length u32, FieldData |
 * | Delete | collection u64, timestamp u64, partitions u32, ids u64 …; then an encoded schema.IDs |
 *
 * All little-endian. Field bytes are the client's, as they came: writing a record copies none of them.
 */
import type { Timestamp } from "../shared/types.js";

export const RecordKind = { Catalog: 1, Insert: 2, Upsert: 3, Delete: 4 } as const;

/** In place of a partition: each row goes where its partition key says. */
export const BY_PARTITION_KEY = 0n;

export interface RowsRecord {
  readonly collectionId: bigint;
  readonly partitionId: bigint;
  readonly timestamp: Timestamp;
  /** -1n: the rows carry their keys. */
  readonly autoIdStart: bigint;
  readonly rowCount: number;
  readonly fields: readonly { readonly id: number; readonly data: Buffer }[];
}

export interface DeleteRecord {
  readonly collectionId: bigint;
  readonly timestamp: Timestamp;
  /** Empty: all partitions. */
  readonly partitionIds: readonly bigint[];
  readonly ids: Buffer;
}

const ROWS_HEADER = 40;
const FIELD_HEADER = 8;
const DELETE_HEADER = 20;

export const encodeRows = (record: RowsRecord): Buffer[] => {
  const header = Buffer.allocUnsafe(ROWS_HEADER);
  header.writeBigUInt64LE(record.collectionId, 0);
  header.writeBigUInt64LE(record.partitionId, 8);
  header.writeBigUInt64LE(record.timestamp, 16);
  header.writeBigInt64LE(record.autoIdStart, 24);
  header.writeUInt32LE(record.rowCount, 32);
  header.writeUInt32LE(record.fields.length, 36);
  const parts: Buffer[] = [header];
  for (const field of record.fields) {
    const head = Buffer.allocUnsafe(FIELD_HEADER);
    head.writeUInt32LE(field.id, 0);
    head.writeUInt32LE(field.data.length, 4);
    parts.push(head, field.data);
  }
  return parts;
};

export const decodeRows = (body: Buffer): RowsRecord => {
  const fields: { id: number; data: Buffer }[] = [];
  let at = ROWS_HEADER;
  for (let left = body.readUInt32LE(36); left > 0; left--) {
    const length = body.readUInt32LE(at + 4);
    const start = at + FIELD_HEADER;
    fields.push({ id: body.readUInt32LE(at), data: body.subarray(start, start + length) });
    at = start + length;
  }
  return {
    collectionId: body.readBigUInt64LE(0),
    partitionId: body.readBigUInt64LE(8),
    timestamp: body.readBigUInt64LE(16),
    autoIdStart: body.readBigInt64LE(24),
    rowCount: body.readUInt32LE(32),
    fields,
  };
};

export const encodeDelete = (record: DeleteRecord): Buffer[] => {
  const header = Buffer.allocUnsafe(DELETE_HEADER + 8 * record.partitionIds.length);
  header.writeBigUInt64LE(record.collectionId, 0);
  header.writeBigUInt64LE(record.timestamp, 8);
  header.writeUInt32LE(record.partitionIds.length, 16);
  record.partitionIds.forEach((id, index) => {
    header.writeBigUInt64LE(id, DELETE_HEADER + 8 * index);
  });
  return [header, record.ids];
};

export const decodeDelete = (body: Buffer): DeleteRecord => {
  const count = body.readUInt32LE(16);
  const partitionIds = Array.from({ length: count }, (_, index) => body.readBigUInt64LE(DELETE_HEADER + 8 * index));
  return {
    collectionId: body.readBigUInt64LE(0),
    timestamp: body.readBigUInt64LE(8),
    partitionIds,
    ids: body.subarray(DELETE_HEADER + 8 * count),
  };
};
