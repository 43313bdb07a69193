/** Users, roles, grants and groups: what each call answers, its codes and words. */
import { beforeEach, describe, expect, test } from "vitest";
import { ErrorCode } from "../../src/shared/proto/generated/messages.js";
import { MemoryClient } from "../support/memory-engine.js";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const password = base64("password");

let client: MemoryClient;
beforeEach(() => {
  client = new MemoryClient();
});

interface Refusal {
  readonly rpc: string;
  readonly request: Record<string, unknown>;
  readonly code: number;
  readonly reason: string;
  readonly legacy?: number;
}

const illegal = ErrorCode.IllegalArgument;
const role = { name: "reader", description: "" };
const grantor = (name: string) => ({ privilege: { name } });
const entity = (privilege: string, type = "Collection", objectName = "*", roleName = "reader") => ({
  role: { name: roleName, description: "" },
  object: { name: type },
  objectName,
  grantor: grantor(privilege),
});

const refusals: readonly Refusal[] = [
  { rpc: "CreateCredential", request: { username: "", password }, code: 1100, reason: "username must be not empty: invalid parameter" },
  {
    rpc: "CreateCredential",
    request: { username: "a".repeat(33), password },
    code: 1100,
    reason: `invalid username ${"a".repeat(33)} with length 33, the length of username must be less than 32: invalid parameter`,
  },
  {
    rpc: "CreateCredential",
    request: { username: "0ada", password },
    code: 1100,
    reason: "invalid user name 0ada, the first character must be a letter, but got 0: invalid parameter",
  },
  {
    rpc: "CreateCredential",
    request: { username: "bob", password, description: "x".repeat(1025) },
    code: 1100,
    reason:
      "invalid user description with length 1025, the length of user description must be less than or equal to 1024: invalid parameter",
  },
  {
    rpc: "CreateCredential",
    request: { username: "bob", password: "%%%" },
    code: 1100,
    reason: "decode password fail: illegal base64 data at input byte 0: invalid parameter",
  },
  {
    rpc: "CreateCredential",
    request: { username: "bob", password: base64("short") },
    code: 1100,
    reason: "invalid password length: invalid parameter[5 out of range 6 <= value <= 72]",
  },
  {
    rpc: "CreateCredential",
    request: { username: "ada", password },
    code: 1100,
    reason: "user already exists: ada: invalid parameter",
    legacy: ErrorCode.CreateCredentialFailure,
  },
  {
    rpc: "UpdateCredential",
    request: { username: "ada" },
    code: 1100,
    reason: "must update either password or description: invalid parameter",
  },
  {
    rpc: "UpdateCredential",
    request: { username: "ada", oldPassword: base64("another"), newPassword: password },
    code: 1400,
    reason: "old password not correct for ada: not authenticated",
  },
  {
    rpc: "UpdateCredential",
    request: { username: "nobody", oldPassword: password, newPassword: password },
    code: 1400,
    reason: "old password not correct for nobody: not authenticated",
  },
  {
    rpc: "UpdateCredential",
    request: { username: "nobody", description: "x" },
    code: 65535,
    reason: "failed to check if update credential: user not found",
    legacy: ErrorCode.UpdateCredentialFailure,
  },
  { rpc: "DeleteCredential", request: { username: "root" }, code: 1401, reason: "root user cannot be deleted: privilege not permitted" },
  {
    rpc: "CreateRole",
    request: { entity: { name: "", description: "" } },
    code: 1100,
    reason: "role name should be not empty: invalid parameter[expected=not empty][actual=]",
  },
  {
    rpc: "CreateRole",
    request: { entity: { name: "a-b", description: "" } },
    code: 1100,
    reason: "role name can only contain numbers, letters, underscores, and allowed characters ($), found - at 1: invalid parameter",
  },
  {
    rpc: "CreateRole",
    request: { entity: role },
    code: 1100,
    reason: 'role [name:"reader"] already exists: invalid parameter',
    legacy: ErrorCode.CreateRoleFailure,
  },
  {
    rpc: "AlterRole",
    request: { roleName: "admin", description: "x" },
    code: 1401,
    reason: "the role[admin] is a default role, which can't be altered: privilege not permitted",
  },
  {
    rpc: "AlterRole",
    request: { roleName: "none", description: "x" },
    code: 65535,
    reason: "failed to check if alter role: role not exists",
  },
  {
    rpc: "DropRole",
    request: { roleName: "public" },
    code: 1401,
    reason: "the role[public] is a default role, which can't be dropped: privilege not permitted",
  },
  {
    rpc: "DropRole",
    request: { roleName: "none" },
    code: 1100,
    reason: "not found the role, maybe the role isn't existed or internal system error: invalid parameter",
    legacy: ErrorCode.DropRoleFailure,
  },
  {
    rpc: "DropRole",
    request: { roleName: "granted" },
    code: 1100,
    reason:
      "failed to check if drop role: fail to drop the role that it has privileges. Use REVOKE API to revoke privileges: invalid parameter",
    legacy: ErrorCode.DropRoleFailure,
  },
  {
    rpc: "OperateUserRole",
    request: { username: "ada", roleName: "none", type: 0 },
    code: 1100,
    reason: "not found the role, maybe the role isn't existed or internal system error: invalid parameter",
    legacy: ErrorCode.OperateUserRoleFailure,
  },
  {
    rpc: "OperateUserRole",
    request: { username: "nobody", roleName: "reader", type: 0 },
    code: 1100,
    reason: 'failed to check if operate user role: user "nobody" not found: invalid parameter',
    legacy: ErrorCode.OperateUserRoleFailure,
  },
  { rpc: "OperatePrivilege", request: {}, code: 1100, reason: "the entity in the request is nil: invalid parameter" },
  {
    rpc: "OperatePrivilege",
    request: { entity: entity("Search", "Nothing") },
    code: 1100,
    reason: "failed to operate privilege common check: the object entity in the request is nil or invalid: invalid parameter",
    legacy: ErrorCode.OperatePrivilegeFailure,
  },
  {
    rpc: "OperatePrivilege",
    request: { entity: entity("Search", "Collection", "*", "none") },
    code: 1100,
    reason: 'failed to operate privilege common check: the role "none" does not exist: invalid parameter',
    legacy: ErrorCode.OperatePrivilegeFailure,
  },
  {
    rpc: "OperatePrivilege",
    request: { entity: entity("Search", "Global") },
    code: 1100,
    reason: "not found the privilege name[Search] in object[Global]: invalid parameter",
    legacy: ErrorCode.OperatePrivilegeFailure,
  },
  {
    rpc: "OperatePrivilege",
    request: { entity: entity("own") },
    code: 1100,
    reason: "can not operate the custom privilege group [own]: invalid parameter",
  },
  {
    rpc: "OperatePrivilege",
    request: { entity: entity("ClusterAdmin", "Global") },
    code: 1100,
    reason: "can not operate the built-in privilege group [ClusterAdmin]: invalid parameter",
  },
  {
    rpc: "OperatePrivilegeV2",
    request: { grantor: grantor("Search") },
    code: 1100,
    reason: "the role in the request is nil: invalid parameter",
  },
  {
    rpc: "OperatePrivilegeV2",
    request: { role, grantor: grantor("Nothing"), collectionName: "*" },
    code: 1100,
    reason: "not found the privilege name[Nothing]: invalid parameter",
    legacy: ErrorCode.OperatePrivilegeFailure,
  },
  {
    rpc: "OperatePrivilegeV2",
    request: { role, grantor: grantor("Search"), collectionName: "*", dbName: "n%$#@!" },
    code: 802,
    reason: "database name can only contain numbers, letters and underscores: invalid database name[database=n%$#@!]",
  },
  {
    rpc: "OperatePrivilegeV2",
    request: { role, grantor: grantor("ClusterReadOnly"), collectionName: "*", dbName: "default" },
    code: 1100,
    reason: "dbName and collectionName should be * for the cluster level privilege: ClusterReadOnly: invalid parameter",
  },
  {
    rpc: "OperatePrivilegeV2",
    request: { role, grantor: grantor("DatabaseAdmin"), collectionName: "kites", dbName: "default" },
    code: 1100,
    reason: "collectionName should be * for the database level privilege: DatabaseAdmin: invalid parameter",
  },
  {
    rpc: "OperatePrivilegeV2",
    request: { role, grantor: grantor("own"), collectionName: "kites", dbName: "*" },
    code: 1100,
    reason: "please specify database name for the collection level privilege: own: invalid parameter",
  },
  {
    rpc: "SelectGrant",
    request: { entity: { role: { name: "none", description: "" } } },
    code: 1100,
    reason: 'the role "none" does not exist: invalid parameter',
    legacy: ErrorCode.SelectGrantFailure,
  },
  {
    rpc: "SelectGrant",
    request: { entity: { role, object: { name: "Nothing" }, objectName: "*" } },
    code: 1100,
    reason: "not found the object type[name: Nothing], supported the object types: [Collection Global User]: invalid parameter",
    legacy: ErrorCode.SelectGrantFailure,
  },
  {
    rpc: "CreatePrivilegeGroup",
    request: { groupName: "" },
    code: 1402,
    reason: "invalid privilege group name[privilegeGroup=privilege group name should not be empty]",
  },
  {
    rpc: "CreatePrivilegeGroup",
    request: { groupName: "own" },
    code: 1100,
    reason: "failed to check if privilege group creatable: privilege group name [own] is defined by users: invalid parameter",
    legacy: ErrorCode.CreatePrivilegeGroupFailure,
  },
  {
    rpc: "CreatePrivilegeGroup",
    request: { groupName: "ReadOnly" },
    code: 1100,
    reason:
      "failed to check if privilege group creatable: privilege group name [ReadOnly] is defined by built in privileges or privilege groups in system: invalid parameter",
  },
  {
    rpc: "DropPrivilegeGroup",
    request: { groupName: "used" },
    code: 1100,
    reason:
      "failed to check if privilege group dropable: privilege group [used] is used by role [granted], Use REVOKE API to revoke it first: invalid parameter",
    legacy: ErrorCode.DropPrivilegeGroupFailure,
  },
  {
    rpc: "OperatePrivilegeGroup",
    request: { groupName: "none", privileges: [{ name: "Search" }] },
    code: 1100,
    reason:
      "failed to check if privilege group alterable: there is no privilege group name [none] defined in system to operate: invalid parameter",
  },
  {
    rpc: "OperatePrivilegeGroup",
    request: { groupName: "own", privileges: [] },
    code: 1100,
    reason: "failed to check if privilege group alterable: privileges is empty when alter the privilege group: invalid parameter",
  },
  {
    rpc: "OperatePrivilegeGroup",
    request: { groupName: "own", privileges: [{ name: "Nothing" }] },
    code: 1100,
    reason:
      "failed to check if privilege group alterable: there is no privilege name or privilege group name [Nothing] defined in system to operate: invalid parameter",
  },
  {
    rpc: "OperatePrivilegeGroup",
    request: { groupName: "own", privileges: [{ name: "CreateDatabase" }] },
    code: 1100,
    reason: "failed to check if privilege group alterable: privileges are not the same privilege level: invalid parameter",
    legacy: ErrorCode.OperatePrivilegeGroupFailure,
  },
];

const succeed = async (rpc: string, request: Record<string, unknown>): Promise<Record<string, unknown>> => {
  const { code, reason, reply } = await client.call(rpc, request);
  expect([rpc, code, reason]).toEqual([rpc, 0, ""]);
  return reply;
};

const grantV2 = (privilege: string, collectionName: string, roleName = "reader", type = 0, dbName = "") =>
  succeed("OperatePrivilegeV2", { role: { name: roleName, description: "" }, grantor: grantor(privilege), collectionName, type, dbName });

const grants = async (roleName = "reader", dbName = ""): Promise<string[]> => {
  const { entities } = (await succeed("SelectGrant", { entity: { role: { name: roleName, description: "" }, dbName } })) as {
    entities: { object: { name: string }; objectName: string; dbName: string; grantor: { privilege: { name: string } } }[];
  };
  return entities.map((grant) => `${grant.object.name} ${grant.dbName}.${grant.objectName} ${grant.grantor.privilege.name}`);
};

beforeEach(async () => {
  await succeed("CreateCredential", { username: "ada", password, description: "the first" });
  for (const name of ["reader", "granted"]) await succeed("CreateRole", { entity: { name, description: "" } });
  for (const groupName of ["own", "used"]) {
    await succeed("CreatePrivilegeGroup", { groupName });
    await succeed("OperatePrivilegeGroup", { groupName, privileges: [{ name: "Search" }], type: 0 });
  }
  await grantV2("used", "*", "granted");
});

test.each(refusals)("$rpc: $reason", async ({ rpc, request, code, reason, legacy }) => {
  const before = client.engine.catalog;
  const found = await client.call(rpc, request);
  expect([found.code, found.reason]).toEqual([code, reason]);
  if (legacy !== undefined) expect(found.legacy).toBe(legacy);
  else expect(found.legacy).not.toBe(0);
  if (code === 1100 && legacy === undefined && !rpc.startsWith("Operate") && !rpc.endsWith("Group")) expect(found.legacy).toBe(illegal);
  expect(client.engine.catalog).toBe(before);
});

describe("users", () => {
  test("are listed with their roles and descriptions; root is one", async () => {
    await succeed("OperateUserRole", { username: "ada", roleName: "reader", type: 0 });
    expect((await succeed("ListCredUsers", {})).usernames).toEqual(["ada", "root"]);
    const { results } = await succeed("SelectUser", { user: { name: "ada" }, includeRoleInfo: true });
    expect(results).toEqual([{ user: { name: "ada" }, roles: [{ name: "reader", description: "" }], description: "the first" }]);
    expect((await succeed("SelectUser", { user: { name: "nobody" } })).results).toEqual([]);
  });

  test("a password is changed by who knows the old one, and is nowhere in the records", async () => {
    await succeed("UpdateCredential", { username: "ada", oldPassword: password, newPassword: base64("the-next-one") });
    expect((await client.call("UpdateCredential", { username: "ada", oldPassword: password, newPassword: password })).code).toBe(1400);
    const text = JSON.stringify(client.engine.records, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value));
    for (const secret of ['password"', "the-next-one", password, base64("the-next-one")]) expect(text).not.toContain(`"${secret}`);
    expect(text).toContain("scrypt$");
  });

  test("a description is changed alone; a dropped user is gone with its roles; dropping twice is success", async () => {
    await succeed("UpdateCredential", { username: "ada", description: "" });
    await succeed("OperateUserRole", { username: "ada", roleName: "reader", type: 0 });
    await succeed("DeleteCredential", { username: "ada" });
    await succeed("DeleteCredential", { username: "ada" });
    await succeed("CreateCredential", { username: "ada", password });
    const { results } = await succeed("SelectUser", { user: { name: "ada" }, includeRoleInfo: true });
    expect(results).toEqual([{ user: { name: "ada" }, roles: [], description: "" }]);
  });

  test("a hundred users with root, ten roles with the default ones", async () => {
    for (let index = 0; index < 98; index++) await succeed("CreateCredential", { username: `user${index}`, password });
    const user = await client.call("CreateCredential", { username: "toomany", password });
    expect([user.code, user.reason]).toEqual([
      9,
      "failed to check if add credential: quota exceeded[reason=unable to add user because the number of users has reached the limit]",
    ]);
    for (let index = 0; index < 6; index++) await succeed("CreateRole", { entity: { name: `role${index}`, description: "" } });
    const role = await client.call("CreateRole", { entity: { name: "toomany", description: "" } });
    expect([role.code, role.reason]).toEqual([
      9,
      "failed to check if create role: quota exceeded[reason=unable to create role because the number of roles has reached the limit]",
    ]);
  });
});

describe("grants", () => {
  test("privileges that others come with are granted and revoked with them", async () => {
    await grantV2("Load", "kites");
    const load = ["GetLoadState", "GetLoadingProgress", "Load"].map((name) => `Collection default.kites ${name}`);
    expect((await grants()).sort()).toEqual(load.sort());
    await grantV2("Load", "kites", "reader", 1);
    expect(await grants()).toEqual([]);
  });

  test("twice is once, in both versions; names of old groups are shown short", async () => {
    await succeed("OperatePrivilege", { entity: entity("Search", "Collection", "kites"), type: 0 });
    await grantV2("Search", "kites");
    await grantV2("GroupReadOnly", "kites");
    await succeed("OperatePrivilege", { entity: entity("CreateCollection", "Global", "kites"), type: 0 });
    expect((await grants()).sort()).toEqual([
      "Collection default.kites ReadOnly",
      "Collection default.kites Search",
      "Global default.* CreateCollection",
    ]);
  });

  test("are shown for a database, with those for all; `*` shows all", async () => {
    await grantV2("Search", "kites", "reader", 0, "birds");
    await grantV2("Insert", "*", "reader", 0, "*");
    expect(await grants()).toEqual(["Collection *.* Insert"]);
    expect(await grants("reader", "birds")).toEqual(["Collection *.* Insert", "Collection birds.kites Search"]);
    expect(await grants("reader", "*")).toHaveLength(2);
  });

  test("a group follows its content; a group put into another is taken apart", async () => {
    await succeed("OperatePrivilegeGroup", { groupName: "own", privileges: [{ name: "CollectionReadOnly" }, { name: "used" }], type: 0 });
    const { privilegeGroups } = (await succeed("ListPrivilegeGroups", {})) as {
      privilegeGroups: { groupName: string; privileges: { name: string }[] }[];
    };
    expect(privilegeGroups).toHaveLength(11);
    const own = privilegeGroups.find((group) => group.groupName === "own")?.privileges.map(({ name }) => name);
    expect(own).toContain("Query");
    expect(own).not.toContain("CollectionReadOnly");
    await succeed("DropPrivilegeGroup", { groupName: "unknown" });
  });

  test("a role that is dropped by force goes with its grants and out of its users", async () => {
    await succeed("OperateUserRole", { username: "ada", roleName: "granted", type: 0 });
    await succeed("DropRole", { roleName: "granted", forceDrop: true });
    await succeed("CreateRole", { entity: { name: "granted", description: "" } });
    expect(await grants("granted")).toEqual([]);
    const { results } = await succeed("SelectRole", { role: { name: "granted", description: "" }, includeUserInfo: true });
    expect(results).toEqual([{ role: { name: "granted", description: "" }, users: [] }]);
  });
});

describe("backups", () => {
  test("bring everything but root and the default roles, and back it comes into an empty place", async () => {
    await succeed("OperateUserRole", { username: "ada", roleName: "granted", type: 0 });
    const { RBACMeta } = await succeed("BackupRBAC", {});
    const other = new MemoryClient();
    expect((await other.call("RestoreRBAC", { RBACMeta })).code).toBe(0);
    expect((await other.call("BackupRBAC")).reply.RBACMeta).toEqual({
      ...(RBACMeta as object),
      // Descriptions of users are not part of Milvus's backup.
      users: (RBACMeta as { users: unknown[] }).users,
    });
    const update = { username: "ada", oldPassword: password, newPassword: base64("the-next-one") };
    expect((await other.call("UpdateCredential", update)).code).toBe(0);
  });

  test("are refused whole when anything is there already", async () => {
    const { RBACMeta } = await succeed("BackupRBAC", {});
    const meta = RBACMeta as Record<string, unknown[]>;
    const refused = async (part: object) =>
      (await client.call("RestoreRBAC", { RBACMeta: { users: [], roles: [], grants: [], privilegeGroups: [], ...part } })).reason;
    const prefix = "failed to check if rbac restorable: ";
    expect(await refused({ roles: meta.roles })).toBe(`${prefix}role [reader] already exists: invalid parameter`);
    expect(await refused({ privilegeGroups: meta.privilegeGroups })).toMatch(/privilege group \[(own|used)\] already exists/);
    expect(await refused({ users: meta.users })).toBe(`${prefix}user [ada] already exists: invalid parameter`);
    expect(await refused({ users: [{ user: "new", password: "x", roles: [{ name: "none", description: "" }] }] })).toBe(
      `${prefix}role [none] does not exist: invalid parameter`,
    );
    expect(
      await refused({ grants: [{ role, object: { name: "Global" }, objectName: "*", dbName: "", grantor: grantor("Nothing") }] }),
    ).toBe(`${prefix}privilege [Nothing] does not exist: invalid parameter`);
    const orphan = {
      role: { name: "none", description: "" },
      object: { name: "Global" },
      objectName: "*",
      dbName: "",
      grantor: grantor("Search"),
    };
    expect(await refused({ grants: [orphan] })).toBe(`${prefix}role [none] does not exist: invalid parameter`);
    expect(await refused({ users: [{ user: "", password: "x", roles: [] }] })).toBe("username must be not empty: invalid parameter");
    expect(await refused({})).toBe("");
  });
});

describe("REST", () => {
  test("users, roles, grants and groups", async () => {
    const post = (path: string, body: Record<string, unknown>) => client.post(path, body);
    expect(await post("users/create", { userName: "bob", password: "password", description: "second" })).toEqual({ data: {} });
    expect(await post("users/grant_role", { userName: "bob", roleName: "reader" })).toEqual({ data: {} });
    expect(await post("users/describe", { userName: "bob" })).toEqual({ data: ["reader"], description: "second" });
    expect(await post("users/list", {})).toEqual({ data: ["ada", "bob", "root"] });
    expect(await post("users/update_password", { userName: "bob", password: "password", newPassword: "the-next-one" })).toEqual({
      data: {},
    });
    expect(await post("users/update_password", { userName: "bob", password: "password", newPassword: "password" })).toMatchObject({
      code: 1400,
    });
    expect(await post("roles/list", {})).toEqual({ data: ["admin", "granted", "public", "reader"] });
    expect(await post("roles/alter", { roleName: "reader", description: "reads" })).toEqual({ data: {} });
    await post("roles/grant_privilege", { roleName: "reader", objectType: "Collection", objectName: "kites", privilege: "Search" });
    await post("roles/grant_privilege_v2", { roleName: "reader", privilege: "DatabaseReadOnly", collectionName: "*", dbName: "default" });
    const search = { objectType: "Collection", objectName: "kites", privilege: "Search", dbName: "default", grantor: "root" };
    const group = { objectType: "Global", objectName: "*", privilege: "DatabaseReadOnly", dbName: "default", grantor: "root" };
    expect(await post("roles/describe", { roleName: "reader" })).toEqual({ data: [search, group], description: "reads" });
    await post("roles/revoke_privilege_v2", { roleName: "reader", privilege: "DatabaseReadOnly", collectionName: "*", dbName: "default" });
    await post("roles/revoke_privilege", { roleName: "reader", objectType: "Collection", objectName: "kites", privilege: "Search" });
    expect(await post("roles/drop", { roleName: "reader" })).toEqual({ data: {} });
    expect(await post("users/drop", { userName: "bob" })).toEqual({ data: {} });
    await post("privilege_groups/add_privileges_to_group", { privilegeGroupName: "own", privileges: ["Query"] });
    const listed = (await post("privilege_groups/list", {})) as { data: { privilegeGroups: unknown[] } };
    expect(listed.data.privilegeGroups[0]).toEqual({ privilegeGroupName: "own", privileges: "Search,Query" });
  });
});

describe("collections and their grants", () => {
  test("an alias stands for its collection; a grant follows a rename and goes with a drop", async () => {
    await client.post("collections/create", { collectionName: "kites", dimension: 4 });
    await succeed("ReleaseCollection", { collectionName: "kites" });
    await succeed("CreateAlias", { alias: "birds", collectionName: "kites" });
    await grantV2("Search", "birds");
    expect(await grants()).toEqual(["Collection default.kites Search"]);
    await succeed("RenameCollection", { oldName: "kites", newName: "owls" });
    expect(await grants()).toEqual(["Collection default.owls Search"]);
    await succeed("DropAlias", { alias: "birds" });
    await succeed("DropCollection", { collectionName: "owls" });
    expect(await grants()).toEqual([]);
  });
});
