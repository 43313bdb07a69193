/** Arrays, vectors of every type, added fields and partition keys through the REST port of a server. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { removeFolder, startServer, type TestServer } from "../support/server.js";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  removeFolder(server.folder);
});

interface Reply {
  readonly code: number;
  readonly message?: string;
  readonly data?: unknown;
}

const post = async (path: string, body: object): Promise<Reply> => {
  const reply = await fetch(`${server.uri}/v2/vectordb/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", "accept-type-allow-int64": "true" },
    body: JSON.stringify(body),
  });
  return (await reply.json()) as Reply;
};

const done = async (path: string, body: object): Promise<unknown> => {
  const reply = await post(path, body);
  expect({ path, ...reply }).toMatchObject({ path, code: 0 });
  return reply.data;
};

const index = (fieldName: string, metricType: string) => ({
  fieldName,
  indexName: fieldName,
  metricType,
  params: { index_type: "AUTOINDEX" },
});

test("rows of every type go in and come back", async () => {
  const collectionName = "rest_types";
  const dim = { elementTypeParams: { dim: 8 } };
  const fields = [
    { fieldName: "id", dataType: "Int64", isPrimary: true },
    { fieldName: "vector", dataType: "FloatVector", elementTypeParams: { dim: 2 } },
    {
      fieldName: "tags",
      dataType: "Array",
      elementDataType: "VarChar",
      nullable: true,
      elementTypeParams: { max_capacity: 4, max_length: 8 },
    },
    { fieldName: "bits", dataType: "BinaryVector", nullable: true, ...dim },
    { fieldName: "half", dataType: "Float16Vector", nullable: true, ...dim },
    { fieldName: "brain", dataType: "BFloat16Vector", nullable: true, ...dim },
    { fieldName: "small", dataType: "Int8Vector", nullable: true, ...dim },
    { fieldName: "sparse", dataType: "SparseFloatVector", nullable: true },
  ];
  const indexParams = [
    ...["vector", "half", "brain", "small"].map((name) => index(name, "COSINE")),
    index("bits", "HAMMING"),
    index("sparse", "IP"),
  ];
  await done("collections/create", { collectionName, schema: { fields }, indexParams });
  const ones = new Array(8).fill(1);
  const row = { id: 1, vector: [0.1, 2], tags: ["a", "b"], bits: [254], half: ones, brain: ones, small: [-1, 2, 3, 4, 5, 6, 7, 8] };
  await done("entities/insert", {
    collectionName,
    data: [
      { ...row, sparse: { 3: 0.1 } },
      { id: 2, vector: [1, 1] },
    ],
  });
  const half = Buffer.from("003c".repeat(8), "hex").toString("base64");
  const brain = Buffer.from("803f".repeat(8), "hex").toString("base64");
  const first = { ...row, tags: { Data: { StringData: { data: ["a", "b"] } } }, bits: "/g==", half, brain, sparse: { 3: 0.1 } };
  const second = { id: 2, vector: [1, 1], tags: null, bits: null, half: null, brain: null, small: null, sparse: null };
  const query = { collectionName, filter: "id > 0", outputFields: ["*"], consistencyLevel: "Strong" };
  expect(await done("entities/query", query)).toEqual([first, second]);

  const again = { ...first, id: 3, tags: ["a", "b"] };
  await done("entities/insert", { collectionName, data: [again] });
  expect(await done("entities/get", { collectionName, id: [3], outputFields: ["*"] })).toEqual([{ ...first, id: 3 }]);

  expect(await post("entities/insert", { collectionName, data: [{ ...row, id: 4, bits: [1, 2] }] })).toMatchObject({
    code: 1804,
    message: expect.stringContaining("[]byte size 2 doesn't equal to vector dimension 8 of BinaryVector"),
  });
  expect(await done("entities/query", { ...query, outputFields: ["count(*)"] })).toEqual([{ "count(*)": 3 }]);
});

test("a field added to rows that are there, and a partition key", async () => {
  const collectionName = "rest_tenants";
  const fields = [
    { fieldName: "id", dataType: "Int64", isPrimary: true },
    { fieldName: "tenant", dataType: "VarChar", isPartitionKey: true, elementTypeParams: { max_length: 16 } },
    { fieldName: "vector", dataType: "FloatVector", elementTypeParams: { dim: 2 } },
  ];
  await done("collections/create", {
    collectionName,
    schema: { fields },
    indexParams: [index("vector", "L2")],
    params: { partitionsNum: 3 },
  });
  expect(await done("partitions/list", { collectionName })).toEqual(["_default_0", "_default_1", "_default_2"]);
  await done("entities/insert", { collectionName, data: [1, 2, 3, 4].map((id) => ({ id, tenant: `t${id % 2}`, vector: [id, 0] })) });
  const schema = { fieldName: "count", dataType: "Int64", nullable: true, defaultValue: 7 };
  await done("collections/fields/add", { collectionName, schema });
  await done("entities/insert", { collectionName, data: [{ id: 5, tenant: "t1", vector: [5, 0], count: 1 }] });
  const query = { collectionName, filter: 'tenant == "t1"', outputFields: ["id", "count"], consistencyLevel: "Strong" };
  expect(await done("entities/query", query)).toEqual([
    { id: 1, count: 7 },
    { id: 3, count: 7 },
    { id: 5, count: 1 },
  ]);
});
