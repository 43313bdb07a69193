/**
 * The client's methods on users, roles, grants and privilege groups, named as in pymilvus's MilvusClient. They are about the whole server; only grants name a
 * database. On a folder they change what a server would find there; nobody is asked for a password.
 */
import { OperatePrivilegeGroupType, OperatePrivilegeType, OperateUserRoleType } from "../shared/proto/generated/messages.js";
import { type CallOptions, milvus } from "./connection.js";
import { SnapshotMethods } from "./snapshots.js";

export interface UserOptions extends CallOptions {
  readonly userName: string;
}

export interface RoleOptions extends CallOptions {
  readonly roleName: string;
}

export interface UserInfo {
  readonly userName: string;
  readonly roles: string[];
  readonly description: string;
}

export interface GrantInfo {
  readonly objectType: string;
  readonly objectName: string;
  readonly databaseName: string;
  /** A privilege or a group. */
  readonly privilege: string;
  readonly grantorName: string;
}

export interface RoleInfo {
  readonly roleName: string;
  readonly description: string;
  readonly privileges: GrantInfo[];
}

export interface PrivilegeGroupInfo {
  readonly privilegeGroup: string;
  readonly privileges: string[];
}

/** A grant of the first version. */
export interface GrantPrivilegeOptions extends RoleOptions {
  /** `Collection`, `Global` or `User`. */
  readonly objectType: string;
  readonly privilege: string;
  /** `*`: all. */
  readonly objectName: string;
}

/** A grant of a privilege or a group on a collection of a database (`databaseName`; `*`: of all). */
export interface GrantPrivilegeV2Options extends RoleOptions {
  readonly privilege: string;
  /** `*`: all. */
  readonly collectionName: string;
}

export interface PrivilegeGroupOptions extends CallOptions {
  readonly privilegeGroup: string;
}

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");

export abstract class UserMethods extends SnapshotMethods {
  /** @throws MilvusError 1100 if there is one, or for a name or password that is none */
  async createUser(options: UserOptions & { readonly password: string; readonly description?: string }): Promise<void> {
    const { userName: username, password, description } = options;
    await this.call(milvus.CreateCredential, { username, password: base64(password), ...described(description) }, options);
  }

  /**
   * A client that is this user goes on with the new password.
   * @throws MilvusError 1400 if the old one is wrong
   */
  async updatePassword(options: UserOptions & { readonly oldPassword: string; readonly newPassword: string }): Promise<void> {
    const { userName: username, oldPassword, newPassword } = options;
    await this.call(milvus.UpdateCredential, { username, oldPassword: base64(oldPassword), newPassword: base64(newPassword) }, options);
    this.passwordChanged(username, newPassword);
  }

  async updateUser(options: UserOptions & { readonly description: string }): Promise<void> {
    await this.call(milvus.UpdateCredential, { username: options.userName, description: options.description }, options);
  }

  /** A user that does not exist is dropped already. @throws MilvusError 1401 for root */
  async dropUser(options: UserOptions): Promise<void> {
    await this.call(milvus.DeleteCredential, { username: options.userName }, options);
  }

  async listUsers(options: CallOptions = {}): Promise<string[]> {
    return (await this.call(milvus.ListCredUsers, {}, options)).usernames;
  }

  /** undefined: there is no such user. */
  async describeUser(options: UserOptions): Promise<UserInfo | undefined> {
    const { results } = await this.call(milvus.SelectUser, { user: { name: options.userName }, includeRoleInfo: true }, options);
    const [user] = results;
    return user && { userName: user.user?.name ?? "", roles: user.roles.map((role) => role.name), description: user.description };
  }

  async grantRole(options: UserOptions & RoleOptions): Promise<void> {
    await this.bindRole(options, OperateUserRoleType.AddUserToRole);
  }

  async revokeRole(options: UserOptions & RoleOptions): Promise<void> {
    await this.bindRole(options, OperateUserRoleType.RemoveUserFromRole);
  }

  /** @throws MilvusError 1100 if there is one, 9 at the limit */
  async createRole(options: RoleOptions & { readonly description?: string }): Promise<void> {
    await this.call(milvus.CreateRole, { entity: { name: options.roleName, description: options.description ?? "" } }, options);
  }

  async alterRole(options: RoleOptions & { readonly description: string }): Promise<void> {
    await this.call(milvus.AlterRole, { roleName: options.roleName, description: options.description }, options);
  }

  /** @throws MilvusError 1100 if it has grants and is not forced, or does not exist; 1401 for those that are always there */
  async dropRole(options: RoleOptions & { readonly forceDrop?: boolean }): Promise<void> {
    await this.call(milvus.DropRole, { roleName: options.roleName, forceDrop: options.forceDrop ?? false }, options);
  }

  async listRoles(options: CallOptions = {}): Promise<string[]> {
    const { results } = await this.call(milvus.SelectRole, {}, options);
    return results.flatMap((result) => (result.role ? [result.role.name] : []));
  }

  /** With its grants in the database, and those for all databases. @throws MilvusError 1100 if there is no such role */
  async describeRole(options: RoleOptions): Promise<RoleInfo> {
    const role = { name: options.roleName };
    const { results } = await this.call(milvus.SelectRole, { role }, options);
    const { entities } = await this.call(milvus.SelectGrant, { entity: { role, dbName: this.databaseOf(options) } }, options);
    const privileges = entities.map((grant) => ({
      objectType: grant.object?.name ?? "",
      objectName: grant.objectName,
      databaseName: grant.dbName,
      privilege: grant.grantor?.privilege?.name ?? "",
      grantorName: grant.grantor?.user?.name ?? "",
    }));
    return { roleName: options.roleName, description: results[0]?.role?.description ?? "", privileges };
  }

  async grantPrivilege(options: GrantPrivilegeOptions): Promise<void> {
    await this.operatePrivilege(options, OperatePrivilegeType.Grant);
  }

  async revokePrivilege(options: GrantPrivilegeOptions): Promise<void> {
    await this.operatePrivilege(options, OperatePrivilegeType.Revoke);
  }

  /** Granting twice is success. @throws MilvusError 1100 for an unknown role or privilege, or a group on what it is not for */
  async grantPrivilegeV2(options: GrantPrivilegeV2Options): Promise<void> {
    await this.operatePrivilegeV2(options, OperatePrivilegeType.Grant);
  }

  async revokePrivilegeV2(options: GrantPrivilegeV2Options): Promise<void> {
    await this.operatePrivilegeV2(options, OperatePrivilegeType.Revoke);
  }

  async createPrivilegeGroup(options: PrivilegeGroupOptions): Promise<void> {
    await this.call(milvus.CreatePrivilegeGroup, { groupName: options.privilegeGroup }, options);
  }

  /** A group that does not exist is dropped already. @throws MilvusError 1100 while a role has it */
  async dropPrivilegeGroup(options: PrivilegeGroupOptions): Promise<void> {
    await this.call(milvus.DropPrivilegeGroup, { groupName: options.privilegeGroup }, options);
  }

  /** Those that users made, then those that come with the server. */
  async listPrivilegeGroups(options: CallOptions = {}): Promise<PrivilegeGroupInfo[]> {
    const { privilegeGroups } = await this.call(milvus.ListPrivilegeGroups, {}, options);
    return privilegeGroups.map((group) => ({
      privilegeGroup: group.groupName,
      privileges: group.privileges.map((privilege) => privilege.name),
    }));
  }

  async addPrivilegesToGroup(options: PrivilegeGroupOptions & { readonly privileges: readonly string[] }): Promise<void> {
    await this.operateGroup(options, OperatePrivilegeGroupType.AddPrivilegesToGroup);
  }

  async removePrivilegesFromGroup(options: PrivilegeGroupOptions & { readonly privileges: readonly string[] }): Promise<void> {
    await this.operateGroup(options, OperatePrivilegeGroupType.RemovePrivilegesFromGroup);
  }

  private async bindRole(options: UserOptions & RoleOptions, type: OperateUserRoleType): Promise<void> {
    await this.call(milvus.OperateUserRole, { username: options.userName, roleName: options.roleName, type }, options);
  }

  private async operatePrivilege(options: GrantPrivilegeOptions, type: OperatePrivilegeType): Promise<void> {
    const entity = {
      role: { name: options.roleName },
      object: { name: options.objectType },
      objectName: options.objectName,
      grantor: { privilege: { name: options.privilege } },
      dbName: this.databaseOf(options),
    };
    await this.call(milvus.OperatePrivilege, { entity, type }, outside(options));
  }

  private async operatePrivilegeV2(options: GrantPrivilegeV2Options, type: OperatePrivilegeType): Promise<void> {
    const request = {
      role: { name: options.roleName },
      grantor: { privilege: { name: options.privilege } },
      dbName: this.databaseOf(options),
      collectionName: options.collectionName,
      type,
    };
    await this.call(milvus.OperatePrivilegeV2, request, outside(options));
  }

  private async operateGroup(
    options: PrivilegeGroupOptions & { readonly privileges: readonly string[] },
    type: OperatePrivilegeGroupType,
  ): Promise<void> {
    const privileges = options.privileges.map((name) => ({ name }));
    await this.call(milvus.OperatePrivilegeGroup, { groupName: options.privilegeGroup, privileges, type }, options);
  }
}

const described = (description: string | undefined): { readonly description?: string } =>
  description === undefined ? {} : { description };

/** The database that a grant names need not exist, and may be `*`: it is not the database of the call. */
const outside = ({ databaseName: _, ...options }: CallOptions): CallOptions => options;
