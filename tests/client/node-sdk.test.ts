/** The official Node SDK, unmodified, against a server. It reads success from the legacy `error_code` alone, int64 as text, tells the key of a hit only when
 * it is asked for, and leaves dynamic keys of queries in `$meta`. */
import { DataType, MilvusClient } from "@zilliz/milvus2-sdk-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { removeFolder, startServer, type TestServer } from "../support/server.js";

let server: TestServer;
let client: MilvusClient;

beforeAll(async () => {
  server = await startServer();
  client = new MilvusClient({ address: `127.0.0.1:${server.port}`, token: "user:password", logLevel: "error" });
  await client.connectPromise;
});
afterAll(async () => {
  await client?.closeConnection();
  await server?.stop();
  if (server) removeFolder(server.folder);
});

const SUCCESS = { error_code: "Success", code: 0 };
const collection_name = "kites";

test("it connects and is healthy", async () => {
  expect((await client.getVersion()).version).toMatch(/\d+\.\d+/);
  expect((await client.checkHealth()).isHealthy).toBe(true);
});

test("a fast collection, its description and its list", async () => {
  expect(await client.createCollection({ collection_name, dimension: 4 })).toMatchObject(SUCCESS);
  const described = await client.describeCollection({ collection_name });
  expect(described.status).toMatchObject(SUCCESS);
  expect(described.schema.fields.map((field) => [field.name, field.data_type])).toEqual([
    ["id", "Int64"],
    ["vector", "FloatVector"],
  ]);
  expect((await client.hasCollection({ collection_name })).value).toBe(true);
  expect((await client.hasCollection({ collection_name: "nobody" })).value).toBe(false);
  expect((await client.listCollections()).data.map((each) => each.name)).toEqual([collection_name]);
  expect((await client.getLoadState({ collection_name })).state).toBe("LoadStateLoaded");
});

test("rows in, found, changed and gone", async () => {
  const data = [1, 2, 3].map((id) => ({ id, vector: [id, 1, 0, 0], color: `c${id}` }));
  const inserted = await client.insert({ collection_name, data });
  expect(inserted.status).toMatchObject(SUCCESS);
  expect(inserted.insert_cnt).toBe("3");
  const found = await client.search({ collection_name, data: [3, 1, 0, 0], limit: 2, output_fields: ["id", "color"] });
  expect(found.status).toMatchObject(SUCCESS);
  expect(found.results.map((hit) => [hit.id, hit.color])).toEqual([
    ["3", "c3"],
    ["2", "c2"],
  ]);
  expect((await client.upsert({ collection_name, data: [{ id: 2, vector: [0, 0, 0, 1], color: "new" }] })).status).toMatchObject(SUCCESS);
  const queried = await client.query({ collection_name, filter: "id in [1, 2]", output_fields: ["id", "color", "vector"] });
  expect(queried.data).toEqual([
    { id: "1", $meta: { color: "c1" }, vector: [1, 1, 0, 0] },
    { id: "2", $meta: { color: "new" }, vector: [0, 0, 0, 1] },
  ]);
  expect((await client.get({ collection_name, ids: [3], output_fields: ["color"] })).data).toEqual([{ id: "3", $meta: { color: "c3" } }]);
  expect((await client.delete({ collection_name, ids: [1] })).status).toMatchObject(SUCCESS);
  expect((await client.count({ collection_name })).data).toBe(2);
  expect((await client.flushSync({ collection_names: [collection_name] })).status).toMatchObject(SUCCESS);
});

test("aliases", async () => {
  const alias = "current";
  expect(await client.createAlias({ collection_name, alias })).toMatchObject(SUCCESS);
  expect(await client.describeAlias({ collection_name, alias })).toMatchObject({ alias, collection: collection_name, db_name: "default" });
  expect((await client.listAliases({ collection_name })).aliases).toEqual([alias]);
  expect((await client.query({ collection_name: alias, filter: "id == 3", output_fields: ["id"] })).data).toEqual([{ id: "3" }]);
  await client.createCollection({ collection_name: "other", dimension: 4 });
  expect(await client.alterAlias({ collection_name: "other", alias })).toMatchObject(SUCCESS);
  expect((await client.describeAlias({ collection_name, alias })).collection).toBe("other");
  const refused = await client.createAlias({ collection_name, alias });
  expect(refused).toMatchObject({ code: 1602, error_code: "UnexpectedError" });
  expect(refused.reason).toContain("current is alias to another collection: other");
  expect(await client.dropAlias({ alias })).toMatchObject(SUCCESS);
});

test("a collection by its schema, indexed and loaded step by step", async () => {
  const name = "stepwise";
  const fields = [
    { name: "key", data_type: DataType.VarChar, is_primary_key: true, max_length: 64 },
    { name: "points", data_type: DataType.Int64 },
    { name: "vector", data_type: DataType.FloatVector, dim: 2 },
  ];
  expect(await client.createCollection({ collection_name: name, fields })).toMatchObject(SUCCESS);
  const index = {
    collection_name: name,
    field_name: "vector",
    index_type: "HNSW",
    metric_type: "L2",
    params: { M: 8, efConstruction: 64 },
  };
  expect(await client.createIndex(index)).toMatchObject(SUCCESS);
  expect(await client.loadCollectionSync({ collection_name: name })).toMatchObject(SUCCESS);
  const data = [
    { key: "a", points: "9007199254740993", vector: [0, 0] },
    { key: "b", points: 5, vector: [3, 4] },
  ];
  expect((await client.insert({ collection_name: name, data })).status).toMatchObject(SUCCESS);
  const found = await client.search({
    collection_name: name,
    data: [0, 0],
    filter: "points > 5",
    output_fields: ["key", "points"],
    limit: 5,
  });
  expect(found.results).toMatchObject([{ key: "a", points: "9007199254740993", score: 0 }]);
  expect(await client.dropCollection({ collection_name: name })).toMatchObject(SUCCESS);
});

test("what is not there fails with its code", async () => {
  const missing = await client.describeCollection({ collection_name: "nobody" });
  expect(missing.status.error_code).not.toBe("Success");
  expect(missing.status.reason).toContain("nobody");
});
