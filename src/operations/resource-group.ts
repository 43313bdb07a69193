/** Resource groups. One process is one node in the one group that always exists. Source: milvus internal/querycoordv2/meta/resource_manager.go. */
import { failure } from "../shared/errors.js";
import { services } from "../shared/proto/generated/messages.js";
import { DEFAULT_RESOURCE_GROUP, NODE_ID } from "./load.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { required, textIn } from "./support.js";

const { ListResourceGroups, DescribeResourceGroup } = services["milvus.proto.milvus.MilvusService"];

const list = () => ({ resourceGroups: [DEFAULT_RESOURCE_GROUP] });

const describe = (call: Call, request: { readonly resourceGroup: string }) => {
  if (request.resourceGroup !== DEFAULT_RESOURCE_GROUP) throw failure("resourceGroupNotFound", { rg: request.resourceGroup });
  const loaded = [...call.engine.catalog.collections.values()].filter((collection) => collection.load !== undefined);
  return {
    resourceGroup: {
      name: DEFAULT_RESOURCE_GROUP,
      capacity: 1,
      numAvailableNode: 1,
      numLoadedReplica: new Map(loaded.map((collection) => [collection.name, collection.load?.replicaNumber ?? 0])),
      config: { requests: { nodeNum: 1 }, limits: { nodeNum: 1 } },
      nodes: [{ nodeId: NODE_ID, address: "", hostname: "" }],
    },
  };
};

const BASE = "POST /v2/vectordb/resource_groups";

export const operations: readonly AnyOperation[] = [
  defineOperation(ListResourceGroups, {
    privilege: "ListResourceGroups",
    scope: "global",
    handle: list,
    rest: [{ route: `${BASE}/list`, handle: async () => ({ data: list().resourceGroups }) }],
  }),
  defineOperation(DescribeResourceGroup, {
    privilege: "DescribeResourceGroup",
    scope: "global",
    handle: describe,
    rest: [
      {
        route: `${BASE}/describe`,
        required: required("ResourceGroupReq", "name"),
        handle: async (call, body) => {
          const { numLoadedReplica, ...group } = describe(call, { resourceGroup: textIn(body, "name") }).resourceGroup;
          return { data: { ...group, numLoadedReplica: Object.fromEntries(numLoadedReplica) } };
        },
      },
    ],
  }),
];
