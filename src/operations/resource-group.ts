/**
 * Resource groups, as a Milvus of one node answers them: groups are kept, and the node is in one of them (catalog/apply-resource-group.ts); nothing else
 * depends on where it is. Source: milvus internal/proxy/impl.go, internal/querycoordv2/services.go.
 */
import { DEFAULT_RESOURCE_GROUP, requireResourceGroup, resourceGroupOf } from "../catalog/read.js";
import type { KeyValuePair, ResourceGroup } from "../catalog/types.js";
import { failure } from "../shared/errors.js";
import { DEFAULT_RESOURCE_GROUP_NODES_MAX } from "../shared/limits.js";
import { checkResourceGroupName } from "../shared/names.js";
import {
  type CreateResourceGroupRequest,
  type ResourceGroupConfig,
  services,
  type TransferNodeRequest,
  type TransferReplicaRequest,
  type UpdateResourceGroupsRequest,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { NODE_ID } from "./load.js";
import { type AnyOperation, type Call, defineOperation, type RestRoute } from "./operation.js";
import {
  type Body,
  change,
  collectionOf,
  integerIn,
  longIn,
  missingMembers,
  nothing,
  objectIn,
  objectsIn,
  pairsIn,
  required,
  textIn,
} from "./support.js";

const {
  ListResourceGroups,
  DescribeResourceGroup,
  CreateResourceGroup,
  DropResourceGroup,
  UpdateResourceGroups,
  TransferNode,
  TransferReplica,
} = services["milvus.proto.milvus.MilvusService"];

/** 303 without both limits. */
const groupOf = (name: string, config: Init<ResourceGroupConfig>): ResourceGroup => {
  const { requests, limits } = config;
  if (requests === undefined || limits === undefined)
    throw failure("resourceGroupConfig", { rg: name, config: printedNumbers(config) }, "requests or limits is required");
  const names = (transfers: ResourceGroupConfig["transferFrom"] | Init<ResourceGroupConfig>["transferFrom"]) =>
    (transfers ?? []).map((transfer) => transfer.resourceGroup ?? "");
  return {
    name,
    requests: requests.nodeNum ?? 0,
    limits: limits.nodeNum ?? 0,
    transferFrom: names(config.transferFrom),
    transferTo: names(config.transferTo),
    nodeLabels: (config.nodeFilter?.nodeLabels ?? []).map(({ key, value }): KeyValuePair => ({ key: key ?? "", value: value ?? "" })),
  };
};

/** What is there of a configuration that lacks one of its numbers, as Go prints it. */
const printedNumbers = ({ requests, limits }: Init<ResourceGroupConfig>): string =>
  [["requests", requests] as const, ["limits", limits] as const]
    .flatMap(([name, limit]) => (limit === undefined ? [] : [`${name}:{${limit.nodeNum ? `node_num:${limit.nodeNum}` : ""}}`]))
    .join(" ");

const configOf = (group: ResourceGroup): Init<ResourceGroupConfig> => ({
  requests: { nodeNum: group.requests },
  limits: { nodeNum: group.limits },
  transferFrom: group.transferFrom.map((resourceGroup) => ({ resourceGroup })),
  transferTo: group.transferTo.map((resourceGroup) => ({ resourceGroup })),
  ...(group.nodeLabels.length === 0 ? {} : { nodeFilter: { nodeLabels: [...group.nodeLabels] } }),
});

type Create = { readonly resourceGroup: string; readonly config?: Init<ResourceGroupConfig> | undefined };

const create = async (call: Call, request: Create | CreateResourceGroupRequest) => {
  checkResourceGroupName(request.resourceGroup);
  const config = request.config ?? { requests: { nodeNum: 0 }, limits: { nodeNum: 0 } };
  await change(call, { kind: "createResourceGroup", group: groupOf(request.resourceGroup, config) });
  return {};
};

type Groups = { readonly resourceGroups: ReadonlyMap<string, Init<ResourceGroupConfig>> };

const update = async (call: Call, request: Groups | UpdateResourceGroupsRequest) => {
  const entries = [...request.resourceGroups];
  for (const [name] of entries) requireResourceGroup(call.engine.catalog, name);
  await change(call, { kind: "updateResourceGroups", groups: entries.map(([name, config]) => groupOf(name, config)) });
  return {};
};

const drop = async (call: Call, request: { readonly resourceGroup: string }) => {
  checkResourceGroupName(request.resourceGroup);
  await change(call, { kind: "dropResourceGroup", name: request.resourceGroup });
  return {};
};

const list = (call: Call) => ({ resourceGroups: [...call.engine.catalog.resourceGroups.keys()].sort() });

/** Loaded replicas of the group; those whose node has left it; and replicas of other groups that are still on its node. */
const describe = (call: Call, request: { readonly resourceGroup: string }) => {
  const { catalog } = call.engine;
  const group = requireResourceGroup(catalog, request.resourceGroup);
  const loaded = [...catalog.collections.values()].flatMap(({ name, load }) =>
    load === undefined ? [] : [{ name, replicas: load.replicaNumber, group: resourceGroupOf(load) }],
  );
  const [own, others] = [loaded.filter((item) => item.group === group.name), loaded.filter((item) => item.group !== group.name)];
  const here = catalog.nodeGroup === group.name;
  return {
    resourceGroup: {
      name: group.name,
      capacity: group.name === DEFAULT_RESOURCE_GROUP ? DEFAULT_RESOURCE_GROUP_NODES_MAX : group.requests,
      numAvailableNode: here ? 1 : 0,
      numLoadedReplica: new Map(own.map((item) => [item.name, item.replicas])),
      numOutgoingNode: new Map(here ? [] : own.map((item) => [item.name, 1])),
      numIncomingNode: new Map(here ? others.map((item) => [item.name, 1]) : []),
      config: configOf(group),
      nodes: here ? [{ nodeId: NODE_ID, address: "", hostname: "" }] : [],
    },
  };
};

const transferNode = async (call: Call, request: Pick<TransferNodeRequest, "sourceResourceGroup" | "targetResourceGroup" | "numNode">) => {
  const [source, target] = [request.sourceResourceGroup, request.targetResourceGroup];
  checkResourceGroupName(source);
  checkResourceGroupName(target);
  await change(call, { kind: "transferNode", source, target, nodes: request.numNode });
  return {};
};

const transferReplica = async (call: Call, request: Omit<TransferReplicaRequest, "base">) => {
  const [source, target] = [request.sourceResourceGroup, request.targetResourceGroup];
  checkResourceGroupName(source);
  checkResourceGroupName(target);
  const collection = collectionOf(call, request);
  await change(call, { kind: "transferReplica", collectionId: collection.id, source, target, replicas: request.numReplica });
  return {};
};

const limitIn = (config: Body, name: string): { nodeNum: number } | undefined =>
  config[name] === undefined || config[name] === null ? undefined : { nodeNum: integerIn(objectIn(config, name), "node_num") ?? 0 };

/** The `config` of a body, in the names of the proto. */
const configIn = (config: Body): Init<ResourceGroupConfig> => ({
  requests: limitIn(config, "requests"),
  limits: limitIn(config, "limits"),
  transferFrom: objectsIn(config, "transfer_from").map((entry) => ({ resourceGroup: textIn(entry, "resource_group") })),
  transferTo: objectsIn(config, "transfer_to").map((entry) => ({ resourceGroup: textIn(entry, "resource_group") })),
  nodeFilter: { nodeLabels: pairsIn(objectIn(config, "node_filter"), "node_labels") },
});

/** What a configuration must have, its numbers not 0; `type` is where it is in the body. */
const checkConfigIn = (config: Body, type: string): void => {
  const missing = ["requests", "limits"].flatMap((name) => {
    const member = `${type}.${name[0]?.toUpperCase()}${name.slice(1)}`;
    if (config[name] === undefined || config[name] === null) return [member];
    return integerIn(objectIn(config, name), "node_num") ? [] : [`${member}.NodeNum`];
  });
  if (missing.length > 0) throw missingMembers(missing);
};

/** The members of the proto's message, as Go's JSON has them. */
const shown = (group: ReturnType<typeof describe>["resourceGroup"]) => ({
  name: group.name,
  capacity: group.capacity,
  num_available_node: group.numAvailableNode,
  num_loaded_replica: Object.fromEntries(group.numLoadedReplica),
  num_outgoing_node: Object.fromEntries(group.numOutgoingNode),
  num_incoming_node: Object.fromEntries(group.numIncomingNode),
  config: {
    requests: { node_num: group.config.requests?.nodeNum },
    limits: { node_num: group.config.limits?.nodeNum },
    transfer_from: group.config.transferFrom?.map(({ resourceGroup }) => ({ resource_group: resourceGroup })),
    transfer_to: group.config.transferTo?.map(({ resourceGroup }) => ({ resource_group: resourceGroup })),
    node_filter: group.config.nodeFilter === undefined ? undefined : { node_labels: group.config.nodeFilter.nodeLabels },
  },
  nodes: group.nodes.map(({ nodeId, address, hostname }) => ({ node_id: nodeId, address, hostname })),
});

const BASE = "POST /v2/vectordb/resource_groups";
const byName = required("ResourceGroupReq", "name");

const route = (path: string, members: RestRoute["required"], handle: (call: Call, body: Body) => Promise<object>): RestRoute[] => [
  {
    route: `${BASE}/${path}`,
    ...(members === undefined ? {} : { required: members }),
    handle: (call, body) => handle(call, body).then(() => nothing),
  },
];

const optionalConfig = (body: Body): Init<ResourceGroupConfig> | undefined => {
  if (body.config === undefined || body.config === null) return undefined;
  const config = objectIn(body, "config");
  checkConfigIn(config, "ResourceGroupReq.Config");
  return configIn(config);
};

const updateFromRest = (call: Call, body: Body) => {
  const groups = objectIn(body, "resource_groups");
  return update(call, { resourceGroups: new Map(Object.keys(groups).map((name) => [name, configIn(objectIn(groups, name))])) });
};

export const operations: readonly AnyOperation[] = [
  defineOperation(CreateResourceGroup, {
    privilege: "CreateResourceGroup",
    scope: "global",
    handle: create,
    rest: route("create", byName, (call, body) => create(call, { resourceGroup: textIn(body, "name"), config: optionalConfig(body) })),
  }),
  defineOperation(UpdateResourceGroups, {
    privilege: "UpdateResourceGroups",
    scope: "global",
    handle: update,
    rest: route("alter", [{ name: "resource_groups", goName: "UpdateResourceGroupReq.ResourceGroups" }], updateFromRest),
  }),
  defineOperation(DropResourceGroup, {
    privilege: "DropResourceGroup",
    scope: "global",
    handle: drop,
    rest: route("drop", byName, (call, body) => drop(call, { resourceGroup: textIn(body, "name") })),
  }),
  defineOperation(TransferNode, { privilege: "TransferNode", scope: "global", handle: transferNode }),
  defineOperation(TransferReplica, {
    privilege: "TransferReplica",
    scope: "global",
    handle: transferReplica,
    rest: route(
      "transfer_replica",
      required("TransferReplicaReq", "sourceRgName", "targetRgName", "collectionName", "replicaNum"),
      (call, body) =>
        transferReplica(call, {
          dbName: textIn(body, "dbName"),
          collectionName: textIn(body, "collectionName"),
          sourceResourceGroup: textIn(body, "sourceRgName"),
          targetResourceGroup: textIn(body, "targetRgName"),
          numReplica: longIn(body, "replicaNum"),
        }),
    ),
  }),
  defineOperation(ListResourceGroups, {
    privilege: "ListResourceGroups",
    scope: "global",
    handle: list,
    rest: [{ route: `${BASE}/list`, handle: async (call) => ({ data: list(call).resourceGroups }) }],
  }),
  defineOperation(DescribeResourceGroup, {
    privilege: "DescribeResourceGroup",
    scope: "global",
    handle: describe,
    rest: [
      {
        route: `${BASE}/describe`,
        required: byName,
        handle: async (call, body) => ({ resource_group: shown(describe(call, { resourceGroup: textIn(body, "name") }).resourceGroup) }),
      },
    ],
  }),
];
