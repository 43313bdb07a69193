/**
 * Grants of privileges to roles, in the two versions that clients have: the first names a type of object, the second a database and a collection.
 *
 * Names of collections are resolved, so a grant through an alias is on the collection. A privilege that others come with (`Load`, `Flush`) is granted
 * and revoked with them, in one record.
 * Sources: milvus internal/proxy/impl.go, internal/rootcoord/{root_coord,ddl_callbacks_rbac_privilege}.go.
 */
import { resolve } from "../catalog/read.js";
import type { GrantChange } from "../catalog/types.js";
import type { Grant } from "../shared/access.js";
import { invalid, withLegacy } from "../shared/errors.js";
import { checkDatabaseName, checkGrantedName, checkObjectType, checkRoleName } from "../shared/names.js";
import {
  ANY,
  BUILT_IN_GROUPS,
  GRANTABLE,
  knownPrivilege,
  LEGACY_GROUPS,
  levelOf,
  OBJECT_TYPES,
  type ObjectType,
  objectTypeOf,
  RELATED,
} from "../shared/privileges.js";
import {
  ErrorCode,
  type GrantEntity,
  type OperatePrivilegeRequest,
  OperatePrivilegeType,
  type OperatePrivilegeV2Request,
  type SelectGrantRequest,
  services,
} from "../shared/proto/generated/messages.js";
import { type AnyOperation, type Call, defineOperation, type RestRoute } from "./operation.js";
import { describeRole } from "./role.js";
import { type Body, change, databaseOf, nothing, relabeled, required, textIn } from "./support.js";

const { OperatePrivilege, OperatePrivilegeV2, SelectGrant } = services["milvus.proto.milvus.MilvusService"];

const PREFIX = "failed to operate privilege common check";

const isObjectType = (name: string): name is ObjectType => (OBJECT_TYPES as readonly string[]).includes(name);

const actionOf = (type: number): "grant" | "revoke" => {
  if (type === OperatePrivilegeType.Grant) return "grant";
  if (type === OperatePrivilegeType.Revoke) return "revoke";
  throw invalid("the type in the request not grant or revoke");
};

const resolved = (call: Call, database: string, name: string): string => resolve(call.engine.catalog, database, name)?.name ?? name;

interface Wanted extends Omit<Grant, "grantor"> {
  readonly role: string;
  readonly action: "grant" | "revoke";
}

const requireRole = (call: Call, role: string): void => {
  if (!call.engine.catalog.access.roles.has(role)) throw invalid(`${PREFIX}: the role ${JSON.stringify(role)} does not exist`);
};

/** Writes the grant and those that come with it. */
const changeGrant = async (call: Call, wanted: Wanted) => {
  const privilege = wanted.privilege === ANY ? ANY : (knownPrivilege(wanted.privilege) ?? wanted.privilege);
  const grantor = call.principal.user;
  const changes = [privilege, ...(RELATED.get(privilege) ?? [])].map((name): GrantChange => ({ ...wanted, privilege: name, grantor }));
  await change(call, { kind: "changeGrants", changes });
  return {};
};

const checkFirst = (call: Call, privilege: string, objectType: ObjectType): void => {
  if (privilege === ANY) return;
  if (call.engine.catalog.access.groups.has(privilege)) throw invalid(`can not operate the custom privilege group [${privilege}]`);
  if (BUILT_IN_GROUPS.has(privilege)) throw invalid(`can not operate the built-in privilege group [${privilege}]`);
  if (!GRANTABLE[objectType].has(privilege)) throw invalid(`not found the privilege name[${privilege}] in object[${objectType}]`);
};

const checkEntity = (entity: GrantEntity | undefined) => {
  if (entity === undefined) throw invalid("the entity in the request is nil");
  if (entity.grantor === undefined) throw invalid("the grantor entity in the grant entity is nil");
  if (entity.grantor.privilege === undefined) throw invalid("the privilege entity in the grantor entity is nil");
  checkGrantedName(entity.grantor.privilege.name, "Privilege");
  if (entity.object === undefined) throw invalid("the resource entity in the grant entity is nil");
  checkObjectType(entity.object.name);
  checkGrantedName(entity.objectName, "object name");
  if (entity.role === undefined) throw invalid("the object entity in the grant entity is nil");
  checkRoleName(entity.role.name);
  return {
    privilege: entity.grantor.privilege.name,
    objectType: entity.object.name,
    objectName: entity.objectName,
    role: entity.role.name,
  };
};

/** The first version. `version: "v2"` is how Milvus forwards the second one inside: the object's name is then the collection's. */
const operate = async (call: Call, request: Pick<OperatePrivilegeRequest, "entity" | "type" | "version">) => {
  const { privilege, objectType, objectName, role } = checkEntity(request.entity);
  const dbName = databaseOf(call, { dbName: request.entity?.dbName ?? "" });
  return relabeled(ErrorCode.OperatePrivilegeFailure, async () => {
    const action = actionOf(request.type);
    if (!isObjectType(objectType)) throw invalid(`${PREFIX}: the object entity in the request is nil or invalid`);
    requireRole(call, role);
    if (request.version === "v2") return operateSecond(call, { role, privilege, action, database: dbName, objectName });
    checkFirst(call, privilege, objectType);
    const name = objectType === "Collection" ? resolved(call, dbName, objectName) : objectName;
    return changeGrant(call, {
      action,
      role,
      privilege,
      objectType,
      database: dbName,
      objectName: objectType === "Global" && !LEGACY_GROUPS.has(privilege) ? ANY : name,
    });
  });
};

/** Groups may be granted only on what their level is about; single privileges on anything. */
const checkScope = (call: Call, group: string, database: string, collection: string): void => {
  const [first] = BUILT_IN_GROUPS.get(knownPrivilege(group) ?? "") ?? call.engine.catalog.access.groups.get(group)?.privileges ?? [];
  if (first === undefined) return;
  const level = levelOf(first);
  if (level === "Cluster" && (database !== ANY || collection !== ANY))
    throw invalid(`dbName and collectionName should be * for the cluster level privilege: ${group}`);
  if (level === "Database" && collection !== "" && collection !== ANY)
    throw invalid(`collectionName should be * for the database level privilege: ${group}`);
  if (level === "Collection" && database === ANY && collection !== ANY && collection !== "")
    throw invalid(`please specify database name for the collection level privilege: ${group}`);
  if (level === undefined) throw invalid("not found the privilege level");
};

const operateSecond = (call: Call, wanted: Omit<Wanted, "objectType">) => {
  const { privilege, database, objectName } = wanted;
  const known = privilege === ANY || call.engine.catalog.access.groups.has(privilege) || knownPrivilege(privilege) !== undefined;
  if (!known) throw invalid(`not found the privilege name[${privilege}]`);
  checkScope(call, privilege, database, objectName);
  return changeGrant(call, { ...wanted, objectType: objectTypeOf(knownPrivilege(privilege) ?? privilege) });
};

const operateV2 = async (
  call: Call,
  request: Pick<OperatePrivilegeV2Request, "role" | "grantor" | "type" | "dbName" | "collectionName">,
) => {
  if (request.role === undefined) throw invalid("the role in the request is nil");
  const role = request.role.name;
  checkRoleName(role);
  const privilege = request.grantor?.privilege?.name ?? "";
  checkGrantedName(privilege, "Privilege");
  const action = actionOf(request.type);
  if (request.dbName !== "" && request.dbName !== ANY) checkDatabaseName(request.dbName);
  checkGrantedName(request.collectionName, "collection name");
  const database = databaseOf(call, request);
  return relabeled(ErrorCode.OperatePrivilegeFailure, async () => {
    requireRole(call, role);
    return operateSecond(call, { role, privilege, action, database, objectName: resolved(call, database, request.collectionName) });
  });
};

const printed = (role: string, grant: Grant): GrantEntity => ({
  role: { name: role, description: "" },
  object: { name: grant.objectType },
  objectName: grant.objectName,
  dbName: grant.database,
  grantor: { user: { name: grant.grantor }, privilege: { name: grant.privilege } },
});

/** Grants of a role, in an order that stays. */
export const grantsOf = (call: Call, role: string): GrantEntity[] =>
  [...(call.engine.catalog.access.grants.get(role) ?? [])]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, grant]) => printed(role, grant));

const select = (call: Call, request: Pick<SelectGrantRequest, "entity">) => {
  const { entity } = request;
  if (entity === undefined) throw invalid("the grant entity in the request is nil");
  if (entity.object !== undefined) {
    checkObjectType(entity.object.name);
    checkGrantedName(entity.objectName, "object name");
  }
  if (entity.role === undefined) throw invalid("the role entity in the grant entity is nil");
  const role = entity.role.name;
  checkRoleName(role);
  const refuse = (why: string) => withLegacy(invalid(why), ErrorCode.SelectGrantFailure);
  if (!call.engine.catalog.access.roles.has(role)) throw refuse(`the role ${JSON.stringify(role)} does not exist`);
  const type = entity.object?.name;
  if (type !== undefined && !isObjectType(type))
    throw refuse(`not found the object type[name: ${type}], supported the object types: [${OBJECT_TYPES.join(" ")}]`);
  const database = databaseOf(call, entity);
  const objectName = type === "Collection" ? resolved(call, database, entity.objectName) : entity.objectName;
  const entities = grantsOf(call, role).filter(
    (grant) =>
      (database === ANY || grant.dbName === ANY || grant.dbName === database) &&
      (type === undefined || (grant.object?.name === type && grant.objectName === objectName)),
  );
  return { entities };
};

const describe = (call: Call, body: Body) => {
  const name = textIn(body, "roleName");
  const description = describeRole(call, name);
  const dbName = databaseOf(call, { dbName: textIn(body, "dbName") });
  const entity = { role: { name, description: "" }, objectName: "", dbName };
  const data = select(call, { entity }).entities.map((grant) => ({
    objectType: grant.object?.name,
    objectName: grant.objectName,
    privilege: grant.grantor?.privilege?.name,
    dbName: grant.dbName,
    grantor: grant.grantor?.user?.name,
  }));
  return { data, description };
};

const BASE = "POST /v2/vectordb/roles";

const first = (path: string, type: OperatePrivilegeType): RestRoute => ({
  route: `${BASE}/${path}`,
  required: required("GrantReq", "roleName", "objectType", "objectName", "privilege"),
  handle: async (call, body) => {
    const entity = {
      role: { name: textIn(body, "roleName"), description: "" },
      object: { name: textIn(body, "objectType") },
      objectName: textIn(body, "objectName"),
      dbName: databaseOf(call, { dbName: textIn(body, "dbName") }),
      grantor: { privilege: { name: textIn(body, "privilege") } },
    };
    await operate(call, { entity, type, version: "" });
    return nothing;
  },
});

const second = (path: string, type: OperatePrivilegeType): RestRoute => ({
  route: `${BASE}/${path}`,
  required: required("GrantV2Req", "roleName", "privilege"),
  handle: async (call, body) => {
    const role = { name: textIn(body, "roleName"), description: "" };
    const grantor = { privilege: { name: textIn(body, "privilege") } };
    await operateV2(call, { role, grantor, type, dbName: textIn(body, "dbName"), collectionName: textIn(body, "collectionName") });
    return nothing;
  },
});

export const operations: readonly AnyOperation[] = [
  defineOperation(OperatePrivilege, {
    privilege: "ManageOwnership",
    scope: "global",
    handle: operate,
    rest: [first("grant_privilege", OperatePrivilegeType.Grant), first("revoke_privilege", OperatePrivilegeType.Revoke)],
  }),
  defineOperation(OperatePrivilegeV2, {
    privilege: "ManageOwnership",
    scope: "global",
    handle: operateV2,
    rest: [second("grant_privilege_v2", OperatePrivilegeType.Grant), second("revoke_privilege_v2", OperatePrivilegeType.Revoke)],
  }),
  defineOperation(SelectGrant, {
    privilege: "SelectOwnership",
    scope: "global",
    handle: select,
    rest: [{ route: `${BASE}/describe`, required: required("RoleReq", "roleName"), handle: async (call, body) => describe(call, body) }],
  }),
];
