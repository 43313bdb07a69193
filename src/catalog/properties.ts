/** Lists of key-value pairs as Milvus keeps properties and parameters: order kept, a key at most once after a change. */
import type { KeyValuePair } from "./types.js";

export const propertyOf = (list: readonly KeyValuePair[], key: string): string | undefined => list.find((pair) => pair.key === key)?.value;

/** `list` with `changes` set: known keys keep their place, new ones follow. */
export const withProperties = (list: readonly KeyValuePair[], changes: readonly KeyValuePair[]): KeyValuePair[] => {
  const merged = new Map(list.map((pair) => [pair.key, pair.value]));
  for (const { key, value } of changes) merged.set(key, value);
  return [...merged].map(([key, value]) => ({ key, value }));
};

export const withoutKeys = (list: readonly KeyValuePair[], keys: readonly string[]): KeyValuePair[] =>
  list.filter((pair) => !keys.includes(pair.key));

/** Same pairs, whatever their order. */
export const sameProperties = (one: readonly KeyValuePair[], other: readonly KeyValuePair[]): boolean => {
  const values = new Map(other.map((pair) => [pair.key, pair.value]));
  return one.length === other.length && one.every((pair) => values.get(pair.key) === pair.value);
};
