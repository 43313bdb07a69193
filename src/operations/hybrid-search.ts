/**
 * Hybrid search: several searches over the vector fields of one collection, fused into one list by a ranker; then the output fields of the rows that are left
 * are fetched. Source: milvus internal/proxy/{task_search,search_pipeline}.go.
 */
import { requireCollection } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import { parseBool } from "../shared/booleans.js";
import { failure, invalid } from "../shared/errors.js";
import { HYBRID_SEARCHES_MAX } from "../shared/limits.js";
import {
  DataType,
  FieldData,
  type HybridSearchRequest,
  IDs,
  type SearchRequest,
  SearchResultData,
  type SearchResults,
  services,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { pickRows } from "../shared/rows/pick-rows.js";
import { primaryField } from "../shared/schema.js";
import { encodeKeys, type Key, keyFilter, keysIn } from "./by-keys.js";
import { groupedHits, groupingParams, groupNames, groupScorer, type Hit } from "./hybrid-groups.js";
import { hybridSearchRoutes } from "./hybrid-rest.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { type RankedHits, rankerOf } from "./rankers.js";
import { parameter, parseInteger, planOutputs } from "./reading.js";
import { windowMax } from "./result-window.js";
import { search } from "./search.js";
import { groupingOf } from "./search-group.js";
import { indexOf, metricOf, roundDecimalOf, vectorField } from "./search-params.js";
import { withStructs } from "./struct-rows.js";
import { databaseOf } from "./support.js";
import { resultTimeZone, withMomentTexts } from "./timestamptz.js";

const windowOf = (request: HybridSearchRequest, most: number): { limit: number; offset: number } => {
  const limitText = parameter(request.rankParams, "limit");
  if (limitText === undefined) throw invalid("limit not found in rank_params");
  const limit = parseInteger(limitText);
  if (limit === undefined) throw invalid(`limit [${limitText}] is invalid`);
  const offsetText = parameter(request.rankParams, "offset") ?? "0";
  const offset = parseInteger(offsetText);
  if (offset === undefined) throw invalid(`offset [${offsetText}] is invalid`);
  const refuse = (why: string) => invalid(`invalid max query result window, ${why}: invalid parameter`);
  if (offset < 0) throw refuse(`offset [${offset}] is invalid, should be gte than 0`);
  if (limit <= 0) throw refuse(`limit [${limit}] is invalid, should be greater than 0`);
  const sum = limit + offset;
  if (sum > most) throw refuse(`(offset+limit) should be in range [1, ${most}], but got ${sum}`);
  return { limit, offset };
};

const refuseUnbuilt = (request: HybridSearchRequest): void => {
  if ((parameter(request.rankParams, "order_by_fields") ?? "") !== "") throw invalid("order_by is not supported for hybrid search");
  if (request.functionScore !== undefined) throw invalid("function_score is not supported yet");
  if (request.functionChains.length > 0) throw invalid("function_chains is not supported for hybrid search yet");
};

interface SearchHits extends RankedHits {
  /** The name of each hit's group. */
  readonly groups: readonly string[];
}

/** One of the searches: the hits of each query vector. */
const oneSearch = async (
  call: Call,
  request: HybridSearchRequest,
  collection: Collection,
  sub: SearchRequest,
  most: number,
): Promise<SearchHits[]> => {
  const { dbName, collectionName, partitionNames } = request;
  const own = sub.searchParams.filter(({ key }) => key !== "offset");
  if (parseBool(parameter(own, "search_iter_v2") ?? "false") === true)
    throw invalid("search iterator v2 is not supported for hybrid search", { expected: "", actual: "" });
  const topK = own.some(({ key }) => key === "topk") ? [] : [{ key: "topk", value: String(most) }];
  const searchParams = [...own, ...topK, ...groupingParams(request.rankParams)];
  const reply = await search(call, { ...sub, dbName, collectionName, partitionNames, outputFields: [], searchParams });
  const results = SearchResultData.decode(reply.results as Buffer);
  const keys = keysIn(IDs.decode(results.ids));
  const groups = groupNames(results, keys.length);
  const field = vectorField(collection, searchParams);
  const metric = metricOf(indexOf(collection, field), field, searchParams);
  let at = 0;
  return results.topks.map((count) => {
    const end = at + Number(count);
    const hits = { metric, keys: keys.slice(at, end), scores: [...results.scores.slice(at, end)], groups: groups.slice(at, end) };
    at = end;
    return hits;
  });
};

const before = (one: Key, other: Key): number => (one < other ? -1 : one > other ? 1 : 0);

const rounded = (score: number, decimals: number): number => (decimals < 0 ? score : Number(score.toFixed(decimals)));

/** Output columns of these rows, in this order. */
const fetch = async (
  call: Call,
  request: HybridSearchRequest,
  collection: Collection,
  hits: readonly Hit[],
): Promise<[Buffer[], string[]]> => {
  const plan = planOutputs(collection, request.outputFields, false);
  if (plan.aggregates.length > 0) throw invalid("aggregates are not supported in search request");
  if (plan.outputs.length === 0) return [[], plan.names];
  const key = primaryField(collection.schema);
  const withKey = planOutputs(collection, [...request.outputFields, key.name], true);
  const keys = [...new Set(hits.map((hit) => hit.key))];
  const { program } = keyFilter(collection, keys);
  const filter = program === undefined ? {} : { filter: program };
  const { fields } = await call.engine.query({ collection, partitionIds: [], ...filter, limit: -1, offset: 0, outputs: withKey.outputs });
  const columns = fields.map((data) => FieldData.decode(data));
  const keyColumn = columns.find(({ fieldName }) => fieldName === key.name)?.scalars;
  const found = (key.dataType === DataType.VarChar ? keyColumn?.stringData?.data : keyColumn?.longData?.data) ?? [];
  const places = new Map<Key, number>([...found].map((each, row) => [each, row]));
  const rows = hits.map((hit) => places.get(hit.key));
  if (rows.includes(undefined)) throw failure("inconsistentRequery", {}, "rows went while they were read");
  const wanted = new Set(plan.outputs.map(({ id }) => id));
  const picked = columns.flatMap((column, at) => {
    const id = withKey.outputs[at]?.id ?? 0;
    return wanted.has(id) ? [{ id, data: FieldData.encode(pickRows(column, rows as number[], found.length)) }] : [];
  });
  const zone = resultTimeZone(call.engine.catalog, collection, parameter(request.rankParams, "timezone"));
  const ids = picked.map(({ id }) => id);
  const texts = withMomentTexts(
    picked.map(({ data }) => data),
    ids,
    collection,
    zone,
  );
  return [withStructs(texts, ids, collection.schema), plan.names];
};

const hybridSearch = async (call: Call, request: HybridSearchRequest): Promise<Init<SearchResults>> => {
  const collection = requireCollection(call.engine.catalog, databaseOf(call, request), request.collectionName);
  const { requests } = request;
  if (requests.length === 0) throw invalid("no search request in hybrid search");
  if (requests.length > HYBRID_SEARCHES_MAX) throw invalid(`maximum of ann search requests is ${HYBRID_SEARCHES_MAX}`);
  refuseUnbuilt(request);
  const window = windowOf(request, windowMax(collection));
  const decimals = roundDecimalOf(request.rankParams);
  const grouping = groupingOf(collection, request.rankParams);
  const scorer = groupScorer(request.rankParams);
  const ranker = rankerOf(request.rankParams, requests.length);
  const lists = await Promise.all(requests.map((sub) => oneSearch(call, request, collection, sub, window.limit + window.offset)));
  const queries = lists[0]?.length ?? 0;
  const odd = lists.find((list) => list.length !== queries);
  if (odd !== undefined)
    throw failure("invalidParameter", { expected: queries, actual: odd.length }, "sub search request nq should be the same");
  const perQuery = Array.from({ length: queries }, (_, query) => {
    const found = lists.map((list) => list[query] as SearchHits);
    const { scores, descending } = ranker.fuse(found);
    const better = (one: number, other: number): number => (descending ? other - one : one - other);
    const hits: Hit[] = [...scores].map(([key, score]) => ({ key, score }));
    hits.sort((one, other) => better(one.score, other.score) || before(one.key, other.key));
    if (grouping === undefined) return hits.slice(window.offset, window.offset + window.limit);
    const names = new Map(found.flatMap(({ keys, groups }) => keys.map((key, at) => [key, groups[at] ?? ""])));
    return groupedHits(hits, (key) => names.get(key) ?? "", grouping, scorer, better, window);
  });
  const hits = perQuery.flat();
  const [fieldsData, names] = await fetch(call, request, collection, hits);
  const key = primaryField(collection.schema);
  const keys = hits.map((hit) => hit.key);
  const results = SearchResultData.encode({
    numQueries: BigInt(queries),
    topK: BigInt(Math.max(0, ...perQuery.map((list) => list.length))),
    fieldsData,
    scores: Float32Array.from(hits, ({ score }) => rounded(score, decimals)),
    ids: encodeKeys(collection, keys),
    topks: perQuery.map((list) => BigInt(list.length)),
    outputFields: names,
    allSearchCount: BigInt(hits.length),
    primaryFieldName: key.name,
  });
  return { results, collectionName: request.collectionName };
};

const milvus = services["milvus.proto.milvus.MilvusService"];

export const operations = [
  defineOperation(milvus.HybridSearch, {
    privilege: "Search",
    scope: "collection",
    built: "partly",
    note: "RRF and weighted rankers, grouping. Function scores are not built.",
    rest: hybridSearchRoutes(hybridSearch),
    handle: hybridSearch,
  }),
] as unknown as readonly AnyOperation[];
