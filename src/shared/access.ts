/** Who may do what: users, roles, grants and groups of privileges. A value; the catalog holds the current one. */
import { Map as ImmutableMap } from "immutable";
import { ANY, type ObjectType } from "./privileges.js";

export interface User {
  readonly name: string;
  /** As auth/passwords.ts writes it; never the password. Empty for `root` until its password is changed: the password is then the server's setting. */
  readonly passwordHash: string;
  readonly description: string;
  /** Names, in the order they were given. */
  readonly roles: readonly string[];
}

export interface Role {
  readonly name: string;
  readonly description: string;
}

/** A role's right to use a privilege, or all of a group, on objects of a database. `*` in `database` or `objectName`: on all of them. */
export interface Grant {
  readonly objectType: ObjectType;
  readonly database: string;
  readonly objectName: string;
  /** A privilege, a group, `All`, or `*`: every privilege on that type of object. */
  readonly privilege: string;
  /** The user who granted it. */
  readonly grantor: string;
}

/** Made by users. */
export interface PrivilegeGroup {
  readonly name: string;
  readonly privileges: readonly string[];
}

export interface Access {
  readonly users: ImmutableMap<string, User>;
  readonly roles: ImmutableMap<string, Role>;
  /** By role, then by what `grantKey` says of them. */
  readonly grants: ImmutableMap<string, ImmutableMap<string, Grant>>;
  readonly groups: ImmutableMap<string, PrivilegeGroup>;
}

export const ROOT = "root";
/** May do everything. */
export const ADMIN_ROLE = "admin";
/** Everybody's. */
export const PUBLIC_ROLE = "public";
export const DEFAULT_ROLES: readonly string[] = [ADMIN_ROLE, PUBLIC_ROLE];

/** Grants of a role with the same key are the same grant, whoever gave it. */
export const grantKey = (grant: Grant): string => `${grant.objectType}/${grant.database}.${grant.objectName}/${grant.privilege}`;

const toPublic = (objectType: ObjectType, privilege: string): Grant => ({
  objectType,
  database: ANY,
  objectName: ANY,
  privilege,
  grantor: ROOT,
});

const PUBLIC_GRANTS: readonly Grant[] = [
  toPublic("Global", "DescribeCollection"),
  toPublic("Global", "ListAliases"),
  toPublic("Collection", "IndexDetail"),
];

/** What every catalog begins with: `root`, and the two roles that cannot go. */
export const INITIAL_ACCESS: Access = {
  users: ImmutableMap([[ROOT, { name: ROOT, passwordHash: "", description: "", roles: [] }]]),
  roles: ImmutableMap(DEFAULT_ROLES.map((name) => [name, { name, description: "" }])),
  grants: ImmutableMap([[PUBLIC_ROLE, ImmutableMap(PUBLIC_GRANTS.map((grant) => [grantKey(grant), grant]))]]),
  groups: ImmutableMap(),
};
