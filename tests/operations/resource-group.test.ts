/** Resource groups of the one node: what is kept, where the node goes, and every refusal with its code and words. */
import { beforeEach, describe, expect, test } from "vitest";
import { MemoryClient } from "../support/memory-engine.js";
import { createRequest } from "../support/schemas.js";

const DEFAULT = "__default_resource_group";
let client: MemoryClient;
beforeEach(() => {
  client = new MemoryClient();
});

const config = (requests: number, limits: number, more: object = {}) => ({
  requests: { nodeNum: requests },
  limits: { nodeNum: limits },
  ...more,
});
const create = (resourceGroup: string, given?: object) => client.call("CreateResourceGroup", { resourceGroup, config: given });
const update = (groups: Record<string, object>) => client.call("UpdateResourceGroups", { resourceGroups: new Map(Object.entries(groups)) });
const describeGroup = async (resourceGroup: string) =>
  (await client.call("DescribeResourceGroup", { resourceGroup })).reply.resourceGroup as Record<string, unknown>;
const nodes = async (name: string) => (await describeGroup(name)).numAvailableNode;

const loaded = async () => {
  await client.call("CreateCollection", createRequest("c"));
  await client.call("CreateIndex", { collectionName: "c", fieldName: "vector", extraParams: [{ key: "metric_type", value: "L2" }] });
};

test("the default group is there, with the node and room for a million", async () => {
  expect((await client.call("ListResourceGroups")).reply.resourceGroups).toEqual([DEFAULT]);
  expect(await describeGroup(DEFAULT)).toMatchObject({
    name: DEFAULT,
    capacity: 1_000_000,
    numAvailableNode: 1,
    config: { requests: { nodeNum: 0 }, limits: { nodeNum: 1_000_000 } },
  });
});

test("create, the same again, describe, drop, drop again", async () => {
  for (let i = 0; i < 2; i++) expect((await create("g")).code).toBe(0);
  expect(client.engine.records.filter(({ kind }) => kind === "createResourceGroup")).toHaveLength(1);
  expect((await client.call("ListResourceGroups")).reply.resourceGroups).toEqual([DEFAULT, "g"]);
  expect(await describeGroup("g")).toMatchObject({ capacity: 0, numAvailableNode: 0, nodes: [] });
  for (let i = 0; i < 2; i++) expect((await client.call("DropResourceGroup", { resourceGroup: "g" })).code).toBe(0);
  expect((await client.call("ListResourceGroups")).reply.resourceGroups).toEqual([DEFAULT]);
});

describe("where the node is", () => {
  test("it goes to the group that asks for one, and back when the group gives it up", async () => {
    await create("g", config(1, 1));
    expect([await nodes(DEFAULT), await nodes("g")]).toEqual([0, 1]);
    await update({ g: config(0, 0) });
    expect([await nodes(DEFAULT), await nodes("g")]).toEqual([1, 0]);
  });

  test("a group that names the holder gets it before others; a label that no node has gets none", async () => {
    await create("a", config(0, 0));
    await create("b", config(0, 0));
    await update({ a: config(1, 1, { nodeFilter: { nodeLabels: [{ key: "k", value: "v" }] } }), b: config(1, 1) });
    expect([await nodes("a"), await nodes("b")]).toEqual([0, 1]);
    await create("d", config(0, 1));
    await update({ b: config(0, 0, { transferTo: [{ resourceGroup: "d" }] }) });
    expect([await nodes("b"), await nodes("d"), await nodes(DEFAULT)]).toEqual([0, 1, 0]);
  });

  test("TransferNode moves what the groups ask for", async () => {
    await create("g");
    const move = (sourceResourceGroup: string, targetResourceGroup: string, numNode = 1) =>
      client.call("TransferNode", { sourceResourceGroup, targetResourceGroup, numNode });
    expect((await move(DEFAULT, "g")).code).toBe(0);
    expect(await describeGroup("g")).toMatchObject({ numAvailableNode: 1, config: config(1, 1) });
    expect(await move(DEFAULT, "g")).toMatchObject({
      code: 304,
      reason: `resource group node not enough[rg=${DEFAULT}][currentNodeNum=0][expectedNodeNum=1]`,
    });
    expect((await move("g", DEFAULT)).code).toBe(0);
    expect(await describeGroup("g")).toMatchObject({ numAvailableNode: 0, config: config(0, 0) });
    expect(await move(DEFAULT, DEFAULT)).toMatchObject({
      code: 1100,
      reason: `source resource group and target resource group should not be the same, resource group: ${DEFAULT}: invalid parameter`,
    });
    expect(await move(DEFAULT, "g", 0)).toMatchObject({
      code: 1100,
      reason: "invalid parameter[expected=NumNode > 0][actual=invalid NumNode 0]",
    });
    expect(await move(DEFAULT, "x")).toMatchObject({ code: 300, reason: "resource group not found[rg=x]" });
  });
});

describe("loads and replicas", () => {
  test("a load names its group, which must have the node", async () => {
    await loaded();
    await create("g");
    expect(await client.call("LoadCollection", { collectionName: "c", resourceGroups: ["g"] })).toMatchObject({
      code: 304,
      reason: "call query coordinator LoadCollection: resource group node not enough[rg=g][currentNodeNum=0][expectedNodeNum=1]",
    });
    await update({ g: config(1, 1) });
    expect((await client.call("LoadCollection", { collectionName: "c", resourceGroups: ["g"] })).code).toBe(0);
    expect((await client.call("GetReplicas", { collectionName: "c" })).reply.replicas).toMatchObject([
      { resourceGroupName: "g", numOutboundNode: new Map() },
    ]);
    expect(await describeGroup("g")).toMatchObject({ numLoadedReplica: new Map([["c", 1]]), numOutgoingNode: new Map() });
    expect(await client.call("DropResourceGroup", { resourceGroup: "g" })).toMatchObject({ code: 1100 });
  });

  test("properties of the collection and of its database name groups and replicas for loads that do not", async () => {
    await loaded();
    await client.call("AlterDatabase", { dbName: "default", properties: [{ key: "database.resource_groups", value: "g" }] });
    expect(await client.call("LoadCollection", { collectionName: "c" })).toMatchObject({ code: 300 });
    await client.call("AlterCollection", { collectionName: "c", properties: [{ key: "collection.resource_groups", value: DEFAULT }] });
    expect((await client.call("LoadCollection", { collectionName: "c" })).code).toBe(0);
    await client.call("ReleaseCollection", { collectionName: "c" });
    await client.call("AlterDatabase", { dbName: "default", properties: [{ key: "database.replica.number", value: "2" }] });
    expect(await client.call("LoadCollection", { collectionName: "c" })).toMatchObject({ code: 12 });
    expect((await client.call("LoadCollection", { collectionName: "c", replicaNumber: 1 })).code).toBe(0);
  });

  test("TransferReplica", async () => {
    await loaded();
    await create("g", config(0, 1));
    const move = (numReplica: bigint, source = DEFAULT, target = "g") =>
      client.call("TransferReplica", { collectionName: "c", sourceResourceGroup: source, targetResourceGroup: target, numReplica });
    expect(await move(1n)).toMatchObject({ code: 101, reason: "collection not loaded[collection=c]" });
    await client.call("LoadCollection", { collectionName: "c" });
    expect(await move(0n)).toMatchObject({ code: 1100, reason: "invalid parameter[expected=NumReplica > 0][actual=invalid NumReplica 0]" });
    expect(await move(2n)).toMatchObject({
      code: 1100,
      reason:
        "the number of replicas to transfer is greater than the number of replicas in the collection: invalid parameter[expected=2][actual=1]",
    });
    expect(await move(1n, "g", DEFAULT)).toMatchObject({
      code: 1100,
      reason:
        "invalid parameter[expected=NumReplica not greater than the number of replica in source resource group][actual=only found [0] replicas of collection [c] in source resource group [g], but 1 require]",
    });
    expect(await move(1n, "x")).toMatchObject({ code: 300 });
    expect(await move(1n, "g", "g")).toMatchObject({ code: 1100 });
    expect((await move(1n)).code).toBe(0);
    expect((await client.call("GetReplicas", { collectionName: "c" })).reply.replicas).toMatchObject([
      { resourceGroupName: "g", numOutboundNode: new Map([[DEFAULT, 1]]) },
    ]);
    expect(await describeGroup("g")).toMatchObject({ numLoadedReplica: new Map([["c", 1]]), numOutgoingNode: new Map([["c", 1]]) });
    expect(await describeGroup(DEFAULT)).toMatchObject({ numIncomingNode: new Map([["c", 1]]), numLoadedReplica: new Map() });
  });

  test("LoadBalance is checked, and moves nothing", async () => {
    await loaded();
    const move = (more: object) => client.call("LoadBalance", { collectionName: "c", srcNodeID: 1n, ...more });
    const id = [...client.engine.catalog.collections.keys()][0];
    expect(await move({})).toMatchObject({ code: 103, reason: `collection not fully loaded[collection=${id}]` });
    await client.call("LoadCollection", { collectionName: "c" });
    expect(await move({ srcNodeID: 7n })).toMatchObject({
      code: 901,
      reason: `source node not found in any replica of collection ${id}: node not found[node=7]`,
    });
    expect(await move({ dstNodeIDs: [9n] })).toMatchObject({
      code: 901,
      reason: "destination node not found in the same replica: node not found[node=9]",
    });
    expect(await move({ sealedSegmentIDs: [5n] })).toMatchObject({
      code: 600,
      reason: "segment not found in source node: segment not found[segment=5]",
    });
    expect(await move({ collectionName: "x" })).toMatchObject({ code: 100 });
    expect((await move({})).code).toBe(0);
  });
});

const refusals: readonly [string, () => Promise<unknown>, number, string][] = [
  ["an empty name", () => create(""), 1101, "resource group name couldn't be empty: missing parameter"],
  [
    "a name that begins with a digit",
    () => create("1g"),
    1100,
    "Invalid resource group name 1g. the first character of a resource group name must be an underscore or letter: invalid parameter",
  ],
  [
    "a dash",
    () => create("g-1"),
    1100,
    "Invalid resource group name g-1. resource group name can only contain numbers, letters and underscores: invalid parameter",
  ],
  [
    "a long name",
    () => create("g".repeat(256)),
    1100,
    `Invalid resource group name ${"g".repeat(256)}. the length of a resource group name must be less than 255 characters: invalid parameter`,
  ],
  [
    "another configuration",
    async () => {
      await create("g");
      return create("g", config(0, 1));
    },
    301,
    "resource group already exist, but create with different config[rg=g]",
  ],
  [
    "no limits",
    () => create("g", { requests: { nodeNum: 1 } }),
    303,
    "requests or limits is required: resource group illegal config[rg=g][config=requests:{node_num:1}]",
  ],
  [
    "fewer than none",
    () => create("g", config(-1, 1)),
    303,
    "node num in `requests` or `limits` should not less than 0: resource group illegal config[rg=g][config=requests:{node_num:-1} limits:{node_num:1}]",
  ],
  [
    "limits below requests",
    () => create("g", config(2, 1)),
    303,
    "limits node num should not less than requests node num: resource group illegal config[rg=g][config=requests:{node_num:2} limits:{node_num:1}]",
  ],
  [
    "transfers from itself",
    () => create("g", config(0, 0, { transferFrom: [{ resourceGroup: "g" }] })),
    303,
    'resource group in `TransferFrom` g should not be itself: resource group illegal config[rg=g][config=requests:{} limits:{} transfer_from:{resource_group:"g"}]',
  ],
  [
    "transfers to nobody",
    () => create("g", config(0, 0, { transferTo: [{ resourceGroup: "x" }] })),
    303,
    'resource group in `TransferTo` x not exist: resource group illegal config[rg=g][config=requests:{} limits:{} transfer_to:{resource_group:"x"}]',
  ],
  ["an update of nothing", () => update({ x: config(0, 0) }), 300, "resource group not found[rg=x]"],
  ["a description of nothing", () => client.call("DescribeResourceGroup", { resourceGroup: "x" }), 300, "resource group not found[rg=x]"],
  [
    "dropping the default group",
    () => client.call("DropResourceGroup", { resourceGroup: DEFAULT }),
    1100,
    `default resource group is not deletable: invalid parameter[expected=not default resource group][actual=${DEFAULT}]`,
  ],
  [
    "dropping a group with a limit",
    async () => {
      await create("g", config(0, 1));
      return client.call("DropResourceGroup", { resourceGroup: "g" });
    },
    1100,
    "resource group's limits node num is not 0: invalid parameter[expected=not empty resource group][actual=g]",
  ],
  [
    "dropping a group that another takes from",
    async () => {
      await create("g");
      await create("h", config(0, 0, { transferFrom: [{ resourceGroup: "g" }] }));
      return client.call("DropResourceGroup", { resourceGroup: "g" });
    },
    1100,
    "resource group g is used by h's `TransferFrom`, remove that configuration first: invalid parameter[expected=not `TransferFrom` of resource group][actual=g]",
  ],
];

test.each(refusals)("%s is refused", async (_, call, code, reason) => {
  expect(await call()).toMatchObject({ code, reason });
});

test("1,024 groups, the default one counted", async () => {
  for (let i = 1; i < 1024; i++) expect((await create(`g${i}`)).code).toBe(0);
  expect(await create("g")).toMatchObject({ code: 302, reason: "resource group num reach limit[rg=g][limit=1024]" });
});
