/**
 * Parameters of an index. Clients send them flat, or partly as one JSON object under the key `params`; here both become one map of strings.
 */
import { failureBecause, invalid } from "../shared/errors.js";
import type { IndexDefinition, KeyValuePair } from "./types.js";

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

const parseObject = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Falls through: the same words for text that is no JSON and for JSON that is no object.
  }
  throw failureBecause("invalidParameter", `failed to unmarshal index params: ${text}`);
};

/** Flat parameters; a key given twice with different values is refused. */
export const expandIndexParams = (params: readonly KeyValuePair[]): Map<string, string> => {
  const flat = new Map<string, string>();
  const add = (key: string, value: string): void => {
    if (flat.has(key) && flat.get(key) !== value) throw invalid(`duplicated index param (key=${key}) (value=${value}) found`);
    flat.set(key, value);
  };
  for (const { key, value } of params) {
    if (key !== "params") add(key, value);
    else if (value !== "") for (const [inner, given] of Object.entries(parseObject(value))) add(inner, textOf(given));
  }
  return flat;
};

/** One parameter of an index, e.g. `index_type`, `metric_type`, `M`. */
export const indexParam = (index: IndexDefinition, key: string): string | undefined => expandIndexParams(index.params).get(key);

/** Parameters that say how an index is held in memory and can be altered (milvus pkg/util/indexparams). */
const CONFIGURABLE = ["mmap.enabled", "indexoffsetcache.enabled", "warmup"];

/** Whether a request asks for the index that is there. Its parameters count without those that can be altered, but a request that has such a one is another's. */
export const sameIndexParams = (there: readonly KeyValuePair[], requested: readonly KeyValuePair[]): boolean => {
  const [left, right] = [expandIndexParams(there), expandIndexParams(requested)];
  for (const key of CONFIGURABLE) left.delete(key);
  return left.size === right.size && [...left].every(([key, value]) => right.get(key) === value);
};
