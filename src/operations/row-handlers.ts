/**
 * Insert, upsert and delete: a request checked against the collection that its name stands for now, then handed to the engine.
 *
 * Column bytes are passed on as they came; only their envelopes (names) are read here, and the core checks the values.
 * Sources: milvus internal/proxy/{task_insert,task_upsert,task_delete,util}.go for the order and words of checks.
 */
import { DEFAULT_PARTITION, hasPartitionKey, partitionNamed, requireCollection, requirePartition } from "../catalog/read.js";
import type { Collection, CollectionSchema } from "../catalog/types.js";
import type { RowField, UpdateRows } from "../engine/api.js";
import { BY_PARTITION_KEY } from "../engine/records.js";
import { collectionNotFound, failure, invalid } from "../shared/errors.js";
import { checkCollectionName, checkPartitionName } from "../shared/names.js";
import { type FieldEnvelope, readEnvelope } from "../shared/proto/envelope.js";
import {
  DataType,
  type DeleteRequest,
  type FieldSchema,
  FunctionType,
  type InsertRequest,
  type MutationResult,
  type UpsertRequest,
} from "../shared/proto/generated/messages.js";
import { type Init, WireError } from "../shared/proto/wire.js";
import { columnsOf, DYNAMIC_FIELD, primaryField, structNamed, typeName } from "../shared/schema.js";
import type { Call } from "./operation.js";
import { fieldOperations } from "./partial-update.js";
import { routed } from "./partition-routing.js";
import { compile, loadedScope } from "./reading.js";
import { checkStructsGiven, membersOf } from "./struct-rows.js";
import { databaseOf } from "./support.js";
import { momentsOf, timeZoneOf } from "./timestamptz.js";

interface Received {
  readonly envelope: FieldEnvelope;
  readonly data: Buffer;
}

/** The columns of a request by their names; the dynamic column is `$meta` whatever it was called, a struct is its members. */
const receive = (fieldsData: readonly Buffer[], schema: CollectionSchema): Received[] => {
  try {
    return fieldsData.flatMap((data) => {
      const envelope = readEnvelope(data);
      const struct = structNamed(schema, envelope.name);
      if (struct !== undefined)
        return membersOf(schema, struct, data).map((member) => ({ envelope: { ...envelope, name: member.name }, data: member.data }));
      return [{ envelope: envelope.dynamic && schema.enableDynamicField ? { ...envelope, name: DYNAMIC_FIELD } : envelope, data }];
    });
  } catch (error) {
    if (error instanceof WireError) throw invalid(`malformed field data: ${error.message}`);
    throw error;
  }
};

const propertyIsTrue = (collection: Collection, key: string): boolean =>
  /^(1|t|T|TRUE|true|True)$/.test(collection.properties.find((pair) => pair.key === key)?.value ?? "");

const unknownField = ({ name, type, fieldId }: FieldEnvelope) =>
  invalid(`fieldName ${name} not exist in collection schema, fieldType ${typeName(type as FieldSchema["dataType"])}, fieldId ${fieldId}`);

/** Whether the server makes the keys of these rows, so that none may be given. */
const makesKeys = (collection: Collection, given: boolean, replace: boolean): boolean => {
  const key = primaryField(collection.schema);
  return key.autoID && !replace && !(given && propertyIsTrue(collection, "allow_insert_auto_id"));
};

/** Update: an upsert of some columns. */
type WriteKind = "insert" | "upsert" | "update";

/** Matches the columns of a request with the schema: none unknown, twice, missing or too many. */
const matchColumns = (
  collection: Collection,
  received: readonly Received[],
  rowCount: number,
  kind: WriteKind,
  zone: string,
): RowField[] => {
  const replace = kind !== "insert";
  const fields = columnsOf(collection.schema);
  const byName = new Map(fields.map((field) => [field.name, field]));
  for (const { envelope } of received) if (!byName.has(envelope.name)) throw unknownField(envelope);
  if (rowCount <= 0) {
    throw failure("invalidParameter", { expected: "invalid num_rows", actual: rowCount }, "num_rows should be greater than 0");
  }
  const names = new Set<string>();
  for (const { envelope } of received) {
    if (names.has(envelope.name)) throw invalid(`duplicated field ${envelope.name} found`);
    names.add(envelope.name);
  }
  const key = primaryField(collection.schema);
  const generated = makesKeys(collection, names.has(key.name), replace);
  if (kind === "update" && !names.has(key.name)) throw invalid(`must assign pk when upsert, primary field: ${key.name}`);
  if (kind !== "update") checkStructsGiven(collection.schema, new Set(received.map(({ envelope }) => envelope.name.replace(/\[.*$/, ""))));
  for (const field of kind === "update" ? [] : fields) {
    if (names.has(field.name) || (field === key && generated) || field.isFunctionOutput) continue;
    if (field.nullable || field.isDynamic || field.defaultValue !== undefined) continue;
    throw invalid(`fieldSchema(${field.name}) has no corresponding fieldData pass in`);
  }
  const allowed = givenEmbeddings(collection);
  const isMade = (field: FieldSchema): boolean => field.isFunctionOutput && !allowed.has(field.name);
  if ((generated && names.has(key.name)) || fields.some((field) => isMade(field) && names.has(field.name))) {
    throw invalid("more fieldData has pass in", { expected: fields.length, actual: fields.length + 1 });
  }
  return received.map(({ envelope, data }) => {
    const field = byName.get(envelope.name) as FieldSchema;
    return { fieldId: field.fieldID, data: field.dataType === DataType.Timestamptz ? momentsOf(data, zone) : data };
  });
};

/** Fields of embeddings that rows may carry although a function is there to make them. */
const givenEmbeddings = (collection: Collection): ReadonlySet<string> => {
  if (!propertyIsTrue(collection, "collection.function.allowInsertNonBM25FunctionOutputs")) return new Set();
  const made = collection.schema.functions.filter(({ type }) => type === FunctionType.TextEmbedding);
  return new Set(made.flatMap(({ outputFieldNames }) => outputFieldNames));
};

/** Functions that are kept and described, and whose output nothing makes yet: their rows must carry it where they may. */
const checkMade = (collection: Collection, names: ReadonlySet<string>): void => {
  const allowed = givenEmbeddings(collection);
  const isGiven = (name: string): boolean => allowed.has(name) && names.has(name);
  const fn = collection.schema.functions.find(
    ({ type, outputFieldNames }) => type !== FunctionType.BM25 && !outputFieldNames.every(isGiven),
  );
  if (fn === undefined) return;
  const kind = Object.entries(FunctionType).find(([, type]) => type === fn.type)?.[0];
  throw failure("notSupported", {}, `writing rows of which ${kind} function ${fn.name} makes a field is not supported yet`, true);
};

const checkSchemaTimestamp = (collection: Collection, requested: bigint, name: string): void => {
  if (requested !== 0n && requested !== collection.updateTimestamp) throw failure("schemaMismatch", { collection: name });
};

const writeRequest = (call: Call, request: InsertRequest | UpsertRequest): UpdateRows & { readonly kind: WriteKind } => {
  const database = databaseOf(call, request);
  checkCollectionName(request.collectionName);
  const collection = requireCollection(call.engine.catalog, database, request.collectionName);
  checkSchemaTimestamp(collection, request.schemaTimestamp, request.collectionName);
  const received = receive(request.fieldsData, collection.schema);
  checkMade(collection, new Set(received.map(({ envelope }) => envelope.name)));
  const operations = "fieldOps" in request ? fieldOperations(collection, request.fieldOps, received) : [];
  const kind = !("fieldOps" in request) ? "insert" : request.partialUpdate || operations.length > 0 ? "update" : "upsert";
  const fields = matchColumns(collection, received, request.numRows, kind, timeZoneOf(call.engine.catalog, collection));
  const rows = { collection, rowCount: request.numRows, fields, kind, operations } as const;
  if (hasPartitionKey(collection)) {
    if (request.partitionName !== "") throw invalid("not support manually specifying the partition names if partition key mode is used");
    return { ...rows, partitionId: BY_PARTITION_KEY };
  }
  const partitionName = request.partitionName === "" ? DEFAULT_PARTITION : request.partitionName;
  checkPartitionName(partitionName, true);
  const partitionId = requirePartition(collection, partitionName).id;
  return { ...rows, partitionId };
};

/** Races between resolving a name and applying the record are told in the names that the client used. */
const inRequestedNames = async <T>(call: Call, request: { dbName: string; collectionName: string }, work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && /^collection not found\[collection=\d+\]$/.test(error.message)) {
      throw collectionNotFound(databaseOf(call, request), request.collectionName);
    }
    throw error;
  }
};

const allIndexes = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

export const insert = async (call: Call, request: InsertRequest): Promise<Init<MutationResult>> => {
  const rows = writeRequest(call, request);
  const { ids, timestamp } = await inRequestedNames(call, request, call.engine.insert(rows));
  return { IDs: ids, succIndex: allIndexes(rows.rowCount), insertCnt: BigInt(rows.rowCount), timestamp };
};

export const upsert = async (call: Call, request: UpsertRequest): Promise<Init<MutationResult>> => {
  const rows = writeRequest(call, request);
  // The rows that it completes are read as a query reads them.
  if (rows.kind === "update") {
    const partitionIds = rows.partitionId === BY_PARTITION_KEY ? [] : [rows.partitionId];
    loadedScope(rows.collection, request.collectionName, partitionIds, "failed to query");
  }
  const work = rows.kind === "update" ? call.engine.update(rows) : call.engine.upsert(rows);
  const { ids, timestamp } = await inRequestedNames(call, request, work);
  const count = BigInt(rows.rowCount);
  return { IDs: ids, succIndex: allIndexes(rows.rowCount), insertCnt: count, deleteCnt: count, upsertCnt: count, timestamp };
};

export const remove = async (call: Call, request: DeleteRequest): Promise<Init<MutationResult>> => {
  const database = databaseOf(call, request);
  checkCollectionName(request.collectionName);
  const collection = requireCollection(call.engine.catalog, database, request.collectionName);
  const filter = compile(collection, request.expr, request.exprTemplateValues, "delete");
  if (filter.alwaysTrue) throw invalid(`delete plan can't be empty or always true : ${request.expr}`);
  if (request.partitionName !== "" && hasPartitionKey(collection)) {
    throw invalid("not support manually specifying the partition names if partition key mode is used");
  }
  if (request.partitionName !== "") checkPartitionName(request.partitionName, true);
  const partition = partitionNamed(collection, request.partitionName);
  if (request.partitionName !== "" && partition === undefined)
    throw failure("partitionNotFound", { partition: request.partitionName }, "Failed to get partition id");
  const partitionIds = partition === undefined ? [] : [partition.id];
  if (filter.keys !== undefined) {
    const work = call.engine.deleteKeys(collection, partitionIds, filter.keys);
    const { timestamp } = await inRequestedNames(call, request, work);
    return { deleteCnt: BigInt(filter.keys.keys.length), timestamp };
  }
  const scope = {
    collection,
    partitionIds: routed(collection, filter, loadedScope(collection, request.collectionName, partitionIds)),
    filter: filter.program as Buffer,
  };
  const { timestamp, count } = await inRequestedNames(call, request, call.engine.deleteWhere(scope));
  return { deleteCnt: BigInt(count), timestamp };
};
