/**
 * Collections: create, drop, rename, truncate, has.
 *
 * A create answers success when the same definition is there already; a drop when nothing is. Neither goes through an alias.
 * Sources: milvus internal/proxy/task.go, internal/rootcoord/{create,drop}_collection_task.go, ddl_callbacks_alter_collection_name.go.
 */
import { checkRoom } from "../catalog/apply-collection.js";
import { highestFieldId, MAX_FIELD_ID, numberedStruct } from "../catalog/apply-field.js";
import { propertyOf, withProperties } from "../catalog/properties.js";
import { requireDatabase, resolve } from "../catalog/read.js";
import type { FieldSchema, KeyValuePair } from "../catalog/types.js";
import { invalid } from "../shared/errors.js";
import { checkCollectionName } from "../shared/names.js";
import {
  CollectionSchema,
  type CreateCollectionRequest,
  type DropCollectionRequest,
  type HasCollectionRequest,
  type RenameCollectionRequest,
  services,
  type TruncateCollectionRequest,
} from "../shared/proto/generated/messages.js";
import { WireError } from "../shared/proto/wire.js";
import { dynamicField } from "../shared/schema.js";
import { DEFAULT_TIME_ZONE } from "../shared/time-zone.js";
import { createFromRest, privilegesToCreate } from "./collection-rest.js";
import { checkGeometryDefault } from "./field-rules.js";
import { checkAnalyzers, withFunctions } from "./function-rules.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { firstPartitions } from "./partition-key.js";
import { checkDefinition, checkRequest, checkStorable, type Definition } from "./schema-rules.js";
import { withNullableMembers } from "./struct-rules.js";
import { change, collectionOf, databaseOf, nothing, required, restDatabase, textIn } from "./support.js";
import { TIME_ZONE, withMomentDefault } from "./timestamptz.js";

const { CreateCollection, DropCollection, HasCollection, RenameCollection, TruncateCollection } =
  services["milvus.proto.milvus.MilvusService"];

const FIRST_FIELD_ID = 100n;

/** The schema as it is kept: fields numbered from 100, then each struct before its members, the dynamic field last; moments as such. */
const completed = (schema: CollectionSchema, databaseName: string, zone: string): CollectionSchema => {
  let next = FIRST_FIELD_ID;
  const numbered = (field: FieldSchema): FieldSchema => ({ ...withMomentDefault(field, zone), fieldID: next++, state: 0 });
  const fields = schema.fields.map(numbered);
  const structArrayFields = schema.structArrayFields.map((given) => {
    const struct = numberedStruct(withNullableMembers(given), next);
    next += 1n + BigInt(struct.fields.length);
    return struct;
  });
  return {
    ...schema,
    dbName: databaseName,
    autoID: schema.fields.some((field) => field.autoID),
    version: 0,
    properties: [],
    fields: schema.enableDynamicField ? [...fields, numbered(dynamicField())] : fields,
    structArrayFields,
  };
};

/** The given properties and those that Milvus adds to every collection. */
const completedProperties = (given: readonly KeyValuePair[], zone: string, schema: CollectionSchema): KeyValuePair[] => {
  const defaults = [
    { key: "namespace.sharding.enabled", value: "false" },
    { key: TIME_ZONE, value: zone },
  ];
  const last = highestFieldId({ schema, properties: [] });
  return withProperties(withProperties(defaults, given), [{ key: MAX_FIELD_ID, value: String(last) }]);
};

const decodeSchema = (bytes: Uint8Array): CollectionSchema => {
  try {
    return CollectionSchema.decode(bytes);
  } catch (error) {
    if (error instanceof WireError) throw invalid(`collection schema cannot be read: ${error.message}`);
    throw error;
  }
};

export const createCollection = async (call: Call, request: CreateCollectionRequest) => {
  const definition: Definition = {
    schema: decodeSchema(request.schema),
    properties: request.properties,
    shardsNum: request.shardsNum,
    numPartitions: request.numPartitions,
    collectionName: request.collectionName,
  };
  checkRequest(definition);
  const { catalog } = call.engine;
  const database = requireDatabase(catalog, databaseOf(call, request));
  const shardsNum = Math.max(request.shardsNum, 1);
  const names = firstPartitions(definition);
  checkRoom(catalog, database.name, names.length, shardsNum);
  checkDefinition(definition);
  for (const field of definition.schema.fields) checkGeometryDefault(field, (text) => call.engine.isGeometry(text));
  checkAnalyzers(definition.schema, (field, params) => call.engine.checkAnalyzer(field, params));
  checkStorable(definition.schema);
  const zone = propertyOf(request.properties, TIME_ZONE) ?? propertyOf(database.properties, TIME_ZONE) ?? DEFAULT_TIME_ZONE;
  const schema = withFunctions(completed(definition.schema, database.name, zone));
  const id = call.engine.ids(1 + names.length);
  await change(call, {
    kind: "createCollection",
    id,
    database: database.name,
    schema,
    properties: completedProperties(request.properties, zone, schema),
    partitions: names.map((name, ordinal) => ({ id: id + 1n + BigInt(ordinal), name, createdTimestamp: 0n })),
    shardsNum,
    consistencyLevel: request.consistencyLevel,
    numPartitions: BigInt(names.length),
  });
  return {};
};

const drop = async (call: Call, request: Pick<DropCollectionRequest, "dbName" | "collectionName">) => {
  await change(call, { kind: "dropCollection", database: databaseOf(call, request), name: request.collectionName });
  return {};
};

const has = (call: Call, request: Pick<HasCollectionRequest, "dbName" | "collectionName">) => {
  checkCollectionName(request.collectionName);
  const database = requireDatabase(call.engine.catalog, databaseOf(call, request));
  return { value: resolve(call.engine.catalog, database.name, request.collectionName) !== undefined };
};

const rename = async (call: Call, request: Pick<RenameCollectionRequest, "dbName" | "oldName" | "newName" | "newDBName">) => {
  checkCollectionName(request.newName);
  if (request.oldName === "") throw invalid("old collection name should not be empty");
  const database = databaseOf(call, request);
  const newDatabase = request.newDBName || database;
  if (database === newDatabase && request.oldName === request.newName)
    throw invalid("collection name or database name should be different");
  await change(call, { kind: "renameCollection", database, name: request.oldName, newDatabase, newName: request.newName });
  return {};
};

const truncate = async (call: Call, request: Pick<TruncateCollectionRequest, "dbName" | "collectionName">) => {
  await change(call, { kind: "truncateCollection", collectionId: collectionOf(call, request).id });
  return {};
};

const BASE = "POST /v2/vectordb/collections";
const named = (call: Call, body: Record<string, unknown>) => ({
  ...restDatabase(call, body),
  collectionName: textIn(body, "collectionName"),
});

export const operations: readonly AnyOperation[] = [
  defineOperation(CreateCollection, {
    privilege: "CreateCollection",
    scope: "database",
    built: "partly",
    note: "external collections, namespaces and analyzers by language are refused; what MinHash and TextEmbedding functions would make is not made: rows of theirs are refused when they come",
    handle: createCollection,
    rest: [
      {
        route: `${BASE}/create`,
        required: required("CollectionReq", "collectionName"),
        also: privilegesToCreate,
        handle: (call, body) => createFromRest(call, body, createCollection),
      },
    ],
  }),
  defineOperation(DropCollection, {
    privilege: "DropCollection",
    scope: "database",
    handle: drop,
    rest: [
      {
        route: `${BASE}/drop`,
        required: required("CollectionNameReq", "collectionName"),
        handle: async (call, body) => drop(call, named(call, body)).then(() => nothing),
      },
    ],
  }),
  defineOperation(HasCollection, {
    privilege: "",
    scope: "collection",
    handle: has,
    rest: [
      {
        route: `${BASE}/has`,
        required: required("CollectionNameReq", "collectionName"),
        handle: async (call, body) => ({ data: { has: has(call, named(call, body)).value } }),
      },
    ],
  }),
  defineOperation(RenameCollection, {
    privilege: "RenameCollection",
    crosses: (call, request) => (request.newDBName || databaseOf(call, request)) !== databaseOf(call, request),
    scope: "database",
    handle: rename,
    rest: [
      {
        route: `${BASE}/rename`,
        required: required("RenameCollectionReq", "collectionName", "newCollectionName"),
        handle: async (call, body) => {
          const { dbName, collectionName } = named(call, body);
          await rename(call, {
            dbName,
            oldName: collectionName,
            newName: textIn(body, "newCollectionName"),
            newDBName: textIn(body, "newDbName"),
          });
          return nothing;
        },
      },
    ],
  }),
  defineOperation(TruncateCollection, {
    privilege: "DropCollection",
    scope: "collection",
    handle: truncate,
    rest: [
      {
        route: `${BASE}/truncate`,
        required: required("CollectionNameReq", "collectionName"),
        handle: async (call, body) => truncate(call, named(call, body)).then(() => nothing),
      },
    ],
  }),
];
