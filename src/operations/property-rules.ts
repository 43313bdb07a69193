/**
 * Values that properties of collections and databases may have. Unknown keys are kept as they are.
 * Sources: milvus internal/proxy/task.go, pkg/common/common.go.
 */
import { propertyOf } from "../catalog/properties.js";
import type { CollectionSchema, KeyValuePair } from "../catalog/types.js";
import { parseBool } from "../shared/booleans.js";
import { failure, invalid } from "../shared/errors.js";
import { COLLECTION_TTL_SECONDS_MAX } from "../shared/limits.js";
import { DataType } from "../shared/proto/generated/messages.js";
import { fieldNamed } from "../shared/schema.js";

type Properties = readonly KeyValuePair[];

export const TTL_SECONDS = "collection.ttl.seconds";
export const TTL_FIELD = "ttl_field";
const ISOLATION = "partitionkey.isolation";
export const QUERY_MODE = "query_mode";
const SHARDING = "namespace.sharding.enabled";
const NAMESPACE_MODE = "namespace.mode";
const WARMUPS = ["warmup.scalarField", "warmup.scalarIndex", "warmup.vectorField", "warmup.vectorIndex"];

export const isTimeZone = (name: string): boolean => {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
};

export const checkTimeZone = (properties: Properties): void => {
  const zone = propertyOf(properties, "timezone");
  if (zone !== undefined && !isTimeZone(zone)) throw invalid(`unknown or invalid IANA Time Zone ID: ${zone}`);
};

export const checkWarmupPolicy = (policy: string): string | undefined =>
  ["disable", "sync", "async"].includes(policy) ? undefined : `invalid warmup policy: ${policy}, must be 'disable', 'sync' or 'async'`;

export const checkWarmup = (properties: Properties): void => {
  for (const { key, value } of properties) {
    if (key === "warmup") throw invalid(`warmup key '${key}' is only allowed at field level, use ${WARMUPS.join("/")} at collection level`);
    const wrong = WARMUPS.includes(key) ? checkWarmupPolicy(value) : undefined;
    if (wrong !== undefined) throw invalid(`invalid warmup value for key ${key}: ${wrong}`);
  }
};

/** Whether a search has to keep to one partition key. */
export const isIsolated = ({ properties }: { readonly properties: Properties }): boolean =>
  parseBool(propertyOf(properties, ISOLATION) ?? "") === true;

/** Whether partition keys are to be isolated; 1100 for text that is no truth value, 105 without a partition key. */
export const checkIsolation = (properties: Properties, hasKey: boolean, collection: string): void => {
  const text = propertyOf(properties, ISOLATION);
  if (text === undefined) return;
  const on = parseBool(text);
  if (on === undefined)
    throw invalid(`failed to parse partition key isolation: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (on && !hasKey)
    throw failure(
      "illegalSchema",
      { collection },
      "partition key isolation mode is enabled but no partition key field is set. Please set the partition key first",
    );
};

const checkNamespace = (properties: Properties): void => {
  const known = [QUERY_MODE, SHARDING, NAMESPACE_MODE];
  for (const { key } of properties) {
    const meant = known.find((name) => name !== key && name.toLowerCase() === key.toLowerCase());
    if (meant !== undefined) throw invalid(`invalid property key "${key}", did you mean "${meant}"?`);
  }
};

export const checkQueryMode = (properties: Properties): void => {
  const mode = propertyOf(properties, QUERY_MODE);
  if (mode !== undefined && mode !== "large_topk") throw invalid(`invalid query_mode value "${mode}", valid values: [large_topk]`);
};

export const checkProperties = (definition: {
  readonly schema: CollectionSchema;
  readonly properties: Properties;
  readonly collectionName: string;
}): void => {
  const { schema, properties, collectionName } = definition;
  checkIsolation(
    properties,
    schema.fields.some((field) => field.isPartitionKey),
    collectionName,
  );
  checkQueryMode(properties);
  checkNamespace(properties);
  checkTimeZone(properties);
  const ttl = propertyOf(properties, TTL_SECONDS);
  if (ttl !== undefined && !/^[+-]?\d+$/.test(ttl))
    throw invalid(`collection ttl property value not valid, parse error: strconv.ParseInt: parsing ${JSON.stringify(ttl)}: invalid syntax`);
  checkWarmup(properties);
};

const checkTtlSeconds = (text: string): void => {
  if (!/^[+-]?\d+$/.test(text)) throw invalid("collection TTL is not a valid positive integer");
  const seconds = Number(text);
  if (seconds < -1 || seconds > COLLECTION_TTL_SECONDS_MAX)
    throw invalid(`collection TTL is out of range, expect [-1, ${COLLECTION_TTL_SECONDS_MAX}], got ${text}`);
};

/** The two forms of expiry: seconds of the collection, or a field of the row; never both. */
export const checkTtl = (properties: Properties, schema: CollectionSchema): void => {
  const seconds = propertyOf(properties, TTL_SECONDS);
  if (seconds !== undefined) checkTtlSeconds(seconds);
  const name = propertyOf(properties, TTL_FIELD);
  if (name === undefined) return;
  const field = fieldNamed(schema, name);
  if (field === undefined) throw invalid(`ttl field name ${name} not found in schema`);
  if (field.dataType !== DataType.Timestamptz) throw invalid(`ttl field must be timestamptz, field name = ${name}`);
  if (seconds !== undefined) throw invalid("collection TTL and ttl field cannot be set at the same time");
};
