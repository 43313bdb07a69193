/** gRPC calls with grpc's own client: replies, failures, metadata, deadlines, cancellation, size. */
import type { Client, ServiceError } from "@grpc/grpc-js";
import { Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { services } from "../../src/shared/proto/generated/messages.js";
import { connectGrpc, milvus, type Running, start, unary } from "./support.js";

let server: Running;
let client: Client;
beforeAll(async () => {
  server = await start();
  client = connectGrpc(server);
});
afterAll(async () => {
  client.close();
  await server.stop();
});

const failureOf = async (promise: Promise<unknown>): Promise<ServiceError> => {
  try {
    await promise;
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error("the call did not fail");
};

test("a call is answered and carries a Status", async () => {
  const reply = await unary(client, milvus.GetVersion, {});
  expect(reply.version).toBe("v1.2.3");
  expect(reply.status?.code).toBe(0);
});

test("a failure of an operation travels in the reply's Status, with the database of the metadata", async () => {
  const reply = await unary(client, milvus.DescribeAlias, { alias: "none" }, { metadata: { dbname: "books" } });
  expect(reply.status).toMatchObject({ code: 100, reason: "collection not found[database=books][collection=none]" });
});

test("what an operation throws unexpectedly is a Status too", async () => {
  const reply = await unary(client, milvus.CreateAlias, {});
  expect(reply).toMatchObject({ code: 65535, reason: "a fault of ours" });
});

test("metadata becomes user, request id and database of the call", async () => {
  server.seen.calls.length = 0;
  await unary(
    client,
    milvus.GetVersion,
    {},
    {
      metadata: { authorization: Buffer.from("ada:secret").toString("base64"), "client-request-id": "r1", dbname: "d1" },
    },
  );
  await unary(client, milvus.GetVersion, {});
  expect(server.seen.calls[0]).toMatchObject({ principal: { user: "ada" }, requestId: "r1", databaseName: "d1" });
  expect(server.seen.calls[1]).toMatchObject({ principal: { user: "root" }, databaseName: "" });
  expect(server.seen.calls[1]?.requestId).toMatch(/^[0-9a-f]{32}$/);
});

test("an RPC that is not built says so by name", async () => {
  const error = await failureOf(unary(client, milvus.CreateSnapshot, {}));
  expect(error).toMatchObject({ code: 12, details: "RPC CreateSnapshot is not built yet in Elanus; see docs/compatibility.md" });
});

test("an RPC and a service that nobody knows are UNIMPLEMENTED", async () => {
  const nowhere = { ...milvus.GetVersion, name: "Nowhere" };
  expect(await failureOf(unary(client, nowhere, {}))).toMatchObject({
    code: 12,
    details: "unknown method Nowhere for service milvus.proto.milvus.MilvusService",
  });
  expect(await failureOf(unary(client, nowhere, {}, {}, "a.B"))).toMatchObject({ code: 12, details: "unknown service a.B" });
});

test("a deadline ends the call with DEADLINE_EXCEEDED and aborts the handler's signal", async () => {
  server.seen.calls.length = 0;
  let open = () => {};
  server.seen.gate = new Promise((resolve) => {
    open = resolve;
  });
  const error = await failureOf(unary(client, milvus.Flush, {}, { timeoutMs: 200 }));
  expect(error.code).toBe(4);
  const signal = server.seen.calls[0]?.signal as AbortSignal;
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  open();
});

test("a client that cancels aborts the handler's signal", async () => {
  server.seen.calls.length = 0;
  let open = () => {};
  server.seen.gate = new Promise((resolve) => {
    open = resolve;
  });
  const ended = new Promise<ServiceError | null>((resolve) => {
    const call = client.makeUnaryRequest(
      "/milvus.proto.milvus.MilvusService/Flush",
      (message: object) => milvus.Flush.request.encode(message),
      (bytes: Buffer) => bytes,
      {},
      new Metadata(),
      (error) => resolve(error),
    );
    const poll = setInterval(() => {
      if (server.seen.calls.length === 0) return;
      clearInterval(poll);
      call.cancel();
    }, 5);
  });
  expect((await ended)?.code).toBe(1);
  const signal = server.seen.calls[0]?.signal as AbortSignal;
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  open();
});

test("an insert of 30 MB arrives whole", async () => {
  const field = Buffer.alloc(30 * 1024 * 1024, 7);
  const reply = await unary(client, milvus.Insert, { collectionName: "c", fieldsData: [field] });
  expect(reply.insertCnt).toBe(BigInt(field.length));
});

test("a request over 64 MiB is RESOURCE_EXHAUSTED in grpc's words, and the connection lives", async () => {
  const field = Buffer.alloc(65 * 1024 * 1024);
  const error = await failureOf(unary(client, milvus.Insert, { fieldsData: [field] }));
  expect(error.code).toBe(8);
  expect(error.details).toMatch(/^grpc: received message larger than max \(\d+ vs\. 67108864\)$/);
  expect((await unary(client, milvus.GetVersion, {})).version).toBe("v1.2.3");
});

test("a reply of many megabytes arrives whole", async () => {
  const reply = await unary(client, milvus.Query, { collectionName: "20" });
  expect(reply.outputFields.length).toBe(20);
  expect(reply.outputFields.every((text) => text.length === 1024 * 1024)).toBe(true);
});

test("200 calls at once on one connection are all answered", async () => {
  const replies = await Promise.all(
    Array.from({ length: 200 }, (_, i) => unary(client, milvus.DescribeAlias, { alias: `a${i}` }, { metadata: { dbname: "d" } })),
  );
  expect(replies.map((reply) => reply.status?.reason)).toEqual(replies.map((_, i) => `collection not found[database=d][collection=a${i}]`));
});

test("health: Check answers SERVING, Watch sends one message and ends", async () => {
  const health = services["grpc.health.v1.Health"];
  expect(await unary(client, health.Check, { service: "any" }, {}, "grpc.health.v1.Health")).toEqual({ status: 1 });
  const stream = client.makeServerStreamRequest(
    "/grpc.health.v1.Health/Watch",
    (message: object) => health.Watch.request.encode(message),
    (bytes: Buffer) => health.Watch.response.decode(bytes),
    {},
  );
  const messages: object[] = [];
  for await (const message of stream) messages.push(message as object);
  expect(messages).toEqual([{ status: 1 }]);
});
