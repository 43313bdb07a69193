/** REST route of search: JSON vectors to the same request as the RPC's, hits back to rows in one flat list. */
import { requireCollection } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import { httpFailure, invalid, MilvusError } from "../shared/errors.js";
import {
  CollectionSchema,
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
import { type Body, integerIn, objectIn, textIn, textsIn } from "./support.js";
import { templatesOf } from "./template-params.js";

type Search = (call: Call, request: SearchRequest) => Promise<Init<SearchResults>>;

const LIMIT_DEFAULT = 100;
const UNBUILT = ["functionScore", "functionChains", "searchAggregation", "orderByFields"];

const textPlaceholders = (data: readonly unknown[]): Buffer => {
  const values = data.map((text) => {
    if (typeof text !== "string") throw httpFailure("httpNotJson", `json: cannot unmarshal ${typeof text} into Go value of type string`);
    return Buffer.from(text);
  });
  return PlaceholderGroup.encode({ placeholders: [{ tag: "$0", type: PlaceholderType.VarChar, values }] });
};

/** Query vectors as the wire's clients send them: float32 little-endian, other elements as they are. */
const placeholders = (field: FieldSchema, data: unknown): Buffer => {
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

const groupParams = (body: Body): KeyValuePair[] => {
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
    ...inputOf(collection, field, body),
    searchParams: [
      { key: "anns_field", value: field.name },
      { key: "topk", value: String(limit === 0 ? LIMIT_DEFAULT : limit) },
      { key: "offset", value: String(integerIn(body, "offset") ?? 0) },
      ...searchParams(body),
      ...groupParams(body),
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
    required: [{ name: "collectionName", goName: "SearchReqV2.CollectionName" }],
    handle: (call, body) => restSearch(call, body, search),
  },
];
