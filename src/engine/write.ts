/**
 * The write path: decode and check (on the core's threads), log and fsync, then apply.
 *
 * A request is one record, so it is all or nothing after any crash. Its timestamp is taken when the record enters the log, so timestamps and log
 * positions have one order. Nothing in memory is ahead of the log.
 */

import type { Collection } from "../catalog/types.js";
import { invalid } from "../shared/errors.js";
import type { PrimaryKeys } from "../shared/types.js";
import type { ReadScope, WriteRows, Written } from "./api.js";
import type { CoreRows } from "./core.js";
import { coreError } from "./core-errors.js";
import { fieldNames } from "./core-schema.js";
import { PrimaryKeyIds } from "./primary-keys.js";
import { matchingKeys } from "./read.js";
import { BY_PARTITION_KEY, encodeDelete, encodeRows, RecordKind } from "./records.js";
import type { SegmentEntry } from "./shard.js";
import { applyDelete, applyRows, type EngineState, routeRows, shardOf } from "./state.js";

/** Consecutive keys for an auto-id collection, or -1n when the rows carry theirs. */
const autoIdStart = (state: EngineState, request: WriteRows, replace: boolean): bigint => {
  const primary = request.collection.schema.fields.find((field) => field.isPrimaryKey);
  if (!primary?.autoID) return -1n;
  const given = request.fields.some((field) => field.fieldId === primary.fieldID);
  return given && !replace ? -1n : state.clock.ids(request.rowCount);
};

const decode = async (state: EngineState, request: WriteRows, start: bigint): Promise<CoreRows> => {
  const fields = request.fields.map(({ fieldId, data }) => ({ id: Number(fieldId), data }));
  try {
    return await state.core.decodeRows(
      shardOf(state, request.collection).schema,
      request.rowCount,
      fields,
      start === -1n ? undefined : start,
    );
  } catch (error) {
    throw coreError(error, fieldNames(request.collection));
  }
};

type OnApplied = (entries: readonly SegmentEntry[]) => void;

const write = async (state: EngineState, request: WriteRows, replace: boolean, onApplied: OnApplied): Promise<Written> => {
  const start = autoIdStart(state, request, replace);
  const rows = await decode(state, request, start);
  if (replace && rows.hasDuplicateKeys()) throw invalid("duplicate primary keys are not allowed in the same batch");
  const unstamped = {
    collectionId: request.collection.id,
    partitionId: request.partitionId,
    autoIdStart: start,
    rowCount: request.rowCount,
    fields: request.fields.map(({ fieldId, data }) => ({ id: Number(fieldId), data })),
    timestamp: 0n,
  };
  const parts = await routeRows(request.collection, unstamped, rows);
  const replaced = replace ? { replaced: rows.givenIds() } : {};
  const keys = rows.ids();
  // One id a partition that the rows may go to: a segment that a part opens is named by the timestamp plus the partition's ordinal.
  const timestamp = state.clock.ids(request.partitionId === BY_PARTITION_KEY ? request.collection.partitions.length : 1);
  const record = { ...unstamped, timestamp };
  const kind = replace ? RecordKind.Upsert : RecordKind.Insert;
  await state.log.append(kind, encodeRows(record), (lsn) => onApplied(applyRows(state, { record, parts, ...replaced }, lsn)));
  return { ids: keys, timestamp };
};

export const insertRows = (state: EngineState, request: WriteRows, onApplied: OnApplied): Promise<Written> =>
  write(state, request, false, onApplied);

export const upsertRows = (state: EngineState, request: WriteRows, onApplied: OnApplied): Promise<Written> =>
  write(state, request, true, onApplied);

const logDelete = async (state: EngineState, collection: Collection, partitionIds: readonly bigint[], ids: Buffer): Promise<bigint> => {
  const timestamp = state.clock.tick();
  const record = { collectionId: collection.id, timestamp, partitionIds, ids };
  await state.log.append(RecordKind.Delete, encodeDelete(record), (lsn) => applyDelete(state, record, lsn));
  return timestamp;
};

export const deleteKeys = async (
  state: EngineState,
  collection: Collection,
  partitionIds: readonly bigint[],
  keys: PrimaryKeys,
): Promise<{ timestamp: bigint }> => ({ timestamp: await logDelete(state, collection, partitionIds, PrimaryKeyIds.encode(keys)) });

/** The rows that match now are looked up first; the record names their keys, so replay deletes the same rows. */
export const deleteWhere = async (state: EngineState, scope: ReadScope): Promise<{ timestamp: bigint; count: number }> => {
  const ids = await matchingKeys(state, scope);
  const count = PrimaryKeyIds.count(ids);
  if (count === 0) return { timestamp: state.appliedTimestamp, count: 0 };
  return { timestamp: await logDelete(state, scope.collection, scope.partitionIds, ids), count };
};
