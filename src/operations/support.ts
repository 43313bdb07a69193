/** What handlers share: the database of a call, changes that may have no effect, members of REST bodies. */

import { DEFAULT_DATABASE, requireCollection } from "../catalog/read.js";
import { hasEffect } from "../catalog/reducer.js";
import type { CatalogRecord, Collection, KeyValuePair } from "../catalog/types.js";
import type { CatalogChange } from "../engine/api.js";
import { parseBool } from "../shared/booleans.js";
import { failure, httpFailure, MilvusError, withLegacy } from "../shared/errors.js";
import { checkCollectionName } from "../shared/names.js";
import { toJsonText } from "../shared/rows/json.js";
import type { Call, RequiredMember } from "./operation.js";

/** The database a request is about: its own field, else the call's metadata, else `default`. */
export const databaseOf = (call: Call, request: { readonly dbName: string }): string =>
  request.dbName || call.databaseName || DEFAULT_DATABASE;

/** The collection a request names, by name or alias; the name's syntax is checked first (1100, 800, 100). */
export const collectionOf = (call: Call, request: { readonly dbName: string; readonly collectionName: string }): Collection => {
  checkCollectionName(request.collectionName);
  return requireCollection(call.engine.catalog, databaseOf(call, request), request.collectionName);
};

/** Makes the change durable, or answers at once when everything is so already. Throws what refuses it. */
export const change = async (call: Call, wanted: CatalogChange): Promise<void> => {
  if (hasEffect(call.engine.catalog, { ...wanted, timestamp: 0n } as CatalogRecord)) await call.engine.change(wanted);
};

/** What `work` refuses, with the legacy code that calls of its kind have. */
export const relabeled = async <T>(legacy: number, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw error instanceof MilvusError ? withLegacy(error, legacy) : error;
  }
};

export type Body = Record<string, unknown>;

const kindOf = (value: unknown): string => {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  return typeof value === "bigint" ? "number" : typeof value;
};

const wrongType = (name: string, value: unknown, wanted: string): Error =>
  httpFailure("httpNotJson", `json: cannot unmarshal ${kindOf(value)} into Go struct field ${name} of type ${wanted}`);

/** A text member; absent and null are empty. */
export const textIn = (body: Body, name: string): string => {
  const value = body[name] ?? "";
  if (typeof value !== "string") throw wrongType(name, value, "string");
  return value;
};

/** A truth member; absent and null are undefined. Texts as Go's ParseBool takes them. */
export const flagIn = (body: Body, name: string): boolean | undefined => {
  const value = body[name] ?? undefined;
  if (value === undefined || typeof value === "boolean") return value;
  const parsed = typeof value === "string" ? parseBool(value) : undefined;
  if (parsed === undefined) throw wrongType(name, value, "bool");
  return parsed;
};

/** An integer member, as a number or as text; absent and null are undefined. */
export const integerIn = (body: Body, name: string): number | undefined => {
  const value = body[name] ?? undefined;
  if (value === undefined || value === "") return undefined;
  const number = typeof value === "string" && /^[+-]?\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number)) throw wrongType(name, value, "int32");
  return number;
};

/** A 64-bit integer member, as a number or as text; absent and null are 0. */
export const longIn = (body: Body, name: string): bigint => {
  const value = body[name] ?? 0;
  if (typeof value === "bigint") return value;
  if (typeof value === "string" && /^[+-]?\d+$/.test(value)) return BigInt(value);
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw wrongType(name, value, "int64");
  return BigInt(value);
};

export const textsIn = (body: Body, name: string): string[] => {
  const value = body[name] ?? [];
  if (!Array.isArray(value)) throw wrongType(name, value, "[]string");
  return value.map((item) => {
    if (typeof item !== "string") throw wrongType(name, item, "string");
    return item;
  });
};

/** An object member; absent and null are empty. */
export const objectIn = (body: Body, name: string): Body => {
  const value = body[name] ?? {};
  if (typeof value !== "object" || Array.isArray(value)) throw wrongType(name, value, "map[string]interface {}");
  return value as Body;
};

/** A list of objects; absent and null are empty. */
export const objectsIn = (body: Body, name: string): Body[] => {
  const value = body[name] ?? [];
  if (!Array.isArray(value)) throw wrongType(name, value, "slice");
  return value.map((_, index) => objectIn(value as unknown as Body, String(index)));
};

/** The text of a JSON value as a property or parameter holds it: texts as they are, everything else as JSON. */
export const parameterText = (value: unknown): string => (typeof value === "string" ? value : (toJsonText(value) ?? "null"));

export const pairsIn = (body: Body, name: string): KeyValuePair[] =>
  Object.entries(objectIn(body, name)).map(([key, value]) => ({ key, value: parameterText(value) }));

/** 1802 of members that are not at the top of a body, named as Go's validator names them, e.g. `IndexParamReq.IndexParams[0].FieldName`. */
export const missingMembers = (goNames: readonly string[]): Error =>
  httpFailure(
    "httpMissingParameter",
    goNames.map((name) => `Key: '${name}' Error:Field validation for '${name.split(".").at(-1)}' failed on the 'required' tag`).join("\n"),
  );

/** Required members of a REST body, in the words of its Go type. */
export const required = (type: string, ...names: readonly string[]): RequiredMember[] =>
  names.map((name) => ({ name, goName: `${type}.${(name[0] ?? "").toUpperCase()}${name.slice(1)}` }));

/** REST checks the database before the call that needs it. */
export const restDatabase = (call: Call, body: Body): { dbName: string } => {
  const dbName = databaseOf(call, { dbName: textIn(body, "dbName") });
  if (!call.engine.catalog.databases.has(dbName)) throw failure("databaseNotFound", { database: dbName });
  return { dbName };
};

/** A route whose success says nothing. */
export const nothing = { data: {} } as const;
