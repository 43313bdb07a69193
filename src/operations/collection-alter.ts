/**
 * Changes of a collection's properties and of its fields' parameters. Unknown properties are kept as they are given.
 * Sources: milvus internal/proxy/task.go (alterCollectionTask, alterCollectionFieldTask), internal/rootcoord/ddl_callbacks_alter_collection_*.go.
 */
import { checkFieldReleased, checkReleased } from "../catalog/apply-collection.js";
import { propertyOf } from "../catalog/properties.js";
import { hasPartitionKey, requireCollection } from "../catalog/read.js";
import type { Collection, KeyValuePair } from "../catalog/types.js";
import type { CatalogChange } from "../engine/api.js";
import { parseBool } from "../shared/booleans.js";
import { failure, invalid } from "../shared/errors.js";
import { ARRAY_CAPACITY_MAX, VARCHAR_BYTES_MAX } from "../shared/limits.js";
import {
  type AlterCollectionFieldRequest,
  type AlterCollectionRequest,
  ConsistencyLevel,
  DataType,
  services,
} from "../shared/proto/generated/messages.js";
import { columnNamed, dynamicField, fieldNamed, isVector, primaryField } from "../shared/schema.js";
import { type AnyOperation, type Call, defineOperation, type RestRoute } from "./operation.js";
import {
  checkIsolation,
  checkQueryMode,
  checkTimeZone,
  checkTtl,
  checkWarmup,
  checkWarmupPolicy,
  QUERY_MODE,
  TTL_FIELD,
  TTL_SECONDS,
} from "./property-rules.js";
import { checkDescription } from "./schema-rules.js";
import { type Body, change, databaseOf, nothing, pairsIn, required, restDatabase, textIn, textsIn } from "./support.js";

const { AlterCollection, AlterCollectionField } = services["milvus.proto.milvus.MilvusService"];

type Changes = Pick<AlterCollectionRequest, "dbName" | "collectionName" | "properties" | "deleteKeys">;

const DESCRIPTION = "collection.description";
const CONSISTENCY = "consistency_level";
const DYNAMIC = "dynamicfield.enabled";
const SHARDING = "namespace.sharding.enabled";
const NAMESPACE_MODE = "namespace.mode";

const keysOf = (pairs: readonly KeyValuePair[]): string[] => pairs.map((pair) => pair.key);

/** What can be refused without knowing the collection, before it is looked up. */
const checkKeys = ({ properties, deleteKeys }: Changes): void => {
  if (properties.length > 0 && deleteKeys.length > 0) throw invalid("cannot provide both DeleteKeys and ExtraParams");
  const external = (key: string): boolean => key === "collection.external_source" || key === "collection.external_spec";
  const set = keysOf(properties).find(external);
  if (set !== undefined) throw invalid(`cannot alter ${set} via alter_collection_properties; use RefreshExternalCollection instead`);
  const gone = deleteKeys.find(external);
  if (gone !== undefined)
    throw invalid(`cannot delete ${gone}; external source/spec are immutable post-create except via RefreshExternalCollection`);
  if (keysOf(properties).includes(SHARDING)) throw invalid(`cannot alter ${SHARDING} after collection creation`);
  if (deleteKeys.includes(SHARDING)) throw invalid(`cannot delete ${SHARDING} after collection creation`);
};

const checkExpiry = (properties: readonly KeyValuePair[], collection: Collection): void => {
  checkTtl(properties, collection.schema);
  const given = keysOf(properties);
  if (given.includes(TTL_SECONDS) && propertyOf(collection.properties, TTL_FIELD) !== undefined)
    throw invalid("ttl field is already exists, cannot be set collection TTL");
  if (given.includes(TTL_FIELD) && propertyOf(collection.properties, TTL_SECONDS) !== undefined)
    throw invalid("collection TTL is already set, cannot be set ttl field");
};

const checkValues = (properties: readonly KeyValuePair[], collection: Collection): void => {
  const description = propertyOf(properties, DESCRIPTION);
  if (description !== undefined && description !== collection.schema.description) checkDescription(description);
  const insertIds = parseBool(propertyOf(properties, "allow_insert_auto_id") ?? "false");
  if (insertIds === true && !primaryField(collection.schema).autoID)
    throw invalid("the value for allow_insert_auto_id must be false when autoID is false");
  checkTimeZone(properties);
  checkExpiry(properties, collection);
  checkWarmup(properties);
};

/** Two properties decide how a vector index is built, so they do not change while there is one. */
const checkIndexed = ({ properties, deleteKeys }: Changes, collection: Collection, name: string): void => {
  checkIsolation(properties, hasPartitionKey(collection), name);
  checkQueryMode(properties);
  const indexed = collection.schema.fields.find(
    (field) => isVector(field.dataType) && collection.indexes.some((index) => index.fieldId === field.fieldID),
  );
  if (indexed === undefined) return;
  const changed = (key: string): boolean => {
    const before = propertyOf(collection.properties, key);
    const after = propertyOf(properties, key);
    return (after !== undefined && after !== before) || (deleteKeys.includes(key) && before !== undefined);
  };
  const refuse = (what: string) =>
    failure(
      "indexDuplicate",
      { indexName: indexed.name },
      `can not alter ${what} if the collection already has a vector index. Please drop the index first`,
    );
  const isolated = (value: string | undefined): boolean => parseBool(value ?? "false") === true;
  const isolation = "partitionkey.isolation";
  if (changed(isolation) && isolated(propertyOf(properties, isolation)) !== isolated(propertyOf(collection.properties, isolation)))
    throw refuse("partition key isolation mode");
  if (changed(QUERY_MODE)) throw refuse(QUERY_MODE);
};

const checkFixed = ({ properties, deleteKeys }: Changes): void => {
  const keys = [...keysOf(properties), ...deleteKeys];
  if (keys.length === 0) throw invalid("no properties or delete keys provided");
  if (keys.some((key) => key.startsWith("cipher."))) throw invalid("can not alter cipher related properties");
  if (keysOf(properties).includes(NAMESPACE_MODE))
    throw invalid(`cannot alter ${NAMESPACE_MODE} via alter_collection_properties; namespace mode is immutable after collection creation`);
  if (deleteKeys.includes(NAMESPACE_MODE))
    throw invalid(`cannot delete ${NAMESPACE_MODE}; namespace mode is immutable after collection creation`);
  if (deleteKeys.includes(DYNAMIC)) throw invalid(`cannot delete key ${DYNAMIC}, dynamic field schema could support set to true/false`);
};

/** What the dynamic field needs to become as asked; rows that are there have no keys in a new one. Nothing for what is so already. */
const dynamicChange = (properties: readonly KeyValuePair[], collection: Collection): CatalogChange | undefined => {
  const value = propertyOf(properties, DYNAMIC);
  if (value === undefined) return undefined;
  const wanted = parseBool(value);
  if (wanted === undefined) throw invalid(`invalid dynamic schema property value: ${value}`);
  if (properties.length !== 1) throw invalid("cannot alter dynamic schema with other properties at the same time");
  const field = collection.schema.fields.find((candidate) => candidate.isDynamic);
  if (wanted && field === undefined) return { kind: "addField", collectionId: collection.id, field: dynamicField() };
  if (!wanted && field !== undefined) return { kind: "dropField", collectionId: collection.id, fieldId: field.fieldID };
  return undefined;
};

const consistencyLevelOf = (text: string | undefined): ConsistencyLevel | undefined => {
  if (text === undefined) return undefined;
  const [, named] = Object.entries(ConsistencyLevel).find(([name]) => name === text) ?? [];
  return named ?? Object.values(ConsistencyLevel).find((level) => String(level) === text);
};

export const alterCollection = async (call: Call, request: Changes) => {
  checkKeys(request);
  const { properties, deleteKeys, collectionName } = request;
  const collection = requireCollection(call.engine.catalog, databaseOf(call, request), collectionName);
  checkReleased(collection, request, collectionName);
  checkValues(properties, collection);
  checkIndexed(request, collection, collectionName);
  checkFixed(request);
  const dynamic = dynamicChange(properties, collection);
  if (dynamic !== undefined) {
    await change(call, dynamic);
    return {};
  }
  const own = [DESCRIPTION, CONSISTENCY, DYNAMIC];
  await change(call, {
    kind: "alterCollection",
    collectionId: collection.id,
    properties: properties.filter((pair) => !own.includes(pair.key)),
    deleteKeys,
    description: propertyOf(properties, DESCRIPTION),
    consistencyLevel: consistencyLevelOf(propertyOf(properties, CONSISTENCY)),
  });
  return {};
};

type FieldChanges = Pick<AlterCollectionFieldRequest, "dbName" | "collectionName" | "fieldName" | "properties" | "deleteKeys">;

const FIELD_DESCRIPTION = "field.description";
const WARMUPS = ["warmup", "warmup.scalarField", "warmup.scalarIndex", "warmup.vectorField", "warmup.vectorIndex"];
const ALTERABLE = ["max_length", "mmap.enabled", "max_capacity", FIELD_DESCRIPTION, ...WARMUPS];
const DROPPABLE = ["mmap.enabled", ...WARMUPS];
/** pymilvus sends the parameter's name in Python. */
const renamed = (key: string): string => (key === "mmap_enabled" ? "mmap.enabled" : key);

const checkMaxLength = (value: string, fieldName: string, collection: Collection): void => {
  const field = columnNamed(collection.schema, fieldName);
  const strings = field?.dataType === DataType.VarChar || (field?.dataType === DataType.Array && field.elementType === DataType.VarChar);
  if (!strings) throw invalid(" can not modify the maxlength for non-string types");
  if (!/^[+-]?\d+$/.test(value)) throw invalid("max_length should be an integer, but got string");
  if (Number(value) > VARCHAR_BYTES_MAX) throw invalid(`${value} exceeds the maximum allowed value ${VARCHAR_BYTES_MAX}`);
  if (Number(value) <= 0)
    throw invalid(
      `the maximum length specified for the field(${fieldName}) should be in (0, ${VARCHAR_BYTES_MAX}], but got ${value} instead`,
    );
};

const checkMaxCapacity = (value: string, fieldName: string, collection: Collection): void => {
  if (fieldNamed(collection.schema, fieldName)?.dataType !== DataType.Array)
    throw invalid(" can not modify the maxcapacity for non-array types");
  if (!/^[+-]?\d+$/.test(value)) throw invalid(`the value for max_capacity of field ${fieldName} must be an integer`);
  if (Number(value) > ARRAY_CAPACITY_MAX || Number(value) <= 0)
    throw invalid(`the maximum capacity specified for a Array should be in (0, ${ARRAY_CAPACITY_MAX}]`);
};

const checkFieldChange = ({ key, value }: KeyValuePair, request: FieldChanges, collection: Collection): void => {
  if (!ALTERABLE.includes(key)) throw invalid(`${key} does not allow update in collection field param`);
  checkFieldReleased(collection, { properties: [{ key, value }], deleteKeys: [] }, request.collectionName);
  if (key === "max_length") checkMaxLength(value, request.fieldName, collection);
  if (key === "max_capacity") checkMaxCapacity(value, request.fieldName, collection);
  const wrong = key === "warmup" ? checkWarmupPolicy(value) : undefined;
  if (wrong !== undefined) throw invalid(wrong);
};

export const alterField = async (call: Call, request: FieldChanges) => {
  const { collectionName, fieldName } = request;
  const collection = requireCollection(call.engine.catalog, databaseOf(call, request), collectionName);
  const properties = request.properties.map(({ key, value }) => ({ key: renamed(key), value }));
  for (const pair of properties) checkFieldChange(pair, request, collection);
  for (const key of request.deleteKeys)
    if (!DROPPABLE.includes(renamed(key))) throw invalid(`${key} is not allowed to drop in collection field param`);
  const deleteKeys = request.deleteKeys.map(renamed);
  checkFieldReleased(collection, { properties: [], deleteKeys }, collectionName);
  await change(call, {
    kind: "alterField",
    collectionId: collection.id,
    fieldName,
    properties: properties.filter((pair) => pair.key !== FIELD_DESCRIPTION),
    deleteKeys,
    description: propertyOf(properties, FIELD_DESCRIPTION),
  });
  return {};
};

const BASE = "POST /v2/vectordb/collections";

const changesIn = (call: Call, body: Body): Changes => ({
  ...restDatabase(call, body),
  collectionName: textIn(body, "collectionName"),
  properties: pairsIn(body, "properties"),
  deleteKeys: textsIn(body, "propertyKeys"),
});

const route = (path: string, type: string): RestRoute => ({
  route: `${BASE}/${path}`,
  required: required(type, "collectionName"),
  handle: async (call, body) => alterCollection(call, changesIn(call, body)).then(() => nothing),
});

export const operations: readonly AnyOperation[] = [
  defineOperation(AlterCollection, {
    privilege: "CreateCollection",
    scope: "collection",
    handle: alterCollection,
    rest: [route("alter_properties", "CollectionReqWithProperties"), route("drop_properties", "DropCollectionPropertiesReq")],
  }),
  defineOperation(AlterCollectionField, {
    privilege: "CreateCollection",
    scope: "collection",
    handle: alterField,
    rest: [
      {
        route: `${BASE}/fields/alter_properties`,
        required: required("CollectionFieldReqWithParams", "collectionName", "fieldName"),
        handle: async (call, body) => {
          const { dbName, collectionName } = changesIn(call, body);
          const properties = pairsIn(body, "fieldParams");
          await alterField(call, { dbName, collectionName, fieldName: textIn(body, "fieldName"), properties, deleteKeys: [] });
          return nothing;
        },
      },
    ],
  }),
];
