/** REST routes of query and get: JSON bodies to the same request as the RPC's, columns back to rows. */
import { requireCollection } from "../catalog/read.js";
import { httpFailure } from "../shared/errors.js";
import { DataType, type FieldSchema, QueryRequest, type QueryResults } from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { fieldsToRows, restForm } from "../shared/rows/decode.js";
import { primaryField } from "../shared/schema.js";
import type { Call, RestReply, RestRoute } from "./operation.js";
import { consistencyIn } from "./search-rest.js";
import { type Body, integerIn, textIn, textsIn } from "./support.js";
import { templatesOf } from "./template-params.js";

type Query = (call: Call, request: QueryRequest) => Promise<Init<QueryResults>>;

const LIMIT_DEFAULT = 100;

const rowsOf = (call: Call, results: Init<QueryResults>): RestReply => ({
  cost: 0,
  data: fieldsToRows((results.fieldsData ?? []) as Buffer[], restForm(call.allowInt64 ?? true), results.outputFields ?? []),
});

const outputFields = (body: Body): string[] =>
  body.outputFields === undefined || body.outputFields === null ? ["*"] : textsIn(body, "outputFields");

/** What `query` and `get` have in common of a request. */
const requestOf = (call: Call, body: Body) => ({
  dbName: call.databaseName,
  collectionName: textIn(body, "collectionName"),
  outputFields: outputFields(body),
  ...consistencyIn(body),
});

const restQuery = async (call: Call, body: Body, query: Query): Promise<RestReply> => {
  const outputs = outputFields(body);
  const counts = outputs.some((name) => /^\s*count\s*\(/i.test(name));
  const limit = integerIn(body, "limit") ?? 0;
  const window = limit > 0 || !counts ? [{ key: "limit", value: String(limit > 0 ? limit : LIMIT_DEFAULT) }] : [];
  const request = QueryRequest.create({
    ...requestOf(call, body),
    partitionNames: textsIn(body, "partitionNames"),
    expr: textIn(body, "filter"),
    exprTemplateValues: templatesOf(body),
    queryParams: [...window, { key: "offset", value: String(integerIn(body, "offset") ?? 0) }],
  });
  return rowsOf(call, await query(call, request));
};

/** A list of keys as a filter over the primary key. */
export const keyFilter = (field: FieldSchema, ids: readonly unknown[]): string => {
  const literals = ids.map((id) => {
    if (field.dataType === DataType.VarChar) {
      if (typeof id !== "string" && typeof id !== "number" && typeof id !== "bigint")
        throw httpFailure("httpPrimaryKey", `bad key ${String(id)}`);
      return JSON.stringify(String(id));
    }
    const text = typeof id === "string" ? id.trim() : String(id);
    if (!/^-?\d+$/.test(text)) throw httpFailure("httpPrimaryKey", `bad key ${text}`);
    return BigInt(text).toString();
  });
  return `${field.name} in [${literals.join(",")}]`;
};

const restGet = async (call: Call, body: Body, query: Query): Promise<RestReply> => {
  const collection = requireCollection(call.engine.catalog, call.databaseName, textIn(body, "collectionName"));
  const ids = Array.isArray(body.id) ? body.id : [body.id];
  const one = textIn(body, "partitionName");
  const request = QueryRequest.create({
    ...requestOf(call, body),
    partitionNames: [...textsIn(body, "partitionNames"), ...(one === "" ? [] : [one])],
    expr: keyFilter(primaryField(collection.schema), ids),
  });
  return rowsOf(call, await query(call, request));
};

export const queryRoutes = (query: Query): RestRoute[] => [
  {
    route: "POST /v2/vectordb/entities/query",
    required: [{ name: "collectionName", goName: "QueryReqV2.CollectionName" }],
    handle: (call, body) => restQuery(call, body, query),
  },
  {
    route: "POST /v2/vectordb/entities/get",
    required: [
      { name: "collectionName", goName: "CollectionIDReq.CollectionName" },
      { name: "id", goName: "CollectionIDReq.ID" },
    ],
    handle: (call, body) => restGet(call, body, query),
  },
];
