/** The rules of REST v2 that hold for every route. */
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSocket, type Running, start, untilClosed } from "./support.js";

let server: Running;
beforeAll(async () => {
  server = await start();
});
afterAll(() => server.stop());

const describeAlias = "/v2/vectordb/aliases/describe";
const insert = "/v2/vectordb/entities/insert";

const post = async (path: string, body: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method: "POST", body, headers });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: () => JSON.parse(text) as { code: number; message?: string; data?: unknown },
  };
};

test("success is code 0 with data, and the trace id in a header", async () => {
  const reply = await post(describeAlias, '{"aliasName":"a"}');
  expect(reply.status).toBe(200);
  expect(reply.json()).toEqual({ code: 0, data: { dbName: "default", aliasName: "a" } });
  expect(reply.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(reply.headers.get("x-milvus-trace-id")).toMatch(/^[0-9a-f]{32}$/);
  expect(reply.headers.get("access-control-allow-origin")).toBe("*");
});

test("a failure of an operation is HTTP 200 with its code and words", async () => {
  const reply = await post(describeAlias, '{"aliasName":"missing"}', { "db-name": "books" });
  expect([reply.status, reply.json()]).toEqual([200, { code: 100, message: "collection not found[database=books][collection=missing]" }]);
});

test("the database: body before header before default", async () => {
  const database = async (body: string, headers = {}) =>
    ((await post(describeAlias, body, headers)).json().data as { dbName: string }).dbName;
  expect(await database('{"aliasName":"a","dbName":"b"}', { "DB-Name": "h" })).toBe("b");
  expect(await database('{"aliasName":"a","dbName":""}', { "DB-Name": "h" })).toBe("h");
  expect(await database('{"aliasName":"a"}')).toBe("default");
});

test("missing or empty required members are 1802 in the validator's words", async () => {
  const message =
    "missing required parameters, error: Key: 'AliasReq.AliasName' Error:Field validation for 'AliasName' failed on the 'required' tag";
  for (const body of ["{}", "null", '{"aliasName":""}', '{"aliasName":null}'])
    expect((await post(describeAlias, body)).json()).toEqual({ code: 1802, message });
  expect((await post(insert, "{}")).json()).toEqual({
    code: 1802,
    message:
      "missing required parameters, error: Key: 'CollectionDataReq.CollectionName' Error:Field validation for 'CollectionName' failed on the 'required' tag\n" +
      "Key: 'CollectionDataReq.Data' Error:Field validation for 'Data' failed on the 'required' tag",
  });
});

test("no body, no JSON and wrong types are 1801", async () => {
  expect((await post(describeAlias, "")).json()).toEqual({
    code: 1801,
    message: "can only accept json format request, the request body should be nil, however {} is valid",
  });
  expect((await post(describeAlias, "hello")).json()).toEqual({
    code: 1801,
    message: "can only accept json format request, error: invalid character 'h' looking for beginning of value",
  });
  expect((await post(describeAlias, "[1]")).json().message).toContain("cannot unmarshal array into Go value of type");
  expect((await post(describeAlias, '{"aliasName":7}')).json()).toEqual({
    code: 1801,
    message:
      "can only accept json format request, error: json: cannot unmarshal number into Go struct field AliasReq.aliasName of type string",
  });
});

test("64-bit integers pass in and out without losing a digit, and the handler knows whether the client can read them", async () => {
  const body = '{"collectionName":"c","data":[{"id":9223372036854775807,"n":5}]}';
  const reply = (allowed: boolean) => `{"code":0,"data":[{"id":9223372036854775807,"n":5}],"allowed":${allowed}}`;
  expect((await post(insert, body)).text).toBe(reply(true));
  expect((await post(insert, body, { "Accept-Type-Allow-Int64": "maybe" })).text).toBe(reply(true));
  expect((await post(insert, body, { "Accept-Type-Allow-Int64": "false" })).text).toBe(reply(false));
});

test("Request-Timeout: expired is 408 and aborts the handler, a bad value is 1100", async () => {
  server.seen.calls.length = 0;
  let open = () => {};
  server.seen.gate = new Promise((resolve) => {
    open = resolve;
  });
  const late = await post("/v2/vectordb/collections/flush", "{}", { "Request-Timeout": "0" });
  expect([late.status, late.json()]).toEqual([408, { code: 10001, message: "request timeout" }]);
  expect(server.seen.calls[0]?.signal.aborted).toBe(true);
  open();
  const bad = await post("/v2/vectordb/collections/flush", "{}", { "Request-Timeout": "soon" });
  expect(bad.json()).toEqual({
    code: 1100,
    message: 'Request-Timeout parse failed, err: strconv.ParseInt: parsing "soon": invalid syntax: invalid parameter',
  });
});

test("a client that goes away aborts the handler", async () => {
  server.seen.calls.length = 0;
  let open = () => {};
  server.seen.gate = new Promise((resolve) => {
    open = resolve;
  });
  const request = httpRequest({ port: server.port, host: "127.0.0.1", method: "POST", path: "/v2/vectordb/collections/flush" });
  request.on("error", () => {});
  request.end("{}");
  while (server.seen.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const signal = server.seen.calls[0]?.signal as AbortSignal;
  request.destroy();
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  open();
});

test("unknown routes and methods are 404 in plain text; Milvus's routes that are not built say so", async () => {
  const unknown = await post("/v2/vectordb/nothing/here", "{}");
  expect([unknown.status, unknown.text]).toEqual([404, "404 page not found"]);
  expect((await fetch(`http://127.0.0.1:${server.port}${describeAlias}`)).status).toBe(404);
  const notBuilt = await post("/v2/vectordb/jobs/import/create", "{}");
  expect([notBuilt.status, notBuilt.json()]).toEqual([
    200,
    { code: 10, message: "service unimplemented: /v2/vectordb/jobs/import/create is not built yet in Elanus; see docs/compatibility.md" },
  ]);
});

test("OPTIONS is answered for browsers", async () => {
  const response = await fetch(`http://127.0.0.1:${server.port}${insert}`, { method: "OPTIONS" });
  expect(response.status).toBe(204);
  expect(response.headers.get("access-control-allow-methods")).toContain("POST");
});

test("health in plain text and in JSON", async () => {
  const plain = await fetch(`http://127.0.0.1:${server.port}/healthz`);
  expect([plain.status, await plain.text()]).toEqual([200, "OK"]);
  const json = await fetch(`http://127.0.0.1:${server.port}/healthz`, { headers: { "content-type": "application/json" } });
  expect(await json.json()).toEqual({ state: "OK", detail: [] });
});

test("a body over the limit is 413 with a clear message, announced or not", async () => {
  const announced = await openSocket(server);
  announced.write(`POST ${insert} HTTP/1.1\r\nhost: a\r\ncontent-length: 67108865\r\n\r\n{`);
  expect(await untilClosed(announced)).toMatch(/^HTTP\/1\.1 413 [\s\S]*the request body is larger than 67108864 bytes/);
  const chunked = await openSocket(server);
  chunked.write(`POST ${insert} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n`);
  const chunk = Buffer.alloc(1024 * 1024, " ");
  const said = untilClosed(chunked);
  for (let i = 0; i < 66 && chunked.writable; i++) {
    chunked.write("100000\r\n");
    chunked.write(chunk);
    chunked.write("\r\n");
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await said).toMatch(/^HTTP\/1\.1 413 /);
});

test("a client that sends its headers one byte a while is cut", async () => {
  const slow = await start({ headersMs: 300 });
  const socket = await openSocket(slow);
  const said = untilClosed(socket);
  const drip = setInterval(() => socket.writable && socket.write("x"), 50);
  socket.write("GET / HTTP/1.1\r\nx: ");
  expect(await said).toMatch(/^HTTP\/1\.1 408 /);
  clearInterval(drip);
  await slow.stop();
});
