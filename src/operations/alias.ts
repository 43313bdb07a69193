/**
 * Aliases: second names of collections.
 *
 * Model: an alias is bound to a collection's id in one database. Create, alter and drop are one catalog record each, and `AlterAliases` is one record for
 * all its changes, so a reader sees the target before or the target after. What depends on the catalog (conflicts, missing targets, no-ops) is decided in
 * catalog/apply-alias.ts; names are checked here first. Milvus has no record of many changes: that call is ours.
 * Sources: milvus internal/proxy/task_alias.go, internal/rootcoord/ddl_callbacks_{alter,drop}_alias.go.
 */
import { aliasesIn, aliasesOf, aliasNamed, requireDatabase, resolve } from "../catalog/read.js";
import type { AliasChange } from "../catalog/types.js";
import { failure, httpFailure, invalid, missing } from "../shared/errors.js";
import { checkAliasName, checkCollectionName } from "../shared/names.js";
import {
  AliasAction_AliasActionType as ActionType,
  type AlterAliasesRequest,
  type AlterAliasRequest,
  type CreateAliasRequest,
  type DescribeAliasRequest,
  type DropAliasRequest,
  type ListAliasesRequest,
  services,
} from "../shared/proto/generated/messages.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { type Body, change, databaseOf, nothing, objectsIn, required, restDatabase, textIn } from "./support.js";

const { CreateAlias, AlterAlias, DropAlias, DescribeAlias, ListAliases } = services["milvus.proto.milvus.MilvusService"];
const ELANUS_SERVICE = "elanus.proto.v1.ElanusService";
const { AlterAliases } = services[ELANUS_SERVICE];

type Binding = Pick<CreateAliasRequest | AlterAliasRequest, "dbName" | "collectionName" | "alias">;

/** The alias's syntax before the collection's. A drop takes any text: what is no alias is dropped already. */
const checkNames = (changes: readonly AliasChange[]): void => {
  for (const item of changes) {
    if (item.action === "drop") continue;
    checkAliasName(item.alias);
    checkCollectionName(item.collectionName);
  }
};

const changeAliases = async (call: Call, request: { readonly dbName: string }, changes: readonly AliasChange[]) => {
  checkNames(changes);
  await change(call, { kind: "changeAliases", database: databaseOf(call, request).trim(), changes });
  return {};
};

const create = (call: Call, request: Binding) =>
  changeAliases(call, request, [{ action: "create", alias: request.alias, collectionName: request.collectionName }]);

const alter = (call: Call, request: Binding) =>
  changeAliases(call, request, [{ action: "alter", alias: request.alias, collectionName: request.collectionName }]);

const drop = (call: Call, request: Pick<DropAliasRequest, "dbName" | "alias">) =>
  changeAliases(call, request, [{ action: "drop", alias: request.alias.trim() }]);

const describe = (call: Call, request: Pick<DescribeAliasRequest, "dbName" | "alias">) => {
  checkAliasName(request.alias);
  const { catalog } = call.engine;
  const database = requireDatabase(catalog, databaseOf(call, request));
  const alias = aliasNamed(catalog, database, request.alias);
  if (alias === undefined) throw failure("aliasNotFound", { database: database.name, alias: request.alias });
  const collection = catalog.collections.get(alias.collectionId);
  if (collection === undefined) throw failure("aliasCollectionIdNotFound", { collectionID: alias.collectionId });
  return { dbName: database.name, alias: request.alias, collection: collection.name };
};

/** Milvus does not mark the errors of this call as the caller's fault. */
const list = (call: Call, request: Pick<ListAliasesRequest, "dbName" | "collectionName">) => {
  if (request.collectionName !== "") checkCollectionName(request.collectionName);
  const { catalog } = call.engine;
  const database = requireDatabase(catalog, databaseOf(call, request), false);
  if (request.collectionName === "") return { dbName: database.name, collectionName: "", aliases: aliasesIn(catalog, database) };
  const collection = resolve(catalog, database.name, request.collectionName);
  if (collection === undefined) throw failure("collectionNotFound", { collection: request.collectionName }, "", false);
  return { dbName: database.name, collectionName: collection.name, aliases: aliasesOf(catalog, collection) };
};

const aliasChange = (action: number, alias: string, collectionName: string): AliasChange => {
  switch (action) {
    case ActionType.Create:
      return { action: "create", alias, collectionName };
    case ActionType.Alter:
      return { action: "alter", alias, collectionName };
    case ActionType.Drop:
      return { action: "drop", alias: alias.trim() };
    default:
      throw invalid(`unknown alias action ${action}`);
  }
};

const alterMany = (call: Call, request: AlterAliasesRequest) => {
  if (request.actions.length === 0) throw missing("alias actions cannot be empty");
  return changeAliases(
    call,
    request,
    request.actions.map((item) => aliasChange(item.action, item.alias, item.collectionName)),
  );
};

const actionTypes: Readonly<Record<string, ActionType>> = { create: ActionType.Create, alter: ActionType.Alter, drop: ActionType.Drop };

const actionIn = (body: Body) => {
  const name = textIn(body, "action");
  const action = Object.hasOwn(actionTypes, name) ? actionTypes[name] : undefined;
  if (action === undefined) throw httpFailure("httpNotJson", `action must be create, alter or drop, but got ${JSON.stringify(name)}`);
  return { action, alias: textIn(body, "aliasName"), collectionName: textIn(body, "collectionName") };
};

const bindingIn = (call: Call, body: Body): Binding => ({
  ...restDatabase(call, body),
  collectionName: textIn(body, "collectionName"),
  alias: textIn(body, "aliasName"),
});

const BASE = "POST /v2/vectordb/aliases";

export const operations: readonly AnyOperation[] = [
  defineOperation(CreateAlias, {
    privilege: "CreateAlias",
    scope: "database",
    handle: create,
    rest: [
      {
        route: `${BASE}/create`,
        required: required("AliasCollectionReq", "collectionName", "aliasName"),
        handle: async (call, body) => create(call, bindingIn(call, body)).then(() => nothing),
      },
    ],
  }),
  defineOperation(AlterAlias, {
    privilege: "CreateAlias",
    scope: "database",
    handle: alter,
    rest: [
      {
        route: `${BASE}/alter`,
        required: required("AliasCollectionReq", "collectionName", "aliasName"),
        handle: async (call, body) => alter(call, bindingIn(call, body)).then(() => nothing),
      },
    ],
  }),
  defineOperation(DropAlias, {
    privilege: "DropAlias",
    scope: "database",
    handle: drop,
    rest: [
      {
        route: `${BASE}/drop`,
        required: required("AliasReq", "aliasName"),
        handle: async (call, body) => drop(call, bindingIn(call, body)).then(() => nothing),
      },
    ],
  }),
  defineOperation(DescribeAlias, {
    privilege: "DescribeAlias",
    scope: "database",
    handle: describe,
    rest: [
      {
        route: `${BASE}/describe`,
        required: required("AliasReq", "aliasName"),
        handle: async (call, body) => {
          const { dbName, alias, collection } = describe(call, bindingIn(call, body));
          return { data: { dbName, collectionName: collection, aliasName: alias } };
        },
      },
    ],
  }),
  defineOperation(ListAliases, {
    privilege: "ListAliases",
    scope: "database",
    handle: list,
    rest: [{ route: `${BASE}/list`, handle: async (call, body) => ({ data: list(call, bindingIn(call, body)).aliases }) }],
  }),
  defineOperation(
    AlterAliases,
    {
      privilege: "CreateAlias",
      also: ({ actions }) => (actions.some(({ action }) => action === ActionType.Drop) ? ["DropAlias"] : []),
      scope: "database",
      handle: alterMany,
      rest: [
        {
          route: `${BASE}/alter_many`,
          required: required("AlterAliasesReq", "actions"),
          also: (body) => (objectsIn(body, "actions").some(({ action }) => action === "drop") ? ["DropAlias"] : []),
          handle: async (call, body) =>
            alterMany(call, { ...restDatabase(call, body), actions: objectsIn(body, "actions").map(actionIn) }).then(() => nothing),
        },
      ],
    },
    ELANUS_SERVICE,
  ),
];
