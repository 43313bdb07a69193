/** Records about roles and who has them. Source: milvus internal/rootcoord/{meta_table,root_coord,ddl_callbacks_rbac_role}.go. */
import { type Access, DEFAULT_ROLES, type Role } from "../shared/access.js";
import { failure, invalid, MilvusError } from "../shared/errors.js";
import { ROLES_MAX } from "../shared/limits.js";
import type { RecordOf } from "./types.js";

/** A role in the text form of its protobuf message, as Milvus prints it. */
const printed = ({ name, description }: Role): string =>
  `name:${JSON.stringify(name)}${description === "" ? "" : ` description:${JSON.stringify(description)}`}`;

const unknownRole = () => invalid("not found the role, maybe the role isn't existed or internal system error");

export const createRole = (access: Access, record: RecordOf<"createRole">): Access => {
  const role: Role = { name: record.name, description: record.description };
  if (access.roles.has(role.name)) throw invalid(`role [${printed(role)}] already exists`);
  if (access.roles.size >= ROLES_MAX)
    throw failure(
      "quotaExceeded",
      { reason: "unable to create role because the number of roles has reached the limit" },
      "failed to check if create role",
    );
  return { ...access, roles: access.roles.set(role.name, role) };
};

const keep = (name: string, what: string): void => {
  if (DEFAULT_ROLES.includes(name)) throw failure("notPermitted", {}, `the role[${name}] is a default role, which can't be ${what}`);
};

export const alterRole = (access: Access, record: RecordOf<"alterRole">): Access => {
  keep(record.name, "altered");
  const role = access.roles.get(record.name);
  if (role === undefined) throw new MilvusError(65535, "failed to check if alter role: role not exists");
  if (role.description === record.description) return access;
  return { ...access, roles: access.roles.set(role.name, { ...role, description: record.description }) };
};

/** The role goes with its grants and out of its users. */
export const dropRole = (access: Access, { name, force }: RecordOf<"dropRole">): Access => {
  keep(name, "dropped");
  if (!access.roles.has(name)) throw unknownRole();
  if (!force && access.grants.has(name))
    throw invalid("failed to check if drop role: fail to drop the role that it has privileges. Use REVOKE API to revoke privileges");
  return {
    ...access,
    users: access.users.map((user) => (user.roles.includes(name) ? { ...user, roles: user.roles.filter((role) => role !== name) } : user)),
    roles: access.roles.delete(name),
    grants: access.grants.delete(name),
  };
};

/** A binding that is there is added already; one that is not, and one of a user who is not, is removed already. */
export const changeUserRole = (access: Access, record: RecordOf<"changeUserRole">): Access => {
  if (!access.roles.has(record.role)) throw unknownRole();
  const user = access.users.get(record.user);
  if (user === undefined && record.action === "add")
    throw invalid(`failed to check if operate user role: user ${JSON.stringify(record.user)} not found`);
  if (user === undefined || user.roles.includes(record.role) === (record.action === "add")) return access;
  const roles = record.action === "add" ? [...user.roles, record.role] : user.roles.filter((role) => role !== record.role);
  return { ...access, users: access.users.set(user.name, { ...user, roles }) };
};
