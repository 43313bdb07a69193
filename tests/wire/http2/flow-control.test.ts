/** Windows both ways, and what becomes of streams that end, are reset, or are left by a stop. */
import { connect } from "node:http2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { frame, grpcPath, milvus, openSession, type Running, rawCall, start } from "../support.js";
import { callBlock, frameOf, generator, RawClient, settings, uint32 } from "./support.js";

let server: Running;
beforeAll(async () => {
  server = await start();
});
afterAll(() => server.stop());

const MIB = 1024 * 1024;
const message = (rpc: "Query" | "Insert" | "GetVersion", init: object) => frame(milvus[rpc].request.encode(init as never));

const lengthOf = (client: RawClient, streamId: number) => client.of(streamId, 0).reduce((sum, { payload }) => sum + payload.length, 0);

test("a reply goes out as headers, one frame of data and trailers, and a client's table of no bytes is respected", async () => {
  const session = connect(`http://127.0.0.1:${server.port}`, { settings: { headerTableSize: 0 } });
  for (let turn = 0; turn < 3; turn++) {
    const reply = await rawCall(session, grpcPath("GetVersion"), [message("GetVersion", {})]);
    expect([reply.headers[":status"], reply.trailers["grpc-status"]]).toEqual([200, "0"]);
  }
  session.destroy();
  const client = await RawClient.open(server);
  client.send(frameOf(1, 4, 1, callBlock("GetVersion")), frameOf(0, 1, 1, message("GetVersion", {})));
  await client.ended(1);
  expect(client.frames.filter(({ streamId }) => streamId === 1).map(({ type }) => type)).toEqual([1, 0, 1]);
  client.socket.destroy();
});

test("content waits for the stream's window and the connection's, and never goes beyond them", async () => {
  const client = await RawClient.open(server, [4, 10]);
  client.send(frameOf(1, 4, 1, callBlock("Query")), frameOf(0, 1, 1, message("Query", { collectionName: "1" })));
  await client.until(({ type }) => type === 0);
  expect(lengthOf(client, 1)).toBe(10);
  client.send(frameOf(8, 0, 1, uint32(1)));
  while (lengthOf(client, 1) < 11) await new Promise((resolve) => setTimeout(resolve, 2));
  // A smaller window of new streams takes from those that run: more is owed before anything comes.
  client.send(settings([4, 0]), frameOf(8, 0, 1, uint32(15)));
  while (lengthOf(client, 1) < 16) await new Promise((resolve) => setTimeout(resolve, 2));
  client.send(frameOf(8, 0, 1, uint32(10 * MIB)));
  while (lengthOf(client, 1) < 65_535) await new Promise((resolve) => setTimeout(resolve, 2));
  client.send(frameOf(6, 0, 0, Buffer.alloc(8)));
  await client.until(({ type }) => type === 6);
  expect(lengthOf(client, 1)).toBe(65_535);
  client.send(frameOf(8, 0, 0, uint32(10 * MIB)));
  await client.ended(1);
  expect(client.of(1, 0).every(({ payload }) => payload.length <= 16_384)).toBe(true);
  const whole = Buffer.concat(client.of(1, 0).map(({ payload }) => payload));
  expect(whole.length).toBe(5 + whole.readUInt32BE(1));
  expect(milvus.Query.response.decode(whole.subarray(5)).outputFields.map((text) => text.length)).toEqual([MIB]);
  client.socket.destroy();
});

test("several large replies share the connection, frame by frame", async () => {
  const client = await RawClient.open(server, [4, 4 * MIB]);
  for (const id of [1, 3, 5])
    client.send(frameOf(1, 4, id, callBlock("Query")), frameOf(0, 1, id, message("Query", { collectionName: "2" })));
  while (lengthOf(client, 1) + lengthOf(client, 3) + lengthOf(client, 5) < 65_535) await new Promise((resolve) => setTimeout(resolve, 2));
  client.send(frameOf(8, 0, 0, uint32(20 * MIB)));
  await Promise.all([1, 3, 5].map((id) => client.ended(id)));
  const order = client.frames.filter(({ type }) => type === 0).map(({ streamId }) => streamId);
  // Stream 1 is done a few frames before the others at most.
  expect(order.lastIndexOf(5) - order.lastIndexOf(1)).toBeLessThan(20);
  client.socket.destroy();
});

const seed = Number(process.env.ELANUS_SEED ?? 20_260_103);

test(`calls in frames and chunks of any size, over tiny windows, are answered, seed ${seed}`, async () => {
  const next = generator(seed);
  const sizes = Array.from({ length: 40 }, () => next(next(4) === 0 ? 300_000 : 400));
  const pending = sizes.map((size, at) => {
    const body = message("Insert", { fieldsData: [Buffer.alloc(size, at)] });
    const pieces: Buffer[] = [frameOf(1, 4, 2 * at + 1, callBlock("Insert", [["x-at", String(at)]]))];
    for (let from = 0; from < body.length; ) {
      const to = Math.min(body.length, from + 1 + next(16_000));
      const padding = next(3) === 0 ? next(200) : -1;
      const content = body.subarray(from, to);
      const payload = padding < 0 ? content : Buffer.concat([Buffer.from([padding]), content, Buffer.alloc(padding)]);
      pieces.push(frameOf(0, (to === body.length ? 1 : 0) | (padding < 0 ? 0 : 8), 2 * at + 1, payload));
      from = to;
    }
    return pieces;
  });
  const client = await RawClient.open(server, [4, 3]);
  const mixed: Buffer[] = [];
  let opened = 0;
  // Streams are opened in order; their frames are mixed.
  while (pending.some((pieces) => pieces.length > 0)) {
    const at = next(Math.min(opened + 1, pending.length));
    const piece = (pending[at] as Buffer[]).shift();
    if (piece === undefined) continue;
    if (at === opened) opened++;
    mixed.push(piece);
  }
  const bytes = Buffer.concat(mixed);
  for (let from = 0; from < bytes.length; ) {
    const to = from + 1 + next(next(3) === 0 ? 20 : 100_000);
    client.socket.write(bytes.subarray(from, to));
    from = to;
    if (next(4) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  for (let at = 0; at < sizes.length; at++) client.send(frameOf(8, 0, 2 * at + 1, uint32(1 + next(5))));
  for (const [at, size] of sizes.entries()) {
    const id = 2 * at + 1;
    client.send(frameOf(8, 0, id, uint32(100)));
    await client.ended(id);
    const reply = Buffer.concat(client.of(id, 0).map(({ payload }) => payload));
    expect(milvus.Insert.response.decode(reply.subarray(5)).insertCnt, `seed ${seed}, call ${at}`).toBe(BigInt(size));
  }
  client.socket.destroy();
}, 30_000);

test("200 MB in calls on one connection pass: windows are opened again, also for streams that are refused", async () => {
  const session = connect(`http://127.0.0.1:${server.port}`, { maxSessionMemory: 1024 });
  const body = message("Insert", { fieldsData: [Buffer.alloc(20 * MIB)] });
  for (let turn = 0; turn < 5; turn++) {
    const [taken, refused] = await Promise.all([
      rawCall(session, grpcPath("Insert"), [body]),
      rawCall(session, grpcPath("Nowhere"), [body]),
    ]);
    expect([taken.trailers["grpc-status"], refused.headers["grpc-status"]]).toEqual(["0", "12"]);
  }
  session.destroy();
}, 30_000);

test("more than a window, of a stream or of the connection, is an error of flow control", async () => {
  const small = await start({ receiveBytesMax: 1 });
  const flood = async (ids: number[], frames: number) => {
    const client = await RawClient.open(small);
    for (const id of ids) client.send(frameOf(1, 4, id, callBlock("Flush")));
    // A prefix of many megabytes, for which there is no room: the stream is held.
    for (const id of ids) client.send(frameOf(0, 0, id, Buffer.from([0, 3, 0, 0, 0])));
    for (let at = 0; at < frames; at++) for (const id of ids) client.send(frameOf(0, 0, id, Buffer.alloc(16_384)));
    return client;
  };
  const holder = await flood([1], 17);
  const held = await flood([1], 40);
  expect(await held.resetCode(1)).toBe(3);
  // Streams that wait hold their bytes without closing the connection's window, up to eight times of it.
  const few = await flood(
    Array.from({ length: 30 }, (_, at) => 2 * at + 1),
    30,
  );
  few.send(frameOf(6, 0, 0, Buffer.alloc(8)));
  await few.until(({ type, flags }) => type === 6 && flags === 1);
  const many = await flood(
    Array.from({ length: 60 }, (_, at) => 2 * at + 1),
    30,
  );
  expect(await many.goAwayCode()).toBe(3);
  for (const client of [holder, held, few, many]) client.socket.destroy();
  await small.stop();
});

test("a stream that is reset in the middle leaves the others alone", async () => {
  const client = await RawClient.open(server);
  const body = message("Insert", { fieldsData: [Buffer.alloc(1000)] });
  client.send(frameOf(1, 4, 1, callBlock("Insert")), frameOf(0, 0, 1, body.subarray(0, 500)), frameOf(3, 0, 1, uint32(8)));
  client.send(frameOf(1, 4, 3, callBlock("Insert")), frameOf(0, 1, 3, body));
  client.send(
    frameOf(1, 4, 5, callBlock("Query")),
    frameOf(0, 1, 5, message("Query", { collectionName: "5" })),
    frameOf(3, 0, 5, uint32(8)),
  );
  client.send(frameOf(1, 4, 7, callBlock("Insert")), frameOf(0, 1, 7, body));
  await Promise.all([client.ended(3), client.ended(7)]);
  expect([client.of(1, 1).length, client.of(1, 0).length]).toEqual([0, 0]);
  client.socket.destroy();
});

test("a stop says GOAWAY with the last stream, lets it finish, and refuses the next", async () => {
  const other = await start();
  let release = () => {};
  other.seen.gate = new Promise((resolve) => {
    release = resolve;
  });
  const client = await RawClient.open(other);
  client.send(frameOf(1, 4, 1, callBlock("Flush")), frameOf(0, 1, 1, frame(Buffer.alloc(0))));
  while (other.seen.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const stopped = other.stop();
  const { payload } = await client.until(({ type }) => type === 7);
  expect([payload.readUInt32BE(0), payload.readUInt32BE(4)]).toEqual([1, 0]);
  client.send(frameOf(1, 5, 3, callBlock("Flush")));
  expect(await client.resetCode(3)).toBe(7);
  release();
  await client.ended(1);
  await stopped;
  while (!client.closed) await new Promise((resolve) => setTimeout(resolve, 5));
});

test("2,000 calls at once on one connection", async () => {
  const session = openSession(server);
  const replies = await Promise.all(
    Array.from({ length: 2000 }, () => rawCall(session, grpcPath("GetVersion"), [message("GetVersion", {})])),
  );
  expect(replies.every(({ trailers }) => trailers["grpc-status"] === "0")).toBe(true);
  session.destroy();
});
