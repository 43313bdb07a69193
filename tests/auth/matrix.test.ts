/**
 * Every RPC and every REST route, asked by everybody: root, an admin, each built-in group, exactly the privilege it wants, all but that, the public role alone
 * and nobody; in the database that the grants are for and in another one. Handlers are replaced, so what is seen is whether a call reaches one.
 */
import { describe, expect, test } from "vitest";
import { AuthFailure } from "../../src/auth/failures.js";
import type { Principal } from "../../src/auth/principal.js";
import type { Catalog } from "../../src/catalog/types.js";
import { type AnyOperation, type Call, dispatch } from "../../src/operations/operation.js";
import { operations } from "../../src/operations/table.js";
import { realEnv } from "../../src/shared/env.js";
import { BUILT_IN_GROUPS, levelOf, PRIVILEGES } from "../../src/shared/privileges.js";
import { silentLogger } from "../../src/telemetry/log.js";
import type { Host } from "../../src/wire/call.js";
import { createRest } from "../../src/wire/rest.js";
import { ANNOTATIONS } from "./annotations.js";
import { ALIAS, COLLECTION, catalogWith, engineOf, guardOf, OTHER, PASSWORD, RIGHT, USER } from "./world.js";

const built = operations.filter((operation) => operation.built !== "not yet");

const wantedBy = (operation: AnyOperation): string =>
  ANNOTATIONS[operation.rpc]?.[0] ?? (operation.rpc === "AlterAliases" ? "CreateAlias" : "");

/** What the public role has from the beginning. */
const PUBLIC = ["", "DescribeCollection", "ListAliases", "IndexDetail"];

interface Persona {
  readonly name: string;
  readonly catalog: (wanted: string) => Catalog;
  readonly authorization: string | undefined;
  allowed(wanted: string, database: string): boolean;
}

const isPublic = (wanted: string): boolean => PUBLIC.includes(wanted);
const isCluster = (wanted: string): boolean => levelOf(wanted) === "Cluster";
const byEve = `${USER}:${PASSWORD}`;
const once = (catalog: Catalog) => () => catalog;

const groups = [...BUILT_IN_GROUPS].map(([group, members]): Persona => {
  const wide = group.startsWith("Cluster");
  const catalog = catalogWith([{ privilege: group, objectType: "Global", ...(wide ? { database: "*" } : {}) }]);
  return {
    name: group,
    catalog: once(catalog),
    authorization: byEve,
    allowed: (wanted, database) => isPublic(wanted) || (members.includes(wanted) && (wide || database === RIGHT)),
  };
});

const exactly = (wanted: string): Catalog =>
  catalogWith(isPublic(wanted) ? [] : [{ privilege: wanted, ...(isCluster(wanted) ? { database: "*" } : {}) }]);
const inDatabase = (wanted: string): Catalog => catalogWith(isPublic(wanted) ? [] : [{ privilege: wanted }]);
const onCollection = (wanted: string): Catalog => catalogWith(isPublic(wanted) ? [] : [{ privilege: wanted, objectName: COLLECTION }]);
const allBut = (wanted: string): Catalog =>
  catalogWith(PRIVILEGES.filter((privilege) => privilege !== wanted).map((privilege) => ({ privilege, database: "*" })));

const personas: readonly Persona[] = [
  { name: "root", catalog: once(catalogWith([])), authorization: "root:Milvus", allowed: () => true },
  { name: "an admin", catalog: once(catalogWith([], ["admin"])), authorization: byEve, allowed: () => true },
  ...groups,
  {
    name: "exactly this privilege",
    catalog: exactly,
    authorization: byEve,
    allowed: (wanted, database) => isPublic(wanted) || isCluster(wanted) || database === RIGHT,
  },
  {
    name: "exactly this privilege, in one database",
    catalog: inDatabase,
    authorization: byEve,
    allowed: (wanted, database) => isPublic(wanted) || database === RIGHT,
  },
  {
    name: "exactly this privilege, on the collection",
    catalog: onCollection,
    authorization: byEve,
    allowed: (wanted, database) => isPublic(wanted) || (database === RIGHT && wanted !== "UpdateUser" && wanted !== "SelectUser"),
  },
  { name: "all but this privilege", catalog: allBut, authorization: byEve, allowed: isPublic },
  { name: "the public role alone", catalog: once(catalogWith([], [])), authorization: byEve, allowed: isPublic },
  { name: "nobody", catalog: once(catalogWith([])), authorization: undefined, allowed: () => false },
];

/** What requests name, where they have such members. `collection`: its name or alias. */
const requestOf = (operation: AnyOperation, dbName: string, collection: string): object => {
  const given: Readonly<Record<string, unknown>> = {
    dbName,
    collectionName: collection,
    collectionNames: [collection],
    oldName: collection,
    username: "somebody",
    user: { name: "somebody" },
  };
  const known = operation.request.fields.map((field) => field.name).filter((name) => name in given);
  return operation.request.create(Object.fromEntries(known.map((name) => [name, given[name]])) as never);
};

const reached = (operation: AnyOperation, tell: () => void): AnyOperation => ({
  ...operation,
  again: () => undefined,
  handle: () => {
    tell();
    return {};
  },
});

const principalOf = async (catalog: Catalog, authorization: string | undefined): Promise<Principal> => {
  const [user, password] = (authorization ?? "").split(":") as [string, string];
  return guardOf(catalog).authenticate(authorization === undefined ? { kind: "none" } : { kind: "password", user, password });
};

const callsRpc = async (
  operation: AnyOperation,
  catalog: Catalog,
  persona: Persona,
  database: string,
  collection: string,
): Promise<boolean> => {
  let arrived = false;
  try {
    const call: Call = {
      engine: engineOf(catalog),
      principal: await principalOf(catalog, persona.authorization),
      guard: guardOf(catalog),
      databaseName: database,
      requestId: "matrix",
      signal: new AbortController().signal,
      session: { version: "0", startedMs: 0 },
    };
    await dispatch(
      reached(operation, () => {
        arrived = true;
      }),
      call,
      requestOf(operation, database, collection),
    );
  } catch (error) {
    if (!(error instanceof AuthFailure)) throw error;
    expect(error.kind).toBe(persona.authorization === undefined ? "unauthenticated" : "denied");
  }
  return arrived;
};

/** Members that the routes want, so that none is missed before it is asked who may. */
const bodyOf = (route: AnyOperation["rest"][number], dbName: string, collectionName: string): Record<string, unknown> => ({
  ...Object.fromEntries((route.required ?? []).map(({ name }) => [name, "x"])),
  dbName,
  collectionName,
  userName: "somebody",
  // A collection that is created without an index and not loaded needs no further privileges.
  schema: { fields: [{ fieldName: "id" }] },
  actions: [{ action: "create" }],
});

const callsRoute = async (
  operation: AnyOperation,
  index: number,
  catalog: Catalog,
  persona: Persona,
  database: string,
  collection: string,
) => {
  let arrived = false;
  const route = operation.rest[index] as AnyOperation["rest"][number];
  const stub = {
    ...route,
    handle: async () => {
      arrived = true;
      return {};
    },
  };
  const host: Host = {
    engine: engineOf(catalog),
    operations: [{ ...operation, rest: [stub] }],
    session: { version: "0", startedMs: 0 },
    guard: guardOf(catalog),
    env: realEnv,
    logger: silentLogger,
    slowRequestMs: 60_000,
  };
  const [method = "", path = ""] = route.route.split(" ");
  const reply = await createRest(host)({
    method,
    path,
    header: (name) => (name === "authorization" && persona.authorization !== undefined ? `Bearer ${persona.authorization}` : undefined),
    body: async () => Buffer.from(JSON.stringify(bodyOf(route, database, collection))),
    signal: new AbortController().signal,
  });
  if (!arrived) expect([route.route, reply.status]).toEqual([route.route, persona.authorization === undefined ? 401 : 403]);
  return arrived;
};

describe.each(personas)("$name", (persona) => {
  test("every RPC", async () => {
    for (const operation of built)
      for (const database of [RIGHT, OTHER])
        for (const collection of [COLLECTION, ALIAS]) {
          const wanted = wantedBy(operation);
          const found = await callsRpc(operation, persona.catalog(wanted), persona, database, collection);
          expect([operation.rpc, database, collection, found]).toEqual([
            operation.rpc,
            database,
            collection,
            persona.allowed(wanted, database),
          ]);
        }
  });

  test("every REST route", async () => {
    for (const operation of built)
      for (const [index, route] of operation.rest.entries())
        for (const database of [RIGHT, OTHER]) {
          const wanted = wantedBy(operation);
          const found = await callsRoute(operation, index, persona.catalog(wanted), persona, database, ALIAS);
          expect([route.route, database, found]).toEqual([route.route, database, persona.allowed(wanted, database)]);
        }
  });
});

test("an operation that asked for nothing would be found out", async () => {
  const flush = built.find((operation) => operation.rpc === "Flush") as AnyOperation;
  const alone = personas.find((persona) => persona.name === "the public role alone") as Persona;
  const open = { ...flush, privilege: "" };
  expect(await callsRpc(open, alone.catalog("Flush"), alone, RIGHT, COLLECTION)).toBe(true);
  expect(alone.allowed("Flush", RIGHT)).toBe(false);
});
