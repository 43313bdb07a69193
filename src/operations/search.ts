/** Vector search. Sources: milvus internal/proxy/{task_search,search_util}.go for the order and words of checks. */
import { hasPartitionKey, requireCollection } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import type { SearchRows } from "../engine/api.js";
import type { CoreSearchResult } from "../engine/core.js";
import { invalid, segcore } from "../shared/errors.js";
import { QUERY_VECTORS_MAX } from "../shared/limits.js";
import {
  DataType,
  type FieldSchema,
  PlaceholderGroup,
  PlaceholderType,
  type SearchIteratorV2Results,
  type SearchRequest,
  SearchResultData,
  type SearchResults,
  services,
} from "../shared/proto/generated/messages.js";
import { type Init, WireError } from "../shared/proto/wire.js";
import { primaryField } from "../shared/schema.js";
import { lookOf } from "./look.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { routed } from "./partition-routing.js";
import { compile, ignoresGrowing, loadedScope, type OutputPlan, parameter, parseInteger, partitionIdsOf, planOutputs } from "./reading.js";
import { type IteratorPage, iteratorPage, pageRange, pageReply, pageSize } from "./search-iterator.js";
import { indexOf, indexParams, metricOf, rangeOf, roundDecimalOf, vectorField, windowOf } from "./search-params.js";
import { searchRoutes } from "./search-rest.js";
import { databaseOf } from "./support.js";
import { resultTimeZone, withMomentTexts } from "./timestamptz.js";

interface QueryVectors {
  readonly type: number;
  readonly values: readonly Buffer[];
}

const queryVectors = (request: SearchRequest): QueryVectors => {
  if (request.ids !== undefined) throw invalid("search by primary keys is not supported yet");
  let group: PlaceholderGroup;
  try {
    group = PlaceholderGroup.decode(request.placeholderGroup ?? Buffer.alloc(0));
  } catch (error) {
    if (error instanceof WireError) throw invalid(`failed to parse placeholder group: ${error.message}`);
    throw error;
  }
  const [placeholder] = group.placeholders;
  const values = placeholder?.values ?? [];
  const nq = request.nq > 0n ? Number(request.nq) : values.length;
  if (nq <= 0 || nq > QUERY_VECTORS_MAX) {
    throw invalid(
      `nq [${nq}] is invalid, nq (number of search vector per search request) should be in range [1, ${QUERY_VECTORS_MAX}], but got ${nq}: invalid parameter`,
    );
  }
  if (values.length !== nq) throw invalid(`nq [${nq}] is invalid, the request carries ${values.length} vectors`);
  return { type: placeholder?.type ?? PlaceholderType.None, values };
};

const ELEMENT_BYTES: Readonly<Record<number, number>> = {
  [DataType.BinaryVector]: 1 / 8,
  [DataType.Int8Vector]: 1,
  [DataType.Float16Vector]: 2,
  [DataType.BFloat16Vector]: 2,
  [DataType.FloatVector]: 4,
};

const checkPlaceholder = (field: FieldSchema, vectors: QueryVectors): void => {
  // The codes of plain vectors are the same in both enums.
  if ((vectors.type as number) !== field.dataType) {
    throw segcore(
      2042,
      `vector type must be the same, field ${field.name} - type ${segcoreType(field.dataType)}, search ph type ${segcoreType(vectors.type)}`,
    );
  }
  if (field.dataType === DataType.SparseFloatVector) return;
  const width = Number(parameter(field.typeParams, "dim")) * (ELEMENT_BYTES[field.dataType] ?? 0);
  for (const value of vectors.values) {
    if (value.length !== width)
      throw segcore(2032, `vector dimension mismatch, expected vector size(byte) ${width}, actual ${value.length}.`);
  }
};

const SEGCORE_TYPES: Record<number, string> = {
  [DataType.BinaryVector]: "VECTOR_BINARY",
  [DataType.FloatVector]: "VECTOR_FLOAT",
  [DataType.Float16Vector]: "VECTOR_FLOAT16",
  [DataType.BFloat16Vector]: "VECTOR_BFLOAT16",
  [DataType.SparseFloatVector]: "VECTOR_SPARSE_U32_F32",
  [DataType.Int8Vector]: "VECTOR_INT8",
  [DataType.VarChar]: "VARCHAR",
};
const segcoreType = (type: number): string => SEGCORE_TYPES[type] ?? "NONE";

/** Parts of search that are not built: said so instead of ignored. */
const refuseUnbuilt = (request: SearchRequest): void => {
  for (const key of ["group_by_field", "group_by_fields", "order_by_fields"]) {
    if ((parameter(request.searchParams, key) ?? "") !== "") throw invalid(`${key} of search is not supported yet`);
  }
  if (request.subReqs.length > 0) throw invalid("hybrid search is not supported yet");
  if (request.functionScore !== undefined) throw invalid("function_score is not supported yet");
  if (request.functionChains.length > 0) throw invalid("function_chains is not supported yet");
  if (request.highlighter !== undefined) throw invalid("highlighter is not supported yet");
  if (request.searchAggregation !== undefined) throw invalid("search_aggregation is not supported yet");
};

/** The hits of an iterator's page, all at one moment. */
const searchPage = async (call: Call, asked: SearchRows, page: IteratorPage): ReturnType<Call["engine"]["search"]> => {
  let moment = asked.guaranteeTimestamp;
  const find = async (limit: number, outputs: SearchRows["outputs"]) => {
    const at = moment === undefined ? {} : { guaranteeTimestamp: moment };
    const found = await call.engine.search({ ...asked, ...at, limit, offset: 0, outputs });
    moment ??= found.readTimestamp;
    return found;
  };
  const size = await pageSize(page, (limit) => find(limit, []));
  return find(Math.max(size, 1), asked.outputs);
};

const encodeResults = (
  collection: Collection,
  plan: OutputPlan,
  result: CoreSearchResult,
  page?: SearchIteratorV2Results & { readonly roundDecimal: number },
): Buffer => {
  const scores = new Float32Array(result.scores.length / 4);
  const decimals = page?.roundDecimal ?? -1;
  for (let i = 0; i < scores.length; i++) {
    const score = result.scores.readFloatLE(4 * i);
    scores[i] = decimals < 0 ? score : Number(score.toFixed(decimals));
  }
  return SearchResultData.encode({
    numQueries: BigInt(result.topks.length),
    topK: BigInt(result.topks.at(-1) ?? 0),
    fieldsData: result.fields,
    scores,
    ids: result.ids,
    topks: result.topks.map(BigInt),
    outputFields: plan.names,
    allSearchCount: BigInt(scores.length),
    primaryFieldName: primaryField(collection.schema).name,
    ...(page === undefined ? {} : { searchIteratorV2Results: page }),
  });
};

export const search = async (call: Call, request: SearchRequest): Promise<Init<SearchResults>> => {
  const database = databaseOf(call, request);
  const collection = requireCollection(call.engine.catalog, database, request.collectionName);
  if (hasPartitionKey(collection) && request.partitionNames.length > 0) {
    throw invalid("not support manually specifying the partition names if partition key mode is used");
  }
  const partitionIds = partitionIdsOf(collection, request.partitionNames);
  const plan = planOutputs(collection, request.outputFields, false);
  if (plan.aggregates.length > 0) throw invalid("aggregates are not supported in search request");
  const vectors = queryVectors(request);
  const ignoreGrowing = ignoresGrowing(request.searchParams);
  refuseUnbuilt(request);
  const params = request.searchParams;
  const isIterator = parameter(params, "iterator")?.toLowerCase() === "true";
  const field = vectorField(collection, params);
  const window = windowOf(params, isIterator);
  const collectionId = parseInteger(parameter(params, "collection_id") ?? "0") ?? 0;
  if (collectionId > 0 && BigInt(parameter(params, "collection_id") as string) !== collection.id) {
    throw invalid(
      `collection id:${parameter(params, "collection_id")} in the request is not consistent to that in the search context,alias or database may have been changed: ${collection.id}`,
    );
  }
  const roundDecimal = roundDecimalOf(params);
  const filter = compile(collection, request.dsl, request.exprTemplateValues);
  const scope = routed(collection, filter, loadedScope(collection, request.collectionName, partitionIds, "failed to search"));
  const index = indexOf(collection, field);
  const metric = metricOf(index, field, params);
  const extra = indexParams(params);
  checkPlaceholder(field, vectors);
  const page = iteratorPage(params, isIterator, window.offset, () => call.engine.ids(1));
  const range = rangeOf(extra, metric);
  const asked = {
    collection,
    partitionIds: scope,
    ignoreGrowing,
    fieldId: field.fieldID,
    metric,
    vectors: vectors.values.length === 1 ? (vectors.values[0] as Buffer) : Buffer.concat(vectors.values),
    ...(field.dataType === DataType.SparseFloatVector ? { lengths: vectors.values.map((value) => value.length) } : {}),
    ...window,
    look: lookOf(params, extra, window.limit + window.offset, index),
    ...range,
    ...(page === undefined ? {} : { rangeFilter: pageRange(page, metric, range.rangeFilter) }),
    // A page's bound is a score as it is.
    roundDecimal: page === undefined ? roundDecimal : -1,
    outputs: plan.outputs,
    ...(filter.program === undefined ? {} : { filter: filter.program }),
    lease: isIterator,
    ...(isIterator && request.guaranteeTimestamp > 0n ? { guaranteeTimestamp: request.guaranteeTimestamp } : {}),
  };
  const result = page === undefined ? await call.engine.search(asked) : await searchPage(call, asked, page);
  const zone = resultTimeZone(call.engine.catalog, collection, parameter(params, "timezone"));
  const fields = withMomentTexts(
    result.fields,
    plan.outputs.map(({ id }) => id),
    collection,
    zone,
  );
  return {
    results: encodeResults(collection, plan, { ...result, fields }, page && { ...pageReply(page, metric, result), roundDecimal }),
    collectionName: request.collectionName,
    sessionTs: result.readTimestamp,
  };
};

const milvus = services["milvus.proto.milvus.MilvusService"];

export const operations = [
  defineOperation(milvus.Search, {
    privilege: "Search",
    scope: "collection",
    built: "partly",
    note: "All vector types, those that are not float by exact scans; L2, IP, COSINE, HAMMING, JACCARD; filters, range search, offset, output fields, iterators of both kinds. Grouping, order_by, rerankers, search by ids and highlighting are refused.",
    rest: searchRoutes(search),
    handle: search,
  }),
] as unknown as readonly AnyOperation[];
