/**
 * The pure reducer: a catalog version and a record make the next version, or a MilvusError.
 *
 * Model: every check that depends on what is in the catalog is made here, against the version the record is applied to, so of two racing proposals
 * the later one is refused with the words that it would have got alone. Checks of a request by itself (names, limits, types) are the operations'.
 * A record that asks for what is already so is applied without effect. A refused record, met again on replay, changes nothing.
 */
import { Map as ImmutableMap } from "immutable";
import { INITIAL_ACCESS } from "../shared/access.js";
import type { Timestamp } from "../shared/types.js";
import { applyAccess } from "./apply-access.js";
import { changeAliases } from "./apply-alias.js";
import { alterCollection, alterField, createCollection, dropCollection, renameCollection } from "./apply-collection.js";
import { alterDatabase, createDatabase, dropDatabase } from "./apply-database.js";
import { addField, addStruct, dropField } from "./apply-field.js";
import { addFunction, alterFunction, dropFunction } from "./apply-function.js";
import { alterIndex, createIndex, dropIndex } from "./apply-index.js";
import { createPartition, dropPartition, load, release } from "./apply-partition.js";
import {
  createResourceGroup,
  defaultResourceGroup,
  dropResourceGroup,
  transferNode,
  transferReplica,
  updateResourceGroups,
} from "./apply-resource-group.js";
import { createSnapshot, dropSnapshot, pinSnapshot, restoreSnapshot, unpinSnapshot } from "./apply-snapshot.js";
import { DEFAULT_DATABASE, DEFAULT_DATABASE_ID, DEFAULT_RESOURCE_GROUP, requireCollectionById } from "./read.js";
import type { Catalog, CatalogRecord } from "./types.js";

/** The first version: one empty database, `default`. The same whenever it is made, so that replay starts from the same value. */
export const emptyCatalog = (timestamp: Timestamp = 0n): Catalog => ({
  version: 0,
  databases: ImmutableMap([
    [DEFAULT_DATABASE, { id: DEFAULT_DATABASE_ID, name: DEFAULT_DATABASE, properties: [], createdTimestamp: timestamp }],
  ]),
  collections: ImmutableMap(),
  collectionNames: ImmutableMap(),
  aliases: ImmutableMap(),
  aliasNames: ImmutableMap(),
  resourceGroups: ImmutableMap([[DEFAULT_RESOURCE_GROUP, defaultResourceGroup]]),
  nodeGroup: DEFAULT_RESOURCE_GROUP,
  access: INITIAL_ACCESS,
});

const apply = (catalog: Catalog, record: CatalogRecord): Catalog => {
  switch (record.kind) {
    case "createDatabase":
      return createDatabase(catalog, record);
    case "dropDatabase":
      return dropDatabase(catalog, record);
    case "alterDatabase":
      return alterDatabase(catalog, record);
    case "createCollection":
      return createCollection(catalog, record);
    case "dropCollection":
      return dropCollection(catalog, record);
    case "renameCollection":
      return renameCollection(catalog, record);
    case "alterCollection":
      return alterCollection(catalog, record);
    case "alterField":
      return alterField(catalog, record);
    case "addField":
      return addField(catalog, record);
    case "addStruct":
      return addStruct(catalog, record);
    case "dropField":
      return dropField(catalog, record);
    case "addFunction":
      return addFunction(catalog, record);
    case "alterFunction":
      return alterFunction(catalog, record);
    case "dropFunction":
      return dropFunction(catalog, record);
    case "truncateCollection":
      requireCollectionById(catalog, record.collectionId);
      return catalog;
    case "createPartition":
      return createPartition(catalog, record);
    case "dropPartition":
      return dropPartition(catalog, record);
    case "createIndex":
      return createIndex(catalog, record);
    case "alterIndex":
      return alterIndex(catalog, record);
    case "dropIndex":
      return dropIndex(catalog, record);
    case "load":
      return load(catalog, record);
    case "release":
      return release(catalog, record);
    case "createSnapshot":
      return createSnapshot(catalog, record);
    case "dropSnapshot":
      return dropSnapshot(catalog, record);
    case "pinSnapshot":
      return pinSnapshot(catalog, record);
    case "unpinSnapshot":
      return unpinSnapshot(catalog, record);
    case "restoreSnapshot":
      return restoreSnapshot(catalog, record);
    case "createResourceGroup":
      return createResourceGroup(catalog, record);
    case "updateResourceGroups":
      return updateResourceGroups(catalog, record);
    case "dropResourceGroup":
      return dropResourceGroup(catalog, record);
    case "transferNode":
      return transferNode(catalog, record);
    case "transferReplica":
      return transferReplica(catalog, record);
    case "changeAliases":
      return changeAliases(catalog, record);
    default:
      return applyAccess(catalog, record);
  }
};

/** The next version. Throws MilvusError when the record is refused. */
export const applyRecord = (catalog: Catalog, record: CatalogRecord): Catalog => ({
  ...apply(catalog, record),
  version: catalog.version + 1,
});

/** Whether applying the record would make another catalog (or other data); throws as `applyRecord` does. */
export const hasEffect = (catalog: Catalog, record: CatalogRecord): boolean =>
  apply(catalog, record) !== catalog || record.kind === "truncateCollection";
