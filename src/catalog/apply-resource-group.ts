/**
 * Records about resource groups.
 *
 * Model: a group asks for a number of nodes and has a limit. There is one node; after each change it goes where the groups want it: to a group that misses
 * it, away from one that is over its limit, and to the default group when no other takes it. Replicas name a group; that the node is elsewhere is told, and
 * hinders no read.
 * Source: milvus internal/querycoordv2/meta/resource_manager.go, ddl_callbacks_{alter,drop}_resource_group.go.
 */
import { failure, invalid } from "../shared/errors.js";
import { DEFAULT_RESOURCE_GROUP_NODES_MAX, RESOURCE_GROUPS_MAX } from "../shared/limits.js";
import { DEFAULT_RESOURCE_GROUP, requireCollectionById, requireResourceGroup, resourceGroupOf } from "./read.js";
import type { Catalog, LoadRecord, RecordOf, ResourceGroup } from "./types.js";

export const defaultResourceGroup: ResourceGroup = {
  name: DEFAULT_RESOURCE_GROUP,
  requests: 0,
  limits: DEFAULT_RESOURCE_GROUP_NODES_MAX,
  transferFrom: [],
  transferTo: [],
  nodeLabels: [],
};

const same = (one: ResourceGroup, other: ResourceGroup): boolean => JSON.stringify(one) === JSON.stringify(other);

/** As Go prints the message. */
const printed = (group: ResourceGroup): string => {
  const number = (value: number) => (value === 0 ? "" : `node_num:${value}`);
  const transfers = (name: string, groups: readonly string[]) => groups.map((other) => `${name}:{resource_group:"${other}"}`);
  return [
    `requests:{${number(group.requests)}}`,
    `limits:{${number(group.limits)}}`,
    ...transfers("transfer_from", group.transferFrom),
    ...transfers("transfer_to", group.transferTo),
  ].join(" ");
};

/** 303 */
const checkConfig = (catalog: Catalog, group: ResourceGroup): void => {
  const refuse = (why: string) => failure("resourceGroupConfig", { rg: group.name, config: printed(group) }, why);
  if (group.requests < 0 || group.limits < 0) throw refuse("node num in `requests` or `limits` should not less than 0");
  if (group.limits < group.requests) throw refuse("limits node num should not less than requests node num");
  const lists = [
    ["TransferFrom", group.transferFrom],
    ["TransferTo", group.transferTo],
  ] as const;
  for (const [list, others] of lists) {
    for (const other of others) {
      if (other === group.name) throw refuse(`resource group in \`${list}\` ${group.name} should not be itself`);
      if (!catalog.resourceGroups.has(other)) throw refuse(`resource group in \`${list}\` ${other} not exist`);
    }
  }
};

const accepts = (group: ResourceGroup): boolean => group.name === DEFAULT_RESOURCE_GROUP || group.nodeLabels.length === 0;

/** The group that the node should be in next; its own: it stays. */
const nextGroup = (catalog: Catalog): string => {
  const at = catalog.resourceGroups.get(catalog.nodeGroup);
  if (at === undefined) return DEFAULT_RESOURCE_GROUP;
  const others = [...catalog.resourceGroups.values()]
    .filter((group) => group !== at && accepts(group))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const wanting = others.filter((group) => group.requests > 0);
  const spare = at.requests < 1 || !accepts(at);
  if (spare && wanting.length > 0) return (wanting.find((group) => group.transferFrom.includes(at.name)) ?? wanting[0] ?? at).name;
  const redundant = at.limits < 1 || !accepts(at);
  if (!redundant) return at.name;
  const roomy = others.filter((group) => group.limits > 0);
  const largest = Math.max(0, ...roomy.map((group) => group.limits));
  const chosen = roomy.find((group) => at.transferTo.includes(group.name)) ?? roomy.find((group) => group.limits === largest);
  return chosen?.name ?? DEFAULT_RESOURCE_GROUP;
};

const settled = (catalog: Catalog): Catalog => ({ ...catalog, nodeGroup: nextGroup(catalog) });

const withGroups = (catalog: Catalog, groups: readonly ResourceGroup[]): Catalog => {
  const changed = groups.filter((group) => {
    const before = catalog.resourceGroups.get(group.name);
    return before === undefined || !same(before, group);
  });
  if (changed.length === 0) return catalog;
  return settled({ ...catalog, resourceGroups: catalog.resourceGroups.merge(changed.map((group) => [group.name, group] as const)) });
};

/** The same again has no effect; another configuration is 301. */
export const createResourceGroup = (catalog: Catalog, { group }: RecordOf<"createResourceGroup">): Catalog => {
  const before = catalog.resourceGroups.get(group.name);
  if (before !== undefined) {
    if (same(before, group)) return catalog;
    throw failure("resourceGroupExists", { rg: group.name });
  }
  if (catalog.resourceGroups.size >= RESOURCE_GROUPS_MAX)
    throw failure("resourceGroupLimit", { rg: group.name, limit: RESOURCE_GROUPS_MAX });
  checkConfig(catalog, group);
  return withGroups(catalog, [group]);
};

export const updateResourceGroups = (catalog: Catalog, { groups }: RecordOf<"updateResourceGroups">): Catalog => {
  for (const group of groups) {
    requireResourceGroup(catalog, group.name);
    checkConfig(catalog, group);
  }
  return withGroups(catalog, groups);
};

/** A missing group is dropped already. */
export const dropResourceGroup = (catalog: Catalog, { name }: RecordOf<"dropResourceGroup">): Catalog => {
  const holder = catalog.collections.find((collection) => collection.load !== undefined && resourceGroupOf(collection.load) === name);
  if (holder !== undefined)
    throw invalid(`some replicas still loaded in resource group[${name}], release it first`, {
      expected: "empty resource group",
      actual: `resource group ${name} has collection ${holder.id} loaded`,
    });
  const group = catalog.resourceGroups.get(name);
  if (group === undefined) return catalog;
  if (name === DEFAULT_RESOURCE_GROUP)
    throw invalid("default resource group is not deletable", { expected: "not default resource group", actual: name });
  if (group.limits !== 0)
    throw invalid("resource group's limits node num is not 0", { expected: "not empty resource group", actual: name });
  for (const other of catalog.resourceGroups.values()) {
    for (const [list, names] of [["TransferFrom", other.transferFrom] as const, ["TransferTo", other.transferTo] as const]) {
      if (names.includes(name))
        throw invalid(`resource group ${name} is used by ${other.name}'s \`${list}\`, remove that configuration first`, {
          expected: `not \`${list}\` of resource group`,
          actual: name,
        });
    }
  }
  return settled({ ...catalog, resourceGroups: catalog.resourceGroups.delete(name) });
};

const checkDifferent = (source: string, target: string): void => {
  if (source === target) throw invalid(`source resource group and target resource group should not be the same, resource group: ${source}`);
};

export const transferNode = (catalog: Catalog, record: RecordOf<"transferNode">): Catalog => {
  checkDifferent(record.source, record.target);
  if (record.nodes <= 0) throw failure("invalidParameter", { expected: "NumNode > 0", actual: `invalid NumNode ${record.nodes}` });
  const source = requireResourceGroup(catalog, record.source);
  const target = requireResourceGroup(catalog, record.target);
  const there = catalog.nodeGroup === source.name ? 1 : 0;
  if (there < record.nodes)
    throw failure("resourceGroupNodeNotEnough", { rg: source.name, currentNodeNum: there, expectedNodeNum: record.nodes });
  const requests = target.requests + record.nodes;
  return withGroups(catalog, [
    {
      ...source,
      requests: Math.max(0, source.requests - record.nodes),
      limits: source.name === DEFAULT_RESOURCE_GROUP ? source.limits : Math.max(0, source.limits - record.nodes),
    },
    { ...target, requests, limits: Math.max(target.limits, requests) },
  ]);
};

/** There is one replica of what is loaded. */
export const transferReplica = (catalog: Catalog, record: RecordOf<"transferReplica">): Catalog => {
  requireResourceGroup(catalog, record.source);
  requireResourceGroup(catalog, record.target);
  checkDifferent(record.source, record.target);
  if (record.replicas <= 0n)
    throw failure("invalidParameter", { expected: "NumReplica > 0", actual: `invalid NumReplica ${record.replicas}` });
  const collection = requireCollectionById(catalog, record.collectionId);
  if (collection.load === undefined) throw failure("collectionNotLoaded", { collection: collection.name });
  if (record.replicas > 1n)
    throw invalid("the number of replicas to transfer is greater than the number of replicas in the collection", {
      expected: record.replicas,
      actual: 1,
    });
  if (resourceGroupOf(collection.load) !== record.source)
    throw failure("invalidParameter", {
      expected: "NumReplica not greater than the number of replica in source resource group",
      actual: `only found [0] replicas of collection [${collection.name}] in source resource group [${record.source}], but ${record.replicas} require`,
    });
  const load = { ...collection.load, resourceGroup: record.target };
  return { ...catalog, collections: catalog.collections.set(collection.id, { ...collection, load }) };
};

type Placement = Pick<LoadRecord, "replicaNumber" | "resourceGroup">;

/** A load names a group that is there (300), and that has the node when it begins (304). `context`: what the words begin with. */
export const checkGroupForLoad = (catalog: Catalog, wanted: Placement, begins: boolean, context = ""): void => {
  const rg = wanted.resourceGroup ?? DEFAULT_RESOURCE_GROUP;
  if (!catalog.resourceGroups.has(rg)) throw failure("resourceGroupNotFound", { rg }, context);
  const there = catalog.nodeGroup === rg ? 1 : 0;
  if (begins && there < wanted.replicaNumber)
    throw failure("resourceGroupNodeNotEnough", { rg, currentNodeNum: there, expectedNodeNum: wanted.replicaNumber }, context);
};
