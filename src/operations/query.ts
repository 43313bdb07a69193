/** Query: rows by filter, count(*). Sources: milvus internal/proxy/task_query.go; reference order of checks. */
import { hasPartitionKey, requireCollection } from "../catalog/read.js";
import { invalid } from "../shared/errors.js";
import { RESULT_BYTES_MAX } from "../shared/limits.js";
import { checkCollectionName } from "../shared/names.js";
import {
  DataType,
  FieldData,
  type KeyValuePair,
  type QueryRequest,
  type QueryResults,
  services,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { primaryField } from "../shared/schema.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { routed } from "./partition-routing.js";
import { queryRoutes } from "./query-rest.js";
import { compile, ignoresGrowing, loadedScope, type OutputPlan, parameter, parseInteger, partitionIdsOf, planOutputs } from "./reading.js";
import { windowMax } from "./result-window.js";
import { withStructs } from "./struct-rows.js";
import { databaseOf } from "./support.js";
import { resultTimeZone, withMomentTexts } from "./timestamptz.js";

interface Window {
  /** -1: all. */
  readonly limit: number;
  readonly offset: number;
}

/** Limit and offset of a query. @throws 1100 `invalid max query result window, …` */
export const windowOf = (params: readonly KeyValuePair[], most: number): Window => {
  const limitText = parameter(params, "limit");
  if (limitText === undefined) return { limit: -1, offset: 0 };
  const limit = parseInteger(limitText);
  if (limit === undefined) throw invalid(`limit [${limitText}] is invalid`);
  const offsetText = parameter(params, "offset") ?? "0";
  const offset = parseInteger(offsetText);
  if (offset === undefined) throw invalid(`offset [${offsetText}] is invalid`);
  const refuse = (why: string) => invalid(`invalid max query result window, ${why}: invalid parameter`);
  if (offset < 0) throw refuse(`offset [${offset}] is invalid, should be gte than 0`);
  if (limit <= 0) throw refuse(`limit [${limit}] is invalid, should be greater than 0`);
  if (offset + limit > most) throw refuse(`(offset+limit) should be in range [1, ${most}], but got ${offset + limit}`);
  return { limit, offset };
};

const flag = (params: readonly KeyValuePair[], key: string, label: string): boolean => {
  const text = parameter(params, key);
  if (text === undefined) return false;
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw invalid(`value for ${label} is invalid`, { expected: "true or false", actual: text });
};

/** Parameters that belong to parts of the query language that are not built. */
const refuseUnbuilt = (params: readonly KeyValuePair[]): void => {
  for (const key of ["group_by_fields", "order_by_fields"]) {
    if ((parameter(params, key) ?? "").trim() !== "") throw invalid(`${key} of query is not supported yet`);
  }
};

const aggregatesOf = ({ aggregates }: OutputPlan): OutputPlan["aggregates"] => {
  for (const { name, operator, target } of aggregates) {
    if (target === "*" && operator !== "count") throw invalid(`${operator}(*) is not supported, only count(*) is allowed`);
    if (operator !== "count" || target !== "*") throw invalid(`aggregation ${name} is not supported yet`);
  }
  return aggregates;
};

export const query = async (call: Call, request: QueryRequest): Promise<Init<QueryResults>> => {
  const database = databaseOf(call, request);
  checkCollectionName(request.collectionName);
  const collection = requireCollection(call.engine.catalog, database, request.collectionName);
  if (hasPartitionKey(collection) && request.partitionNames.length > 0) {
    throw invalid("not support manually specifying the partition names if partition key mode is used");
  }
  const ignoreGrowing = ignoresGrowing(request.queryParams);
  const isIterator = flag(request.queryParams, "iterator", "iterator field");
  const window = windowOf(request.queryParams, windowMax(collection));
  const collectionId = parameter(request.queryParams, "collection_id");
  if (
    collectionId !== undefined &&
    BigInt(parseInteger(collectionId) === undefined ? 0 : collectionId) > 0n &&
    BigInt(collectionId) !== collection.id
  ) {
    throw invalid("Input collection id is not consistent to collectionID in the context,alias or database may have changed");
  }
  refuseUnbuilt(request.queryParams);
  const filter = compile(collection, request.expr, request.exprTemplateValues);
  const plan = planOutputs(collection, request.outputFields, true);
  const aggregates = aggregatesOf(plan);
  if (filter.alwaysTrue && window.limit === -1 && aggregates.length === 0) throw invalid("empty expression should be used with limit");
  const partitionIds = partitionIdsOf(collection, request.partitionNames);
  if (aggregates.length > 0 && window.limit !== -1) throw invalid("count entities with pagination is not allowed");
  const scope = {
    collection,
    partitionIds: routed(collection, filter, loadedScope(collection, request.collectionName, partitionIds, "failed to query")),
    ignoreGrowing,
    ...(filter.program === undefined ? {} : { filter: filter.program }),
    lease: isIterator,
    ...(isIterator && request.guaranteeTimestamp > 0n ? { guaranteeTimestamp: request.guaranteeTimestamp } : {}),
  };
  const reply = { collectionName: request.collectionName, primaryFieldName: primaryField(collection.schema).name };
  if (aggregates.length > 0) {
    const { count, readTimestamp } = await call.engine.count(scope);
    const fieldsData = aggregates.map(({ name }) =>
      FieldData.encode({ type: DataType.Int64, fieldName: name, scalars: { longData: { data: [BigInt(count)] } } }),
    );
    return { ...reply, fieldsData, outputFields: aggregates.map(({ name }) => name), sessionTs: readTimestamp };
  }
  const { fields, readTimestamp } = await call.engine.query({ ...scope, ...window, outputs: plan.outputs, bytesMax: RESULT_BYTES_MAX });
  const zone = resultTimeZone(call.engine.catalog, collection, parameter(request.queryParams, "timezone"));
  const ids = plan.outputs.map(({ id }) => id);
  const fieldsData = withStructs(withMomentTexts(fields, ids, collection, zone), ids, collection.schema);
  return { ...reply, fieldsData, outputFields: plan.names, sessionTs: readTimestamp };
};

const milvus = services["milvus.proto.milvus.MilvusService"];

export const operations = [
  defineOperation(milvus.Query, {
    privilege: "Query",
    scope: "collection",
    built: "partly",
    note: "Filters, output fields, limit, offset, count(*), iterators; group_by_fields, order_by_fields and other aggregates are refused.",
    rest: queryRoutes(query),
    handle: query,
  }),
] as unknown as readonly AnyOperation[];
