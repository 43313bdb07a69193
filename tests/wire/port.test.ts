/** One port: both protocols, first bytes in any pieces, limits, and a stop that lets calls finish. */
import type { Client } from "@grpc/grpc-js";
import { afterEach, expect, test } from "vitest";
import {
  connectGrpc,
  frame,
  grpcPath,
  milvus,
  openSession,
  openSocket,
  type Running,
  rawCall,
  start,
  unary,
  untilClosed,
} from "./support.js";

const open: { client?: Client; server?: Running } = {};
afterEach(async () => {
  open.client?.close();
  await open.server?.stop();
});

const serve = async (options: Parameters<typeof start>[0] = {}): Promise<Running> => {
  open.server = await start(options);
  return open.server;
};

test("gRPC and HTTP/1.1 are served on the same port", async () => {
  const server = await serve();
  open.client = connectGrpc(server);
  const [reply, http] = await Promise.all([unary(open.client, milvus.GetVersion, {}), fetch(`http://127.0.0.1:${server.port}/healthz`)]);
  expect(reply.version).toBe("v1.2.3");
  expect([http.status, await http.text()]).toEqual([200, "OK"]);
});

test("an HTTP/1.1 request that comes byte by byte is served, and the connection is kept", async () => {
  const server = await serve();
  const socket = await openSocket(server);
  let said = "";
  socket.on("data", (chunk) => {
    said += chunk.toString();
  });
  for (let turn = 1; turn <= 2; turn++) {
    for (const byte of "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n") {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (said.split("200 OK").length <= turn) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  socket.destroy();
});

test("POST and PUT begin like the preface and are still HTTP/1.1", async () => {
  const server = await serve();
  for (const method of ["POST", "PUT"]) {
    const socket = await openSocket(server);
    socket.write("P");
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write(`${method.slice(1)} /nowhere HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.1 404 /);
  }
});

test("an HTTP/2 preface in pieces opens a session", async () => {
  const server = await serve();
  const socket = await openSocket(server);
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (const piece of [preface.slice(0, 1), preface.slice(1, 13), preface.slice(13, 15), preface.slice(15)]) {
    socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  const first = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
  expect(first[3]).toBe(4);
  socket.destroy();
});

test("REST is served over HTTP/2 too", async () => {
  const server = await serve();
  const session = openSession(server);
  const reply = await rawCall(session, { ":path": "/v2/vectordb/aliases/describe", "content-type": "application/json" }, [
    Buffer.from('{"aliasName":"a"}'),
  ]);
  expect(JSON.parse(reply.body.toString())).toEqual({ code: 0, data: { dbName: "default", aliasName: "a" } });
  session.destroy();
});

test("more connections than allowed are dropped", async () => {
  const server = await serve({ connectionsMax: 2 });
  const first = await openSocket(server);
  const second = await openSocket(server);
  const third = await openSocket(server);
  expect(await untilClosed(third)).toBe("");
  first.destroy();
  second.destroy();
});

test("a stop lets running calls finish, refuses new ones, and closes idle connections", async () => {
  const server = await serve();
  let release = () => {};
  server.seen.gate = new Promise((resolve) => {
    release = resolve;
  });
  open.client = connectGrpc(server);
  const idle = await openSocket(server);
  idle.write("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n");
  const call = unary(open.client, milvus.Flush, {});
  while (server.seen.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const stopped = server.stop();
  await expect(openSocket(server)).rejects.toThrow("ECONNREFUSED");
  release();
  expect((await call).status?.code).toBe(0);
  await stopped;
  await untilClosed(idle);
});

test("a stop cuts calls that do not finish in time, and aborts their signals", async () => {
  const server = await serve({ stopMs: 100 });
  server.seen.gate = new Promise(() => {});
  const session = openSession(server);
  const call = rawCall(session, grpcPath("Flush"), [frame(Buffer.alloc(0))]);
  while (server.seen.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const signal = server.seen.calls[0]?.signal as AbortSignal;
  await server.stop();
  await call;
  expect(signal.aborted).toBe(true);
});
