/**
 * Records about collections: create, drop, rename, alter.
 *
 * Every change of schema, name or properties moves `updateTimestamp`, which clients echo as `schema_timestamp`; a change without effect does not.
 * Words and order: milvus internal/rootcoord/{create_collection_task,drop_collection_task,meta_table}.go.
 */
import { Map as ImmutableMap } from "immutable";
import { collectionNotFound, failure, failureBecause, invalid } from "../shared/errors.js";
import { COLLECTIONS_MAX, COLLECTIONS_PER_DATABASE_MAX, GENERAL_CAPACITY_MAX } from "../shared/limits.js";
import { CollectionSchema, type FieldSchema } from "../shared/proto/generated/messages.js";
import { columnNamed, structNamed } from "../shared/schema.js";
import { withGrantsRenamed, withoutGrantsOn } from "./apply-grant.js";
import { propertyOf, sameProperties, withoutKeys, withProperties } from "./properties.js";
import { aliasesOf, aliasNamed, collectionNamed, requireCollectionById, requireDatabase } from "./read.js";
import type { Catalog, Collection, CreateCollectionRecord, Database, PropertyChange, RecordOf } from "./types.js";

const replaced = (catalog: Catalog, collection: Collection): Catalog => ({
  ...catalog,
  collections: catalog.collections.set(collection.id, collection),
});

const namesOf = (catalog: Catalog, database: Database): ImmutableMap<string, bigint> =>
  catalog.collectionNames.get(database.id) ?? ImmutableMap();

const checkCount = (catalog: Catalog, database: Database): void => {
  const own = propertyOf(database.properties, "database.max.collections");
  if (own !== undefined && !/^[+-]?\d+$/.test(own))
    throw failureBecause("internal", `parse value of property fail, key:database.max.collections, value:${own}`);
  const limit = own === undefined ? COLLECTIONS_PER_DATABASE_MAX : Number(own);
  if (namesOf(catalog, database).size >= limit) throw failure("collectionLimit", { dbName: database.name, limit });
  if (catalog.collections.size >= COLLECTIONS_MAX) throw failure("collectionLimit", { dbName: database.name, limit: COLLECTIONS_MAX });
};

/** Refuses `added` partitions-times-shards over the capacity of all collections together. */
export const checkCapacity = (catalog: Catalog, added: number): void => {
  const used = catalog.collections.reduce((sum, collection) => sum + collection.partitions.length * collection.shardsNum, 0);
  if (used + added > GENERAL_CAPACITY_MAX)
    throw failure(
      "generalCapacity",
      { newGeneralSize: used + added, generalCapacity: GENERAL_CAPACITY_MAX },
      "failed checking constraint: sum_collections(parition*shard) exceeding the max general capacity",
    );
};

/** Checks the room for one more collection: database there, counts, capacity. */
export const checkRoom = (catalog: Catalog, databaseName: string, partitions: number, shards: number): void => {
  checkCount(catalog, requireDatabase(catalog, databaseName));
  checkCapacity(catalog, partitions * shards);
};

/** A schema's bytes without what does not make it another definition. */
const canonical = (schema: CollectionSchema): Buffer =>
  CollectionSchema.encode({
    ...schema,
    version: 0,
    properties: [],
    fields: schema.fields.map((field) => ({
      ...field,
      typeParams: [...field.typeParams].sort((one, other) => (one.key < other.key ? -1 : 1)),
    })),
  });

const sameDefinition = (collection: Collection, record: CreateCollectionRecord): boolean =>
  canonical(collection.schema).equals(canonical(record.schema)) &&
  sameProperties(collection.properties, record.properties) &&
  collection.shardsNum === record.shardsNum &&
  collection.consistencyLevel === record.consistencyLevel &&
  collection.numPartitions === record.numPartitions;

export const createCollection = (catalog: Catalog, record: CreateCollectionRecord): Catalog => {
  checkRoom(catalog, record.database, record.partitions.length, record.shardsNum);
  const database = requireDatabase(catalog, record.database);
  const { name } = record.schema;
  if (aliasNamed(catalog, database, name) !== undefined)
    throw failure("aliasConflict", { database: database.name, alias: name }, "please choose a unique name", true);
  const same = collectionNamed(catalog, database, name);
  if (same !== undefined) {
    if (sameDefinition(same, record)) return catalog;
    throw invalid(`create duplicate collection with different parameters, collection: ${name}`);
  }
  const collection: Collection = {
    id: record.id,
    databaseId: database.id,
    databaseName: database.name,
    name,
    schema: record.schema,
    properties: record.properties,
    partitions: record.partitions.map((partition) => ({ ...partition, createdTimestamp: record.timestamp })),
    indexes: [],
    load: undefined,
    shardsNum: record.shardsNum,
    consistencyLevel: record.consistencyLevel,
    numPartitions: record.numPartitions,
    createdTimestamp: record.timestamp,
    updateTimestamp: record.timestamp,
  };
  return {
    ...replaced(catalog, collection),
    collectionNames: catalog.collectionNames.set(database.id, namesOf(catalog, database).set(name, record.id)),
  };
};

/** A missing collection or database is no error. */
export const dropCollection = (catalog: Catalog, record: RecordOf<"dropCollection">): Catalog => {
  const database = catalog.databases.get(record.database);
  if (database === undefined) return catalog;
  if (aliasNamed(catalog, database, record.name) !== undefined) throw invalid(`cannot drop the collection via alias = ${record.name}`);
  const collection = collectionNamed(catalog, database, record.name);
  if (collection === undefined) return catalog;
  const aliases = aliasesOf(catalog, collection);
  if (aliases.length > 0)
    throw invalid(
      `unable to drop the collection [${record.name}] because it has associated aliases [${aliases.join(" ")}], please remove all aliases before dropping the collection`,
    );
  return {
    ...withoutGrantsOn(catalog, record),
    collections: catalog.collections.delete(collection.id),
    collectionNames: catalog.collectionNames.set(database.id, namesOf(catalog, database).delete(record.name)),
  };
};

const checkRename = (catalog: Catalog, record: RecordOf<"renameCollection">): [Database, Database, Collection] => {
  if (record.newDatabase !== record.database) {
    requireDatabase(catalog, record.database);
    requireDatabase(catalog, record.newDatabase);
  }
  const target = requireDatabase(catalog, record.newDatabase);
  const database = requireDatabase(catalog, record.database);
  if (aliasNamed(catalog, database, record.name) !== undefined)
    throw invalid(`unsupported use an alias to rename collection, alias:${record.name}`);
  if (aliasNamed(catalog, target, record.newName) !== undefined)
    throw failure("aliasConflict", { database: target.name, alias: record.newName }, "", true);
  if (collectionNamed(catalog, target, record.newName) !== undefined)
    throw invalid(`duplicated new collection name ${target.name}:${record.newName} with other collection name or alias`);
  const collection = collectionNamed(catalog, database, record.name);
  if (collection === undefined) throw collectionNotFound(database.name, record.name);
  if (target.id !== database.id && catalog.aliasNames.has(collection.id))
    throw invalid("fail to rename db name, must drop all aliases of this collection before rename");
  return [database, target, collection];
};

export const renameCollection = (catalog: Catalog, record: RecordOf<"renameCollection">): Catalog => {
  const [database, target, collection] = checkRename(catalog, record);
  const left = catalog.collectionNames.set(database.id, namesOf(catalog, database).delete(record.name));
  const names = left.set(target.id, (left.get(target.id) ?? ImmutableMap<string, bigint>()).set(record.newName, collection.id));
  const renamed: Collection = {
    ...collection,
    databaseId: target.id,
    databaseName: target.name,
    name: record.newName,
    schema: { ...collection.schema, name: record.newName, dbName: target.name },
    updateTimestamp: record.timestamp,
  };
  const granted = withGrantsRenamed(catalog, record, { database: target.name, name: record.newName });
  return { ...replaced(granted, renamed), collectionNames: names };
};

const isWarmup = (key: string): boolean => key === "warmup" || key.startsWith("warmup.");

/**
 * Properties that say how a collection is held in memory change only while it is released (104). `name` is what the words call the collection:
 * the name or alias of the request.
 */
export const checkReleased = (collection: Collection, changes: PropertyChange, name = collection.name): void => {
  if (collection.load === undefined) return;
  const refuse = (what: string) => failure("collectionLoaded", { collection: name }, `can not ${what} properties if collection loaded`);
  const keys = changes.properties.map((pair) => pair.key);
  if (keys.includes("mmap.enabled")) throw refuse("alter mmap");
  if (keys.some(isWarmup)) throw refuse("alter warmup");
  const deleted = changes.deleteKeys.find((key) => key === "mmap.enabled" || isWarmup(key));
  if (deleted !== undefined) throw refuse(`delete ${deleted === "mmap.enabled" ? "mmap" : deleted}`);
};

export const alterCollection = (catalog: Catalog, record: RecordOf<"alterCollection">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  checkReleased(collection, record);
  const properties = withoutKeys(withProperties(collection.properties, record.properties), record.deleteKeys);
  const description = record.description ?? collection.schema.description;
  const consistencyLevel = record.consistencyLevel ?? collection.consistencyLevel;
  const same = description === collection.schema.description && consistencyLevel === collection.consistencyLevel;
  if (same && sameProperties(properties, collection.properties)) return catalog;
  return replaced(catalog, {
    ...collection,
    properties,
    consistencyLevel,
    schema: { ...collection.schema, description },
    updateTimestamp: record.timestamp,
  });
};

/** The same for a field's parameters. */
export const checkFieldReleased = (collection: Collection, changes: PropertyChange, name = collection.name): void => {
  if (collection.load === undefined) return;
  const refuse = (what: string) => failure("collectionLoaded", { collection: name }, `can not ${what} if collection loaded`);
  const keys = changes.properties.map((pair) => pair.key);
  if (keys.includes("mmap.enabled")) throw refuse("alter collection field properties");
  if (keys.includes("warmup")) throw refuse("alter warmup");
  if (changes.deleteKeys.some((key) => key === "mmap.enabled" || isWarmup(key))) throw refuse("drop collection field properties");
};

/** What has parameters of its own: a field, a struct, or a member of one. */
type Parametrised = Pick<FieldSchema, "fieldID" | "description" | "typeParams">;

const parametrised = (schema: CollectionSchema, name: string): Parametrised | undefined =>
  columnNamed(schema, name) ?? structNamed(schema, name);

export const alterField = (catalog: Catalog, record: RecordOf<"alterField">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  const { schema } = collection;
  const found = parametrised(schema, record.fieldName);
  if (found === undefined) throw invalid(`field ${record.fieldName} does not exist in collection`);
  checkFieldReleased(collection, record);
  const typeParams = withoutKeys(withProperties(found.typeParams, record.properties), record.deleteKeys);
  const description = record.description ?? found.description;
  if (sameProperties(typeParams, found.typeParams) && description === found.description) return catalog;
  const changed = <T extends Parametrised>(one: T): T => (one.fieldID === found.fieldID ? { ...one, typeParams, description } : one);
  const structArrayFields = schema.structArrayFields.map((struct) => changed({ ...struct, fields: struct.fields.map(changed) }));
  return replaced(catalog, {
    ...collection,
    schema: { ...schema, fields: schema.fields.map(changed), structArrayFields, version: schema.version + 1 },
    updateTimestamp: record.timestamp,
  });
};
