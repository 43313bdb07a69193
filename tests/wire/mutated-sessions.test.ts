/** Real HTTP/2 and HTTP/1.1 conversations with bytes flipped, dropped and repeated: the server outlives all of them. */
import { connect } from "node:http2";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { frame, grpcPath, milvus, openSession, openSocket, type Running, rawCall, start } from "./support.js";

const seed = Number(process.env.ELANUS_SEED ?? 20_260_101);

const generator = (state: number) => (below: number) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

/** What node's own client sends for two calls and a ping, as bytes. */
const recordedHttp2 = (): Promise<Buffer> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const recorder = createServer((socket) => {
      socket.on("data", (chunk) => chunks.push(chunk));
      // The client waits for our SETTINGS before it sends more than its own.
      socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    }).listen(0, "127.0.0.1", () => {
      const session = connect(`http://127.0.0.1:${(recorder.address() as { port: number }).port}`);
      session.on("error", () => {});
      for (const rpc of ["GetVersion", "Insert"]) {
        const stream = session.request({ ":method": "POST", "content-type": "application/grpc", te: "trailers", ...grpcPath(rpc) });
        stream.on("error", () => {});
        stream.end(frame(milvus.Insert.request.encode({ collectionName: "c", fieldsData: [Buffer.alloc(40, 3)] })));
      }
      session.once("connect", () => {
        session.ping(() => {});
        setTimeout(() => {
          session.destroy();
          recorder.close();
          resolve(Buffer.concat(chunks));
        }, 200);
      });
    });
  });

const mutate = (bytes: Buffer, next: (below: number) => number): Buffer => {
  let copy: Buffer = Buffer.from(bytes);
  for (let i = 1 + next(4); i > 0; i--) {
    const at = next(copy.length);
    const kind = next(4);
    if (kind === 0) copy[at] = next(256);
    else if (kind === 1) copy[at] = (copy[at] as number) ^ (1 << next(8));
    else if (kind === 2) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(Math.min(copy.length, at + 1 + next(9)))]);
    else copy = Buffer.concat([copy.subarray(0, at), copy.subarray(Math.max(0, at - next(40)), at), copy.subarray(at)]);
    if (copy.length === 0) return copy;
  }
  return copy;
};

const send = async (server: Running, bytes: Buffer, cut: number): Promise<void> => {
  const socket = await openSocket(server);
  socket.on("error", () => {});
  socket.resume();
  socket.write(bytes.subarray(0, cut));
  await new Promise((resolve) => setImmediate(resolve));
  if (!socket.destroyed) socket.end(bytes.subarray(cut));
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => socket.destroy(), 100);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    if (socket.destroyed) resolve();
  });
};

test(`400 mutated conversations, seed ${seed}`, async () => {
  const server = await start({ stopMs: 500 });
  const next = generator(seed);
  const http1 = Buffer.from(
    "POST /v2/vectordb/aliases/describe HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n" +
      '{"aliasName":"a"}GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
  );
  const http2 = await recordedHttp2();
  expect(http2.length).toBeGreaterThan(200);
  for (let round = 0; round < 20; round++) {
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => {
        const bytes = mutate(i % 4 === 0 ? http1 : http2, next);
        return send(server, bytes, next(bytes.length + 1));
      }),
    );
    const session = openSession(server);
    const reply = await rawCall(session, grpcPath("GetVersion"), [frame(Buffer.alloc(0))]);
    expect(reply.trailers["grpc-status"], `seed ${seed}, after round ${round}`).toBe("0");
    session.destroy();
  }
  await server.stop();
});
