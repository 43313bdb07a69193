/** Users, roles, grants and groups from a backup: all or nothing, refused when any of them is there. Source: milvus internal/rootcoord/meta_table.go. */
import { Map as ImmutableMap } from "immutable";
import { type Access, grantKey } from "../shared/access.js";
import { invalid } from "../shared/errors.js";
import { ANY, knownPrivilege } from "../shared/privileges.js";
import type { RecordOf } from "./types.js";

const check = (access: Access, record: RecordOf<"restoreAccess">): void => {
  const refuse = (why: string) => invalid(`failed to check if rbac restorable: ${why}`);
  const roles = new Set([...access.roles.keys(), ...record.roles.map((role) => role.name)]);
  const groups = new Set([...access.groups.keys(), ...record.groups.map((group) => group.name)]);
  for (const { name } of record.roles) if (access.roles.has(name)) throw refuse(`role [${name}] already exists`);
  for (const { name } of record.groups) if (access.groups.has(name)) throw refuse(`privilege group [${name}] already exists`);
  // Milvus takes grants of roles that are not there; a later role of that name would find them.
  for (const { role } of record.grants) if (!roles.has(role)) throw refuse(`role [${role}] does not exist`);
  for (const { privilege } of record.grants)
    if (privilege !== ANY && !groups.has(privilege) && knownPrivilege(privilege) === undefined)
      throw refuse(`privilege [${privilege}] does not exist`);
  for (const user of record.users) {
    if (access.users.has(user.name)) throw refuse(`user [${user.name}] already exists`);
    for (const role of user.roles) if (!roles.has(role)) throw refuse(`role [${role}] does not exist`);
  }
};

export const restoreAccess = (access: Access, record: RecordOf<"restoreAccess">): Access => {
  check(access, record);
  const { users, roles, grants, groups } = record;
  if (users.length + roles.length + grants.length + groups.length === 0) return access;
  return {
    users: access.users.merge(ImmutableMap(users.map((user) => [user.name, { ...user, description: "" }]))),
    roles: access.roles.merge(ImmutableMap(roles.map((role) => [role.name, role]))),
    grants: grants.reduce(
      (all, { role, ...grant }) => all.set(role, (all.get(role) ?? ImmutableMap()).set(grantKey(grant), grant)),
      access.grants,
    ),
    groups: access.groups.merge(ImmutableMap(groups.map((group) => [group.name, group]))),
  };
};
