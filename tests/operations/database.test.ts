import { beforeEach, expect, test } from "vitest";
import { MemoryClient } from "../support/memory-engine.js";
import { createRequest } from "../support/schemas.js";

let client: MemoryClient;
const d = { dbName: "d" };

beforeEach(() => {
  client = new MemoryClient();
});

const invalid = (words: string) => ({ code: 1100, reason: `${words}: invalid parameter` });
const badName = (value: string, words: string) => ({ code: 802, reason: `${words}: invalid database name[database=${value}]` });

test("create, list, describe, drop", async () => {
  expect((await client.call("CreateDatabase", { ...d, properties: [{ key: "k", value: "v" }] })).code).toBe(0);
  expect((await client.call("ListDatabases")).reply).toMatchObject({ dbNames: ["d", "default"], dbIds: [expect.any(BigInt), 1n] });
  expect((await client.call("DescribeDatabase", d)).reply).toMatchObject({ dbName: "d", properties: [{ key: "k", value: "v" }] });
  for (let i = 0; i < 2; i++) expect((await client.call("DropDatabase", d)).code).toBe(0);
  expect(await client.call("DescribeDatabase", d)).toMatchObject({ code: 800, input: true, reason: "database not found[database=d]" });
});

test.each([
  ["", "database name couldn't be empty"],
  ["1", "the first character of a database name must be an underscore or letter"],
  ["d-", "database name can only contain numbers, letters and underscores"],
  ["d".repeat(256), "the length of a database name must be less than 255 characters"],
])("the name %o is refused", async (dbName, words) => {
  for (const rpc of ["CreateDatabase", "DropDatabase"]) expect(await client.call(rpc, { dbName })).toMatchObject(badName(dbName, words));
});

test("what is there twice, not empty, or the default", async () => {
  await client.call("CreateDatabase", d);
  for (const dbName of ["d", "default"])
    expect(await client.call("CreateDatabase", { dbName })).toMatchObject(invalid(`database already exist: ${dbName}`));
  expect(await client.call("DropDatabase", { dbName: "default" })).toMatchObject(invalid("can not drop default database"));
  await client.call("CreateCollection", createRequest("c", d));
  expect(await client.call("DropDatabase", d)).toMatchObject(
    invalid("database:d not empty, must drop all collections before drop database"),
  );
  await client.call("DropCollection", { ...d, collectionName: "c" });
  expect((await client.call("DropDatabase", d)).code).toBe(0);
});

test("at most 64 besides the default", async () => {
  for (let i = 0; i < 64; i++) expect((await client.call("CreateDatabase", { dbName: `d${i}` })).code).toBe(0);
  expect(await client.call("CreateDatabase", d)).toMatchObject({
    code: 801,
    input: true,
    reason: "exceeded the limit number of database[limit=64]",
  });
});

test("alter: set, delete, no change, refusals", async () => {
  await client.call("CreateDatabase", d);
  const alter = (request: Record<string, unknown>) => client.call("AlterDatabase", { ...d, ...request });
  const set = (key: string, value: string) => ({ properties: [{ key, value }] });
  const properties = async () => (await client.call("DescribeDatabase", d)).reply.properties;
  for (let i = 0; i < 2; i++) expect((await alter(set("database.replica.number", "1"))).code).toBe(0);
  expect(client.engine.records).toHaveLength(2);
  expect(await properties()).toEqual([{ key: "database.replica.number", value: "1" }]);
  expect((await alter({ deleteKeys: ["database.replica.number"] })).code).toBe(0);
  expect(await properties()).toEqual([]);
  expect(await alter({})).toMatchObject(
    invalid("alter database with empty properties and delete keys, expected to set either properties or delete keys"),
  );
  expect(await alter({ ...set("a", "b"), deleteKeys: ["c"] })).toMatchObject(
    invalid("alter database cannot modify properties and delete keys at the same time"),
  );
  expect(await alter({ dbName: "", ...set("a", "b") })).toMatchObject(invalid("alter database failed, database name does not exists"));
  expect(await alter(set("timezone", "x"))).toMatchObject(invalid("unknown or invalid IANA Time Zone ID: x"));
  expect(await alter(set("cipher.k", "x"))).toMatchObject(invalid("can not alter cipher related properties"));
  expect(await alter({ dbName: "x", ...set("a", "b") })).toMatchObject({
    code: 800,
    reason: "failed to get database by name: database not found[database=x]",
  });
});

test("a database's time zone is its collections'", async () => {
  await client.call("CreateDatabase", { ...d, properties: [{ key: "timezone", value: "Asia/Tokyo" }] });
  await client.call("CreateCollection", createRequest("c", d));
  const { reply } = await client.call("DescribeCollection", { ...d, collectionName: "c" });
  expect(reply.properties).toContainEqual({ key: "timezone", value: "Asia/Tokyo" });
});

test("REST", async () => {
  expect(await client.post("databases/create", { ...d, properties: { k: 1 } })).toEqual({ data: {} });
  expect(await client.post("databases/list", {})).toEqual({ data: ["d", "default"] });
  expect(await client.post("databases/describe", d)).toMatchObject({ data: { dbName: "d", properties: [{ key: "k", value: "1" }] } });
  expect(await client.post("databases/alter", { ...d, properties: { k: "2" } })).toEqual({ data: {} });
  expect(await client.post("databases/drop_properties", { ...d, propertyKeys: ["k"] })).toEqual({ data: {} });
  expect(await client.post("databases/drop", d)).toEqual({ data: {} });
  expect(await client.post("databases/describe", d)).toMatchObject({ code: 800 });
});
