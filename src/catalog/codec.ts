/**
 * Catalog records and whole catalogs as bytes: JSON with exact 64-bit integers, in which a schema is its protobuf message.
 *
 * Reading gives back what was written, value for value: every default of a schema, `NaN` and `-0` among them. Bytes that were not written here throw.
 */
import { Map as ImmutableMap, Set as ImmutableSet } from "immutable";
import { type Access, type Grant, grantKey, INITIAL_ACCESS, type PrivilegeGroup, type Role, type User } from "../shared/access.js";
import { decodeExact, type Exact, encodeExact } from "../shared/json.js";
import { CollectionSchema, FieldSchema, FunctionSchema, StructArrayFieldSchema } from "../shared/proto/generated/messages.js";
import type { MessageType } from "../shared/proto/wire.js";
import { defaultResourceGroup } from "./apply-resource-group.js";
import { DEFAULT_RESOURCE_GROUP } from "./read.js";
import type { Alias, Catalog, CatalogRecord, Collection, Database, ResourceGroup } from "./types.js";

const FORMAT = 1;

/** A value of ours as JSON's: the types have no members but those that `Exact` knows. */
const plain = (value: object): Exact => value as unknown as Exact;

const packed = (record: CatalogRecord): object => {
  if (record.kind === "createCollection") return { ...record, schema: CollectionSchema.encode(record.schema) };
  if (record.kind === "restoreSnapshot")
    return { ...record, definition: { ...record.definition, schema: CollectionSchema.encode(record.definition.schema) } };
  if (record.kind === "addField") return { ...record, field: FieldSchema.encode(record.field) };
  if (record.kind === "addStruct") return { ...record, struct: StructArrayFieldSchema.encode(record.struct) };
  if (record.kind === "alterFunction") return { ...record, function: FunctionSchema.encode(record.function) };
  if (record.kind === "addFunction")
    return {
      ...record,
      function: FunctionSchema.encode(record.function),
      ...(record.output === undefined ? {} : { output: { ...record.output, field: FieldSchema.encode(record.output.field) } }),
    };
  return record;
};

export const encodeRecord = (record: CatalogRecord): Buffer => Buffer.from(encodeExact(plain(packed(record))), "utf8");

export const decodeRecord = (bytes: Uint8Array): CatalogRecord => {
  const record = decodeExact(textOf(bytes)) as unknown as CatalogRecord;
  if (typeof record !== "object" || record === null || typeof record.kind !== "string") throw new Error("not a catalog record");
  if (record.kind === "createCollection") return { ...record, schema: schemaOf(record.schema) };
  if (record.kind === "restoreSnapshot")
    return { ...record, definition: { ...record.definition, schema: schemaOf(record.definition.schema) } };
  if (record.kind === "addField") return { ...record, field: unpacked(FieldSchema, record.field) };
  if (record.kind === "addStruct") return { ...record, struct: unpacked(StructArrayFieldSchema, record.struct) };
  if (record.kind === "alterFunction") return { ...record, function: unpacked(FunctionSchema, record.function) };
  if (record.kind === "addFunction")
    return {
      ...record,
      function: unpacked(FunctionSchema, record.function),
      ...(record.output === undefined ? {} : { output: { ...record.output, field: unpacked(FieldSchema, record.output.field) } }),
    };
  return record;
};

/** A message that was read as its bytes. */
const unpacked = <T extends object>(type: MessageType<T>, bytes: T): T => type.decode(bytes as unknown as Uint8Array);

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
const schemaOf = (bytes: unknown): CollectionSchema => CollectionSchema.decode(bytes as Uint8Array);

interface Stored {
  readonly format: number;
  readonly version: number;
  readonly databases: readonly Database[];
  readonly collections: readonly (Omit<Collection, "schema"> & { readonly schema: Uint8Array })[];
  readonly aliases: readonly (Alias & { readonly databaseId: bigint })[];
  /** Absent: the default one alone, with the node in it. */
  readonly resourceGroups?: readonly ResourceGroup[];
  readonly nodeGroup?: string;
  /** Absent in catalogs that were written before there were users. */
  readonly access?: StoredAccess;
}

interface StoredAccess {
  readonly users: readonly User[];
  readonly roles: readonly Role[];
  readonly grants: readonly (Grant & { readonly role: string })[];
  readonly groups: readonly PrivilegeGroup[];
}

const packedAccess = (access: Access): StoredAccess => ({
  users: [...access.users.values()],
  roles: [...access.roles.values()],
  grants: [...access.grants].flatMap(([role, grants]) => [...grants.values()].map((grant) => ({ ...grant, role }))),
  groups: [...access.groups.values()],
});

const accessOf = (stored: StoredAccess): Access => {
  const byRole = new Map<string, [string, Grant][]>();
  for (const { role, ...grant } of stored.grants) {
    const list = byRole.get(role) ?? [];
    byRole.set(role, list);
    list.push([grantKey(grant), grant]);
  }
  return {
    users: ImmutableMap(stored.users.map((user) => [user.name, user])),
    roles: ImmutableMap(stored.roles.map((role) => [role.name, role])),
    grants: ImmutableMap([...byRole].map(([role, grants]) => [role, ImmutableMap(grants)])),
    groups: ImmutableMap(stored.groups.map((group) => [group.name, group])),
  };
};

export const encodeCatalog = (catalog: Catalog): Buffer => {
  const stored: Stored = {
    format: FORMAT,
    version: catalog.version,
    databases: [...catalog.databases.values()],
    collections: [...catalog.collections.values()].map((collection) => ({
      ...collection,
      schema: CollectionSchema.encode(collection.schema),
    })),
    resourceGroups: [...catalog.resourceGroups.values()],
    nodeGroup: catalog.nodeGroup,
    aliases: [...catalog.aliases].flatMap(([databaseId, aliases]) => [...aliases.values()].map((alias) => ({ ...alias, databaseId }))),
    access: packedAccess(catalog.access),
  };
  return Buffer.from(encodeExact(plain(stored)), "utf8");
};

const grouped = <T>(list: readonly T[], key: (item: T) => bigint, entry: (item: T) => [string, unknown]) => {
  const groups = new Map<bigint, [string, unknown][]>();
  for (const item of list) {
    const group = groups.get(key(item)) ?? [];
    group.push(entry(item));
    groups.set(key(item), group);
  }
  return groups;
};

const nested = <T, V>(list: readonly T[], key: (item: T) => bigint, entry: (item: T) => [string, V]) =>
  ImmutableMap([...grouped(list, key, entry)].map(([id, entries]) => [id, ImmutableMap(entries as [string, V][])]));

export const decodeCatalog = (bytes: Uint8Array): Catalog => {
  const stored = decodeExact(textOf(bytes)) as unknown as Stored;
  if (stored?.format !== FORMAT) throw new Error(`catalog format ${stored?.format} is not known`);
  const collections = stored.collections.map((collection) => ({
    ...collection,
    // A released collection's `load` is undefined, which JSON leaves out.
    load: collection.load,
    schema: schemaOf(collection.schema),
  }));
  const names = new Map<bigint, string[]>();
  for (const alias of stored.aliases) {
    const list = names.get(alias.collectionId);
    if (list) list.push(alias.name);
    else names.set(alias.collectionId, [alias.name]);
  }
  return {
    version: stored.version,
    databases: ImmutableMap(stored.databases.map((database) => [database.name, database])),
    collections: ImmutableMap(collections.map((collection) => [collection.id, collection])),
    collectionNames: nested(
      collections,
      (collection) => collection.databaseId,
      (collection) => [collection.name, collection.id],
    ),
    aliases: nested(
      stored.aliases,
      (alias) => alias.databaseId,
      ({ databaseId: _, ...alias }): [string, Alias] => [alias.name, alias],
    ),
    aliasNames: ImmutableMap([...names].map(([id, list]) => [id, ImmutableSet(list)])),
    resourceGroups: ImmutableMap((stored.resourceGroups ?? [defaultResourceGroup]).map((group) => [group.name, group])),
    nodeGroup: stored.nodeGroup ?? DEFAULT_RESOURCE_GROUP,
    access: stored.access === undefined ? INITIAL_ACCESS : accessOf(stored.access),
  };
};
