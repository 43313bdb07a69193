/** Vector search. Sources: milvus internal/proxy/{task_search,search_util}.go for the order and words of checks. */
import { hasPartitionKey, requireCollection } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import type { SearchRows } from "../engine/api.js";
import type { CoreSearchResult } from "../engine/core.js";
import { invalid } from "../shared/errors.js";
import { RESULT_BYTES_MAX } from "../shared/limits.js";
import {
  DataType,
  FieldData,
  type FieldSchema,
  PlaceholderType,
  type SearchIteratorV2Results,
  type SearchRequest,
  SearchResultData,
  type SearchResults,
  services,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { primaryField } from "../shared/schema.js";
import { bm25Of, lookOf } from "./look.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { routed } from "./partition-routing.js";
import { isIsolated } from "./property-rules.js";
import { compile, ignoresGrowing, loadedScope, type OutputPlan, parameter, parseInteger, partitionIdsOf, planOutputs } from "./reading.js";
import { topKMax } from "./result-window.js";
import { encodeNames, keepSearch, searchAgain } from "./search-again.js";
import { checkGrouping, type Grouping, groupingOf } from "./search-group.js";
import { type IteratorPage, iteratorPage, searchPage } from "./search-iterator.js";
import {
  checkHints,
  indexOf,
  indexParams,
  metricOf,
  nestedParams,
  rangeOf,
  roundDecimalOf,
  vectorField,
  windowOf,
} from "./search-params.js";
import { searchRoutes } from "./search-rest.js";
import { checkVectors, convertedVectors, givenVectors, type QueryVectors, storedVectors } from "./search-vectors.js";
import { structOf, withStructs } from "./struct-rows.js";
import { databaseOf } from "./support.js";
import { hasMoments, resultTimeZone, withMomentTexts } from "./timestamptz.js";

/** Parts of search that are not built: said so instead of ignored. */
const refuseUnbuilt = (request: SearchRequest): void => {
  if ((parameter(request.searchParams, "order_by_fields") ?? "") !== "") throw invalid("order_by_fields of search is not supported yet");
  if (request.subReqs.length > 0) throw invalid("hybrid search is not supported yet");
  if (request.functionScore !== undefined) throw invalid("function_score is not supported yet");
  if (request.functionChains.length > 0) throw invalid("function_chains is not supported yet");
  if (request.highlighter !== undefined) throw invalid("highlighter is not supported yet");
  if (request.searchAggregation !== undefined) throw invalid("search_aggregation is not supported yet");
};

interface Told {
  readonly result: CoreSearchResult;
  /** Search by primary keys: which of them have a vector. */
  readonly valid?: readonly boolean[];
  readonly grouping?: Grouping;
  readonly iterator?: SearchIteratorV2Results;
  /** Of scores that the core has not rounded. */
  readonly roundDecimal: number;
}

/** The values that hits are grouped by, where the client looks for them. */
const groupValues = ({ result, grouping }: Told): Pick<Init<SearchResultData>, "groupByFieldValue" | "groupByFieldValues"> => {
  if (grouping === undefined) return {};
  const values = result.groups.map((data) => FieldData.decode(data));
  const [only] = values;
  return grouping.singular && only !== undefined ? { groupByFieldValue: only } : { groupByFieldValues: values };
};

const encodeResults = (collection: Collection, plan: OutputPlan, told: Told): Buffer => {
  const { result, valid, iterator, roundDecimal } = told;
  const scores = new Float32Array(result.scores.length / 4);
  for (let i = 0; i < scores.length; i++) {
    const score = result.scores.readFloatLE(4 * i);
    scores[i] = roundDecimal < 0 ? score : Number(score.toFixed(roundDecimal));
  }
  let next = 0;
  const topks = valid === undefined ? result.topks : valid.map((isThere) => (isThere ? (result.topks[next++] ?? 0) : 0));
  return SearchResultData.encode({
    numQueries: BigInt(topks.length),
    topK: BigInt(topks.at(-1) ?? 0),
    fieldsData: result.fields,
    scores,
    ids: result.ids,
    topks: topks.map(BigInt),
    outputFields: plan.names,
    allSearchCount: BigInt(scores.length),
    primaryFieldName: primaryField(collection.schema).name,
    ...groupValues(told),
    ...(iterator === undefined ? {} : { searchIteratorV2Results: iterator }),
  });
};

/** A search after its checks. */
interface Prepared {
  readonly asked: SearchRows;
  readonly grouping?: Grouping;
  readonly page?: IteratorPage;
  readonly roundDecimal: number;
}

/** What a request's parameters say, in Milvus's order of checks. */
const infoOf = (call: Call, request: SearchRequest, collection: Collection) => {
  const params = request.searchParams;
  const isIterator = ["true", "True"].includes(parameter(params, "iterator") ?? "");
  if ((parameter(params, "anns_field") ?? "") === "") vectorField(collection, params);
  const window = windowOf(params, isIterator, topKMax(collection));
  const roundDecimal = roundDecimalOf(params);
  const grouping = groupingOf(collection, params);
  if (isIterator && grouping !== undefined) throw refusal("Not allowed to do groupBy when doing iteration");
  const nested = nestedParams(params);
  checkRangeForm(nested, grouping !== undefined);
  const page = iteratorPage({
    params,
    isIterator,
    offset: window.offset,
    isGrouped: grouping !== undefined,
    most: topKMax(collection),
    newId: () => call.engine.ids(1),
  });
  checkCollectionId(collection, parameter(params, "collection_id") ?? "0");
  const field = vectorField(collection, params);
  if (grouping !== undefined && field.dataType === DataType.BinaryVector)
    throw invalid("not support search_group_by operation based on binary vector column");
  return { params, isIterator, window, roundDecimal, grouping, nested, page, field };
};

/** Query vectors as they came; or the texts that a field of terms is searched for. */
const queriesOf = (
  field: FieldSchema,
  { type, values }: QueryVectors,
  bm25: () => ReturnType<typeof bm25Of>,
): Pick<SearchRows, "vectors" | "lengths" | "texts"> => {
  if (type === PlaceholderType.VarChar) return { vectors: Buffer.alloc(0), texts: { values, ...bm25() } };
  const vectors = values.length === 1 ? (values[0] as Buffer) : Buffer.concat(values);
  return field.dataType === DataType.SparseFloatVector ? { vectors, lengths: values.map((value) => value.length) } : { vectors };
};

const prepare = (call: Call, request: SearchRequest, collection: Collection, given: QueryVectors, plan: OutputPlan): Prepared => {
  const ignoreGrowing = ignoresGrowing(request.searchParams);
  refuseUnbuilt(request);
  const { params, isIterator, window, roundDecimal, grouping, nested, page, field } = infoOf(call, request, collection);
  const filter = compile(collection, request.dsl, request.exprTemplateValues);
  if (filter.isolationFault !== undefined && isIsolated(collection)) throw invalid(filter.isolationFault);
  const vectors = convertedVectors(field, given);
  const partitionIds = partitionIdsOf(collection, request.partitionNames);
  const scope = routed(collection, filter, loadedScope(collection, request.collectionName, partitionIds, "failed to search"));
  const index = indexOf(collection, field);
  const metric = metricOf(index, field, params);
  checkHints(params, nested);
  if (grouping !== undefined) checkGrouping(grouping);
  checkVectors(field, vectors);
  const extra = indexParams(params);
  // Groups, pages and ranges are not cut from one list of hits, so nothing must be as long as it.
  const isCut = grouping === undefined && page === undefined && nested.radius === undefined;
  const asked: SearchRows = {
    collection,
    partitionIds: scope,
    ignoreGrowing,
    fieldId: field.fieldID,
    metric,
    ...queriesOf(field, vectors, () => bm25Of(params, extra, index)),
    ...window,
    look: lookOf(params, extra, isCut ? window.limit + window.offset : 1, index),
    ...rangeOf(nested, metric),
    // A page's bound is a score as it is.
    roundDecimal: page === undefined ? roundDecimal : -1,
    outputs: plan.outputs,
    bytesMax: RESULT_BYTES_MAX,
    ...(filter.program === undefined ? {} : { filter: filter.program }),
    ...(grouping === undefined ? {} : { groupBy: grouping.by }),
    lease: isIterator,
    ...(isIterator && request.guaranteeTimestamp > 0n ? { guaranteeTimestamp: request.guaranteeTimestamp } : {}),
  };
  return {
    asked,
    ...(grouping === undefined ? {} : { grouping }),
    ...(page === undefined ? {} : { page }),
    roundDecimal: page === undefined ? -1 : roundDecimal,
  };
};

const refusal = (words: string) => invalid(words, { expected: "", actual: "" });

const checkRangeForm = (nested: Readonly<Record<string, unknown>>, isGrouped: boolean): void => {
  const isRange = nested.radius !== undefined;
  if (!isRange && nested.range_filter !== undefined)
    throw invalid("range_filter requires radius to be set; range_filter alone is not a valid range search parameter", {
      expected: "range_filter",
      actual: "",
    });
  if (isRange && isGrouped) throw refusal("Not allowed to do range-search when doing search-group-by");
};

const checkCollectionId = (collection: Collection, text: string): void => {
  const id = parseInteger(text) ?? 0;
  if (id > 0 && BigInt(text) !== collection.id)
    throw invalid(
      `collection id:${text} in the request is not consistent to that in the search context,alias or database may have been changed: ${collection.id}`,
    );
};

export const search = async (call: Call, request: SearchRequest, encoded?: Buffer): Promise<Init<SearchResults>> => {
  const { catalog } = call.engine;
  const database = databaseOf(call, request);
  const collection = requireCollection(catalog, database, request.collectionName);
  if (hasPartitionKey(collection) && request.partitionNames.length > 0) {
    throw invalid("not support manually specifying the partition names if partition key mode is used");
  }
  const stored = await storedVectors(call, collection, request);
  partitionIdsOf(collection, request.partitionNames);
  const plan = planOutputs(collection, request.outputFields, false);
  if (plan.aggregates.length > 0) throw invalid("aggregates are not supported in search request");
  const vectors = stored ?? givenVectors(request);
  const { asked, page, grouping, roundDecimal } = prepare(call, request, collection, vectors, plan);
  const found = page === undefined ? await call.engine.search(asked) : await searchPage({ engine: call.engine, request, asked, page });
  const zone = resultTimeZone(catalog, collection, parameter(request.searchParams, "timezone"));
  const ids = plan.outputs.map(({ id }) => id);
  const fields = withStructs(withMomentTexts(found.fields, ids, collection, zone), ids, collection.schema);
  // A field of terms may be asked by texts the next time.
  const isPlain = page === undefined && grouping === undefined && stored === undefined && asked.metric !== "BM25";
  const isEncodedByCore = !hasMoments(collection, ids) && ids.every((id) => structOf(collection.schema, id) === undefined);
  const isCounted = call.quotas?.countsSearches(collection) === true;
  if (encoded !== undefined && isPlain && isEncodedByCore && !isCounted)
    keepSearch(catalog, call, encoded, () => ({
      field: vectorField(collection, request.searchParams),
      run: call.engine.prepareSearch(asked),
      names: encodeNames(plan.names, primaryField(collection.schema).name),
      collectionName: request.collectionName,
    }));
  return {
    results: encodeResults(collection, plan, {
      result: { ...found, fields },
      roundDecimal,
      ...(vectors.valid === undefined ? {} : { valid: vectors.valid }),
      ...(grouping === undefined ? {} : { grouping }),
      ...("iterator" in found ? { iterator: found.iterator } : {}),
    }),
    collectionName: request.collectionName,
    sessionTs: found.readTimestamp,
  };
};

const milvus = services["milvus.proto.milvus.MilvusService"];

export const operations = [
  defineOperation(milvus.Search, {
    privilege: "Search",
    scope: "collection",
    built: "partly",
    note: "All vector types and metrics, filters, range search, offset, output fields, search by primary keys, grouping, iterators of both kinds. order_by, rerankers and highlighting are refused.",
    rest: searchRoutes(search),
    handle: search,
    again: searchAgain,
  }),
] as unknown as readonly AnyOperation[];
