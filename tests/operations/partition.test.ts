import { beforeEach, describe, expect, test } from "vitest";
import { DataType } from "../../src/shared/proto/generated/messages.js";
import { MemoryClient } from "../support/memory-engine.js";
import { createRequest, idField, vectorField } from "../support/schemas.js";

let client: MemoryClient;
const p = { collectionName: "c", partitionName: "p" };

beforeEach(async () => {
  client = new MemoryClient();
  await client.call("CreateCollection", createRequest("c"));
});

const invalid = (words: string) => ({ code: 1100, reason: `${words}: invalid parameter` });
const list = async () => (await client.call("ShowPartitions", { collectionName: "c" })).reply.partitionNames;

test("create, again, has, statistics, drop, again", async () => {
  for (let i = 0; i < 2; i++) expect((await client.call("CreatePartition", p)).code).toBe(0);
  expect(client.engine.records.filter((record) => record.kind === "createPartition")).toHaveLength(1);
  expect(await list()).toEqual(["_default", "p"]);
  expect((await client.call("DescribeCollection", { collectionName: "c" })).reply.numPartitions).toBe(2n);
  expect((await client.call("HasPartition", p)).reply.value).toBe(true);
  expect((await client.call("HasPartition", { ...p, partitionName: "x" })).reply.value).toBe(false);
  expect((await client.call("GetPartitionStatistics", p)).reply.stats).toEqual([{ key: "row_count", value: "7" }]);
  for (let i = 0; i < 2; i++) expect((await client.call("DropPartition", p)).code).toBe(0);
  expect(await list()).toEqual(["_default"]);
});

test("names may begin with a digit and hold a dash, and are trimmed", async () => {
  for (const partitionName of ["1-2", " p "]) expect((await client.call("CreatePartition", { ...p, partitionName })).code).toBe(0);
  expect(await list()).toEqual(["_default", "1-2", "p"]);
});

test.each([
  ["", "Invalid partition name: . Partition name should not be empty."],
  ["  ", "Invalid partition name: . Partition name should not be empty."],
  ["(mn)", "Invalid partition name: (mn). The first character of a partition name must be an underscore or letter."],
  ["12 s", "Invalid partition name: 12 s. Partition name can only contain numbers, letters and underscores."],
  ["é".repeat(128), `Invalid partition name: ${"é".repeat(128)}. The length of a partition name must be less than 255 characters.`],
])("the name %o is refused", async (partitionName, words) => {
  for (const rpc of ["CreatePartition", "DropPartition", "HasPartition"])
    expect(await client.call(rpc, { ...p, partitionName })).toMatchObject(invalid(words));
});

test("a missing collection is an error, a bad name comes first", async () => {
  for (const rpc of ["CreatePartition", "DropPartition", "HasPartition", "ShowPartitions", "GetPartitionStatistics"]) {
    expect(await client.call(rpc, { ...p, collectionName: "x" })).toMatchObject({
      code: 100,
      reason: "collection not found[database=default][collection=x]",
    });
    expect(await client.call(rpc, { ...p, collectionName: "1" })).toMatchObject({ code: 1100 });
  }
  expect(await client.call("GetPartitionStatistics", { ...p, partitionName: "x" })).toMatchObject({
    code: 200,
    legacy: 15,
    input: true,
    reason: "partition not found[partition=x]",
  });
});

test("the default partition and loaded ones stay", async () => {
  expect(await client.call("DropPartition", { ...p, partitionName: "_default" })).toMatchObject(
    invalid("default partition cannot be deleted"),
  );
  await client.call("CreatePartition", p);
  await client.call("CreateIndex", { collectionName: "c", fieldName: "vector" });
  await client.call("LoadPartitions", { collectionName: "c", partitionNames: ["p"] });
  expect(await client.call("DropPartition", p)).toMatchObject(
    invalid("partition cannot be dropped, partition is loaded, please release it first"),
  );
  await client.call("ReleasePartitions", { collectionName: "c", partitionNames: ["p"] });
  expect((await client.call("DropPartition", p)).code).toBe(0);
});

test("at most 1024", async () => {
  for (let i = 1; i < 1024; i++) await client.call("CreatePartition", { ...p, partitionName: `p${i}` });
  expect(await client.call("CreatePartition", p)).toMatchObject(
    invalid("partition number (1024) exceeds max configuration (1024), collection: c"),
  );
  expect((await client.call("CreatePartition", { ...p, partitionName: "p7" })).code).toBe(0);
});

test("REST", async () => {
  expect(await client.post("partitions/create", p)).toEqual({ data: {} });
  expect(await client.post("partitions/list", p)).toEqual({ data: ["_default", "p"] });
  expect(await client.post("partitions/has", p)).toEqual({ data: { has: true } });
  expect(await client.post("partitions/get_stats", p)).toEqual({ data: { rowCount: 7 } });
  expect(await client.post("partitions/drop", p)).toEqual({ data: {} });
  expect(await client.post("partitions/has", p)).toEqual({ data: { has: false } });
});

describe("with a partition key", () => {
  const key = { name: "key", dataType: DataType.Int64, isPartitionKey: true };
  const fields = [idField, key, vectorField];
  const keyed = (numPartitions: bigint) => client.call("CreateCollection", createRequest("keyed", { fields, numPartitions }));
  const described = async () => (await client.call("DescribeCollection", { collectionName: "keyed" })).reply;
  const names = async () => (await client.call("ShowPartitions", { collectionName: "keyed" })).reply.partitionNames;

  test.each([
    [0n, 16],
    [1n, 1],
    [3n, 3],
    [1024n, 1024],
  ])("%d asked for makes %d partitions, each with an id of its own", async (asked, made) => {
    expect(await keyed(asked)).toMatchObject({ code: 0, reason: "" });
    expect(await names()).toEqual(Array.from({ length: made }, (_, ordinal) => `_default_${ordinal}`));
    expect((await described()).numPartitions).toBe(BigInt(made));
    const collection = [...client.engine.catalog.collections.values()].find((each) => each.name === "keyed");
    const ids = [collection?.id, ...(collection?.partitions.map((partition) => partition.id) ?? [])];
    expect(new Set(ids).size).toBe(made + 1);
    expect(await client.call("LoadCollection", { collectionName: "keyed" })).toMatchObject({ code: 700 });
  });

  test.each([
    [-1n, "the specified partitions should be greater than 0 if partition key is used"],
    [1025n, "partition number (1025) exceeds max configuration (1024)"],
  ])("%d partitions are refused", async (asked, words) => {
    const { catalog } = client.engine;
    expect(await keyed(asked)).toMatchObject(invalid(words));
    expect(client.engine.catalog).toBe(catalog);
  });

  test("the same again succeeds, another number does not", async () => {
    expect((await keyed(0n)).code).toBe(0);
    expect((await keyed(16n)).code).toBe(0);
    expect(await keyed(4n)).toMatchObject(invalid("create duplicate collection with different parameters, collection: keyed"));
  });

  test("its partitions are the server's", async () => {
    await keyed(2n);
    const named = { collectionName: "keyed", partitionName: "_default_0" };
    expect(await client.call("CreatePartition", named)).toMatchObject(invalid("disable create partition if partition key mode is used"));
    expect(await client.call("DropPartition", named)).toMatchObject(invalid("disable drop partition if partition key mode is used"));
    const several = { collectionName: "keyed", partitionNames: ["_default_0"] };
    expect(await client.call("LoadPartitions", several)).toMatchObject(invalid("disable load partitions if partition key mode is used"));
    expect(await client.call("ReleasePartitions", several)).toMatchObject(
      invalid("disable release partitions if partition key mode is used"),
    );
    expect(await names()).toEqual(["_default_0", "_default_1"]);
  });
});
