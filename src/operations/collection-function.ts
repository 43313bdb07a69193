/**
 * Functions of a collection added, changed and dropped by themselves, over fields that are there. BM25 comes and goes with the field that it makes
 * (`collection-schema.ts`).
 * Words and order: milvus internal/proxy/function_task.go, internal/rootcoord/ddl_callbacks_collection_function.go.
 */
import { requireCollection } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import { invalid } from "../shared/errors.js";
import {
  type AddCollectionFunctionRequest,
  type AlterCollectionFunctionRequest,
  type DropCollectionFunctionRequest,
  FunctionType,
  services,
} from "../shared/proto/generated/messages.js";
import { checkWithFunction } from "./collection-schema.js";
import { checkFunctions } from "./function-rules.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { databaseOf } from "./support.js";

const { AddCollectionFunction, AlterCollectionFunction, DropCollectionFunction } = services["milvus.proto.milvus.MilvusService"];

const collectionOf = (call: Call, request: { readonly dbName: string; readonly collectionName: string }): Collection =>
  requireCollection(call.engine.catalog, databaseOf(call, request), request.collectionName);

const addFunction = async (call: Call, request: AddCollectionFunctionRequest) => {
  const fn = request.functionSchema;
  if (fn === undefined) throw invalid("function schema is empty");
  if (fn.type === FunctionType.BM25) throw invalid("currently does not support adding BM25 function");
  const collection = collectionOf(call, request);
  checkWithFunction(call, collection, fn);
  await call.engine.change({ kind: "addFunction", collectionId: collection.id, function: fn });
  return {};
};

const alterFunction = async (call: Call, request: AlterCollectionFunctionRequest) => {
  const fn = request.functionSchema;
  const bm25 = () => invalid("currently does not support alter BM25 function");
  if (fn === undefined) throw invalid("function schema is empty");
  if (fn.type === FunctionType.BM25) throw bm25();
  if (request.functionName !== fn.name) throw invalid("invalid function config, name not match");
  const collection = collectionOf(call, request);
  const old = collection.schema.functions.find((other) => other.name === fn.name);
  if (old === undefined) throw invalid(`function ${fn.name} not found`);
  if (old.type === FunctionType.BM25) throw bm25();
  checkFunctions({ ...collection.schema, functions: collection.schema.functions.map((other) => (other === old ? fn : other)) });
  await call.engine.change({ kind: "alterFunction", collectionId: collection.id, function: fn });
  return {};
};

/** One that is not there is dropped already. */
const dropFunction = async (call: Call, request: DropCollectionFunctionRequest) => {
  const collection = collectionOf(call, request);
  const fn = collection.schema.functions.find((other) => other.name === request.functionName);
  if (fn === undefined) return {};
  if (fn.type === FunctionType.BM25)
    throw invalid(`BM25 function must be dropped with its output field in drop_function_field interface: ${fn.name}`);
  await call.engine.change({ kind: "dropFunction", collectionId: collection.id, name: fn.name, withOutputs: false });
  return {};
};

export const operations = [
  defineOperation(AddCollectionFunction, { privilege: "CreateCollection", scope: "collection", handle: addFunction }),
  defineOperation(AlterCollectionFunction, { privilege: "CreateCollection", scope: "collection", handle: alterFunction }),
  defineOperation(DropCollectionFunction, { privilege: "CreateCollection", scope: "collection", handle: dropFunction }),
] as unknown as readonly AnyOperation[];
