import { beforeEach, describe, expect, test } from "vitest";
import { MemoryClient } from "../support/memory-engine.js";
import { createRequest } from "../support/schemas.js";

let client: MemoryClient;
const c = { collectionName: "c" };

beforeEach(async () => {
  client = new MemoryClient();
  await client.call("CreateCollection", createRequest("c"));
  for (const partitionName of ["p", "q"]) await client.call("CreatePartition", { ...c, partitionName });
});

const index = () => client.call("CreateIndex", { ...c, fieldName: "vector" });
const state = async (partitionNames: string[] = [], collectionName = "c") =>
  (await client.call("GetLoadState", { collectionName, partitionNames })).reply.state;
const partitions = async () => (await client.call("ShowPartitions", { ...c, type: 1 })).reply.partitionNames;
const id = () => client.engine.catalog.collections.first()?.id;
const NotExist = 0;
const NotLoad = 1;
const Loaded = 3;

describe("loading asks for an index on every vector field", () => {
  test("none at all: 700; another field's only: 1100", async () => {
    expect(await client.call("LoadCollection", c)).toMatchObject({ code: 700, legacy: 25, reason: "index not found[collection=c]" });
    await client.call("CreateIndex", { ...c, fieldName: "id" });
    expect(await client.call("LoadCollection", c)).toMatchObject({
      code: 1100,
      reason: "there is no vector index on field: [vector], please create index firstly: invalid parameter",
    });
    expect(await client.call("LoadPartitions", { ...c, partitionNames: ["p"] })).toMatchObject({ code: 1100 });
  });

  test("what is missing: collection, partition, replicas, resource group, fields", async () => {
    await index();
    expect(await client.call("LoadCollection", { collectionName: "x" })).toMatchObject({
      code: 100,
      reason: "collection not found[database=default][collection=x]",
    });
    expect(await client.call("LoadCollection", { collectionName: "1" })).toMatchObject({ code: 1100 });
    expect(await client.call("LoadPartitions", { ...c, partitionNames: ["x"] })).toMatchObject({
      code: 200,
      input: true,
      reason: "partition not found[partition=x]",
    });
    expect(await client.call("LoadPartitions", c)).toMatchObject({
      reason: "failed to load partition, due to no partition specified: invalid parameter",
    });
    expect(await client.call("LoadCollection", { ...c, replicaNumber: 3 })).toMatchObject({
      code: 12,
      reason:
        "call query coordinator LoadCollection: when load 3 replica count: service resource insufficient[currentStreamingNode=1][expectedStreamingNode=3]",
    });
    expect(await client.call("LoadCollection", { ...c, resourceGroups: ["g"] })).toMatchObject({
      code: 300,
      reason: "call query coordinator LoadCollection: resource group not found[rg=g]",
    });
    expect(await client.call("LoadCollection", { ...c, loadFields: ["vector"] })).toMatchObject({
      reason: "load field list [vector] does not contain primary key field id: invalid parameter",
    });
    expect(await client.call("LoadCollection", { ...c, loadFields: ["id"] })).toMatchObject({
      reason: "load field list [id] does not contain vector field: invalid parameter",
    });
    expect(await client.call("LoadCollection", { ...c, refresh: true })).toMatchObject({ code: 101 });
    expect(await state()).toBe(NotLoad);
  });
});

describe("states", () => {
  beforeEach(index);

  test("of a collection: missing, released, loaded, released again", async () => {
    expect(await state([], "x")).toBe(NotExist);
    expect(await state()).toBe(NotLoad);
    expect(await client.call("GetLoadingProgress", c)).toMatchObject({ code: 101, reason: `collection not loaded[collection=${id()}]` });
    expect((await client.call("LoadCollection", c)).code).toBe(0);
    const written = client.engine.records.length;
    expect((await client.call("LoadCollection", c)).code).toBe(0);
    expect((await client.call("LoadCollection", { ...c, refresh: true })).code).toBe(0);
    expect(client.engine.records.length).toBe(written);
    expect(await state()).toBe(Loaded);
    expect((await client.call("GetLoadingProgress", c)).reply.progress).toBe(100n);
    expect((await client.call("GetReplicas", c)).reply.replicas).toMatchObject([
      { collectionID: id(), resourceGroupName: "__default_resource_group" },
    ]);
    expect((await client.call("ShowCollections", { type: 1 })).reply).toMatchObject({
      collectionNames: ["c"],
      inMemoryPercentages: [100n],
    });
    for (let i = 0; i < 2; i++) expect((await client.call("ReleaseCollection", c)).code).toBe(0);
    expect(await state()).toBe(NotLoad);
    expect((await client.call("GetReplicas", c)).reply.replicas).toEqual([]);
  });

  test("of partitions: they add up, and a new one of a loaded collection is loaded", async () => {
    await client.call("LoadPartitions", { ...c, partitionNames: ["p"] });
    expect([await state(["p"]), await state(["q"]), await state()]).toEqual([Loaded, NotLoad, Loaded]);
    const q = client.engine.catalog.collections.first()?.partitions[2]?.id;
    expect(await client.call("GetLoadingProgress", { ...c, partitionNames: ["q"] })).toMatchObject({
      code: 201,
      reason: `partition not loaded[partition=${q}]`,
    });
    await client.call("LoadPartitions", { ...c, partitionNames: ["q"] });
    expect(await partitions()).toEqual(["p", "q"]);
    await client.call("LoadCollection", c);
    await client.call("CreatePartition", { ...c, partitionName: "r" });
    expect(await partitions()).toEqual(["_default", "p", "q", "r"]);
    expect((await client.call("LoadPartitions", { ...c, partitionNames: ["p"] })).code).toBe(0);
    expect(await partitions()).toHaveLength(4);
  });

  test("releasing partitions: of a loaded collection too, and the last one releases it", async () => {
    await client.call("LoadCollection", c);
    expect(await client.call("ReleasePartitions", c)).toMatchObject({
      code: 1100,
      reason: "invalid parameter[expected=any partition][actual=empty partition list]",
    });
    expect(await client.call("ReleasePartitions", { ...c, partitionNames: ["x"] })).toMatchObject({ code: 200 });
    await client.call("ReleasePartitions", { ...c, partitionNames: ["p"] });
    expect(await partitions()).toEqual(["_default", "q"]);
    await client.call("ReleasePartitions", { ...c, partitionNames: ["_default", "q"] });
    expect(await state()).toBe(NotLoad);
  });

  test("two loads of partitions that race are both kept", async () => {
    const waiting: (() => void)[] = [];
    const { memoryEngine, MemoryClient: Client } = await import("../support/memory-engine.js");
    let held = false;
    const engine = memoryEngine(() => (held ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()));
    const racing = new Client(engine);
    await racing.call("CreateCollection", createRequest("c"));
    for (const partitionName of ["p", "q"]) await racing.call("CreatePartition", { ...c, partitionName });
    await racing.call("CreateIndex", { ...c, fieldName: "vector" });
    held = true;
    const both = ["p", "q"].map((name) => racing.call("LoadPartitions", { ...c, partitionNames: [name] }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(waiting).toHaveLength(2);
    for (const next of waiting) next();
    await Promise.all(both);
    expect((await racing.call("ShowPartitions", { ...c, type: 1 })).reply.partitionNames).toEqual(["p", "q"]);
  });

  test("properties of memory do not change while loaded", async () => {
    await client.call("CreateAlias", { ...c, alias: "a" });
    await client.call("LoadCollection", c);
    const property = (key: string) => ({ collectionName: "a", properties: [{ key, value: "true" }] });
    expect(await client.call("AlterCollection", property("mmap.enabled"))).toMatchObject({
      code: 104,
      input: true,
      reason: "can not alter mmap properties if collection loaded: collection already loaded[collection=a]",
    });
    expect(await client.call("AlterCollection", { ...c, deleteKeys: ["mmap.enabled"] })).toMatchObject({
      reason: "can not delete mmap properties if collection loaded: collection already loaded[collection=c]",
    });
    expect(await client.call("AlterCollectionField", { ...property("mmap.enabled"), fieldName: "vector" })).toMatchObject({
      reason: "can not alter collection field properties if collection loaded: collection already loaded[collection=a]",
    });
    expect((await client.call("AlterCollection", property("x"))).code).toBe(0);
  });
});

test("REST: load, state, refresh, release", async () => {
  const load_state = async () => (await client.post("collections/get_load_state", c)).data;
  expect(await client.post("collections/load", c)).toMatchObject({ code: 700 });
  await index();
  expect(await client.post("collections/refresh_load", c)).toMatchObject({ code: 101 });
  expect(await client.post("collections/load", c)).toEqual({ data: {} });
  expect(await load_state()).toEqual({ loadState: "LoadStateLoaded", loadProgress: 100 });
  expect(await client.post("collections/release", c)).toEqual({ data: {} });
  expect(await load_state()).toEqual({ loadState: "LoadStateNotLoad", loadProgress: 0 });
  expect(await client.post("partitions/load", { ...c, partitionNames: ["p"] })).toEqual({ data: {} });
  expect(await client.post("collections/get_load_state", { ...c, partitionNames: ["q"] })).toMatchObject({
    data: { loadState: "LoadStateNotLoad" },
  });
  expect(await client.post("partitions/release", { ...c, partitionNames: ["p"] })).toEqual({ data: {} });
  expect(await load_state()).toMatchObject({ loadState: "LoadStateNotLoad" });
});
