/**
 * What a search asks of an index: the parameters of each index type, their ranges, and the words for what is out of them.
 *
 * Sources: knowhere's configs (src/index/**) for names and ranges, include/knowhere/config.h for the words.
 */
import type { IndexDefinition } from "../catalog/types.js";
import type { CoreLook } from "../engine/core.js";
import { indexType } from "../engine/index-plan.js";
import { invalid } from "../shared/errors.js";
import type { KeyValuePair } from "../shared/proto/generated/messages.js";
import { parameter } from "./reading.js";

type Rule =
  | { readonly kind: "integer"; readonly low: number; readonly high: number }
  | { readonly kind: "number"; readonly low: number; readonly high: number; readonly open?: true };

const INTEGER_MAX = 2147483647;
const FLOAT_MAX = 3.4028234663852886e38;
const integer = (low: number, high: number): Rule => ({ kind: "integer", low, high });
const number = (low: number, high: number): Rule => ({ kind: "number", low, high });

const nprobe = { nprobe: integer(1, 65536) };
const refineK = { refine_k: number(1, FLOAT_MAX) };
const graph = { ef: integer(1, INTEGER_MAX) };
const refinedGraph = { ...graph, ...refineK };
const sparse: Readonly<Record<string, Rule>> = {
  drop_ratio_search: { kind: "number", low: 0, high: 1, open: true },
  dim_max_score_ratio: number(0.5, 1.3),
};
const disk = { search_list: integer(1, INTEGER_MAX), search_list_size: integer(1, INTEGER_MAX), beamwidth: integer(1, 128) };

const RULES: ReadonlyMap<string, Readonly<Record<string, Rule>>> = new Map<string, Readonly<Record<string, Rule>>>([
  ["IVF_FLAT", nprobe],
  ["IVF_SQ8", { ...nprobe, ...refineK }],
  ["IVF_SQ", { ...nprobe, ...refineK }],
  ["IVF_PQ", { ...nprobe, ...refineK }],
  ["IVF_RABITQ", { ...nprobe, ...refineK, rbq_bits_query: integer(0, 8) }],
  ["IVF_RABITQ_FASTSCAN", { ...nprobe, ...refineK }],
  ["BIN_IVF_FLAT", nprobe],
  ["SCANN", { ...nprobe, reorder_k: integer(1, INTEGER_MAX) }],
  ["HNSW", graph],
  ["HNSW_SQ", refinedGraph],
  ["HNSW_PQ", refinedGraph],
  ["HNSW_PRQ", refinedGraph],
  ["AUTOINDEX", refinedGraph],
  ["DISKANN", disk],
  ["SPARSE_INVERTED_INDEX", sparse],
  ["SPARSE_WAND", sparse],
]);

/** Parameters that must not be below the number of hits, by the name that the words have for them. */
const AT_LEAST_K: Readonly<Record<string, string>> = {
  ef: "ef",
  reorder_k: "reorder_k",
  search_list: "search_list_size",
  search_list_size: "search_list_size",
};

/** The value as the request's JSON writes it: `32.0` and `32` are different there. */
const written = (text: string, key: string, value: unknown): string => {
  const token = new RegExp(`"${key}"\\s*:\\s*(-?[0-9][0-9.eE+-]*)`).exec(text)?.[1];
  return typeof value === "number" && token !== undefined ? token : JSON.stringify(value);
};

const decimal = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

const bound = (value: number): string => (value === FLOAT_MAX ? `${BigInt(FLOAT_MAX)}.000000` : value.toFixed(6));

/** The number that a parameter holds; numeric texts count. */
const numberOf = (key: string, value: unknown, rule: Rule, text: string): number => {
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

const checkRange = (key: string, value: number, rule: Rule): void => {
  const beyond = rule.kind === "number" && rule.open ? value >= rule.high : value > rule.high;
  if (value >= rule.low && !beyond) return;
  const range =
    rule.kind === "integer" ? `[${rule.low}, ${rule.high}]` : `[${bound(rule.low)}, ${bound(rule.high)}${rule.open ? ")" : "]"}`;
  const shown = rule.kind === "integer" ? String(value) : decimal(value);
  throw invalid(`Out of range in json: param '${key}' (${shown}) should be in range ${range}`);
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
  const rules = RULES.get(index === undefined ? "AUTOINDEX" : indexType(index).toUpperCase()) ?? {};
  const text = parameter(params, "params") ?? "";
  const found: Record<string, number> = {};
  for (const [key, rule] of Object.entries(rules)) {
    const value = extra[key];
    if (value === undefined) continue;
    const number = numberOf(key, value, rule, text);
    checkRange(key, number, rule);
    const name = AT_LEAST_K[key];
    if (name !== undefined && number < wanted) throw invalid(`${name}(${number}) should be larger than k(${wanted})`);
    found[key] = number;
  }
  const given = (name: keyof CoreLook, ...keys: readonly string[]): Partial<CoreLook> => {
    const value = keys.map((key) => found[key]).find((number) => number !== undefined);
    return value === undefined ? {} : { [name]: value };
  };
  return {
    ...given("ef", "ef"),
    ...given("nprobe", "nprobe"),
    ...given("refineK", "refine_k"),
    ...given("reorderK", "reorder_k"),
    ...given("rbqBitsQuery", "rbq_bits_query"),
    ...given("searchList", "search_list", "search_list_size"),
    ...given("beamWidth", "beamwidth"),
    ...given("dropRatioSearch", "drop_ratio_search"),
    ...given("dimMaxScoreRatio", "dim_max_score_ratio"),
  };
};
