/** REST route of search: JSON vectors to the same request as the RPC's, hits back to rows in one flat list. */
import { requireCollection } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import { httpFailure, invalid, MilvusError } from "../shared/errors.js";
import {
  CollectionSchema,
  ConsistencyLevel,
  DataType,
  FieldData,
  type FieldSchema,
  IDs,
  type KeyValuePair,
  PlaceholderGroup,
  PlaceholderType,
  SearchRequest,
  SearchResultData,
  type SearchResults,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { restForm, resultsToHits } from "../shared/rows/decode.js";
import { rowsToFields } from "../shared/rows/encode.js";
import { isOfTerms, primaryField } from "../shared/schema.js";
import type { Call, RestReply, RestRoute } from "./operation.js";
import { vectorField } from "./search-params.js";
import { vectorBytes } from "./search-vectors.js";
import { type Body, integerIn, objectIn, parameterText, textIn, textsIn } from "./support.js";
import { templatesOf } from "./template-params.js";

type Search = (call: Call, request: SearchRequest) => Promise<Init<SearchResults>>;

export const LIMIT_DEFAULT = 100;
/** Parameters that the body names otherwise than the request. */
const PAIR_NAMES: Readonly<Record<string, string>> = {
  metricType: "metric_type",
  metric_type: "metric_type",
  ignoreGrowing: "ignore_growing",
};
const UNBUILT = ["functionScore", "functionChains", "searchAggregation", "orderByFields"];

const textPlaceholders = (data: readonly unknown[]): Buffer => {
  const values = data.map((text) => {
    if (typeof text !== "string") throw httpFailure("httpNotJson", `json: cannot unmarshal ${typeof text} into Go value of type string`);
    return Buffer.from(text);
  });
  return PlaceholderGroup.encode({ placeholders: [{ tag: "$0", type: PlaceholderType.VarChar, values }] });
};

/** Query vectors as the wire's clients send them: float32 little-endian, other elements as they are. */
export const placeholders = (field: FieldSchema, data: unknown): Buffer => {
  if (!Array.isArray(data))
    throw httpFailure("httpNotJson", "json: cannot unmarshal data into Go struct field SearchReqV2.Data of type []interface {}");
  if (isOfTerms(field)) return textPlaceholders(data);
  const schema = CollectionSchema.create({ fields: [{ ...field, nullable: false }] });
  const rows = data.map((vector: unknown) => ({ [field.name]: vector }));
  const [column] = rowsToFields(schema, rows, { dialect: "rest" });
  const { vectors } = FieldData.decode(column?.data ?? Buffer.alloc(0));
  const type = field.dataType as PlaceholderType;
  return PlaceholderGroup.encode({ placeholders: [{ tag: "$0", type, values: vectorBytes(vectors, rows.length) }] });
};

const idsOf = (collection: Collection, given: readonly unknown[]): IDs => {
  const isText = primaryField(collection.schema).dataType === DataType.VarChar;
  const refuse = (why: string) => new MilvusError(1100, `invalid parameter, error: ${why}: invalid parameter`);
  const texts = given.map((id, at) => {
    if (typeof id !== "string" && typeof id !== "number" && typeof id !== "bigint")
      throw refuse(`invalid id type at index ${at}: expected ${isText ? "string" : "int64"}, got ${typeof id}`);
    const text = String(id);
    if (isText && text === "") throw refuse(`empty string id at index ${at}`);
    if (!isText && !/^[+-]?\d+$/.test(text))
      throw refuse(
        typeof id === "number"
          ? `invalid int64 id at index ${at}: ${text} has fractional part`
          : `invalid int64 id at index ${at}: ${text}`,
      );
    return text;
  });
  return IDs.create(isText ? { strId: { data: texts } } : { intId: { data: texts.map((text) => BigInt(text.replace("+", ""))) } });
};

/** Primary keys, or vectors, never both. */
const inputOf = (collection: Collection, field: FieldSchema, body: Body): Pick<SearchRequest, "ids" | "placeholderGroup"> => {
  const ids = Array.isArray(body.ids) ? body.ids : [];
  const hasData = !Array.isArray(body.data) ? body.data !== undefined && body.data !== null : body.data.length > 0;
  if (ids.length > 0 && hasData)
    throw new MilvusError(
      1100,
      "primary keys (ids) and query vectors (data) are mutually exclusive. Please provide either 'ids' or 'data', not both",
    );
  if (ids.length > 0) return { ids: idsOf(collection, ids) };
  if (!hasData) throw new MilvusError(1802, "either 'ids' (for primary key search) or 'data' (for vector search) must be provided");
  return { placeholderGroup: placeholders(field, body.data) };
};

export const groupParams = (body: Body): KeyValuePair[] => {
  const field = textIn(body, "groupingField");
  if (field === "") return [];
  const size = integerIn(body, "groupSize") ?? 0;
  const strict = body.strictGroupSize === true;
  return [
    { key: "group_by_field", value: field },
    ...(size > 0
      ? [
          { key: "group_size", value: String(size) },
          { key: "strict_group_size", value: String(strict) },
        ]
      : []),
  ];
};

/** Two values of one parameter; `10.0` is `10`. */
const differ = (one: unknown, other: unknown): boolean => parameterText(one) !== parameterText(other);

/** Search parameters of a body: the `params` in them, and what is beside, as one JSON text; what is beside as pairs too. */
export const searchParamsIn = (given: Body): KeyValuePair[] => {
  const inner = given.params ?? undefined;
  if (inner !== undefined && (typeof inner !== "object" || Array.isArray(inner))) throw invalid("searchParams.params must be a dict");
  const nested: Body = { ...objectIn(given, "params") };
  const beside = Object.entries(given).filter(([key]) => key !== "params");
  const pairs = beside.map(([key, value]) => ({ key: PAIR_NAMES[key] ?? key, value: parameterText(value) }));
  for (const [key, value] of beside) {
    if (nested[key] !== undefined && differ(nested[key], value))
      throw invalid(
        `ambiguous parameter: ${key}, in search_param: ${parameterText(value)}, in search_param.params: ${parameterText(nested[key])}`,
      );
    if (PAIR_NAMES[key] !== "metric_type") nested[key] = value;
  }
  pairs.push({ key: "params", value: JSON.stringify(nested, (_, value) => (typeof value === "bigint" ? Number(value) : value)) });
  return pairs;
};

/** The level a read asks for; none: the collection's. Every read sees what was written before it, whatever is asked. */
export const consistencyIn = (body: Body): { consistencyLevel: ConsistencyLevel; useDefaultConsistency: boolean } => {
  const name = textIn(body, "consistencyLevel");
  if (name === "") return { consistencyLevel: ConsistencyLevel.Bounded, useDefaultConsistency: true };
  const level = Object.hasOwn(ConsistencyLevel, name) ? ConsistencyLevel[name as keyof typeof ConsistencyLevel] : undefined;
  if (level === undefined)
    throw invalid(
      `consistencyLevel can only be [Strong, Session, Bounded, Eventually, Customized], default: Bounded, err:parameter:'${name}' is incorrect, please check it`,
    );
  return { consistencyLevel: level, useDefaultConsistency: false };
};

/** Hits in one flat list, and how many each query vector has. */
export const hitsReply = (call: Call, collection: Collection, found: Init<SearchResults>): RestReply => {
  const results = SearchResultData.decode(found.results as Buffer);
  const hits = resultsToHits(results, restForm(call.allowInt64 ?? true));
  const key = primaryField(collection.schema).name;
  const data = hits.flat().map(({ id, distance, entity }) => ({ ...entity, [key]: id, distance }));
  return { cost: 0, data, topks: hits.map((list) => list.length) };
};

/** What is not built is refused where it is asked for; empty values ask for nothing. */
export const refuseUnbuilt = (body: Body, members: readonly string[]): void => {
  const asks = (value: unknown): boolean => {
    if (value === undefined || value === null || value === "") return false;
    return typeof value !== "object" || Object.values(value).some((item) => !Array.isArray(item) || item.length > 0);
  };
  const found = members.find((member) => asks(body[member]));
  if (found !== undefined) throw invalid(`${found} of search is not supported yet`);
};

const restSearch = async (call: Call, body: Body, search: Search): Promise<RestReply> => {
  refuseUnbuilt(body, UNBUILT);
  const consistency = consistencyIn(body);
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
    ...inputOf(collection, field, body),
    searchParams: [
      { key: "anns_field", value: field.name },
      { key: "topk", value: String(limit === 0 ? LIMIT_DEFAULT : limit) },
      { key: "offset", value: String(integerIn(body, "offset") ?? 0) },
      ...searchParamsIn(objectIn(body, "searchParams")),
      ...groupParams(body),
    ],
    ...consistency,
  });
  return hitsReply(call, collection, await search(call, request));
};

export const searchRoutes = (search: Search): RestRoute[] => [
  {
    route: "POST /v2/vectordb/entities/search",
    required: [{ name: "collectionName", goName: "SearchReqV2.CollectionName" }],
    handle: (call, body) => restSearch(call, body, search),
  },
];
