/** Records about databases. */
import { failure, invalid } from "../shared/errors.js";
import { DATABASES_MAX } from "../shared/limits.js";
import { sameProperties, withoutKeys, withProperties } from "./properties.js";
import { collectionsIn, DEFAULT_DATABASE } from "./read.js";
import type { Catalog, RecordOf } from "./types.js";

export const createDatabase = (catalog: Catalog, record: RecordOf<"createDatabase">): Catalog => {
  if (catalog.databases.has(record.name)) throw invalid(`database already exist: ${record.name}`);
  // The map holds `default` too, which the limit does not count.
  if (catalog.databases.size > DATABASES_MAX) throw failure("databaseLimit", { limit: DATABASES_MAX });
  return {
    ...catalog,
    databases: catalog.databases.set(record.name, {
      id: record.id,
      name: record.name,
      properties: record.properties,
      createdTimestamp: record.timestamp,
    }),
  };
};

/** Aliases go with their database: with no collection left there is none. A missing database is no error. */
export const dropDatabase = (catalog: Catalog, record: RecordOf<"dropDatabase">): Catalog => {
  if (record.name === DEFAULT_DATABASE) throw invalid("can not drop default database");
  const database = catalog.databases.get(record.name);
  if (database === undefined) return catalog;
  if (collectionsIn(catalog, database).length > 0)
    throw invalid(`database:${record.name} not empty, must drop all collections before drop database`);
  return {
    ...catalog,
    databases: catalog.databases.delete(record.name),
    collectionNames: catalog.collectionNames.delete(database.id),
    aliases: catalog.aliases.delete(database.id),
  };
};

export const alterDatabase = (catalog: Catalog, record: RecordOf<"alterDatabase">): Catalog => {
  const database = catalog.databases.get(record.name);
  if (database === undefined) throw failure("databaseNotFound", { database: record.name }, "failed to get database by name");
  const properties = withoutKeys(withProperties(database.properties, record.properties), record.deleteKeys);
  if (sameProperties(properties, database.properties)) return catalog;
  return { ...catalog, databases: catalog.databases.set(record.name, { ...database, properties }) };
};
