/**
 * Groups of privileges that users make. What a group holds counts at the moment of a check, so grants of it follow its content; groups put into a group are
 * taken apart when they are put in. Source: milvus internal/rootcoord/meta_table.go.
 */
import type { Access, PrivilegeGroup } from "../shared/access.js";
import { invalid } from "../shared/errors.js";
import { BUILT_IN_GROUPS, knownPrivilege, levelOf } from "../shared/privileges.js";
import type { RecordOf } from "./types.js";

export const createPrivilegeGroup = (access: Access, { name }: RecordOf<"createPrivilegeGroup">): Access => {
  const refuse = (why: string) =>
    invalid(`failed to check if privilege group creatable: privilege group name [${name}] is defined by ${why}`);
  if (access.groups.has(name)) throw refuse("users");
  if (knownPrivilege(name) !== undefined) throw refuse("built in privileges or privilege groups in system");
  return { ...access, groups: access.groups.set(name, { name, privileges: [] }) };
};

/** A group that is not there is dropped already. */
export const dropPrivilegeGroup = (access: Access, { name }: RecordOf<"dropPrivilegeGroup">): Access => {
  if (!access.groups.has(name)) return access;
  const user = [...access.grants].find(([, grants]) => grants.some((grant) => grant.privilege === name));
  if (user !== undefined)
    throw invalid(
      `failed to check if privilege group dropable: privilege group [${name}] is used by role [${user[0]}], Use REVOKE API to revoke it first`,
    );
  return { ...access, groups: access.groups.delete(name) };
};

const PREFIX = "failed to check if privilege group alterable";

/** Single privileges; those of a group in its place. */
const takenApart = (access: Access, privileges: readonly string[]): string[] =>
  privileges.flatMap((name) => {
    const known = knownPrivilege(name);
    if (known !== undefined) return BUILT_IN_GROUPS.get(known) ?? [known];
    const group = access.groups.get(name);
    if (group === undefined)
      throw invalid(`${PREFIX}: there is no privilege name or privilege group name [${name}] defined in system to operate`);
    return group.privileges;
  });

const checkLevel = (privileges: readonly string[]): void => {
  if (new Set(privileges.map(levelOf)).size > 1) throw invalid(`${PREFIX}: privileges are not the same privilege level`);
};

export const alterPrivilegeGroup = (access: Access, record: RecordOf<"alterPrivilegeGroup">): Access => {
  const { name, action } = record;
  const group = access.groups.get(name);
  if (group === undefined) throw invalid(`${PREFIX}: there is no privilege group name [${name}] defined in system to operate`);
  if (record.privileges.length === 0) throw invalid(`${PREFIX}: privileges is empty when alter the privilege group`);
  const given = takenApart(access, record.privileges);
  const next = new Set(group.privileges);
  for (const privilege of given) {
    if (action === "add") next.add(privilege);
    else next.delete(privilege);
  }
  const privileges = [...next];
  if (action === "add") checkLevel(privileges);
  if (privileges.length === group.privileges.length) return access;
  const changed: PrivilegeGroup = { name, privileges };
  return { ...access, groups: access.groups.set(name, changed) };
};
