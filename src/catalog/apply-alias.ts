/**
 * Alias changes: one record, all of them or none.
 *
 * Model: an alias is bound to a collection's id, so a rename leaves it alone and a switch is one write of one map entry: a reader of any version sees
 * the old target or the new one. Changes are applied in order, each against the result of the one before; the first refusal refuses them all.
 * Order of the checks and their words: milvus internal/rootcoord/meta_table.go, ddl_callbacks_alter_alias.go.
 */
import { Map as ImmutableMap, Set as ImmutableSet } from "immutable";
import { failure } from "../shared/errors.js";
import type { Timestamp } from "../shared/types.js";
import { aliasNamed, collectionNamed, requireDatabase } from "./read.js";
import type { Alias, AliasChange, Catalog, Collection, Database, RecordOf } from "./types.js";

const unlisted = (names: Catalog["aliasNames"], alias: Alias): Catalog["aliasNames"] => {
  const rest = (names.get(alias.collectionId) ?? ImmutableSet<string>()).delete(alias.name);
  return rest.isEmpty() ? names.delete(alias.collectionId) : names.set(alias.collectionId, rest);
};

const unbind = (catalog: Catalog, database: Database, alias: Alias): Catalog => ({
  ...catalog,
  aliases: catalog.aliases.set(database.id, (catalog.aliases.get(database.id) ?? ImmutableMap()).delete(alias.name)),
  aliasNames: unlisted(catalog.aliasNames, alias),
});

const bind = (catalog: Catalog, database: Database, name: string, target: Collection, timestamp: Timestamp): Catalog => {
  const before = aliasNamed(catalog, database, name);
  const others = before ? unlisted(catalog.aliasNames, before) : catalog.aliasNames;
  const alias: Alias = { name, collectionId: target.id, createdTimestamp: before?.createdTimestamp ?? timestamp };
  return {
    ...catalog,
    aliases: catalog.aliases.set(database.id, (catalog.aliases.get(database.id) ?? ImmutableMap<string, Alias>()).set(name, alias)),
    aliasNames: others.set(target.id, (others.get(target.id) ?? ImmutableSet<string>()).add(name)),
  };
};

type Binding = Extract<AliasChange, { action: "create" | "alter" }>;

/** The collection that the target's name stands for; a target given as an alias is resolved, so there are no chains. */
const requireTarget = (catalog: Catalog, database: Database, change: Binding): Collection => {
  const alias = aliasNamed(catalog, database, change.collectionName);
  const target = alias ? catalog.collections.get(alias.collectionId) : collectionNamed(catalog, database, change.collectionName);
  if (target !== undefined) return target;
  if (change.action === "alter") throw failure("collectionNotFound", { collection: change.collectionName });
  // Milvus marks a missing target as the caller's fault for every alias call but create and list.
  throw failure("collectionNotFound", { database: database.name, collection: change.collectionName }, "", false);
};

const applyBinding = (catalog: Catalog, database: Database, change: Binding, timestamp: Timestamp): Catalog => {
  const words = { database: database.name, alias: change.alias };
  if (collectionNamed(catalog, database, change.alias) !== undefined) throw failure("aliasConflict", words);
  const target = requireTarget(catalog, database, change);
  const before = aliasNamed(catalog, database, change.alias);
  if (before === undefined && change.action === "alter") throw failure("aliasNotFound", words);
  if (before?.collectionId === target.id) return catalog;
  if (before !== undefined && change.action === "create") {
    const other = catalog.collections.get(before.collectionId)?.name ?? "";
    throw failure("aliasExists", words, `${change.alias} is alias to another collection: ${other}`);
  }
  return bind(catalog, database, change.alias, target, timestamp);
};

const applyChange = (catalog: Catalog, database: Database, change: AliasChange, timestamp: Timestamp): Catalog => {
  if (change.action !== "drop") return applyBinding(catalog, database, change, timestamp);
  const alias = aliasNamed(catalog, database, change.alias);
  return alias === undefined ? catalog : unbind(catalog, database, alias);
};

export const changeAliases = (catalog: Catalog, record: RecordOf<"changeAliases">): Catalog => {
  const marked = record.changes[0]?.action !== "create";
  const database = requireDatabase(catalog, record.database, marked);
  return record.changes.reduce((version, change) => applyChange(version, database, change, record.timestamp), catalog);
};
