/** REST route of search: JSON vectors to the same request as the RPC's, hits back to rows in one flat list. */
import { requireCollection } from "../catalog/read.js";
import { httpFailure, invalid } from "../shared/errors.js";
import {
  DataType,
  type FieldSchema,
  type KeyValuePair,
  PlaceholderGroup,
  PlaceholderType,
  SearchRequest,
  SearchResultData,
  type SearchResults,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { restForm, resultsToHits } from "../shared/rows/decode.js";
import { primaryField } from "../shared/schema.js";
import type { Call, RestReply, RestRoute } from "./operation.js";
import { vectorField } from "./search-params.js";
import { type Body, integerIn, objectIn, textIn, textsIn } from "./support.js";
import { templatesOf } from "./template-params.js";

type Search = (call: Call, request: SearchRequest) => Promise<Init<SearchResults>>;

const LIMIT_DEFAULT = 100;
const UNBUILT = ["groupingField", "functionScore", "functionChains", "searchAggregation", "ids", "orderByFields"];

/** Query vectors as float32 little-endian, one value each. */
const placeholders = (field: FieldSchema, data: unknown): Buffer => {
  if (field.dataType !== DataType.FloatVector) throw invalid(`searching field ${field.name} through REST is not supported yet`);
  if (!Array.isArray(data))
    throw httpFailure("httpNotJson", "json: cannot unmarshal data into Go struct field SearchReqV2.Data of type []interface {}");
  const values = data.map((vector: unknown) => {
    const numbers = Array.isArray(vector) ? vector.map(Number) : [Number.NaN];
    if (numbers.some(Number.isNaN)) throw httpFailure("httpNotJson", "vectors must be arrays of numbers");
    return Buffer.from(Float32Array.from(numbers).buffer);
  });
  return PlaceholderGroup.encode({ placeholders: [{ tag: "$0", type: PlaceholderType.FloatVector, values }] });
};

/** `searchParams` of a body: known members as pairs, `params` as JSON text. */
const searchParams = (body: Body): KeyValuePair[] => {
  const given = objectIn(body, "searchParams");
  const pairs: KeyValuePair[] = [];
  const nested: Body = { ...objectIn(given, "params") };
  for (const [key, value] of Object.entries(given)) {
    if (key === "params") continue;
    if (key === "metricType" || key === "metric_type") pairs.push({ key: "metric_type", value: String(value) });
    else nested[key] = value;
  }
  pairs.push({ key: "params", value: JSON.stringify(nested, (_, value) => (typeof value === "bigint" ? Number(value) : value)) });
  return pairs;
};

const restSearch = async (call: Call, body: Body, search: Search): Promise<RestReply> => {
  for (const member of UNBUILT) {
    const value = body[member];
    if (value !== undefined && value !== null && value !== "") throw invalid(`${member} of search is not supported yet`);
  }
  const collection = requireCollection(call.engine.catalog, call.databaseName, textIn(body, "collectionName"));
  const annsField = textIn(body, "annsField");
  const field = vectorField(collection, annsField === "" ? [] : [{ key: "anns_field", value: annsField }]);
  const limit = integerIn(body, "limit") ?? 0;
  const request = SearchRequest.create({
    dbName: call.databaseName,
    collectionName: textIn(body, "collectionName"),
    partitionNames: textsIn(body, "partitionNames"),
    dsl: textIn(body, "filter"),
    exprTemplateValues: templatesOf(body),
    outputFields: textsIn(body, "outputFields"),
    placeholderGroup: placeholders(field, body.data),
    searchParams: [
      { key: "anns_field", value: field.name },
      { key: "topk", value: String(limit === 0 ? LIMIT_DEFAULT : limit) },
      { key: "offset", value: String(integerIn(body, "offset") ?? 0) },
      ...searchParams(body),
    ],
    useDefaultConsistency: true,
  });
  const results = SearchResultData.decode((await search(call, request)).results as Buffer);
  const hits = resultsToHits(results, restForm(call.allowInt64 ?? true));
  const key = primaryField(collection.schema).name;
  const data = hits.flat().map(({ id, distance, entity }) => ({ ...entity, [key]: id, distance }));
  return { cost: 0, data, topks: hits.map((list) => list.length) };
};

export const searchRoutes = (search: Search): RestRoute[] => [
  {
    route: "POST /v2/vectordb/entities/search",
    required: [
      { name: "collectionName", goName: "SearchReqV2.CollectionName" },
      { name: "data", goName: "SearchReqV2.Data" },
    ],
    handle: (call, body) => restSearch(call, body, search),
  },
];
