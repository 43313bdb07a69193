/**
 * Moving segments between nodes. There is one node: a request is checked as Milvus checks it, and moves nothing.
 * Source: milvus internal/querycoordv2/services.go.
 */
import { requireCollection } from "../catalog/read.js";
import { failure } from "../shared/errors.js";
import { type LoadBalanceRequest, services } from "../shared/proto/generated/messages.js";
import { NODE_ID } from "./load.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { databaseOf } from "./support.js";

const { LoadBalance } = services["milvus.proto.milvus.MilvusService"];

const balance = (call: Call, request: LoadBalanceRequest) => {
  const { engine } = call;
  const collection = requireCollection(engine.catalog, databaseOf(call, request), request.collectionName);
  if (collection.load === undefined || engine.loadProgress(collection) < 100)
    throw failure("collectionNotFullyLoaded", { collection: collection.id });
  if (request.srcNodeID !== NODE_ID)
    throw failure("nodeNotFound", { node: request.srcNodeID }, `source node not found in any replica of collection ${collection.id}`);
  const strange = request.dstNodeIDs.find((node) => node !== NODE_ID);
  if (strange !== undefined) throw failure("nodeNotFound", { node: strange }, "destination node not found in the same replica");
  const sealed = new Set(engine.segments(collection).flatMap(({ id, state }) => (state === "Flushed" ? [id] : [])));
  const missing = request.sealedSegmentIDs.find((id) => !sealed.has(id));
  if (missing !== undefined) throw failure("segmentNotFound", { segment: missing }, "segment not found in source node");
  return {};
};

export const operations: readonly AnyOperation[] = [
  defineOperation(LoadBalance, {
    privilege: "LoadBalance",
    scope: "global",
    note: "checked; one node has nowhere to move segments",
    handle: balance,
  }),
];
