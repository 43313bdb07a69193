/** Clients that break the protocol or want to wear the server out: each is told why and cut, or its stream reset, and others are served. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Bounds } from "../../../src/wire/http2/bounds.js";
import { encodeHeaders } from "../../../src/wire/http2/hpack-encoder.js";
import { Outbox } from "../../../src/wire/http2/outbox.js";
import { frame, grpcPath, openSession, openSocket, type Running, rawCall, start, untilClosed } from "../support.js";
import { callBlock, frameOf, RawClient, settings, uint32 } from "./support.js";

let server: Running;
beforeAll(async () => {
  server = await start({ decideMs: 200 });
});
afterAll(() => server.stop());
afterEach(async () => {
  const session = openSession(server);
  expect((await rawCall(session, grpcPath("GetVersion"), [frame(Buffer.alloc(0))])).trailers["grpc-status"]).toBe("0");
  session.destroy();
});

const [PROTOCOL, FLOW, CLOSED, SIZE, COMPRESSION, CALM] = [1, 3, 5, 6, 9, 11];
const header = frameOf(1, 4, 1, callBlock("Flush"));

const cut = async (code: number, ...frames: Buffer[]) => {
  const client = await RawClient.open(server);
  client.send(...frames);
  expect(await client.goAwayCode()).toBe(code);
  while (!client.closed) await new Promise((resolve) => setTimeout(resolve, 5));
};

test("errors of the connection end it with their code", async () => {
  await cut(PROTOCOL, frameOf(0, 0, 0, Buffer.alloc(1)));
  await cut(PROTOCOL, frameOf(0, 0, 1, Buffer.alloc(1)));
  await cut(PROTOCOL, frameOf(1, 5, 2, callBlock("Flush")));
  await cut(PROTOCOL, frameOf(8, 0, 0, uint32(0)));
  await cut(PROTOCOL, frameOf(9, 4, 1));
  await cut(PROTOCOL, frameOf(1, 0, 1, callBlock("Flush")), frameOf(6, 0, 0, Buffer.alloc(8)));
  await cut(PROTOCOL, header, frameOf(0, 8, 1, Buffer.from([5, 0])));
  await cut(PROTOCOL, settings([5, 100]));
  await cut(FLOW, settings([4, 2 ** 31]));
  await cut(FLOW, frameOf(8, 0, 0, uint32(2 ** 31 - 1)));
  await cut(CLOSED, header, frameOf(3, 0, 1, uint32(8)), header);
  await cut(SIZE, frameOf(6, 0, 0, Buffer.alloc(7)));
  await cut(SIZE, frameOf(0, 0, 1, Buffer.alloc(16_385)));
  await cut(COMPRESSION, frameOf(1, 5, 1, Buffer.from([0x80])));
});

test("errors of a stream reset it, and the connection lives", async () => {
  const client = await RawClient.open(server);
  const malformed: [string, string][][] = [
    [["X-Upper", "a"]],
    [["connection", "close"]],
    [["te", "gzip"]],
    [["x", "a\nb"]],
    [["x", " a"]],
    [["content-length", "7"]],
    [["content-length", "x"]],
    [[":path", "/late"]],
  ];
  for (const [at, more] of malformed.entries()) {
    client.send(frameOf(1, 5, 2 * at + 1, callBlock("GetVersion", more)));
    expect(await client.resetCode(2 * at + 1), JSON.stringify(more)).toBe(PROTOCOL);
  }
  client.send(frameOf(1, 4, 101, callBlock("Flush")), frameOf(8, 0, 101, uint32(0)));
  expect(await client.resetCode(101)).toBe(PROTOCOL);
  client.send(frameOf(1, 4, 103, callBlock("Flush")), frameOf(8, 0, 103, uint32(2 ** 31 - 1)));
  expect(await client.resetCode(103)).toBe(FLOW);
  client.send(frameOf(1, 4, 105, callBlock("GetVersion")), frameOf(0, 1, 105, frame(Buffer.alloc(0))));
  await client.ended(105);
  client.send(frameOf(0, 0, 105, Buffer.alloc(1)));
  expect(await client.resetCode(105)).toBe(CLOSED);
  client.socket.destroy();
});

test("a header list over 64 KB is answered 431, whatever its form, and the table stays right", async () => {
  const client = await RawClient.open(server);
  const long = Buffer.concat([callBlock("GetVersion"), encodeHeaders([["x", "y".repeat(70_000)]])]);
  const frames = [frameOf(1, 1, 1, long.subarray(0, 16_000))];
  for (let at = 16_000; at < long.length; at += 16_000)
    frames.push(frameOf(9, at + 16_000 < long.length ? 0 : 4, 1, long.subarray(at, at + 16_000)));
  client.send(...frames);
  const reply = await client.until(({ type, streamId }) => type === 1 && streamId === 1);
  expect(reply.payload.includes("431")).toBe(true);
  client.send(frameOf(1, 4, 3, callBlock("GetVersion")), frameOf(0, 1, 3, frame(Buffer.alloc(0))));
  await client.ended(3);
  client.socket.destroy();
});

test("header blocks without end, in many frames or many bytes, are cut", async () => {
  await cut(CALM, frameOf(1, 0, 1), ...Array.from({ length: 100 }, () => frameOf(9, 0, 1)));
  await cut(CALM, frameOf(1, 0, 1), ...Array.from({ length: 20 }, () => frameOf(9, 0, 1, Buffer.alloc(16_000))));
});

test("streams that are opened and reset by the thousand are cut", async () => {
  const frames: Buffer[] = [];
  for (let id = 1; id < 5000; id += 2) frames.push(frameOf(1, 4, id, callBlock("Flush")), frameOf(3, 0, id, uint32(8)));
  await cut(CALM, ...frames);
});

test("streams that we must reset by the thousand are cut", async () => {
  const frames: Buffer[] = [];
  for (let id = 1; id < 5000; id += 2) frames.push(frameOf(1, 4, id, callBlock("Flush")), frameOf(8, 0, id, uint32(0)));
  await cut(CALM, ...frames);
});

test("frames that move nothing are cut when they are tens of thousands", async () => {
  const floods = [
    settings(),
    frameOf(6, 0, 0, Buffer.alloc(8)),
    frameOf(2, 0, 9, Buffer.alloc(5)),
    frameOf(8, 0, 0, uint32(1)),
    frameOf(77, 0, 0),
    frameOf(6, 1, 0, Buffer.alloc(8)),
  ];
  for (const flood of floods) await cut(CALM, Buffer.alloc(flood.length * 30_000, flood));
  const empty = frameOf(0, 0, 1);
  await cut(CALM, header, Buffer.alloc(empty.length * 30_000, empty));
  const tiny = frameOf(0, 0, 1, Buffer.alloc(1));
  await cut(CALM, header, Buffer.alloc(tiny.length * 30_000, tiny));
});

test("a preface without SETTINGS is given up", async () => {
  const socket = await openSocket(server);
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  await untilClosed(socket);
});

test("answers that a client does not read are counted until it reads again; work pays for resets", () => {
  let now = 0;
  const bounds = new Bounds(() => now);
  for (let at = 0; at < 1000; at++) bounds.answer(true);
  bounds.answer(false);
  for (let at = 0; at < 1000; at++) bounds.answer(true);
  expect(() => bounds.answer(true)).toThrow("does not read");
  for (let at = 0; at < 5000; at++) {
    bounds.reset();
    bounds.completed();
  }
  for (let at = 0; at < 1000; at++) bounds.reset();
  expect(() => bounds.reset()).toThrow("too many streams");
  now += 1000;
  for (let at = 0; at < 33; at++) bounds.reset();
  expect(() => bounds.reset()).toThrow("too many streams");
});

test("an outbox writes all of a turn at once, in its order, whatever the sizes", async () => {
  const writes: Buffer[] = [];
  const socket = {
    writableNeedDrain: false,
    destroyed: false,
    writableEnded: false,
    write: (bytes: Buffer) => writes.push(Buffer.from(bytes)) > 0,
    cork() {},
    uncork() {},
  };
  const outbox = new Outbox(socket as never, () => {});
  const sent: Buffer[] = [];
  for (let size = 1; size < 40_000; size = size * 3 + 1) {
    const bytes = Buffer.alloc(size, size & 0xff);
    outbox.bytes(bytes);
    outbox.uint32(size);
    sent.push(bytes, uint32(size));
  }
  expect(writes).toEqual([]);
  await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  expect(Buffer.concat(writes).equals(Buffer.concat(sent))).toBe(true);
});
