/**
 * What a search asks of an index: the parameters of each index type, their ranges, and the words for what is out of them.
 *
 * Sources: knowhere's configs (src/index/**) for names and ranges, include/knowhere/config.h for the words.
 */
import type { IndexDefinition } from "../catalog/types.js";
import type { CoreLook } from "../engine/core.js";
import { faissIndex } from "../engine/faiss-name.js";
import { indexParameter, indexType } from "../engine/index-plan.js";
import { invalid } from "../shared/errors.js";
import type { KeyValuePair } from "../shared/proto/generated/messages.js";
import { parameter } from "./reading.js";

type LookNumber = keyof CoreLook;

interface Limits {
  readonly kind: "integer" | "number";
  readonly low: number;
  readonly high: number;
  /** `high` is no value of the range. */
  readonly open?: true;
}

interface Rule extends Limits {
  /** What it is for the core. */
  readonly as: LookNumber;
  /** Not below the number of hits wanted; the name that the words have for it. */
  readonly notBelowHits?: string | undefined;
}

const INTEGER_MAX = 2147483647;
const FLOAT_MAX = 3.4028234663852886e38;

const nprobe: Rule = { kind: "integer", low: 1, high: 65536, as: "nprobe" };
const refineK: Rule = { kind: "number", low: 1, high: FLOAT_MAX, as: "refineK" };
const ef: Rule = { kind: "integer", low: 1, high: INTEGER_MAX, as: "ef", notBelowHits: "ef" };
const reorderK: Rule = { kind: "integer", low: 1, high: INTEGER_MAX, as: "reorderK", notBelowHits: "reorder_k" };
const searchList: Rule = { kind: "integer", low: 1, high: INTEGER_MAX, as: "searchList", notBelowHits: "search_list_size" };

const lists = { nprobe };
const refinedLists = { nprobe, refine_k: refineK };
const refinedGraph = { ef, refine_k: refineK };
/** Milvus does not hold these to the number of hits. */
const graphOfProducts = { ef: { ...ef, notBelowHits: undefined }, refine_k: refineK };
const sparse = {
  drop_ratio_search: { kind: "number", low: 0, high: 1, open: true, as: "dropRatioSearch" },
  dim_max_score_ratio: { kind: "number", low: 0.5, high: 1.3, as: "dimMaxScoreRatio" },
} as const;

/** Index types and the parameters that each knows. */
const RULES: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  IVF_FLAT: lists,
  IVF_SQ8: refinedLists,
  IVF_SQ: refinedLists,
  IVF_PQ: refinedLists,
  IVF_RABITQ: { ...refinedLists, rbq_bits_query: { kind: "integer", low: 0, high: 8, as: "rbqBitsQuery" } },
  IVF_RABITQ_FASTSCAN: refinedLists,
  BIN_IVF_FLAT: lists,
  SCANN: { nprobe, reorder_k: reorderK },
  HNSW: { ef },
  HNSW_SQ: refinedGraph,
  HNSW_PQ: graphOfProducts,
  HNSW_PRQ: graphOfProducts,
  AUTOINDEX: { ...refinedGraph, ...sparse },
  DISKANN: { search_list: searchList, search_list_size: searchList, beamwidth: { kind: "integer", low: 1, high: 128, as: "beamWidth" } },
  SPARSE_INVERTED_INDEX: sparse,
  SPARSE_WAND: sparse,
};

const RULE_LISTS: ReadonlyMap<string, readonly (readonly [string, Rule])[]> = new Map(
  Object.entries(RULES).map(([type, rules]) => [type, Object.entries(rules)]),
);

/** The value as the request's JSON writes it: `32.0` and `32` are different there. */
const written = (text: string, key: string, value: unknown): string => {
  if (Number.isInteger(value) && !text.includes(".")) return String(value);
  const token = new RegExp(`"${key}"\\s*:\\s*(-?[0-9][0-9.eE+-]*)`).exec(text)?.[1];
  return typeof value === "number" && token !== undefined ? token : JSON.stringify(value);
};

const decimal = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

const bound = (value: number): string => (value === FLOAT_MAX ? `${BigInt(FLOAT_MAX)}.000000` : value.toFixed(6));

/** The number that a parameter holds; numeric texts count. */
const numberOf = (key: string, value: unknown, rule: Limits, text: string): number => {
  const noun = rule.kind === "integer" ? "integer" : "a number";
  if (typeof value === "string") {
    const pattern = rule.kind === "integer" ? /^[+-]?\d+$/ : /^[+-]?\d*\.?\d+(e[+-]?\d+)?$/i;
    if (!pattern.test(value.trim()))
      throw invalid(`invalid ${rule.kind === "integer" ? "integer" : "float"} value, key: '${key}', value: '${value}'`);
    return Number(value);
  }
  const shown = written(text, key, value);
  if (typeof value !== "number" || (rule.kind === "integer" && !/^-?\d+$/.test(shown)))
    throw invalid(`Type conflict in json: param '${key}' (${shown}) should be ${noun}`);
  return value;
};

const checkRange = (key: string, value: number, rule: Limits): void => {
  const beyond = rule.open ? value >= rule.high : value > rule.high;
  if (value >= rule.low && !beyond) return;
  const range =
    rule.kind === "integer" ? `[${rule.low}, ${rule.high}]` : `[${bound(rule.low)}, ${bound(rule.high)}${rule.open ? ")" : "]"}`;
  const shown = rule.kind === "integer" ? String(value) : decimal(value);
  throw invalid(`Out of range in json: param '${key}' (${shown}) should be in range ${range}`);
};

/** Search parameters of faiss, and what they are for the core. */
const FAISS_PARAMETERS: readonly (readonly [string, LookNumber])[] = [
  ["nprobe", "nprobe"],
  ["efSearch", "ef"],
  ["k_factor", "refineK"],
];

/** What is asked of an index that is named as faiss names it; only the parameters that faiss has for it are taken. */
const faissLook = (extra: Readonly<Record<string, unknown>>, index: IndexDefinition): CoreLook => {
  const name = indexParameter(index, "faiss_index_name") ?? "";
  const known = faissIndex(name)?.searchParams ?? [];
  const look: { -readonly [name in LookNumber]?: number } = {};
  for (const [key, as] of FAISS_PARAMETERS) {
    const value = extra[key];
    if (value === undefined) continue;
    if (!known.includes(key)) throw invalid(`search param '${key}' is not supported by faiss index ${name}`);
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number !== "number" || !Number.isFinite(number) || number < 1 || number > INTEGER_MAX)
      throw invalid(`search param '${key}' (${JSON.stringify(value)}) expects a number from 1 on`);
    look[as] = as === "refineK" ? number : Math.floor(number);
  }
  return look;
};

/**
 * What the request asks of the index that serves it. `params`: the request's pairs, `extra`: they and the JSON of `params` in one, `wanted`: hits with the
 * offset. Parameters of other index types are passed over.
 */
export const lookOf = (
  params: readonly KeyValuePair[],
  extra: Readonly<Record<string, unknown>>,
  wanted: number,
  index: IndexDefinition | undefined,
): CoreLook => {
  if (index !== undefined && indexType(index) === "FAISS") return faissLook(extra, index);
  const rules = RULE_LISTS.get(index === undefined ? "AUTOINDEX" : indexType(index).toUpperCase()) ?? [];
  const look: { -readonly [name in LookNumber]?: number } = {};
  for (const [key, rule] of rules) {
    const value = extra[key];
    if (value === undefined) continue;
    const number = numberOf(key, value, rule, parameter(params, "params") ?? "");
    checkRange(key, number, rule);
    if (rule.notBelowHits !== undefined && number < wanted)
      throw invalid(`${rule.notBelowHits}(${number}) should be larger than k(${wanted})`);
    look[rule.as] ??= number;
  }
  return look;
};

/** Parameters of BM25, of the index that serves a field of terms or of a request, and what they are by default. */
const BM25 = {
  bm25_k1: { kind: "number", low: 0, high: 3, standard: 1.2 },
  bm25_b: { kind: "number", low: 0, high: 1, standard: 0.75 },
} as const;

/** How BM25 is counted. `params`, `extra`: as for `lookOf`. */
export const bm25Of = (
  params: readonly KeyValuePair[],
  extra: Readonly<Record<string, unknown>>,
  index: IndexDefinition | undefined,
): { readonly k1: number; readonly b: number } => {
  const value = (key: keyof typeof BM25): number => {
    const own = index === undefined ? undefined : indexParameter(index, key);
    if (extra[key] === undefined) return own === undefined || !Number.isFinite(Number(own)) ? BM25[key].standard : Number(own);
    const number = numberOf(key, extra[key], BM25[key], parameter(params, "params") ?? "");
    checkRange(key, number, BM25[key]);
    return number;
  };
  return { k1: value("bm25_k1"), b: value("bm25_b") };
};
