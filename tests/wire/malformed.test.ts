/** What no honest client sends: every case is answered or cut, and the server lives. */

import type { ClientHttp2Session } from "node:http2";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { frame, grpcPath, milvus, openSession, openSocket, type RawReply, type Running, rawCall, start, untilClosed } from "./support.js";

let server: Running;
let session: ClientHttp2Session;
beforeAll(async () => {
  server = await start({ decideMs: 300, stallMs: 300 });
});
afterAll(() => server.stop());
beforeEach(() => {
  session = openSession(server);
});
afterEach(async () => {
  const other = openSession(server);
  const reply = await rawCall(other, grpcPath("GetVersion"), [frame(Buffer.alloc(0))]);
  expect(reply.trailers["grpc-status"]).toBe("0");
  other.destroy();
  session.destroy();
});

const statusOf = (reply: RawReply) => ({
  code: Number(reply.headers["grpc-status"] ?? reply.trailers["grpc-status"]),
  message: decodeURIComponent(String(reply.headers["grpc-message"] ?? reply.trailers["grpc-message"] ?? "")),
});

const insert = (body: readonly Buffer[], headers: Record<string, string> = {}, end = true) =>
  rawCall(session, { ...grpcPath("Insert"), ...headers }, body, end);

test("a message in chunks of one byte is read", async () => {
  const whole = frame(milvus.Insert.request.encode({ fieldsData: [Buffer.alloc(100, 1)] }));
  const reply = await insert(Array.from(whole, (byte) => Buffer.from([byte])));
  expect(reply.trailers["grpc-status"]).toBe("0");
  expect(milvus.Insert.response.decode(reply.body.subarray(5)).insertCnt).toBe(100n);
});

test("a message that spans many chunks keeps every byte in its place", async () => {
  const field = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 31) & 0xff));
  const whole = frame(milvus.Insert.request.encode({ fieldsData: [field] }));
  const parts: Buffer[] = [];
  for (let at = 0, size = 1; at < whole.length; at += size, size = (size * 7 + 3) % 70_001) parts.push(whole.subarray(at, at + size));
  const reply = await insert(parts);
  expect(milvus.Insert.response.decode(reply.body.subarray(5)).insertCnt).toBe(BigInt(field.length));
});

test("a stream that ends inside a frame header or a message fails with INTERNAL", async () => {
  const whole = frame(Buffer.alloc(100));
  for (const length of [1, 4, 5, 50, 104]) expect(statusOf(await insert([whole.subarray(0, length)])).code).toBe(13);
});

test("no message at all, and two of them, fail with INTERNAL", async () => {
  expect(statusOf(await insert([])).message).toContain("received no request message");
  const empty = frame(Buffer.alloc(0));
  expect(statusOf(await insert([empty, empty])).message).toContain("more than one request message");
});

test("bytes that are no protobuf fail with INTERNAL in grpc-go's words", async () => {
  for (const garbage of [Buffer.from([0x0a, 0xff]), Buffer.alloc(64, 0xff), Buffer.from([0x07])]) {
    const status = statusOf(await insert([frame(garbage)]));
    expect(status.code).toBe(13);
    expect(status.message).toMatch(/^grpc: error unmarshalling request: /);
  }
});

test("random bytes never get through and never hang", async () => {
  let seed = 20_231;
  const next = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return seed;
  };
  const replies = await Promise.all(
    Array.from({ length: 200 }, () => insert([Buffer.from(Array.from({ length: next() % 200 }, () => (next() >> 8) & 0xff))])),
  );
  for (const reply of replies) expect([0, 8, 12, 13]).toContain(statusOf(reply).code);
});

test("an unknown frame flag fails with INTERNAL", async () => {
  expect(statusOf(await insert([frame(Buffer.alloc(4), 7)])).message).toContain("unexpected payload format 7");
});

test("a message announced over 64 MiB is refused from its header alone", async () => {
  const header = Buffer.from([0, 0x04, 0, 0, 1]);
  const status = statusOf(await insert([header], {}, false));
  expect(status).toEqual({ code: 8, message: "grpc: received message larger than max (67108865 vs. 67108864)" });
});

test("a client that stops in the middle of a message is given up", async () => {
  expect(statusOf(await insert([frame(Buffer.alloc(100_000)).subarray(0, 50_000)], {}, false)).code).toBe(4);
});

test("gzip is read; an unknown encoding, a broken stream and a bomb are refused", async () => {
  const message = milvus.Insert.request.encode({ fieldsData: [Buffer.alloc(1000)] });
  const good = await insert([frame(gzipSync(message), 1)], { "grpc-encoding": "gzip" });
  expect(milvus.Insert.response.decode(good.body.subarray(5)).insertCnt).toBe(1000n);
  expect(statusOf(await insert([frame(message, 1)], { "grpc-encoding": "snappy" })).code).toBe(12);
  expect(statusOf(await insert([frame(message, 1)])).code).toBe(13);
  expect(statusOf(await insert([frame(message, 1)], { "grpc-encoding": "gzip" })).code).toBe(13);
  const bomb = gzipSync(Buffer.alloc(65 * 1024 * 1024));
  expect(statusOf(await insert([frame(bomb, 1)], { "grpc-encoding": "gzip" })).code).toBe(8);
});

test("a wrong content type on a gRPC path is HTTP 415", async () => {
  for (const type of ["application/json", "application/grpc-web", "text/plain"])
    expect((await rawCall(session, { ...grpcPath("GetVersion"), "content-type": type }, [frame(Buffer.alloc(0))])).headers[":status"]).toBe(
      415,
    );
});

test("a malformed timeout fails the call, a deadline in the past is DEADLINE_EXCEEDED", async () => {
  expect(statusOf(await insert([frame(Buffer.alloc(0))], { "grpc-timeout": "soon" })).code).toBe(13);
  let open = () => {};
  server.seen.gate = new Promise((resolve) => {
    open = resolve;
  });
  expect(statusOf(await rawCall(session, { ...grpcPath("Flush"), "grpc-timeout": "1n" }, [frame(Buffer.alloc(0))])).code).toBe(4);
  open();
});

test("a failure's message is percent-encoded", async () => {
  const reply = await rawCall(session, grpcPath("N%C3%A4%25"), [frame(Buffer.alloc(0))]);
  expect(reply.headers["grpc-message"]).toBe("unknown method N%25C3%25A4%2525 for service milvus.proto.milvus.MilvusService");
});

test("thousands of calls that are reset at once leave nothing behind", async () => {
  for (let i = 0; i < 500; i++) {
    const stream = session.request({ ":method": "POST", "content-type": "application/grpc", ...grpcPath("GetVersion") });
    stream.on("error", () => {});
    stream.close(8);
  }
  expect(statusOf(await insert([frame(Buffer.alloc(0))])).code).toBe(0);
});

test("pings of a client without calls are answered, however many", async () => {
  await new Promise<void>((resolve) => session.once("connect", () => resolve()));
  for (let i = 0; i < 50; i++) await new Promise<void>((resolve, reject) => session.ping((error) => (error ? reject(error) : resolve())));
});

test("a connection that says nothing, or half of a preface, is closed", async () => {
  const silent = await openSocket(server);
  const half = await openSocket(server);
  half.write("PRI * HT");
  expect(await Promise.all([untilClosed(silent), untilClosed(half)])).toEqual(["", ""]);
});

test("a client that closes before it has said what it speaks is let go", async () => {
  const socket = await openSocket(server);
  socket.write("P");
  socket.end();
  expect(await untilClosed(socket)).toBe("");
});

test("garbage after the HTTP/2 preface closes that connection only", async () => {
  const socket = await openSocket(server);
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.write(Buffer.alloc(200, 0xee));
  await untilClosed(socket);
});

test("garbage that is no protocol is answered 400", async () => {
  const socket = await openSocket(server);
  socket.write("\u0016\u0003\u0001 hello\r\n\r\n");
  expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.1 400 /);
});

test("headers that are too large are answered 431", async () => {
  const socket = await openSocket(server);
  socket.write(`GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(64 * 1024)}\r\n\r\n`);
  expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.1 431 /);
});
