/**
 * Snapshots: a collection as it was at one moment, kept as names of files. What is made of them is in `snapshot-restore.ts`.
 *
 * Sources: milvus internal/proxy/{task_snapshot,snapshot_impl}.go, internal/datacoord/{services,snapshot_manager,snapshot_meta}.go.
 */
import { requireSnapshot, snapshotsOf } from "../catalog/apply-snapshot.js";
import { requireCollection, requireDatabase } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import { failureBecause, invalid, missing } from "../shared/errors.js";
import { PIN_SECONDS_MAX, SNAPSHOT_PROTECTION_SECONDS_MAX } from "../shared/limits.js";
import { checkSnapshotName } from "../shared/names.js";
import {
  type CreateSnapshotRequest,
  ExportSnapshotRequest,
  type PinSnapshotDataRequest,
  services,
  type UnpinSnapshotDataRequest,
} from "../shared/proto/generated/messages.js";
import { physicalMs } from "../shared/types.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { type Body, change, databaseOf, required, textIn } from "./support.js";

interface Named {
  readonly name: string;
  readonly dbName: string;
  readonly collectionName: string;
}

/** The collection of a request about a snapshot; the snapshot's name is checked first. */
const collectionFor = (call: Call, request: Named, what: string): Collection => {
  checkSnapshotName(request.name);
  if (request.collectionName === "") throw missing(`collection_name is required for ${what}`);
  return requireCollection(call.engine.catalog, databaseOf(call, request), request.collectionName);
};

const create = async (call: Call, request: CreateSnapshotRequest) => {
  checkSnapshotName(request.name);
  const protectionSeconds = request.compactionProtectionSeconds;
  if (protectionSeconds < 0n) throw invalid("compaction_protection_seconds must be non-negative");
  if (protectionSeconds > BigInt(SNAPSHOT_PROTECTION_SECONDS_MAX))
    throw invalid(`compaction_protection_seconds must not exceed ${SNAPSHOT_PROTECTION_SECONDS_MAX}`);
  const collection = requireCollection(call.engine.catalog, databaseOf(call, request), request.collectionName);
  if (snapshotsOf(collection).some(({ name }) => name === request.name))
    throw invalid(`snapshot name ${request.name} already exists in collection ${collection.id}`);
  await call.engine.createSnapshot(collection, { name: request.name, description: request.description, protectionSeconds });
  return {};
};

const drop = async (call: Call, request: Named) => {
  const collection = collectionFor(call, request, "drop snapshot");
  await change(call, { kind: "dropSnapshot", collectionId: collection.id, name: request.name });
  return {};
};

const describe = (call: Call, request: Named) => {
  const collection = collectionFor(call, request, "describe snapshot");
  const snapshot = requireSnapshot(collection, request.name);
  return {
    name: snapshot.name,
    description: snapshot.description,
    collectionName: collection.name,
    partitionNames: snapshot.partitions.map(({ name }) => name),
    createTs: snapshot.createdTimestamp,
  };
};

const list = (call: Call, request: Omit<Named, "name">) => {
  const database = databaseOf(call, request);
  requireDatabase(call.engine.catalog, database);
  if (request.collectionName === "") throw missing("collection_name is required for ListSnapshots");
  return { snapshots: snapshotsOf(requireCollection(call.engine.catalog, database, request.collectionName)).map(({ name }) => name) };
};

const pin = async (call: Call, request: PinSnapshotDataRequest) => {
  checkSnapshotName(request.name);
  if (request.collectionName === "") throw missing("collection_name is required for pin snapshot data");
  if (request.ttlSeconds < 0n) throw invalid("ttl_seconds must be non-negative");
  if (request.ttlSeconds > BigInt(PIN_SECONDS_MAX)) throw invalid(`ttl_seconds exceeds maximum of ${PIN_SECONDS_MAX} (30 days)`);
  const collection = collectionFor(call, request, "pin snapshot data");
  const id = call.engine.tick();
  const endMs = request.ttlSeconds === 0n ? 0 : Number(physicalMs(id) + request.ttlSeconds * 1000n);
  await call.engine.change({ kind: "pinSnapshot", collectionId: collection.id, name: request.name, id, endMs });
  return { pinId: id };
};

const unpin = async (call: Call, request: UnpinSnapshotDataRequest) => {
  if (request.pinId === 0n) throw missing("pin_id is required for unpin snapshot data");
  await change(call, { kind: "unpinSnapshot", id: request.pinId });
  return {};
};

/** Checks the request, then refuses it, as Milvus does. */
const exportSnapshot = (call: Call, request: ExportSnapshotRequest): never => {
  checkSnapshotName(request.name);
  if (request.collectionName === "") throw invalid("collection_name is required for export snapshot");
  if (request.targetS3Path === "") throw invalid("target_s3_path is required for export snapshot");
  collectionFor(call, request, "export snapshot");
  throw failureBecause("unimplemented", "ExportSnapshot is not implemented");
};

const restExport = async (call: Call, body: Body): Promise<never> => {
  const request = {
    dbName: textIn(body, "dbName"),
    collectionName: textIn(body, "collectionName"),
    name: textIn(body, "snapshotName"),
    targetS3Path: textIn(body, "targetS3Path"),
    externalSpec: textIn(body, "externalSpec"),
  };
  return exportSnapshot(call, ExportSnapshotRequest.create(request));
};

const milvus = services["milvus.proto.milvus.MilvusService"];

export const operations = [
  defineOperation(milvus.CreateSnapshot, { privilege: "CreateSnapshot", scope: "collection", handle: create }),
  defineOperation(milvus.DropSnapshot, { privilege: "DropSnapshot", scope: "collection", handle: drop }),
  defineOperation(milvus.DescribeSnapshot, { privilege: "DescribeSnapshot", scope: "collection", handle: describe }),
  defineOperation(milvus.ListSnapshots, { privilege: "ListSnapshots", scope: "collection", handle: list }),
  defineOperation(milvus.PinSnapshotData, { privilege: "PinSnapshotData", scope: "collection", handle: pin }),
  defineOperation(milvus.UnpinSnapshotData, { privilege: "UnpinSnapshotData", scope: "global", handle: unpin }),
  defineOperation(milvus.ExportSnapshot, {
    privilege: "ExportSnapshot",
    scope: "collection",
    note: "refused, as in Milvus",
    rest: [
      {
        route: "POST /v2/vectordb/jobs/snapshot/export",
        required: [
          ...required("ExportSnapshotReq", "collectionName"),
          { name: "snapshotName", goName: "ExportSnapshotReq.Name" },
          ...required("ExportSnapshotReq", "targetS3Path"),
        ],
        handle: restExport,
      },
    ],
    handle: exportSnapshot,
  }),
] as unknown as readonly AnyOperation[];
