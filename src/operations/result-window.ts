/**
 * How many hits or rows a read may give: the limits of a collection and the words for what is beyond them.
 * Source: milvus internal/proxy/util.go (validateLimit, validateMaxQueryResultWindow), docs/limitations.
 */
import { propertyOf } from "../catalog/properties.js";
import type { Collection } from "../catalog/types.js";
import { RESULT_WINDOW_LARGE_MAX, RESULT_WINDOW_MAX, TOP_K_LARGE_MAX, TOP_K_MAX } from "../shared/limits.js";
import { QUERY_MODE } from "./property-rules.js";

const isLarge = (collection: Collection): boolean => propertyOf(collection.properties, QUERY_MODE) === "large_topk";

/** Hits of one query vector. */
export const topKMax = (collection: Collection): number => (isLarge(collection) ? TOP_K_LARGE_MAX : TOP_K_MAX);

/** offset + limit of a query, and of a hybrid search. */
export const windowMax = (collection: Collection): number => (isLarge(collection) ? RESULT_WINDOW_LARGE_MAX : RESULT_WINDOW_MAX);

/** Why so many hits are too few or too many. */
export const outOfTopK = (value: number, max: number): string | undefined =>
  value > 0 && value <= max ? undefined : `it should be in range [1, ${max}], but got ${value}: invalid parameter`;
