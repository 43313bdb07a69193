/**
 * Checks of an index request by itself: type, metric, parameters, in Milvus's order and words. What depends on the other indexes of the collection
 * is the reducer's.
 * Sources: milvus internal/proxy/task_index.go, internal/util/indexparamcheck, knowhere include/knowhere/config.h.
 */
import { expandIndexParams } from "../catalog/index-params.js";
import type { FieldSchema, KeyValuePair } from "../catalog/types.js";
import { faissIndex } from "../engine/faiss-name.js";
import { SUB_DIM_DEFAULT } from "../engine/list-plan.js";
import { parseBool } from "../shared/booleans.js";
import { failure, invalid, type MilvusError, missing } from "../shared/errors.js";
import { INDEX_PARAMS_BYTES_MAX } from "../shared/limits.js";
import { DataType } from "../shared/proto/generated/messages.js";
import { isOfTerms, isVector, typeName, typeParam } from "../shared/schema.js";
import {
  AUTOINDEX,
  BUILD_RULES,
  canBeMapped,
  defaultMetric,
  INDEX_METRICS,
  listMetrics,
  METRICS,
  type Rule,
  SCALAR_INDEXES,
  VECTOR_INDEXES,
} from "./index-types.js";
import { checkWarmupPolicy } from "./property-rules.js";
import { checkScalarIndex } from "./scalar-index-rules.js";

const PARAMS = { expected: "valid index params", actual: "invalid index params" };
const invalidParams = (words: string): MilvusError => invalid(words, PARAMS);

const checkParamsSize = (params: readonly KeyValuePair[]): void => {
  const bytes = params.reduce((sum, { key, value }) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (bytes > INDEX_PARAMS_BYTES_MAX)
    throw failure("parameterTooLarge", { message: `index params size exceeds ${INDEX_PARAMS_BYTES_MAX} bytes` });
};

const unknownType = (type: string): MilvusError =>
  failure("invalidParameter", { expected: "valid index", actual: `invalid index type: ${type}` });

const isKnown = (type: string): boolean => type === AUTOINDEX || VECTOR_INDEXES.has(type) || SCALAR_INDEXES.has(type);

/** What one check says, within the words of another: Milvus prints the kind of both. */
const invalidWithin = (what: string, words: string): MilvusError => invalid(`${what}: ${words}: invalid parameter`);

const isOn = (params: ReadonlyMap<string, string>, key: string, what: string): boolean => {
  const value = params.get(key) ?? "false";
  const on = parseBool(value);
  if (on === undefined) throw invalidWithin(what, `invalid ${key} value: ${value}, expected: true, false`);
  return on;
};

/** An unknown type cannot be mapped either, and that is what Milvus tells first. */
const checkMmap = (type: string, params: ReadonlyMap<string, string>, what: string): void => {
  if (isOn(params, "mmap.enabled", what) && !canBeMapped(type)) throw invalidWithin(what, `index type ${type} does not support mmap`);
};

export const checkWarmupParam = (params: ReadonlyMap<string, string>): void => {
  const policy = params.get("warmup");
  const wrong = policy === undefined ? undefined : checkWarmupPolicy(policy);
  if (wrong !== undefined) throw invalidWithin("invalid warmup params", wrong);
};

/** Python clients send a missing value as `None`, JSON ones as null. */
const isGiven = (value: string | undefined): value is string => value !== undefined && value !== "None" && value !== "null";

const checkInteger = (key: string, value: string, low: number, high: number): void => {
  if (/^[+-]?\d+\.\d*$/.test(value)) throw invalid(`wrong data type in json, key: '${key}', value: '${value}'`);
  if (!/^[+-]?\d+$/.test(value)) throw invalid(`invalid integer value, key: '${key}', value: '${value}'`);
  const number = Number(value);
  if (number < low || number > high) throw invalid(`Out of range in json: param '${key}' (${number}) should be in range [${low}, ${high}]`);
};

/** A number as the checker prints a float: with a point. */
const decimal = (text: string): string => (Number.isInteger(Number(text)) ? Number(text).toFixed(1) : String(Number(text)));

const FLOAT = /^[+-]?\d*\.?\d+(e[+-]?\d+)?$/i;

const checkRule = (key: string, value: string, rule: Rule, metric: string): void => {
  switch (rule.kind) {
    case "integer":
      checkInteger(key, value, rule.low, rule.high);
      return;
    case "ratio":
      if (!FLOAT.test(value)) throw invalid(`invalid float value, key: '${key}', value: '${value}'`);
      if (Number(value) < rule.low || Number(value) >= rule.below)
        throw invalid(
          `Out of range in json: param '${key}' (${decimal(value)}) should be in range [${rule.low.toFixed(6)}, ${rule.below.toFixed(6)})`,
        );
      return;
    case "number":
      if (!FLOAT.test(value)) throw invalid(`invalid float value, key: '${key}', value: '${value}'`);
      if (Number(value) < rule.low || Number(value) > rule.high)
        throw invalid(
          `Out of range in json: param '${key}' (${decimal(value)}) should be in range [${rule.low.toFixed(6)}, ${rule.high.toFixed(6)}]`,
        );
      return;
    case "byMetric": {
      const options = rule.options[metric] ?? [];
      if (!options.includes(value.toLowerCase()))
        throw invalid(`${key} ${value} not found or not supported, supported: [${options.join(" ")}]`);
      return;
    }
    case "word":
      if (!rule.options.includes(value))
        throw invalid(`${rule.noun} ${value} not found or not supported, supported: [${rule.options.join(" ")}]`);
      return;
    case "flag":
      if (!["true", "false"].includes(value.toLowerCase()))
        throw invalid(`Type conflict in json: param '${key}' (${JSON.stringify(value)}) should be a boolean`);
      return;
    case "scalarQuantizer":
      if (!rule.options.includes(value.toLowerCase())) throw invalid("invalid scalar quantizer type");
      return;
    case "refineType":
      if (!rule.options.includes(value.toLowerCase()))
        throw invalid(`invalid refine type : ${value}, optional types are [${rule.options.join(", ")}]`);
  }
};

const checkDivisors = (type: string, field: FieldSchema, params: ReadonlyMap<string, string>): void => {
  const dim = typeParam(field, "dim") ?? 0;
  const m = params.get("m");
  if (type === "IVF_PQ" && !isGiven(m)) throw invalid("param 'm' not exist in json");
  if (["IVF_PQ", "HNSW_PQ", "HNSW_PRQ"].includes(type) && isGiven(m) && dim % Number(m) !== 0)
    throw invalid(
      `The dimension of ${type === "IVF_PQ" ? "a" : "the"} vector (dim) should be a multiple of the number of subquantizers (m). Dimension: ${dim}, m: ${m}`,
    );
  const given = params.get("sub_dim");
  const part = isGiven(given) ? given : String(SUB_DIM_DEFAULT);
  if (type === "SCANN" && dim % Number(part) !== 0)
    throw invalid(`The dimension of a vector (dim) should be a multiple of sub_dim. Dimension:${dim}, sub_dim:${part}`);
};

/** The name of a faiss factory: one that is known, and of such vectors. */
const checkFaissName = (field: FieldSchema, params: ReadonlyMap<string, string>): void => {
  const name = params.get("faiss_index_name");
  if (!isGiven(name)) throw invalid("param 'faiss_index_name' not exist in json");
  const index = faissIndex(name);
  if (index === undefined || index.binary !== (field.dataType === DataType.BinaryVector))
    throw invalid(`faiss index ${name} is not supported for data type ${typeName(field.dataType)}`);
  checkDivisors(index.type, field, new Map(Object.entries(index.params)));
};

const checkBuildParams = (type: string, field: FieldSchema, params: ReadonlyMap<string, string>): void => {
  const dim = params.get("dim");
  if (dim !== undefined && Number(dim) !== typeParam(field, "dim"))
    throw invalid(`dimension mismatch, dimension in schema: ${typeParam(field, "dim")}, dimension: ${dim}`);
  for (const [key, rule] of Object.entries(BUILD_RULES.get(type) ?? {})) {
    const value = params.get(key);
    if (isGiven(value)) checkRule(key, value, rule, (params.get("metric_type") ?? defaultMetric(field)).toUpperCase());
  }
  checkDivisors(type, field, params);
  if (type === "FAISS") checkFaissName(field, params);
};

const checkMetric = (field: FieldSchema, metric: string): void => {
  if (metric === "BM25" && field.dataType === DataType.SparseFloatVector && !isOfTerms(field))
    throw invalidParams("only BM25 Function output field support BM25 metric type");
  if (metric !== "BM25" && isOfTerms(field)) throw invalid(`index metric type of BM25 function output field must be BM25, got ${metric}`);
  if (field.dataType === DataType.ArrayOfVector) {
    const [word, metrics] = listMetrics(field.elementType);
    if (metrics.includes(metric)) return;
    throw invalid(`array of vector with ${word} element type does not support metric type: ${metric}, supported: [${metrics.join(" ")}]`);
  }
  if (METRICS.get(field.dataType)?.includes(metric)) return;
  if (field.dataType === DataType.SparseFloatVector) throw invalidParams("only IP&BM25 is the supported metric type for sparse index");
  const kind = field.dataType === DataType.BinaryVector ? "binary" : field.dataType === DataType.Int8Vector ? "int" : "float";
  throw invalidParams(`${kind} vector index does not support metric type: ${metric}`);
};

/** AUTOINDEX takes nothing but a metric; it is shown as asked for, with the metric it got. */
const automatic = (field: FieldSchema, params: ReadonlyMap<string, string>): KeyValuePair[] => {
  const others = [...params.keys()].filter((key) => key !== "index_type" && key !== "metric_type");
  if (others.length > 0) throw invalid("only metric type can be passed when use AutoIndex");
  return [
    { key: "index_type", value: AUTOINDEX },
    { key: "metric_type", value: params.get("metric_type") ?? defaultMetric(field) },
  ];
};

/** What has an index type, and none of ours that would answer as it does. */
const MINHASH = "MINHASH_LSH";
const MINHASH_METRIC = "MHJACCARD";
const notBuilt = (type: string): MilvusError => failure("notSupported", {}, `index type ${type} is not supported yet`, true);

const checkVectorIndex = (
  field: FieldSchema,
  given: readonly KeyValuePair[],
  params: ReadonlyMap<string, string>,
): readonly KeyValuePair[] => {
  const type = params.get("index_type");
  const kept = type === undefined || type === AUTOINDEX ? automatic(field, params) : given;
  const metric = kept === given ? (params.get("metric_type") ?? (isOfTerms(field) ? defaultMetric(field) : undefined)) : kept[1]?.value;
  if (metric === undefined) throw invalidParams("metric type not set for vector index");
  checkMetric(field, metric);
  if (type === undefined || type === AUTOINDEX) {
    // Milvus takes MINHASH_LSH for it.
    if (metric === MINHASH_METRIC) throw notBuilt(MINHASH);
    return kept;
  }
  if (!isKnown(type)) throw invalid(`invalid index type: ${type}`);
  const isList = field.dataType === DataType.ArrayOfVector;
  if (!VECTOR_INDEXES.get(type)?.includes(isList ? field.elementType : field.dataType))
    throw invalid(`data type ${typeName(field.dataType)} can't build with this index ${type}`);
  const measured = INDEX_METRICS.get(type);
  if (field.dataType === DataType.BinaryVector && measured !== undefined && !measured.includes(metric))
    throw invalid(`metric type ${metric} not found or not supported, supported: [${measured.join(" ")}]`);
  if (type === MINHASH || metric === MINHASH_METRIC) throw notBuilt(MINHASH);
  checkBuildParams(type, field, params);
  return params.has("metric_type") ? given : [...given, { key: "metric_type", value: metric }];
};

/** Checks what is changed of an index that is there. */
export const checkAlteredParams = (type: string, params: ReadonlyMap<string, string>): void => {
  checkMmap(type, params, "invalid mmap index params");
  const what = "invalid offset cache index params";
  if (isOn(params, "indexoffsetcache.enabled", what) && type !== "BITMAP")
    throw invalidWithin(what, "only bitmap index support indexoffsetcache.enabled now");
};

/** Checks the request; returns the parameters to keep. */
export const checkIndexParams = (field: FieldSchema, fieldName: string, given: readonly KeyValuePair[]): readonly KeyValuePair[] => {
  checkParamsSize(given);
  const params = expandIndexParams(given);
  const type = params.get("index_type");
  if (type !== undefined && type !== "") {
    checkMmap(type, params, "invalid mmap type params");
    if (!isKnown(type)) throw unknownType(type);
  }
  checkWarmupParam(params);
  if (isVector(field.dataType)) return checkVectorIndex(field, given, params);
  if (type !== undefined && VECTOR_INDEXES.has(type)) throw invalid(`index ${type} only supports vector data type`);
  if (type === "") throw invalid("invalid index type: ");
  if (field.dataType === DataType.JSON && !isGiven(params.get("json_cast_type")))
    throw type === "NGRAM"
      ? missing("JSON field with ngram index must specify json_cast_type")
      : missing("json index must specify cast type", { missing_param: "json_cast_type" });
  checkScalarIndex(type === AUTOINDEX ? undefined : type, field, params);
  return field.dataType === DataType.JSON && !params.has("json_path") ? [...given, { key: "json_path", value: fieldName }] : given;
};
