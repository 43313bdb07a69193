/**
 * Questions about one catalog version. Names are resolved here and nowhere else: the alias table first, then the collections of the database.
 */
import { collectionNotFound, failure } from "../shared/errors.js";
import type { Alias, Catalog, Collection, Database, IndexDefinition, Load, Partition, ResourceGroup } from "./types.js";

export const DEFAULT_DATABASE = "default";
export const DEFAULT_DATABASE_ID = 1n;
export const DEFAULT_PARTITION = "_default";
export const DEFAULT_RESOURCE_GROUP = "__default_resource_group";

/** 800 when there is no such database. `input` overrides whether it is stamped as the caller's fault. */
export const requireDatabase = (catalog: Catalog, name: string, input?: boolean): Database => {
  const database = catalog.databases.get(name);
  if (database === undefined) throw failure("databaseNotFound", { database: name }, "", input);
  return database;
};

export const databaseById = (catalog: Catalog, id: bigint): Database | undefined =>
  catalog.databases.find((database) => database.id === id);

export const aliasNamed = (catalog: Catalog, database: Database, name: string): Alias | undefined =>
  catalog.aliases.get(database.id)?.get(name);

/** The collection whose own name this is; aliases are not looked at. */
export const collectionNamed = (catalog: Catalog, database: Database, name: string): Collection | undefined => {
  const id = catalog.collectionNames.get(database.id)?.get(name);
  return id === undefined ? undefined : catalog.collections.get(id);
};

/** The collection that a name or alias stands for; undefined too when the database is missing. */
export const resolve = (catalog: Catalog, databaseName: string, nameOrAlias: string): Collection | undefined => {
  const database = catalog.databases.get(databaseName);
  if (database === undefined) return undefined;
  const alias = aliasNamed(catalog, database, nameOrAlias);
  return alias ? catalog.collections.get(alias.collectionId) : collectionNamed(catalog, database, nameOrAlias);
};

/** 800 or 100 `collection not found[database=…][collection=…]`. */
export const requireCollection = (catalog: Catalog, databaseName: string, nameOrAlias: string): Collection => {
  requireDatabase(catalog, databaseName);
  const collection = resolve(catalog, databaseName, nameOrAlias);
  if (collection === undefined) throw collectionNotFound(databaseName, nameOrAlias);
  return collection;
};

/** A collection by id, for records; 100 when it has gone since its name was resolved. */
export const requireCollectionById = (catalog: Catalog, id: bigint): Collection => {
  const collection = catalog.collections.get(id);
  if (collection === undefined) throw failure("collectionNotFound", { collection: id });
  return collection;
};

/** Names of a collection's aliases, sorted. */
export const aliasesOf = (catalog: Catalog, collection: Collection): string[] => [...(catalog.aliasNames.get(collection.id) ?? [])].sort();

/** Names of all aliases of a database, sorted. */
export const aliasesIn = (catalog: Catalog, database: Database): string[] => [...(catalog.aliases.get(database.id)?.keys() ?? [])].sort();

/** Collections of a database, by name. */
export const collectionsIn = (catalog: Catalog, database: Database): Collection[] =>
  [...(catalog.collectionNames.get(database.id)?.values() ?? [])]
    .flatMap((id) => catalog.collections.get(id) ?? [])
    .sort((one, other) => (one.name < other.name ? -1 : 1));

export const partitionNamed = (collection: Collection, name: string): Partition | undefined =>
  collection.partitions.find((partition) => partition.name === name);

/** 200 `partition not found[partition=…]`. */
export const requirePartition = (collection: Collection, name: string): Partition => {
  const partition = partitionNamed(collection, name);
  if (partition === undefined) throw failure("partitionNotFound", { partition: name });
  return partition;
};

export const hasPartitionKey = (collection: Collection): boolean => collection.schema.fields.some((field) => field.isPartitionKey);

export const isPartitionLoaded = (collection: Collection, partitionId: bigint): boolean =>
  collection.load !== undefined && (collection.load.all || collection.load.partitionIds.includes(partitionId));

/** Ids of the loaded partitions; empty when the collection is released. */
export const loadedPartitions = (collection: Collection): bigint[] =>
  collection.partitions.filter((partition) => isPartitionLoaded(collection, partition.id)).map((partition) => partition.id);

export const indexNamed = (collection: Collection, name: string): IndexDefinition | undefined =>
  collection.indexes.find((index) => index.name === name);

/** 300 when there is no such group. */
export const requireResourceGroup = (catalog: Catalog, name: string): ResourceGroup => {
  const group = catalog.resourceGroups.get(name);
  if (group === undefined) throw failure("resourceGroupNotFound", { rg: name });
  return group;
};

/** The group that the replica of what is loaded belongs to. */
export const resourceGroupOf = (load: Load): string => load.resourceGroup ?? DEFAULT_RESOURCE_GROUP;
