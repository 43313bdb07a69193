/** Operations that change rows: RPCs and the REST routes of entities. */
import { requireCollection } from "../catalog/read.js";
import { httpFailure, invalid } from "../shared/errors.js";
import {
  DeleteRequest,
  FieldPartialUpdateOp_OpType,
  InsertRequest,
  type MutationResult,
  services,
  UpsertRequest,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { idsToValues, restForm } from "../shared/rows/decode.js";
import { rowsToFields } from "../shared/rows/encode.js";
import { type AnyOperation, type Call, defineOperation, type RestReply, type RestRoute } from "./operation.js";
import { insert, remove, upsert } from "./row-handlers.js";
import { type Body, objectsIn, textIn } from "./support.js";
import { templatesOf } from "./template-params.js";

const COLLECTION = (type: string) => ({ name: "collectionName", goName: `${type}.CollectionName` });

/** Rows of a REST body as columns of the collection that the name stands for. */
const columnsOf = (call: Call, body: Body, operation: "insert" | "upsert") => {
  const collectionName = textIn(body, "collectionName");
  const collection = requireCollection(call.engine.catalog, call.databaseName, collectionName);
  const data = Array.isArray(body.data) ? body.data : [body.data];
  if (!data.every((row): row is Body => row !== null && typeof row === "object" && !Array.isArray(row))) {
    throw httpFailure("httpInsertData", "data must be an object or an array of objects");
  }
  const partialUpdate = body.partialUpdate === true;
  const fields = rowsToFields(collection.schema, data, { dialect: "rest", operation, partialUpdate });
  return {
    dbName: call.databaseName,
    collectionName,
    partitionName: textIn(body, "partitionName"),
    fieldsData: fields.map((field) => field.data),
    numRows: data.length,
    // The rows were encoded by this version of the schema: should it change before they are written, the write is refused.
    schemaTimestamp: collection.updateTimestamp,
    partialUpdate,
  };
};

const idsOf = (call: Call, result: Init<MutationResult>): unknown[] =>
  idsToValues(result.IDs ?? Buffer.alloc(0), restForm(call.allowInt64 ?? true));

const restInsert = async (call: Call, body: Body): Promise<RestReply> => {
  const { partialUpdate: _, ...request } = columnsOf(call, body, "insert");
  const result = await insert(call, InsertRequest.create(request));
  return { cost: 0, data: { insertCount: Number(result.insertCnt), insertIds: idsOf(call, result) } };
};

/** Operations by their names, e.g. `{"fieldName": "tags", "op": "ARRAY_APPEND"}`. */
const fieldOpsIn = (body: Body): { fieldName: string; op: FieldPartialUpdateOp_OpType }[] =>
  objectsIn(body, "fieldOps").map((entry) => {
    const name = textIn(entry, "op");
    const known = name.trim().toUpperCase();
    const op = Object.hasOwn(FieldPartialUpdateOp_OpType, known)
      ? FieldPartialUpdateOp_OpType[known as keyof typeof FieldPartialUpdateOp_OpType]
      : undefined;
    if (op === undefined) throw invalid(`unsupported partial update op: ${name}`);
    return { fieldName: textIn(entry, "fieldName"), op };
  });

const restUpsert = async (call: Call, body: Body): Promise<RestReply> => {
  const fieldOps = fieldOpsIn(body);
  const promoted = fieldOps.some(({ op }) => op !== FieldPartialUpdateOp_OpType.REPLACE);
  const request = columnsOf(call, promoted ? { ...body, partialUpdate: true } : body, "upsert");
  const result = await upsert(call, UpsertRequest.create({ ...request, fieldOps }));
  return { cost: 0, data: { upsertCount: Number(result.upsertCnt), upsertIds: idsOf(call, result) } };
};

const restDelete = async (call: Call, body: Body): Promise<RestReply> => {
  const request = DeleteRequest.create({
    dbName: call.databaseName,
    collectionName: textIn(body, "collectionName"),
    partitionName: textIn(body, "partitionName"),
    expr: textIn(body, "filter"),
    exprTemplateValues: templatesOf(body),
  });
  const result = await remove(call, request);
  return { cost: 0, data: { deleteCount: Number(result.deleteCnt) } };
};

const route = (path: string, required: RestRoute["required"], handle: RestRoute["handle"]): RestRoute => ({
  route: `POST /v2/vectordb/entities/${path}`,
  required: required ?? [],
  handle,
});

const milvus = services["milvus.proto.milvus.MilvusService"];
const DATA = { name: "data", goName: "CollectionDataReq.Data" };

export const operations = [
  defineOperation(milvus.Insert, {
    privilege: "Insert",
    scope: "collection",
    rest: [route("insert", [COLLECTION("CollectionDataReq"), DATA], restInsert)],
    handle: insert,
  }),
  defineOperation(milvus.Upsert, {
    privilege: "Upsert",
    scope: "collection",
    rest: [route("upsert", [COLLECTION("CollectionDataReq"), DATA], restUpsert)],
    handle: upsert,
  }),
  defineOperation(milvus.Delete, {
    privilege: "Delete",
    scope: "collection",
    rest: [route("delete", [COLLECTION("CollectionFilterReq"), { name: "filter", goName: "CollectionFilterReq.Filter" }], restDelete)],
    handle: remove,
  }),
] as unknown as readonly AnyOperation[];
