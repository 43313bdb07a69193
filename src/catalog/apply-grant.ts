/**
 * Grants of privileges and groups to roles.
 *
 * A grant may name databases and collections that do not exist yet. Those on a collection go with it when it is dropped and follow it when it is renamed,
 * so that a later collection of the old name does not inherit them.
 * Source: milvus internal/rootcoord/{root_coord,ddl_callbacks_rbac_privilege}.go, internal/metastore/kv/rootcoord/kv_catalog.go.
 */
import { Map as ImmutableMap } from "immutable";
import { type Access, type Grant, grantKey } from "../shared/access.js";
import { invalid } from "../shared/errors.js";
import { ANY, knownPrivilege } from "../shared/privileges.js";
import type { Catalog, GrantChange, RecordOf } from "./types.js";

const PREFIX = "failed to operate privilege common check";

const checkChange = (access: Access, change: GrantChange): void => {
  if (!access.roles.has(change.role)) throw invalid(`${PREFIX}: the role ${JSON.stringify(change.role)} does not exist`);
  if (!access.users.has(change.grantor)) throw invalid(`${PREFIX}: the grantor user ${JSON.stringify(change.grantor)} does not exist`);
  const { privilege } = change;
  if (privilege !== ANY && !access.groups.has(privilege) && knownPrivilege(privilege) === undefined)
    throw invalid(`not found the privilege name[${privilege}]`);
};

const withGrants = (access: Access, role: string, grants: ImmutableMap<string, Grant>): Access => ({
  ...access,
  grants: grants.isEmpty() ? access.grants.delete(role) : access.grants.set(role, grants),
});

const applyChange = (access: Access, change: GrantChange): Access => {
  checkChange(access, change);
  const { action, role, objectType, database, objectName, privilege, grantor } = change;
  const grant: Grant = { objectType, database, objectName, privilege, grantor };
  const grants = access.grants.get(role) ?? ImmutableMap<string, Grant>();
  const key = grantKey(grant);
  if (grants.has(key) === (action === "grant")) return access;
  return withGrants(access, role, action === "grant" ? grants.set(key, grant) : grants.delete(key));
};

export const changeGrants = (access: Access, record: RecordOf<"changeGrants">): Access => record.changes.reduce(applyChange, access);

type CollectionName = { readonly database: string; readonly name: string };

const isOn = (grant: Grant, collection: CollectionName): boolean =>
  grant.objectType === "Collection" && grant.database === collection.database && grant.objectName === collection.name;

/** Grants on exactly this collection become what `moved` makes of them. */
const remap = (catalog: Catalog, collection: CollectionName, moved: (grant: Grant) => Grant[]): Catalog => {
  const { access } = catalog;
  const touched = [...access.grants].filter(([, grants]) => grants.some((grant) => isOn(grant, collection)));
  if (touched.length === 0) return catalog;
  const next = touched.reduce((version, [role, grants]) => {
    const entries = [...grants.values()].flatMap((grant) => (isOn(grant, collection) ? moved(grant) : [grant]));
    return withGrants(version, role, ImmutableMap(entries.map((grant) => [grantKey(grant), grant])));
  }, access);
  return { ...catalog, access: next };
};

export const withoutGrantsOn = (catalog: Catalog, collection: CollectionName): Catalog => remap(catalog, collection, () => []);

export const withGrantsRenamed = (catalog: Catalog, from: CollectionName, to: CollectionName): Catalog =>
  remap(catalog, from, (grant) => [{ ...grant, database: to.database, objectName: to.name }]);
