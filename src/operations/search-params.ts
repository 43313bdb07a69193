/**
 * The parameters of a search request and their checks.
 * Sources: milvus internal/proxy/search_util.go (order, words), knowhere's configs for the ranges of index parameters.
 */
import type { Collection, IndexDefinition } from "../catalog/types.js";
import type { CoreMetric } from "../engine/core.js";
import { higherIsBetter, indexParameter } from "../engine/index-plan.js";
import { failure, invalid, missing, segcore } from "../shared/errors.js";
import { DataType, type FieldSchema, type KeyValuePair } from "../shared/proto/generated/messages.js";
import { columnNamed, isVector, vectorColumns } from "../shared/schema.js";
import { defaultMetric } from "./index-types.js";
import { parameter, parseInteger } from "./reading.js";
import { outOfTopK } from "./result-window.js";

export interface SearchWindow {
  readonly limit: number;
  readonly offset: number;
}

/** `most`: hits that the collection gives at most. */
export const windowOf = (params: readonly KeyValuePair[], isIterator: boolean, most: number): SearchWindow => {
  const topKText = parameter(params, "topk");
  if (topKText === undefined) throw missing("topk is required");
  let limit = parseInteger(topKText);
  if (limit === undefined) throw invalid(`topk [${topKText}] is invalid`);
  const why = outOfTopK(limit, most);
  if (why !== undefined) {
    if (!isIterator) throw invalid(`topk [${limit}] is invalid, ${why}`);
    limit = most;
  }
  const offsetText = parameter(params, "offset") ?? "0";
  const offset = parseInteger(offsetText);
  if (offset === undefined) throw invalid(`offset [${offsetText}] is invalid`);
  const offsetWhy = offset === 0 ? undefined : outOfTopK(offset, most);
  if (offsetWhy !== undefined) throw invalid(`offset [${offset}] is invalid, ${offsetWhy}`);
  const sumWhy = outOfTopK(limit + offset, most);
  if (sumWhy !== undefined) throw invalid(`offset+topk [${limit + offset}] is invalid, ${sumWhy}`);
  return { limit, offset };
};

/** Milvus's core numbers what a configuration does not know (ConfigInvalid). */
const CONFIG_INVALID = 2006;

/** Hints change how Milvus filters, never what is found: ours chooses by itself. Range searches pass over them. @throws 2000 for others */
export const checkHints = (params: readonly KeyValuePair[], nested: Readonly<Record<string, unknown>>): void => {
  if (nested.radius !== undefined) return;
  const own = parameter(params, "hints") ?? "";
  if (own !== "" && own !== "disable" && own !== "iterative_filter") throw segcore(CONFIG_INVALID, `hints: ${own} not supported`);
  if (own === "" && nested.hints !== undefined && nested.hints !== "iterative_filter")
    throw segcore(CONFIG_INVALID, `hints: ${JSON.stringify(nested.hints)} not supported`);
};

export const roundDecimalOf = (params: readonly KeyValuePair[]): number => {
  const text = parameter(params, "round_decimal") ?? "-1";
  const value = parseInteger(text);
  if (value === undefined || value < -1 || value > 6) {
    throw invalid(`round_decimal [${text}] is invalid, should be -1 or an integer in range [0, 6]`);
  }
  return value;
};

/** The JSON of `params`. */
export const nestedParams = (params: readonly KeyValuePair[]): Record<string, unknown> => {
  const text = parameter(params, "params");
  if (text === undefined || text.trim() === "") return {};
  let nested: unknown;
  try {
    nested = JSON.parse(text);
  } catch (error) {
    throw segcore(2001, `failed to parse search params: ${(error as Error).message}`);
  }
  if (nested === null || typeof nested !== "object" || Array.isArray(nested))
    throw segcore(2001, "failed to parse search params: not an object");
  return nested as Record<string, unknown>;
};

/** Search parameters of the index: the JSON of `params`, or pairs beside it. */
export const indexParams = (params: readonly KeyValuePair[]): Record<string, unknown> => ({
  ...Object.fromEntries(params.map(({ key, value }) => [key, value])),
  ...nestedParams(params),
});

/** Milvus's core numbers what it did not expect (UnexpectedError). */
const UNEXPECTED = 2001;
const FIELD_NOT_LOADED = 2027;

const jsonKind = (value: unknown): string => (Array.isArray(value) ? "array" : value === null ? "null" : typeof value);

/** A number of the JSON of `params`; numeric texts are none. @throws 2000 */
const numberParam = (params: Readonly<Record<string, unknown>>, key: string): number | undefined => {
  const value = params[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number") return value;
  throw segcore(
    UNEXPECTED,
    `config type error for key ${key}: [json.exception.type_error.302] type must be number, but is ${jsonKind(value)}`,
  );
};

interface Range {
  readonly radius?: number;
  readonly rangeFilter?: number;
}

/** The range that the JSON of `params` tells. @throws 2000 */
export const rangeOf = (params: Readonly<Record<string, unknown>>, metric: CoreMetric): Range => {
  const radius = numberParam(params, "radius");
  if (radius === undefined) return {};
  const rangeFilter = numberParam(params, "range_filter");
  if (rangeFilter === undefined) return { radius };
  const words = (side: string) =>
    segcore(UNEXPECTED, `metric type (${metric}), range_filter(${rangeFilter}) must be ${side} than radius(${radius})`);
  if (!higherIsBetter(metric) && rangeFilter >= radius) throw words("less");
  if (higherIsBetter(metric) && rangeFilter <= radius) throw words("greater");
  // A cosine that should be 1 may be rounded to a little more.
  if (metric === "COSINE" && rangeFilter >= 1) return { radius };
  return { radius, rangeFilter };
};

export const vectorField = (collection: Collection, params: readonly KeyValuePair[]): FieldSchema => {
  const name = parameter(params, "anns_field") ?? "";
  if (name === "") {
    const vectors = vectorColumns(collection.schema);
    if (vectors.length > 1) throw invalid("multiple anns_fields exist, please specify a anns_field in search_params");
    if (vectors[0] === undefined) throw invalid("anns_field not found in schema");
    return vectors[0];
  }
  const field = columnNamed(collection.schema, name);
  if (field === undefined) throw invalid(`failed to create query plan: failed to get field schema by name: fieldName(${name}) not found`);
  if (!isVector(field.dataType)) throw invalid(`failed to create query plan: field (${name}) to search is not of vector data type`);
  return field;
};

/** The index of the field that is searched. @throws 2000 for a field that was added, and not indexed, since the collection was loaded */
export const indexOf = (collection: Collection, field: FieldSchema): IndexDefinition => {
  if (field.dataType === DataType.ArrayOfVector)
    throw failure("notSupported", {}, `searching lists of vectors (${field.name}) is not supported yet`, true);
  const index = collection.indexes.find((candidate) => candidate.fieldId === field.fieldID);
  if (index === undefined)
    throw segcore(FIELD_NOT_LOADED, `field index of the field: ${field.name} is not loaded, please reload the collection`);
  return index;
};

const METRICS: ReadonlySet<string> = new Set<CoreMetric>([
  "L2",
  "IP",
  "COSINE",
  "BM25",
  "HAMMING",
  "JACCARD",
  "SUBSTRUCTURE",
  "SUPERSTRUCTURE",
]);

/** The metric of the field's index, which the request may name. */
export const metricOf = (index: IndexDefinition, field: FieldSchema, params: readonly KeyValuePair[]): CoreMetric => {
  const metric = (indexParameter(index, "metric_type") ?? defaultMetric(field)).toUpperCase();
  const asked = (parameter(params, "metric_type") ?? "").toUpperCase();
  if (asked !== "" && asked !== metric) throw failure("invalidParameter", { expected: metric, actual: asked }, "metric type not match");
  if (!METRICS.has(metric)) throw failure("notSupported", {}, `searching by ${metric} is not supported yet`, true);
  return metric as CoreMetric;
};
