/** A catalog with users for tests of what they may do: two databases with a collection and an alias each, and one user whose role has the given grants. */
import { Guard } from "../../src/auth/guard.js";
import { applyRecord, emptyCatalog } from "../../src/catalog/reducer.js";
import type { Catalog, CatalogRecord } from "../../src/catalog/types.js";
import type { CatalogChange, EngineApi } from "../../src/engine/api.js";
import type { Grant } from "../../src/shared/access.js";
import { realEnv } from "../../src/shared/env.js";
import { objectTypeOf } from "../../src/shared/privileges.js";
import { CollectionSchema } from "../../src/shared/proto/generated/messages.js";
import { CHEAP } from "../support/guard.js";

export const RIGHT = "right";
export const OTHER = "other";
export const COLLECTION = "kites";
export const ALIAS = "birds";
export const USER = "eve";
export const ROLE = "tester";
export const PASSWORD = "secret-of-eve";

export type Granted = Pick<Grant, "privilege"> & Partial<Grant>;

export const grantOf = ({ privilege, ...rest }: Granted): Grant => ({
  objectType: objectTypeOf(privilege),
  database: RIGHT,
  objectName: "*",
  privilege,
  grantor: "root",
  ...rest,
});

export const apply = (catalog: Catalog, ...changes: readonly CatalogChange[]): Catalog =>
  changes.reduce((version, change, index) => applyRecord(version, { ...change, timestamp: BigInt(index + 1) } as CatalogRecord), catalog);

const collectionIn = (database: string, id: bigint): CatalogChange => ({
  kind: "createCollection",
  id,
  database,
  schema: CollectionSchema.create({ name: COLLECTION }),
  properties: [],
  partitions: [{ id: id + 1n, name: "_default", createdTimestamp: 1n }],
  shardsNum: 1,
  consistencyLevel: 2,
  numPartitions: 1n,
});

const alias = (database: string): CatalogChange => ({
  kind: "changeAliases",
  database,
  changes: [{ action: "create", alias: ALIAS, collectionName: COLLECTION }],
});

const base = apply(
  emptyCatalog(),
  { kind: "createDatabase", id: 10n, name: RIGHT, properties: [] },
  { kind: "createDatabase", id: 11n, name: OTHER, properties: [] },
  collectionIn(RIGHT, 100n),
  collectionIn(OTHER, 200n),
  alias(RIGHT),
  alias(OTHER),
  { kind: "createRole", name: ROLE, description: "" },
);

const hashed = await new Guard({
  enabled: true,
  rootPassword: "Milvus",
  access: () => base.access,
  env: realEnv,
  cost: CHEAP,
}).hash(PASSWORD);

/** `roles`: besides the public one. */
export const catalogWith = (grants: readonly Granted[], roles: readonly string[] = [ROLE]): Catalog => {
  const withUser = apply(base, { kind: "createUser", name: USER, passwordHash: hashed, description: "" });
  const bound = apply(withUser, ...roles.map((role): CatalogChange => ({ kind: "changeUserRole", user: USER, role, action: "add" })));
  const changes = grants.map((grant) => ({ action: "grant" as const, role: ROLE, ...grantOf(grant) }));
  return changes.length === 0 ? bound : apply(bound, { kind: "changeGrants", changes });
};

/** An engine that has a catalog and nothing else. */
export const engineOf = (catalog: Catalog): EngineApi => ({ catalog }) as EngineApi;

export const guardOf = (catalog: Catalog, enabled = true): Guard =>
  new Guard({ enabled, rootPassword: "Milvus", access: () => catalog.access, env: realEnv, cost: CHEAP });
