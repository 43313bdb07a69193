/** Groups of privileges: those that users make, and those that come with the server. Sources: milvus internal/proxy/impl.go, internal/rootcoord/root_coord.go. */
import { invalid } from "../shared/errors.js";
import { checkGrantedName, checkPrivilegeGroupName } from "../shared/names.js";
import { BUILT_IN_GROUPS } from "../shared/privileges.js";
import { ErrorCode, type OperatePrivilegeGroupRequest, OperatePrivilegeGroupType, services } from "../shared/proto/generated/messages.js";
import { type AnyOperation, type Call, defineOperation, type RestRoute } from "./operation.js";
import { change, nothing, relabeled, required, textIn, textsIn } from "./support.js";

const { CreatePrivilegeGroup, DropPrivilegeGroup, ListPrivilegeGroups, OperatePrivilegeGroup } =
  services["milvus.proto.milvus.MilvusService"];

interface Named {
  readonly groupName: string;
}

const create = async (call: Call, { groupName: name }: Named) => {
  checkPrivilegeGroupName(name);
  await relabeled(ErrorCode.CreatePrivilegeGroupFailure, () => change(call, { kind: "createPrivilegeGroup", name }));
  return {};
};

const drop = async (call: Call, { groupName: name }: Named) => {
  checkPrivilegeGroupName(name);
  await relabeled(ErrorCode.DropPrivilegeGroupFailure, () => change(call, { kind: "dropPrivilegeGroup", name }));
  return {};
};

const list = (call: Call) => {
  const own = [...call.engine.catalog.access.groups.values()].map(({ name, privileges }) => [name, privileges] as const);
  own.sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    privilegeGroups: [...own, ...BUILT_IN_GROUPS].map(([groupName, privileges]) => ({
      groupName,
      privileges: privileges.map((name) => ({ name })),
    })),
  };
};

const operate = async (call: Call, request: Pick<OperatePrivilegeGroupRequest, "groupName" | "privileges" | "type">) => {
  const { groupName: name, type } = request;
  checkPrivilegeGroupName(name);
  const privileges = request.privileges.map((privilege) => privilege.name);
  for (const privilege of privileges) checkGrantedName(privilege, "Privilege");
  const actions: Readonly<Record<number, "add" | "remove">> = {
    [OperatePrivilegeGroupType.AddPrivilegesToGroup]: "add",
    [OperatePrivilegeGroupType.RemovePrivilegesFromGroup]: "remove",
  };
  const action = actions[type];
  if (action === undefined) throw invalid("invalid operate privilege group type");
  await relabeled(ErrorCode.OperatePrivilegeGroupFailure, () => change(call, { kind: "alterPrivilegeGroup", name, action, privileges }));
  return {};
};

const BASE = "POST /v2/vectordb/privilege_groups";
const byName = required("PrivilegeGroupReq", "privilegeGroupName");

const altering = (path: string, type: OperatePrivilegeGroupType): RestRoute => ({
  route: `${BASE}/${path}`,
  required: byName,
  handle: async (call, body) => {
    const privileges = textsIn(body, "privileges").map((name) => ({ name }));
    await operate(call, { groupName: textIn(body, "privilegeGroupName"), privileges, type });
    return nothing;
  },
});

export const operations: readonly AnyOperation[] = [
  defineOperation(CreatePrivilegeGroup, {
    privilege: "CreatePrivilegeGroup",
    scope: "global",
    handle: create,
    rest: [
      {
        route: `${BASE}/create`,
        required: byName,
        handle: async (call, body) => create(call, { groupName: textIn(body, "privilegeGroupName") }).then(() => nothing),
      },
    ],
  }),
  defineOperation(DropPrivilegeGroup, {
    privilege: "DropPrivilegeGroup",
    scope: "global",
    handle: drop,
    rest: [
      {
        route: `${BASE}/drop`,
        required: byName,
        handle: async (call, body) => drop(call, { groupName: textIn(body, "privilegeGroupName") }).then(() => nothing),
      },
    ],
  }),
  defineOperation(ListPrivilegeGroups, {
    privilege: "ListPrivilegeGroups",
    scope: "global",
    handle: list,
    rest: [
      {
        route: `${BASE}/list`,
        handle: async (call) => ({
          data: {
            privilegeGroups: list(call).privilegeGroups.map(({ groupName, privileges }) => ({
              privilegeGroupName: groupName,
              privileges: privileges.map(({ name }) => name).join(","),
            })),
          },
        }),
      },
    ],
  }),
  defineOperation(OperatePrivilegeGroup, {
    privilege: "OperatePrivilegeGroup",
    scope: "global",
    handle: operate,
    rest: [
      altering("add_privileges_to_group", OperatePrivilegeGroupType.AddPrivilegesToGroup),
      altering("remove_privileges_from_group", OperatePrivilegeGroupType.RemovePrivilegesFromGroup),
    ],
  }),
];
