/**
 * The write path: decode and check (on the core's threads), log and fsync, then apply.
 *
 * A request is one record, so it is all or nothing after any crash. Its timestamp is taken when the record enters the log, so timestamps and log
 * positions have one order. Nothing in memory is ahead of the log. An update of some columns reads the rest first, alone (`write-gate.ts`); its record
 * holds the complete rows.
 */

import type { Collection } from "../catalog/types.js";
import { columnsOf } from "../shared/schema.js";
import type { PrimaryKeys } from "../shared/types.js";
import type { ReadScope, UpdateRows, WriteRows, Written } from "./api.js";
import type { CoreField, CoreRows } from "./core.js";
import { coreError, duplicateKeys } from "./core-errors.js";
import { fieldNames } from "./core-schema.js";
import { expiryAt } from "./expiry.js";
import { PrimaryKeyIds } from "./primary-keys.js";
import { matchingKeys } from "./read.js";
import { BY_PARTITION_KEY, encodeDelete, encodeRows, RecordKind } from "./records.js";
import type { SegmentEntry } from "./shard.js";
import { applyDelete, applyRows, type EngineState, placeCount, routeRows, shardOf } from "./state.js";

/** Consecutive keys for an auto-id collection, or -1n when the rows carry theirs. */
const autoIdStart = (state: EngineState, request: WriteRows, replace: boolean): bigint => {
  const primary = request.collection.schema.fields.find((field) => field.isPrimaryKey);
  if (!primary?.autoID) return -1n;
  const given = request.fields.some((field) => field.fieldId === primary.fieldID);
  return given && !replace ? -1n : state.clock.ids(request.rowCount);
};

const decode = async (state: EngineState, request: WriteRows, fields: readonly CoreField[], start: bigint): Promise<CoreRows> => {
  try {
    return await state.core.decodeRows(
      shardOf(state, request.collection).schema,
      request.rowCount,
      [...fields],
      start === -1n ? undefined : start,
    );
  } catch (error) {
    throw coreError(error, fieldNames(request.collection));
  }
};

type OnApplied = (entries: readonly SegmentEntry[]) => void;

interface Decoded {
  readonly rows: CoreRows;
  readonly fields: readonly { readonly id: number; readonly data: Buffer }[];
  readonly autoIdStart: bigint;
}

/** Logs and applies rows that are complete. Call while sharing the collection's gate, or holding it alone. */
const writeDecoded = async (
  state: EngineState,
  request: WriteRows,
  decoded: Decoded,
  replace: boolean,
  onApplied: OnApplied,
): Promise<Written> => {
  const { rows, fields, autoIdStart: start } = decoded;
  if (replace && rows.hasDuplicateKeys()) throw duplicateKeys();
  const { collection, partitionId, rowCount } = request;
  const unstamped = { collectionId: collection.id, partitionId, autoIdStart: start, rowCount, fields, timestamp: 0n };
  const parts = await routeRows(collection, unstamped, rows);
  const replaced = replace ? { replaced: rows.givenIds() } : {};
  const keys = rows.ids();
  const timestamp = state.clock.ids(placeCount(collection, request));
  const record = { ...unstamped, timestamp };
  const kind = replace ? RecordKind.Upsert : RecordKind.Insert;
  await state.log.append(kind, encodeRows(record), (lsn) => onApplied(applyRows(state, { record, parts, ...replaced }, lsn)));
  return { ids: keys, timestamp };
};

/** The columns of a request; those of fields that were dropped while it waited are left out. */
const coreFields = (state: EngineState, { collection, fields }: WriteRows) => {
  const columns = fields.map(({ fieldId, data }) => ({ id: Number(fieldId), data }));
  const schema = state.catalog.collections.get(collection.id)?.schema;
  if (schema === undefined || schema === collection.schema) return columns;
  const live = new Set(columnsOf(schema).map((field) => Number(field.fieldID)));
  return columns.filter(({ id }) => live.has(id));
};

const bytesOf = (request: WriteRows): number => request.fields.reduce((sum, { data }) => sum + data.length, 0);

const write = async (state: EngineState, request: WriteRows, replace: boolean, onApplied: OnApplied): Promise<Written> => {
  const start = autoIdStart(state, request, replace);
  const fields = coreFields(state, request);
  const rows = await decode(state, request, fields, start);
  return state.gates.share(request.collection.id, () =>
    writeDecoded(state, request, { rows, fields, autoIdStart: start }, replace, onApplied),
  );
};

/** Completes the rows by what their keys have; nobody else writes the collection meanwhile, so all that was acknowledged is there to be read. */
const complete = async (state: EngineState, request: UpdateRows): Promise<Decoded> => {
  const { collection, partitionId, rowCount } = request;
  const shard = shardOf(state, collection);
  const scope = partitionId === BY_PARTITION_KEY ? [] : [partitionId];
  const expiry = expiryAt(collection, state.env.now());
  const operations = request.operations.map(({ fieldId, operation }) => ({ fieldId: Number(fieldId), operation }));
  try {
    const { rows, fields } = await state.core.updateRows(shard.schema, shard.readable(scope), {
      readTimestamp: state.appliedTimestamp,
      ...(expiry === undefined ? {} : { expiry }),
      rowCount,
      fields: coreFields(state, request),
      operations,
    });
    const start = autoIdStart(state, request, true);
    return { rows: start === -1n ? rows : await decode(state, request, fields, start), fields, autoIdStart: start };
  } catch (error) {
    throw coreError(error, fieldNames(collection));
  }
};

export const updateRows = (state: EngineState, request: UpdateRows, onApplied: OnApplied): Promise<Written> =>
  state.memory.during(bytesOf(request), () =>
    state.gates.alone(request.collection.id, async () => writeDecoded(state, request, await complete(state, request), true, onApplied)),
  );

export const insertRows = (state: EngineState, request: WriteRows, onApplied: OnApplied): Promise<Written> =>
  state.memory.during(bytesOf(request), () => write(state, request, false, onApplied));

export const upsertRows = (state: EngineState, request: WriteRows, onApplied: OnApplied): Promise<Written> =>
  state.memory.during(bytesOf(request), () => write(state, request, true, onApplied));

const logDelete = async (state: EngineState, collection: Collection, partitionIds: readonly bigint[], ids: Buffer): Promise<bigint> => {
  return state.gates.share(collection.id, async () => {
    const timestamp = state.clock.tick();
    const record = { collectionId: collection.id, timestamp, partitionIds, ids };
    await state.log.append(RecordKind.Delete, encodeDelete(record), (lsn) => applyDelete(state, record, lsn));
    return timestamp;
  });
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
