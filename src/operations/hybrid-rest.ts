/** REST routes of hybrid search: several searches and a ranker in one body. Source: milvus internal/distributed/proxy/httpserver/handler_v2.go. */
import { requireCollection } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import { invalid } from "../shared/errors.js";
import { HybridSearchRequest, SearchRequest, type SearchResults } from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import type { Call, RestReply, RestRoute } from "./operation.js";
import { vectorField } from "./search-params.js";
import { consistencyIn, groupParams, hitsReply, LIMIT_DEFAULT, placeholders, refuseUnbuilt, searchParamsIn } from "./search-rest.js";
import {
  type Body,
  integerIn,
  missingMembers,
  objectIn,
  objectsIn,
  parameterText,
  required,
  restDatabase,
  textIn,
  textsIn,
} from "./support.js";
import { templatesOf } from "./template-params.js";

type HybridSearch = (call: Call, request: HybridSearchRequest) => Promise<Init<SearchResults>>;

const pair = (key: string, value: unknown) => ({ key, value: parameterText(value) });

/** One of the searches. Without a limit it finds as many as the whole. */
const subRequest = (collection: Collection, body: Body): SearchRequest => {
  const field = vectorField(
    collection,
    [pair("anns_field", textIn(body, "annsField"))].filter(({ value }) => value !== ""),
  );
  const limit = integerIn(body, "limit") ?? 0;
  const metric = textIn(body, "metricType");
  return SearchRequest.create({
    dsl: textIn(body, "filter"),
    exprTemplateValues: templatesOf(body),
    placeholderGroup: placeholders(field, body.data),
    searchParams: [
      ...searchParamsIn({ ...objectIn(body, "params"), ...(metric === "" ? {} : { metricType: metric }) }),
      ...(limit === 0 ? [] : [pair("topk", limit)]),
      pair("offset", integerIn(body, "offset") ?? 0),
      pair("anns_field", field.name),
    ],
  });
};

const restHybridSearch = async (call: Call, body: Body, search: HybridSearch): Promise<RestReply> => {
  const consistency = consistencyIn(body);
  const searches = objectsIn(body, "search");
  const bare = searches.flatMap(({ data }, at) => (data === undefined || data === null ? [`HybridSearchReq.Search[${at}].Data`] : []));
  if (bare.length > 0) throw missingMembers(bare);
  if ([body, ...searches].some(({ searchAggregation }) => searchAggregation !== undefined && searchAggregation !== null))
    throw invalid("searchAggregation is not supported for hybrid search");
  if (objectsIn(body, "functionChains").length > 0) throw invalid("functionChains is not supported for hybrid search yet");
  refuseUnbuilt(body, ["functionScore"]);
  const collectionName = textIn(body, "collectionName");
  const { dbName } = restDatabase(call, body);
  const collection = requireCollection(call.engine.catalog, dbName, collectionName);
  const rerank = objectIn(body, "rerank");
  const limit = integerIn(body, "limit") ?? 0;
  const request = HybridSearchRequest.create({
    dbName,
    collectionName,
    partitionNames: textsIn(body, "partitionNames"),
    outputFields: textsIn(body, "outputFields"),
    requests: searches.map((each) => subRequest(collection, each)),
    rankParams: [
      pair("strategy", textIn(rerank, "strategy")),
      pair("params", rerank.params ?? null),
      pair("limit", limit === 0 ? LIMIT_DEFAULT : limit),
      pair("offset", integerIn(body, "offset") ?? 0),
      pair("round_decimal", -1),
      ...groupParams(body),
    ],
    ...consistency,
  });
  return hitsReply(call, collection, await search(call, request));
};

/** One route under its two names. */
export const hybridSearchRoutes = (search: HybridSearch): RestRoute[] =>
  ["hybrid_search", "advanced_search"].map((name) => ({
    route: `POST /v2/vectordb/entities/${name}`,
    required: required("HybridSearchReq", "collectionName"),
    handle: (call, body) => restHybridSearch(call, body, search),
  }));
