/** A server over a small table of operations of the test's own, and clients that speak to it. */
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { type Client, credentials, Metadata, makeGenericClientConstructor, type ServiceError } from "@grpc/grpc-js";
import type { EngineApi } from "../../src/engine/api.js";
import { type AnyOperation, type Call, defineOperation } from "../../src/operations/operation.js";
import { realEnv } from "../../src/shared/env.js";
import { collectionNotFound } from "../../src/shared/errors.js";
import { services } from "../../src/shared/proto/generated/messages.js";
import { silentLogger } from "../../src/telemetry/log.js";
import { type RunningServer, type ServerOptions, startServer } from "../../src/wire/server.js";
import { testGuard } from "../support/guard.js";

export const milvus = services["milvus.proto.milvus.MilvusService"];

export interface Seen {
  readonly calls: Call[];
  insertedBytes: number;
  /** Set by a test: what the slow operation waits for. */
  gate: Promise<void>;
}

/** GetVersion answers, DescribeAlias fails, Insert counts bytes, Flush waits for the gate, CreateAlias throws what nobody expects. */
export const tableOf = (seen: Seen): AnyOperation[] => {
  const plain = { privilege: "", scope: "global" } as const;
  const operations = [
    defineOperation(milvus.GetVersion, {
      ...plain,
      handle(call) {
        seen.calls.push(call);
        return { version: call.session.version };
      },
    }),
    defineOperation(milvus.DescribeAlias, {
      ...plain,
      rest: [
        {
          route: "POST /v2/vectordb/aliases/describe",
          required: [{ name: "aliasName", goName: "AliasReq.AliasName" }],
          handle: async (call, body) => {
            seen.calls.push(call);
            if (body.aliasName === "missing") throw collectionNotFound(call.databaseName, "missing");
            return { data: { dbName: call.databaseName, aliasName: body.aliasName } };
          },
        },
      ],
      handle(call, request) {
        throw collectionNotFound(call.databaseName, request.alias);
      },
    }),
    defineOperation(milvus.Insert, {
      ...plain,
      rest: [
        {
          route: "POST /v2/vectordb/entities/insert",
          required: [
            { name: "collectionName", goName: "CollectionDataReq.CollectionName" },
            { name: "data", goName: "CollectionDataReq.Data" },
          ],
          handle: async (call, body) => ({ data: body.data, allowed: call.allowInt64 }),
        },
      ],
      handle(_call, request) {
        seen.insertedBytes = request.fieldsData.reduce((sum, field) => sum + field.length, 0);
        return { insertCnt: BigInt(seen.insertedBytes) };
      },
    }),
    defineOperation(milvus.Flush, {
      ...plain,
      rest: [
        {
          route: "POST /v2/vectordb/collections/flush",
          handle: async (call) => {
            seen.calls.push(call);
            await seen.gate;
            return { data: {} };
          },
        },
      ],
      async handle(call) {
        seen.calls.push(call);
        await seen.gate;
        return {};
      },
    }),
    defineOperation(milvus.CreateAlias, {
      ...plain,
      handle() {
        throw new TypeError("a fault of ours");
      },
    }),
    defineOperation(milvus.Query, {
      ...plain,
      handle: (_call, request) => ({ outputFields: Array.from({ length: Number(request.collectionName) }, () => "x".repeat(1024 * 1024)) }),
    }),
    defineOperation(milvus.CreateSnapshot, plain),
  ];
  return operations as unknown as AnyOperation[];
};

export interface Running extends RunningServer {
  readonly seen: Seen;
}

export const start = async (options: Partial<ServerOptions> = {}): Promise<Running> => {
  const seen: Seen = { calls: [], insertedBytes: 0, gate: Promise.resolve() };
  const server = await startServer({
    engine: {} as EngineApi,
    operations: tableOf(seen),
    session: { version: "v1.2.3", startedMs: 0 },
    env: realEnv,
    guard: testGuard(),
    logger: silentLogger,
    slowRequestMs: 60_000,
    host: "127.0.0.1",
    port: 0,
    connectionsMax: 1000,
    stopMs: 5000,
    ...options,
  });
  return { ...server, seen };
};

interface Codec {
  readonly name: string;
  readonly request: { encode(message: never): Buffer; decode(bytes: Uint8Array): object };
  readonly response: { encode(message: never): Buffer; decode(bytes: Uint8Array): object };
}

export interface UnaryOptions {
  readonly metadata?: Record<string, string>;
  readonly timeoutMs?: number;
  readonly raw?: Buffer;
}

type Decoded<M> = M extends { response: { decode(bytes: Uint8Array): infer R } } ? R : never;
type Encoded<M> = M extends { request: { encode(message: infer R): Buffer } } ? R : never;

const Generic = makeGenericClientConstructor({}, "Generic");

export const connectGrpc = (server: RunningServer): Client =>
  new Generic(`127.0.0.1:${server.port}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    "grpc.use_local_subchannel_pool": 1,
  });

/** One unary call with grpc's own client; rejects with its `ServiceError`. */
export const unary = <M extends Codec>(
  client: Client,
  method: M,
  request: Encoded<M>,
  options: UnaryOptions = {},
  service = "milvus.proto.milvus.MilvusService",
): Promise<Decoded<M>> =>
  new Promise((resolve, reject) => {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
    client.makeUnaryRequest(
      `/${service}/${method.name}`,
      (message: Encoded<M>) => options.raw ?? method.request.encode(message as never),
      (bytes: Buffer) => method.response.decode(bytes) as Decoded<M>,
      request,
      metadata,
      options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs },
      (error: ServiceError | null, reply?: Decoded<M>) => (error ? reject(error) : resolve(reply as Decoded<M>)),
    );
  });

export interface RawReply {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly resetCode: number;
}

export const openSession = (server: RunningServer): ClientHttp2Session => {
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  session.on("error", () => {});
  return session;
};

/** One HTTP/2 request with a body of our own choice; resolves when the stream is closed, however it ends. */
export const rawCall = (
  session: ClientHttp2Session,
  headers: Record<string, string>,
  body: readonly Buffer[] = [],
  end = true,
): Promise<RawReply> =>
  new Promise((resolve) => {
    const stream = session.request(
      { ":method": "POST", "content-type": "application/grpc", te: "trailers", ...headers },
      { endStream: false },
    );
    let received: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on("response", (values) => {
      received = values;
    });
    stream.on("trailers", (values) => {
      trailers = values;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => {});
    stream.on("close", () => resolve({ headers: received, trailers, body: Buffer.concat(chunks), resetCode: stream.rstCode ?? 0 }));
    for (const part of body) stream.write(part);
    if (end) stream.end();
  });

export const frame = (message: Buffer, flag = 0): Buffer => {
  const header = Buffer.alloc(5);
  header[0] = flag;
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
};

export const grpcPath = (rpc: string): Record<string, string> => ({ ":path": `/milvus.proto.milvus.MilvusService/${rpc}` });

export const openSocket = (server: RunningServer): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connectTcp(server.port, "127.0.0.1", () => resolve(socket));
    socket.on("error", reject);
  });

/** Everything that the server says until it closes the connection. */
export const untilClosed = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    let said = "";
    socket.on("data", (chunk) => {
      said += chunk.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(said));
  });
