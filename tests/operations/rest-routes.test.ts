/** Routes of REST: body and reply, one table for what is answered and one for what must be there. */
import { beforeEach, describe, expect, test } from "vitest";
import { operations } from "../../src/operations/table.js";
import { MemoryClient } from "../support/memory-engine.js";

let client: MemoryClient;
beforeEach(async () => {
  client = new MemoryClient();
  await client.post("databases/create", { dbName: "d" });
  for (const collectionName of ["c", "e"]) await client.post("collections/create", { collectionName, dimension: 4 });
  await client.post("aliases/create", { collectionName: "c", aliasName: "a" });
  await client.post("partitions/create", { collectionName: "e", partitionName: "p" });
});

type Row = readonly [route: string, body: Record<string, unknown>, reply: object];
const c = { collectionName: "c" };
const e = { collectionName: "e" };
const p = { collectionName: "e", partitionName: "p" };
const nothing = { data: {} };
const notFound = { code: 100, message: "collection not found[database=default][collection=x]" };
const noDatabase = { code: 800, message: "database not found[database=x]" };
const notBuilt = (path: string) => ({
  code: 10,
  message: `service unimplemented: /v2/vectordb/${path} is not built yet in Elanus; see docs/compatibility.md`,
});

const answers: readonly Row[] = [
  ["databases/list", {}, { data: ["d", "default"] }],
  ["databases/create", { dbName: "d" }, { code: 1100, message: "database already exist: d: invalid parameter" }],
  ["databases/create", { dbName: "1" }, { code: 802 }],
  ["databases/alter", { dbName: "d", properties: { "database.replica.number": 2 } }, nothing],
  ["databases/alter_properties", { dbName: "d", properties: {} }, { code: 1100 }],
  ["databases/drop_properties", { dbName: "d", propertyKeys: ["database.replica.number"] }, nothing],
  ["databases/describe", { dbName: "x" }, noDatabase],
  ["databases/drop", { dbName: "d" }, nothing],
  ["databases/drop", { dbName: "x" }, nothing],
  ["databases/drop", { dbName: "default" }, { code: 1100, message: "can not drop default database: invalid parameter" }],
  ["collections/list", {}, { data: ["c", "e"] }],
  ["collections/list", { dbName: "x" }, noDatabase],
  ["collections/has", c, { data: { has: true } }],
  ["collections/has", { collectionName: "a" }, { data: { has: true } }],
  ["collections/has", { collectionName: "x" }, { data: { has: false } }],
  ["collections/get_stats", c, { data: { rowCount: 7 } }],
  ["collections/get_load_state", c, { message: "", data: { loadState: "LoadStateLoaded", loadProgress: 100 } }],
  ["collections/get_load_state", { collectionName: "x" }, notFound],
  ["collections/describe", { collectionName: "a" }, { data: { collectionName: "a", load: "LoadStateLoaded", aliases: ["a"] } }],
  ["collections/describe", c, { data: { indexes: [{ indexName: "vector", fieldName: "vector", metricType: "COSINE" }] } }],
  ["collections/rename", { ...e, newCollectionName: "f" }, nothing],
  ["collections/rename", { ...e, newCollectionName: "a" }, { code: 1601 }],
  ["collections/drop", c, { code: 1100 }],
  ["collections/drop", { collectionName: "x" }, nothing],
  ["collections/load", { collectionName: "x" }, notFound],
  ["collections/load", { collectionName: "a" }, nothing],
  ["collections/refresh_load", c, nothing],
  ["collections/release", c, nothing],
  ["collections/alter_properties", { ...c, properties: { "collection.ttl.seconds": 60 } }, nothing],
  ["collections/drop_properties", { ...c, propertyKeys: ["collection.ttl.seconds"] }, nothing],
  ["collections/create", { collectionName: "q" }, { code: 1100 }],
  [
    "collections/create",
    { collectionName: "q", dimension: 4, vectorFieldType: "SparseFloatVector" },
    {
      code: 1100,
      message: "dimension should not be specified for SparseFloatVector quick create: invalid parameter[expected=0][actual=4]",
    },
  ],
  [
    "collections/create",
    { collectionName: "q", dimension: 8, vectorFieldType: "BinaryVector", metricType: "COSINE" },
    {
      code: 1100,
      message:
        "binary vector index does not support metric type: COSINE: invalid parameter[expected=valid index params][actual=invalid index params]",
    },
  ],
  ["collections/create", { collectionName: "q", dimension: 8, vectorFieldType: "Vector" }, { code: 1100 }],
  ["aliases/list", {}, { data: ["a"] }],
  ["aliases/list", e, { data: [] }],
  ["aliases/list", { collectionName: "x" }, { code: 100, message: "collection not found[collection=x]" }],
  ["aliases/describe", { aliasName: "a" }, { data: { dbName: "default", collectionName: "c", aliasName: "a" } }],
  ["aliases/describe", { aliasName: "c" }, { code: 1600, message: "alias not found[database=default][alias=c]" }],
  ["aliases/create", { ...e, aliasName: "a" }, { code: 1602 }],
  ["aliases/alter", { ...e, aliasName: "a" }, nothing],
  ["aliases/alter", { ...e, aliasName: "z" }, { code: 1600 }],
  ["aliases/drop", { aliasName: "a" }, nothing],
  ["aliases/drop", { aliasName: "12-s" }, nothing],
  ["partitions/list", e, { data: ["_default", "p"] }],
  ["partitions/has", p, { data: { has: true } }],
  ["partitions/has", { ...p, partitionName: "x" }, { data: { has: false } }],
  ["partitions/get_stats", p, { data: { rowCount: 7 } }],
  ["partitions/get_stats", { ...p, partitionName: "x" }, { code: 200, message: "partition not found[partition=x]" }],
  ["partitions/create", p, nothing],
  [
    "partitions/drop",
    p,
    { code: 1100, message: "partition cannot be dropped, partition is loaded, please release it first: invalid parameter" },
  ],
  ["partitions/release", { ...e, partitionNames: ["p"] }, nothing],
  ["partitions/load", { ...e, partitionNames: ["p"] }, nothing],
  ["partitions/load", { ...e, partitionNames: [] }, { code: 1100 }],
  ["indexes/list", c, { data: ["vector"] }],
  ["indexes/describe", { ...c, indexName: "vector" }, { data: [{ indexName: "vector", indexType: "AUTOINDEX", metricType: "COSINE" }] }],
  ["indexes/describe", { ...c, indexName: "x" }, { code: 700, message: "index not found[indexName=x]" }],
  ["indexes/drop", { ...c, indexName: "x" }, nothing],
  ["indexes/alter_properties", { ...c, indexName: "vector", properties: { "mmap.enabled": true } }, { code: 104 }],
  ["resource_groups/list", {}, { data: ["__default_resource_group"] }],
  ["resource_groups/create", { name: "g" }, nothing],
  ["resource_groups/create", { name: "g", config: { requests: { node_num: 1 }, limits: { node_num: 1 } } }, nothing],
  [
    "resource_groups/create",
    { name: "g", config: { requests: { node_num: 0 } } },
    {
      code: 1802,
      message:
        "missing required parameters, error: Key: 'ResourceGroupReq.Config.Requests.NodeNum' Error:Field validation for 'NodeNum' failed on the 'required' tag\n" +
        "Key: 'ResourceGroupReq.Config.Limits' Error:Field validation for 'Limits' failed on the 'required' tag",
    },
  ],
  ["resource_groups/describe", { name: "__default_resource_group" }, { resource_group: { capacity: 1_000_000, num_available_node: 1 } }],
  ["resource_groups/describe", { name: "x" }, { code: 300, message: "resource group not found[rg=x]" }],
  ["resource_groups/alter", { resource_groups: { x: { requests: { node_num: 1 }, limits: { node_num: 1 } } } }, { code: 300 }],
  ["resource_groups/drop", { name: "x" }, nothing],
  [
    "resource_groups/transfer_replica",
    { sourceRgName: "__default_resource_group", targetRgName: "x", collectionName: "c", replicaNum: 1 },
    { code: 300 },
  ],
  ["segments/describe", { collectionID: 1 }, { code: 100 }],
  ["jobs/import/create", { ...c, files: [["f"]] }, notBuilt("jobs/import/create")],
  ["jobs/import/create", { collectionName: "x", files: [["f"]] }, notFound],
  ["jobs/import/list", {}, notBuilt("jobs/import/list")],
  ["jobs/import/describe", { jobId: "1" }, notBuilt("jobs/import/describe")],
  ["entities/hybrid_search", { ...c, search: [] }, { code: 1100, message: "no search request in hybrid search: invalid parameter" }],
  ["entities/hybrid_search", { collectionName: "x", search: [] }, notFound],
  ["entities/advanced_search", { ...c, search: [{ annsField: "vector" }] }, { code: 1802 }],
  ["entities/search", { ...c, data: [[1, 2, 3, 4]], consistencyLevel: "Weak" }, { code: 1100 }],
  ["entities/query", { ...c, consistencyLevel: "Weak" }, { code: 1100 }],
];

test.each(answers)("%s %j", async (route, body, reply) => {
  expect(await client.post(route, body)).toMatchObject(reply);
});

/** Route, Go type of its request, members that must be there. */
const required: readonly (readonly [string, string, ...string[]])[] = [
  ["databases/create", "DatabaseReqWithProperties", "DbName"],
  ["databases/drop_properties", "DropDatabasePropertiesReq", "DbName"],
  ["databases/describe", "DatabaseReqRequiredName", "DbName"],
  ["collections/create", "CollectionReq", "CollectionName"],
  ["collections/rename", "RenameCollectionReq", "CollectionName", "NewCollectionName"],
  ["collections/alter_properties", "CollectionReqWithProperties", "CollectionName"],
  ["collections/drop_properties", "DropCollectionPropertiesReq", "CollectionName"],
  ["collections/compact", "CompactReq", "CollectionName"],
  ["collections/flush", "FlushReq", "CollectionName"],
  ["partitions/create", "PartitionReq", "CollectionName", "PartitionName"],
  ["partitions/load", "PartitionsReq", "CollectionName", "PartitionNames"],
  ["indexes/create", "IndexParamReq", "CollectionName", "IndexParams"],
  ["indexes/describe", "IndexReq", "CollectionName", "IndexName"],
  ["indexes/drop_properties", "DropIndexPropertiesReq", "CollectionName", "IndexName"],
  ["aliases/create", "AliasCollectionReq", "CollectionName", "AliasName"],
  ["aliases/drop", "AliasReq", "AliasName"],
  ["entities/insert", "CollectionDataReq", "CollectionName", "Data"],
  ["entities/delete", "CollectionFilterReq", "CollectionName", "Filter"],
  ["entities/get", "CollectionIDReq", "CollectionName", "ID"],
  ["entities/hybrid_search", "HybridSearchReq", "CollectionName"],
  ["jobs/import/create", "ImportReq", "CollectionName", "Files"],
  ["jobs/import/describe", "JobIDReq", "JobID"],
  ["resource_groups/alter", "UpdateResourceGroupReq", "ResourceGroups"],
  ["resource_groups/transfer_replica", "TransferReplicaReq", "SourceRgName", "TargetRgName", "CollectionName", "ReplicaNum"],
];

test.each(required)("%s needs its members", (path, type, ...members) => {
  const route = operations.flatMap(({ rest }) => rest).find((row) => row.route === `POST /v2/vectordb/${path}`);
  expect(route?.required?.map(({ goName }) => goName)).toEqual(members.map((member) => `${type}.${member}`));
});

describe("the first interface", () => {
  const legacy = (route: string, body: Record<string, unknown> = {}) => client.route(route, body);

  test("ten routes", () => {
    const found = operations.flatMap(({ rest }) => rest).filter(({ route }) => route.includes("/v1/"));
    expect(found).toHaveLength(10);
  });

  test("create, list, describe, drop; success is 200", async () => {
    expect(await legacy("POST /v1/vector/collections/create", { collectionName: "old", dimension: 8 })).toMatchObject({
      code: 200,
      data: {},
    });
    expect(await legacy("GET /v1/vector/collections")).toEqual({ code: 200, data: ["c", "e", "old"] });
    expect(await legacy("GET /v1/vector/collections/describe", { collectionName: "old" })).toMatchObject({
      code: 200,
      data: {
        collectionName: "old",
        enableDynamicField: true,
        load: "LoadStateLoaded",
        indexes: [{ indexName: "vector_idx", fieldName: "vector", metricType: "L2" }],
      },
    });
    expect(await legacy("POST /v1/vector/collections/drop", { collectionName: "old" })).toMatchObject({ code: 200 });
    expect(await legacy("POST /v1/vector/collections/drop", { collectionName: "old" })).toEqual({
      code: 100,
      message: "collection not found, database: default, collection: old",
    });
  });

  test.each([
    ["POST /v1/vector/collections/create", "collectionName, dimension"],
    ["GET /v1/vector/collections/describe", "collectionName"],
    ["POST /v1/vector/insert", "collectionName, data"],
    ["POST /v1/vector/search", "collectionName, vector"],
    ["POST /v1/vector/query", "collectionName, filter"],
    ["POST /v1/vector/get", "collectionName, id"],
    ["POST /v1/vector/delete", "collectionName, id/filter"],
  ])("%s names what it needs", async (route, needs) => {
    expect(await legacy(route)).toEqual({ code: 1802, message: `missing required parameters, required parameters: [${needs}]` });
  });
});
