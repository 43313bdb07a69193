/**
 * Databases: name spaces of collections. `default` is always there. Here an empty name is an error, not the default.
 * Sources: milvus internal/proxy/task_database.go, internal/rootcoord/ddl_callbacks_{create,alter,drop}_database.go.
 */
import { requireDatabase } from "../catalog/read.js";
import type { KeyValuePair } from "../catalog/types.js";
import { failure, invalid } from "../shared/errors.js";
import { checkDatabaseName } from "../shared/names.js";
import { type AlterDatabaseRequest, services } from "../shared/proto/generated/messages.js";
import { type AnyOperation, type Call, defineOperation, type RestRoute } from "./operation.js";
import { checkTimeZone } from "./property-rules.js";
import { type Body, change, nothing, pairsIn, required, textIn, textsIn } from "./support.js";
import { seesDatabase } from "./visibility.js";

const { CreateDatabase, DropDatabase, ListDatabases, AlterDatabase, DescribeDatabase } = services["milvus.proto.milvus.MilvusService"];

const create = async (call: Call, request: { readonly dbName: string; readonly properties: readonly KeyValuePair[] }) => {
  checkDatabaseName(request.dbName);
  checkTimeZone(request.properties);
  await change(call, { kind: "createDatabase", id: call.engine.ids(1), name: request.dbName, properties: request.properties });
  return {};
};

const drop = async (call: Call, request: { readonly dbName: string }) => {
  checkDatabaseName(request.dbName);
  await change(call, { kind: "dropDatabase", name: request.dbName });
  return {};
};

/** Those that the caller may see. */
const list = (call: Call) => {
  const shown = [...call.engine.catalog.databases.values()].filter((database) => seesDatabase(call, database.name));
  const databases = shown.sort((one, other) => (one.name < other.name ? -1 : 1));
  return {
    dbNames: databases.map((database) => database.name),
    createdTimestamp: databases.map((database) => database.createdTimestamp),
    dbIds: databases.map((database) => database.id),
  };
};

const describe = (call: Call, request: { readonly dbName: string }) => {
  const database = requireDatabase(call.engine.catalog, request.dbName);
  if (!seesDatabase(call, database.name)) throw failure("notPermitted", {}, `not allowed to access database, db name: ${database.name}`);
  return {
    dbName: database.name,
    dbID: database.id,
    createdTimestamp: database.createdTimestamp,
    properties: database.properties,
  };
};

type Changes = Pick<AlterDatabaseRequest, "dbName" | "properties" | "deleteKeys">;

const checkChanges = ({ dbName, properties, deleteKeys }: Changes): void => {
  checkTimeZone(properties);
  if (dbName === "") throw invalid("alter database failed, database name does not exists");
  if (properties.length === 0 && deleteKeys.length === 0)
    throw invalid("alter database with empty properties and delete keys, expected to set either properties or delete keys");
  if (properties.length > 0 && deleteKeys.length > 0)
    throw invalid("alter database cannot modify properties and delete keys at the same time");
  if ([...properties.map((pair) => pair.key), ...deleteKeys].some((key) => key.startsWith("cipher.")))
    throw invalid("can not alter cipher related properties");
};

const alter = async (call: Call, request: Changes) => {
  checkChanges(request);
  const { dbName, properties, deleteKeys } = request;
  await change(call, { kind: "alterDatabase", name: dbName, properties, deleteKeys });
  return {};
};

const BASE = "POST /v2/vectordb/databases";

const alterRoute = (path: string, type = "DatabaseReqWithProperties"): RestRoute => ({
  route: `${BASE}/${path}`,
  required: required(type, "dbName"),
  handle: async (call, body) => alter(call, changesIn(body)).then(() => nothing),
});

const changesIn = (body: Body): Changes => ({
  dbName: textIn(body, "dbName"),
  properties: pairsIn(body, "properties"),
  deleteKeys: textsIn(body, "propertyKeys"),
});

export const operations: readonly AnyOperation[] = [
  defineOperation(CreateDatabase, {
    privilege: "CreateDatabase",
    scope: "global",
    handle: create,
    rest: [
      {
        route: `${BASE}/create`,
        required: required("DatabaseReqWithProperties", "dbName"),
        handle: async (call, body) => create(call, changesIn(body)).then(() => nothing),
      },
    ],
  }),
  defineOperation(DropDatabase, {
    privilege: "DropDatabase",
    scope: "global",
    handle: drop,
    rest: [
      {
        route: `${BASE}/drop`,
        required: required("DatabaseReqRequiredName", "dbName"),
        handle: async (call, body) => drop(call, changesIn(body)).then(() => nothing),
      },
    ],
  }),
  defineOperation(ListDatabases, {
    privilege: "",
    scope: "global",
    handle: list,
    rest: [{ route: `${BASE}/list`, handle: async (call) => ({ data: list(call).dbNames }) }],
  }),
  defineOperation(AlterDatabase, {
    privilege: "AlterDatabase",
    scope: "database",
    handle: alter,
    rest: [alterRoute("alter"), alterRoute("alter_properties"), alterRoute("drop_properties", "DropDatabasePropertiesReq")],
  }),
  defineOperation(DescribeDatabase, {
    privilege: "DescribeDatabase",
    scope: "database",
    handle: describe,
    rest: [
      {
        route: `${BASE}/describe`,
        required: required("DatabaseReqRequiredName", "dbName"),
        handle: async (call, body) => {
          const { dbName, dbID, properties } = describe(call, changesIn(body));
          return { data: { dbName, dbID, properties } };
        },
      },
    ],
  }),
];
