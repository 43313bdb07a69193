/**
 * Hybrid search: several searches over the vector fields of one collection, fused into one list by a ranker; then the output fields of the rows that are left
 * are fetched. Source: milvus internal/proxy/{task_search,search_pipeline}.go.
 */
import { requireCollection } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import { failure, invalid, missing } from "../shared/errors.js";
import { HYBRID_SEARCHES_MAX, RESULT_WINDOW_MAX } from "../shared/limits.js";
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
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { type RankedHits, rankerOf } from "./rankers.js";
import { compile, parameter, parseInteger, planOutputs } from "./reading.js";
import { search } from "./search.js";
import { indexOf, metricOf, roundDecimalOf, vectorField } from "./search-params.js";
import { databaseOf } from "./support.js";
import { resultTimeZone, withMomentTexts } from "./timestamptz.js";

type Key = bigint | string;

const keysIn = (ids: IDs): readonly Key[] => (ids.strId === undefined ? (ids.intId?.data ?? []) : ids.strId.data);

const windowOf = (request: HybridSearchRequest): { limit: number; offset: number } => {
  const limitText = parameter(request.rankParams, "limit");
  if (limitText === undefined) throw missing("limit not found in rank_params");
  const limit = parseInteger(limitText);
  const offset = parseInteger(parameter(request.rankParams, "offset") ?? "0");
  if (limit === undefined || offset === undefined) throw invalid(`limit [${limitText}] is invalid`);
  const sum = limit + offset;
  if (limit <= 0 || offset < 0 || sum > RESULT_WINDOW_MAX)
    throw invalid(`invalid max query result window, (offset+limit) should be in range [1, ${RESULT_WINDOW_MAX}], but got ${sum}`);
  return { limit, offset };
};

const refuseUnbuilt = (request: HybridSearchRequest): void => {
  for (const key of ["group_by_field", "group_by_fields", "order_by_fields"]) {
    if ((parameter(request.rankParams, key) ?? "") !== "") throw invalid(`${key} of hybrid search is not supported yet`);
  }
  if (request.functionScore !== undefined) throw invalid("function_score is not supported yet");
  if (request.functionChains.length > 0) throw invalid("function_chains is not supported for hybrid search yet");
};

/** One of the searches: the hits of each query vector. */
const oneSearch = async (
  call: Call,
  request: HybridSearchRequest,
  collection: Collection,
  sub: SearchRequest,
  most: number,
): Promise<RankedHits[]> => {
  const { dbName, collectionName, partitionNames } = request;
  const own = sub.searchParams.filter(({ key }) => key !== "offset");
  const searchParams = own.some(({ key }) => key === "topk") ? own : [...own, { key: "topk", value: String(most) }];
  const reply = await search(call, { ...sub, dbName, collectionName, partitionNames, outputFields: [], searchParams });
  const results = SearchResultData.decode(reply.results as Buffer);
  const keys = keysIn(IDs.decode(results.ids));
  const field = vectorField(collection, searchParams);
  const metric = metricOf(indexOf(collection, field), field, searchParams);
  let at = 0;
  return results.topks.map((count) => {
    const end = at + Number(count);
    const hits = { metric, keys: keys.slice(at, end), scores: [...results.scores.slice(at, end)] };
    at = end;
    return hits;
  });
};

interface Hit {
  readonly key: Key;
  readonly score: number;
}

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
  const literals = keys.map((each) => (typeof each === "string" ? JSON.stringify(each) : each.toString()));
  const { program } = compile(collection, `${key.name} in [${literals.join(",")}]`, new Map());
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
  const texts = withMomentTexts(
    picked.map(({ data }) => data),
    picked.map(({ id }) => id),
    collection,
    zone,
  );
  return [texts, plan.names];
};

const hybridSearch = async (call: Call, request: HybridSearchRequest): Promise<Init<SearchResults>> => {
  const collection = requireCollection(call.engine.catalog, databaseOf(call, request), request.collectionName);
  const { requests } = request;
  if (requests.length === 0) throw invalid("no search request in hybrid search");
  if (requests.length > HYBRID_SEARCHES_MAX) throw invalid(`maximum of ann search requests is ${HYBRID_SEARCHES_MAX}`);
  refuseUnbuilt(request);
  const { limit, offset } = windowOf(request);
  const decimals = roundDecimalOf(request.rankParams);
  const ranker = rankerOf(request.rankParams, requests.length);
  const lists = await Promise.all(requests.map((sub) => oneSearch(call, request, collection, sub, limit + offset)));
  const queries = lists[0]?.length ?? 0;
  if (lists.some((list) => list.length !== queries)) throw invalid("sub search request nq should be the same");
  const perQuery = Array.from({ length: queries }, (_, query) => {
    const { scores, descending } = ranker.fuse(lists.map((list) => list[query] as RankedHits));
    const hits: Hit[] = [...scores].map(([key, score]) => ({ key, score }));
    const better = (one: Hit, other: Hit): number =>
      (descending ? other.score - one.score : one.score - other.score) || before(one.key, other.key);
    return hits.sort(better).slice(offset, offset + limit);
  });
  const hits = perQuery.flat();
  const [fieldsData, names] = await fetch(call, request, collection, hits);
  const key = primaryField(collection.schema);
  const keys = hits.map((hit) => hit.key);
  const ids = key.dataType === DataType.VarChar ? { strId: { data: keys as string[] } } : { intId: { data: keys as bigint[] } };
  const results = SearchResultData.encode({
    numQueries: BigInt(queries),
    topK: BigInt(Math.max(0, ...perQuery.map((list) => list.length))),
    fieldsData,
    scores: Float32Array.from(hits, ({ score }) => rounded(score, decimals)),
    ids: IDs.encode(ids),
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
    note: "RRF and weighted rankers. Grouping, order, function scores and REST are not built.",
    handle: hybridSearch,
  }),
] as unknown as readonly AnyOperation[];
