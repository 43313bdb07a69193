/** Roles, and which users have them. Sources: milvus internal/proxy/impl.go, internal/rootcoord/root_coord.go. */
import { DEFAULT_ROLES } from "../shared/access.js";
import { failure, invalid, outOfRange } from "../shared/errors.js";
import { ROLE_DESCRIPTION_BYTES_MAX } from "../shared/limits.js";
import { checkRoleName, checkUserName } from "../shared/names.js";
import {
  type AlterRoleRequest,
  type CreateRoleRequest,
  type DropRoleRequest,
  ErrorCode,
  type OperateUserRoleRequest,
  OperateUserRoleType,
  type SelectRoleRequest,
  services,
} from "../shared/proto/generated/messages.js";
import { type AnyOperation, type Call, defineOperation, type RestRoute } from "./operation.js";
import { change, nothing, relabeled, required, textIn } from "./support.js";

const { CreateRole, AlterRole, DropRole, OperateUserRole, SelectRole } = services["milvus.proto.milvus.MilvusService"];

const checkDescription = (description: string): void => {
  const length = Buffer.byteLength(description, "utf8");
  if (length > ROLE_DESCRIPTION_BYTES_MAX)
    throw outOfRange("the length of role description must be not greater than limit", length, 0, ROLE_DESCRIPTION_BYTES_MAX);
};

const create = async (call: Call, request: Pick<CreateRoleRequest, "entity">) => {
  const { name = "", description = "" } = request.entity ?? {};
  checkRoleName(name);
  checkDescription(description);
  await relabeled(ErrorCode.CreateRoleFailure, () => change(call, { kind: "createRole", name, description }));
  return {};
};

const keep = (name: string, what: "altered" | "dropped"): void => {
  if (DEFAULT_ROLES.includes(name)) throw failure("notPermitted", {}, `the role[${name}] is a default role, which can't be ${what}`);
};

const alter = async (call: Call, request: Pick<AlterRoleRequest, "roleName" | "description">) => {
  const { roleName: name, description } = request;
  checkRoleName(name);
  checkDescription(description);
  keep(name, "altered");
  await change(call, { kind: "alterRole", name, description });
  return {};
};

const drop = async (call: Call, request: Pick<DropRoleRequest, "roleName" | "forceDrop">) => {
  const { roleName: name, forceDrop: force } = request;
  checkRoleName(name);
  keep(name, "dropped");
  await relabeled(ErrorCode.DropRoleFailure, () => change(call, { kind: "dropRole", name, force }));
  return {};
};

const operate = async (call: Call, request: Pick<OperateUserRoleRequest, "username" | "roleName" | "type">) => {
  const { username: user, roleName: role, type } = request;
  checkUserName(user);
  checkRoleName(role);
  const actions: Readonly<Record<number, "add" | "remove">> = {
    [OperateUserRoleType.AddUserToRole]: "add",
    [OperateUserRoleType.RemoveUserFromRole]: "remove",
  };
  const action = actions[type];
  if (action === undefined) throw invalid("invalid operate user role type");
  await relabeled(ErrorCode.OperateUserRoleFailure, () => change(call, { kind: "changeUserRole", user, role, action }));
  return {};
};

/** One role, or all; none of that name: nothing. */
const select = (call: Call, request: Pick<SelectRoleRequest, "role" | "includeUserInfo">) => {
  if (request.role !== undefined) checkRoleName(request.role.name);
  const { roles, users } = call.engine.catalog.access;
  const sorted = [...roles.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  const members = (role: string) => [...users.values()].filter((user) => user.roles.includes(role)).map(({ name }) => ({ name }));
  return {
    results: sorted
      .filter((role) => request.role === undefined || role.name === request.role.name)
      .map((role) => ({ role, users: request.includeUserInfo ? members(role.name) : [] })),
  };
};

/** A role's description; "" when there is no such role. */
export const describeRole = (call: Call, name: string): string =>
  select(call, { role: { name, description: "" }, includeUserInfo: false }).results[0]?.role.description ?? "";

const ROLES = "POST /v2/vectordb/roles";
const USERS = "POST /v2/vectordb/users";

const binding = (path: string, type: OperateUserRoleType): RestRoute => ({
  route: `${USERS}/${path}`,
  required: required("UserRoleReq", "userName", "roleName"),
  handle: async (call, body) =>
    operate(call, { username: textIn(body, "userName"), roleName: textIn(body, "roleName"), type }).then(() => nothing),
});

const byName = required("RoleReq", "roleName");

export const operations: readonly AnyOperation[] = [
  defineOperation(CreateRole, {
    privilege: "CreateOwnership",
    scope: "global",
    handle: create,
    rest: [
      {
        route: `${ROLES}/create`,
        required: byName,
        handle: async (call, body) =>
          create(call, { entity: { name: textIn(body, "roleName"), description: textIn(body, "description") } }).then(() => nothing),
      },
    ],
  }),
  defineOperation(AlterRole, {
    privilege: "CreateOwnership",
    scope: "global",
    handle: alter,
    rest: [
      {
        route: `${ROLES}/alter`,
        required: byName,
        handle: async (call, body) =>
          alter(call, { roleName: textIn(body, "roleName"), description: textIn(body, "description") }).then(() => nothing),
      },
    ],
  }),
  defineOperation(DropRole, {
    privilege: "DropOwnership",
    scope: "global",
    handle: drop,
    rest: [
      {
        route: `${ROLES}/drop`,
        required: byName,
        handle: async (call, body) => drop(call, { roleName: textIn(body, "roleName"), forceDrop: false }).then(() => nothing),
      },
    ],
  }),
  defineOperation(OperateUserRole, {
    privilege: "ManageOwnership",
    scope: "global",
    handle: operate,
    rest: [binding("grant_role", OperateUserRoleType.AddUserToRole), binding("revoke_role", OperateUserRoleType.RemoveUserFromRole)],
  }),
  defineOperation(SelectRole, {
    privilege: "SelectOwnership",
    scope: "global",
    handle: select,
    rest: [
      {
        route: `${ROLES}/list`,
        handle: async (call) => ({ data: select(call, { includeUserInfo: false }).results.map(({ role }) => role.name) }),
      },
    ],
  }),
];
