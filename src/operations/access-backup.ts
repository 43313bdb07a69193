/**
 * All users, roles, grants and groups in one message, and back. `root` and the roles that are always there stay out of it. Passwords travel as hashes: those of
 * this program only fit here again; a user restored with another kind of hash cannot log in until the password is set anew.
 * Source: milvus internal/metastore/kv/rootcoord/kv_catalog.go (BackupRBAC, RestoreRBAC).
 */

import { DEFAULT_DATABASE } from "../catalog/read.js";
import { DEFAULT_ROLES, ROOT } from "../shared/access.js";
import { invalid, outOfRange } from "../shared/errors.js";
import { ROLE_DESCRIPTION_BYTES_MAX } from "../shared/limits.js";
import { checkPrivilegeGroupName, checkRoleName, checkUserName } from "../shared/names.js";
import { knownPrivilege, OBJECT_TYPES, type ObjectType } from "../shared/privileges.js";
import { ErrorCode, type GrantEntity, type RBACMeta, services } from "../shared/proto/generated/messages.js";
import { grantsOf } from "./grant.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { change, relabeled } from "./support.js";

const { BackupRBAC, RestoreRBAC } = services["milvus.proto.milvus.MilvusService"];

const backup = (call: Call) => {
  const { users, roles, groups } = call.engine.catalog.access;
  const own = [...roles.values()].filter(({ name }) => !DEFAULT_ROLES.includes(name));
  return {
    RBACMeta: {
      users: [...users.values()]
        .filter(({ name }) => name !== ROOT)
        .map((user) => ({
          user: user.name,
          password: user.passwordHash,
          roles: user.roles.map((name) => ({ name, description: "" })),
        })),
      roles: own,
      grants: own.flatMap(({ name }) => grantsOf(call, name)),
      privilegeGroups: [...groups.values()].map(({ name, privileges }) => ({
        groupName: name,
        privileges: privileges.map((privilege) => ({ name: privilege })),
      })),
    },
  };
};

const grantOf = (entity: GrantEntity) => {
  const objectType = OBJECT_TYPES.find((type) => type === entity.object?.name);
  if (objectType === undefined)
    throw invalid(`not found the object type[name: ${entity.object?.name ?? ""}], supported the object types: [${OBJECT_TYPES.join(" ")}]`);
  const privilege = entity.grantor?.privilege?.name ?? "";
  return {
    role: entity.role?.name ?? "",
    objectType: objectType as ObjectType,
    objectName: entity.objectName,
    database: entity.dbName || DEFAULT_DATABASE,
    privilege: knownPrivilege(privilege) ?? privilege,
    grantor: entity.grantor?.user?.name ?? ROOT,
  };
};

const restore = async (call: Call, request: { readonly RBACMeta?: RBACMeta | undefined }) => {
  const meta = request.RBACMeta;
  if (meta === undefined) return {};
  for (const { user } of meta.users) checkUserName(user);
  for (const { groupName } of meta.privilegeGroups) checkPrivilegeGroupName(groupName);
  for (const { name, description } of meta.roles) {
    checkRoleName(name);
    const length = Buffer.byteLength(description, "utf8");
    if (length > ROLE_DESCRIPTION_BYTES_MAX)
      throw outOfRange("the length of role description must be not greater than limit", length, 0, ROLE_DESCRIPTION_BYTES_MAX);
  }
  await relabeled(ErrorCode.OperatePrivilegeFailure, () =>
    change(call, {
      kind: "restoreAccess",
      users: meta.users.map(({ user, password, roles }) => ({ name: user, passwordHash: password, roles: roles.map(({ name }) => name) })),
      roles: meta.roles.map(({ name, description }) => ({ name, description })),
      grants: meta.grants.map(grantOf),
      groups: meta.privilegeGroups.map(({ groupName, privileges }) => ({
        name: groupName,
        privileges: privileges.map(({ name }) => name),
      })),
    }),
  );
  return {};
};

export const operations: readonly AnyOperation[] = [
  defineOperation(BackupRBAC, { privilege: "BackupRBAC", scope: "global", handle: backup }),
  defineOperation(RestoreRBAC, { privilege: "RestoreRBAC", scope: "global", handle: restore }),
];
