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
import { functionIn, missingMember } from "./field-rest.js";
import { checkFunctions } from "./function-rules.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { type Body, databaseOf, nothing, objectIn, required, restDatabase, textIn } from "./support.js";

const { AddCollectionFunction, AlterCollectionFunction, DropCollectionFunction } = services["milvus.proto.milvus.MilvusService"];

const collectionOf = (call: Call, request: { readonly dbName: string; readonly collectionName: string }): Collection =>
  requireCollection(call.engine.catalog, databaseOf(call, request), request.collectionName);

const addFunction = async (call: Call, request: Pick<AddCollectionFunctionRequest, "dbName" | "collectionName" | "functionSchema">) => {
  const fn = request.functionSchema;
  if (fn === undefined) throw invalid("function schema is empty");
  if (fn.type === FunctionType.BM25) throw invalid("currently does not support adding BM25 function");
  const collection = collectionOf(call, request);
  checkWithFunction(call, collection, fn);
  await call.engine.change({ kind: "addFunction", collectionId: collection.id, function: fn });
  return {};
};

const alterFunction = async (
  call: Call,
  request: Pick<AlterCollectionFunctionRequest, "dbName" | "collectionName" | "functionName" | "functionSchema">,
) => {
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
const dropFunction = async (call: Call, request: Pick<DropCollectionFunctionRequest, "dbName" | "collectionName" | "functionName">) => {
  const collection = collectionOf(call, request);
  const fn = collection.schema.functions.find((other) => other.name === request.functionName);
  if (fn === undefined) return {};
  if (fn.type === FunctionType.BM25)
    throw invalid(`BM25 function must be dropped with its output field in drop_function_field interface: ${fn.name}`);
  await call.engine.change({ kind: "dropFunction", collectionId: collection.id, name: fn.name, withOutputs: false });
  return {};
};

const BASE = "POST /v2/vectordb/collections";
const named = (call: Call, body: Body) => ({ ...restDatabase(call, body), collectionName: textIn(body, "collectionName") });
const functionOf = (body: Body) => functionIn(objectIn(body, "function"));

export const operations = [
  defineOperation(AddCollectionFunction, {
    privilege: "CreateCollection",
    scope: "collection",
    handle: addFunction,
    rest: [
      {
        route: `${BASE}/add_function`,
        required: required("CollectionAddFunction", "collectionName", "function"),
        handle: async (call, body) => addFunction(call, { ...named(call, body), functionSchema: functionOf(body) }).then(() => nothing),
      },
    ],
  }),
  defineOperation(AlterCollectionFunction, {
    privilege: "CreateCollection",
    scope: "collection",
    handle: alterFunction,
    rest: [
      {
        route: `${BASE}/alter_function`,
        required: required("CollectionAlterFunction", "collectionName", "functionName", "function"),
        handle: async (call, body) => {
          const functionName = textIn(body, "functionName");
          await alterFunction(call, { ...named(call, body), functionName, functionSchema: functionOf(body) });
          return nothing;
        },
      },
    ],
  }),
  defineOperation(DropCollectionFunction, {
    privilege: "CreateCollection",
    scope: "collection",
    handle: dropFunction,
    rest: [
      {
        // Its Go type spells the member with a capital, and Go takes it in any case.
        route: `${BASE}/drop_function`,
        required: [{ name: "collectionName", goName: "CollectionDropFunction.CollectionName" }],
        handle: async (call, body) => {
          const functionName = textIn(body, "functionName") || textIn(body, "FunctionName");
          if (functionName === "") throw missingMember("CollectionDropFunction", "FunctionName");
          await dropFunction(call, { ...named(call, body), functionName });
          return nothing;
        },
      },
    ],
  }),
] as unknown as readonly AnyOperation[];
