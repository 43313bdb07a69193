/**
 * How the hits of several searches become one list: reciprocal rank fusion, or weighted scores.
 *
 * Source: milvus docs (rerankers), internal/util/function/rerank; RRF: Cormack, Clarke, Buettcher, SIGIR 2009.
 */
import type { CoreMetric } from "../engine/core.js";
import { higherIsBetter } from "../engine/index-plan.js";
import { invalid } from "../shared/errors.js";
import type { KeyValuePair } from "../shared/proto/generated/messages.js";
import { parameter } from "./reading.js";

type Key = bigint | string;

/** Hits of one search for one query vector, best first. */
export interface RankedHits {
  readonly metric: CoreMetric;
  readonly keys: readonly Key[];
  readonly scores: readonly number[];
}

export interface Ranker {
  /** Score of each key, and whether a larger one is better. */
  fuse(lists: readonly RankedHits[]): { readonly scores: Map<Key, number>; readonly descending: boolean };
}

const RRF_K = 60;
const RRF_K_END = 16384;

const rrf = (k: number): Ranker => ({
  fuse: (lists) => {
    const scores = new Map<Key, number>();
    for (const { keys } of lists) {
      keys.forEach((key, rank) => {
        scores.set(key, (scores.get(key) ?? 0) + 1 / (k + rank + 1));
      });
    }
    return { scores, descending: true };
  },
});

const isDistance = (metric: CoreMetric): boolean => !higherIsBetter(metric);

/** Into 0 to 1, larger is better. */
const normalized = (metric: CoreMetric, score: number): number => {
  if (metric === "COSINE") return (1 + score) / 2;
  return isDistance(metric) ? 1 - (2 * Math.atan(score)) / Math.PI : 0.5 + Math.atan(score) / Math.PI;
};

const weighted = (weights: readonly number[], normalize: boolean): Ranker => ({
  fuse: (lists) => {
    const mixed = new Set(lists.map(({ metric }) => isDistance(metric))).size > 1;
    const convert = ({ metric }: RankedHits, score: number): number => {
      if (normalize) return normalized(metric, score);
      return mixed && isDistance(metric) ? normalized(metric, score) : score;
    };
    const scores = new Map<Key, number>();
    lists.forEach((list, at) => {
      list.keys.forEach((key, rank) => {
        scores.set(key, (scores.get(key) ?? 0) + (weights[at] as number) * convert(list, list.scores[rank] as number));
      });
    });
    return { scores, descending: normalize || mixed || !lists.some(({ metric }) => isDistance(metric)) };
  },
});

const paramsOf = (rankParams: readonly KeyValuePair[]): Record<string, unknown> => {
  const text = parameter(rankParams, "params") ?? "{}";
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // The same words for text that is no JSON and for JSON that is no object.
  }
  throw invalid(`Parse rerank params failed, err: ${text}`);
};

/** The ranker that the parameters of a hybrid search ask for. @throws MilvusError 1100 */
export const rankerOf = (rankParams: readonly KeyValuePair[], searches: number): Ranker => {
  const strategy = (parameter(rankParams, "strategy") ?? "rrf").toLowerCase();
  const params = paramsOf(rankParams);
  if (strategy === "rrf") {
    const k = params.k ?? RRF_K;
    if (typeof k !== "number") throw invalid("The type of rank param k should be float");
    if (!(k > 0 && k < RRF_K_END)) throw invalid(`The rank params k should be in range (0, ${RRF_K_END})`);
    return rrf(k);
  }
  if (strategy !== "weighted") throw invalid(`unsupported rank type ${strategy}`);
  const { weights } = params;
  if (!Array.isArray(weights)) throw invalid("not found weights in rank_params");
  for (const weight of weights) {
    if (typeof weight !== "number") throw invalid("The type of rank param weight should be float");
    if (!(weight >= 0 && weight <= 1)) throw invalid("rank param weight should be in range [0, 1]");
  }
  if (weights.length !== searches)
    throw invalid("the length of weights param mismatch with ann search requests", { expected: searches, actual: weights.length });
  return weighted(weights as number[], params.norm_score === true);
};
