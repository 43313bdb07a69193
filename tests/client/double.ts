/** A gRPC server of a few lines whose answers a test chooses: for framing, failures and retries. */
import { createServer, type Http2Session, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { type Method, services } from "../../src/shared/proto/generated/messages.js";
import type { Init } from "../../src/shared/proto/wire.js";

export const milvus = services["milvus.proto.milvus.MilvusService"];

export interface Asked {
  readonly rpc: string;
  readonly headers: IncomingHttpHeaders;
  /** The request message. */
  readonly message: Buffer;
  readonly stream: ServerHttp2Stream;
  readonly session: Http2Session;
}

/** Answers one call on its stream. */
export type Answer = (asked: Asked) => void;

export interface Double {
  readonly uri: string;
  /** Every call but Connect, in order. */
  readonly asked: Asked[];
  /** Number of Connect calls. */
  connects(): number;
  close(): Promise<void>;
}

const HEADERS = { ":status": 200, "content-type": "application/grpc" };

/** Frames a message; sent in `pieces` writes. */
export const framed = (message: Buffer): Buffer => {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
};

export const bytes =
  (body: Buffer, status = "0", message = ""): Answer =>
  ({ stream }) => {
    stream.respond(HEADERS, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status, "grpc-message": encodeURIComponent(message) }));
    // Pieces that split the prefix.
    stream.write(body.subarray(0, 3));
    setImmediate(() => stream.end(body.subarray(3)));
  };

export const reply = <Response extends object>(method: Method<never, Response> | Method<object, Response>, init: Init<Response>): Answer =>
  bytes(framed(method.response.encode(init)));

/** Fails without a message: all in the headers. */
export const refuse =
  (status: number, message: string): Answer =>
  ({ stream }) =>
    stream.respond({ ...HEADERS, "grpc-status": String(status), "grpc-message": encodeURIComponent(message) }, { endStream: true });

export const silence: Answer = () => {};

/** Ends the whole connection. */
export const hangUp: Answer = ({ session }) => session.destroy();

/** @param answers by RPC: one for all calls, or one a call, the last for all that follow */
export const startDouble = async (answers: Readonly<Record<string, Answer | readonly Answer[]>>): Promise<Double> => {
  const asked: Asked[] = [];
  const sessions = new Set<Http2Session>();
  const counts = new Map<string, number>();
  let connects = 0;
  const server = createServer({ settings: { initialWindowSize: 1024 * 1024 } });
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const rpc = String(headers[":path"]).split("/")[2] ?? "";
      const { session } = stream;
      if (session === undefined) return;
      const call = { rpc, headers, message: Buffer.concat(chunks).subarray(5), stream, session };
      if (rpc === "Connect") connects++;
      else asked.push(call);
      const count = counts.get(rpc) ?? 0;
      counts.set(rpc, count + 1);
      const given = answers[rpc] ?? (rpc === "Connect" ? reply(milvus.Connect, { identifier: 7n }) : refuse(12, `unknown ${rpc}`));
      const answer = Array.isArray(given) ? (given[Math.min(count, given.length - 1)] as Answer) : (given as Answer);
      answer(call);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    uri: `http://127.0.0.1:${port}`,
    asked,
    connects: () => connects,
    close: () =>
      new Promise((done) => {
        for (const session of sessions) session.destroy();
        server.close(() => done());
      }),
  };
};
