/**
 * Whether the caller may: asked once for each call, in `dispatch` for RPCs and by the REST server for routes, before a handler sees it.
 *
 * What is asked follows from the operation's privilege (shared/privileges.ts): what type of object it is about, whether it is about a database. Names of
 * collections are resolved first, so that an alias gives what its collection does. RPCs without a privilege are everybody's who has proved who he is.
 * Source: milvus internal/proxy/privilege_interceptor.go.
 */
import { AuthFailure } from "../auth/failures.js";
import { isAllowed, rolesOf } from "../auth/policy.js";
import { DEFAULT_DATABASE, resolve } from "../catalog/read.js";
import type { Collection } from "../catalog/types.js";
import { ANY, levelOf, type ObjectType, objectTypeOf } from "../shared/privileges.js";
import type { Call } from "./operation.js";

/** What a request names. */
interface Names {
  readonly dbName?: unknown;
  readonly collectionName?: unknown;
  readonly collectionNames?: unknown;
  readonly collectionID?: unknown;
  readonly username?: unknown;
  readonly user?: { readonly name?: unknown };
  readonly entity?: { readonly role?: { readonly name?: unknown } };
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** What old clients give in the place of a name. */
const collectionById = (call: Call, request: Names): Collection | undefined =>
  text(request.collectionName) === "" && typeof request.collectionID === "bigint"
    ? call.engine.catalog.collections.get(request.collectionID)
    : undefined;

const collectionsOf = (call: Call, database: string, request: Names): string[] => {
  const byId = collectionById(call, request);
  if (byId !== undefined) return [byId.name];
  const named = Array.isArray(request.collectionNames) ? request.collectionNames.map(text) : [text(request.collectionName)];
  return named.map((name) => resolve(call.engine.catalog, database, name)?.name ?? name);
};

const objectsOf = (call: Call, type: ObjectType, database: string, request: Names): string[] => {
  if (type === "Collection") return collectionsOf(call, database, request);
  if (type === "User") return [text(request.username ?? request.user?.name) || ANY];
  return [ANY];
};

/** Of the request, else of the call, else the default one. */
const databaseIn = (call: Call, request: Names): string =>
  collectionById(call, request)?.databaseName ?? (text(request.dbName) || call.databaseName || DEFAULT_DATABASE);

/** Roles tell their grants to those who have them. */
const isOwnRole = (call: Call, privilege: string, request: Names): boolean => {
  const role = request.entity?.role?.name;
  return (
    privilege === "SelectOwnership" && typeof role === "string" && rolesOf(call.engine.catalog.access, call.principal.user).includes(role)
  );
};

/** @param everywhere the request crosses databases, so a right in one of them is not enough */
const mayUse = (call: Call, privilege: string, request: Names, everywhere: boolean): boolean => {
  const { principal } = call;
  if (principal.unlimited || privilege === "") return true;
  const objectType = objectTypeOf(privilege);
  const database = databaseIn(call, request);
  const objects = objectsOf(call, objectType, database, request);
  if (objectType === "User" && objects[0] === principal.user) return true;
  if (isOwnRole(call, privilege, request)) return true;
  // What is about no database may also be granted in the one that the caller uses, as it was before Milvus 3.
  const wide = levelOf(privilege) === "Cluster" ? [ANY, call.databaseName || DEFAULT_DATABASE] : [database];
  return isAllowed(call.engine.catalog.access, principal.user, { privilege, objectType, objects, databases: everywhere ? [ANY] : wide });
};

/** Milvus's words when the caller may not use a privilege on what a request names; undefined: he may. */
export const refusal = (call: Call, privilege: string, request: object, everywhere = false): string | undefined => {
  if (mayUse(call, privilege, request, everywhere)) return undefined;
  const database = everywhere || levelOf(privilege) === "Cluster" ? ANY : databaseIn(call, request);
  return `Privilege${privilege}: permission deny to ${call.principal.user} in the \`${database}\` database`;
};

/** What HTTP puts before the words of a denial. */
export const HTTP_DENIED = "rpc error: code = PermissionDenied desc = ";

export interface Asked {
  readonly privilege: string;
  /** Further privileges that this request needs. */
  also?(request: object): readonly string[];
  /** Whether the request crosses databases. */
  crosses?(call: Call, request: object): boolean;
}

/**
 * What a body of REST names, by the members that its handlers read: a body may hold others too, which must not count.
 */
export const namesIn = (body: Readonly<Record<string, unknown>>): object => ({
  dbName: body.dbName,
  collectionName: body.collectionName,
  newDBName: body.newDbName,
  username: body.userName,
});

/** @throws AuthFailure */
export const permit = (asked: Asked, call: Call, request: object): void => {
  if (call.principal.unlimited) return;
  const everywhere = asked.crosses?.(call, request) ?? false;
  for (const privilege of [asked.privilege, ...(asked.also?.(request) ?? [])]) {
    const words = refusal(call, privilege, request, everywhere);
    if (words !== undefined) throw new AuthFailure("denied", words);
  }
};
