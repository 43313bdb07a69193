/**
 * The server: one port (port.ts), gRPC (grpc.ts) and REST (rest.ts) behind it, all from one table of operations and one engine.
 *
 * Life: `startServer` listens and resolves; `stop` refuses new connections and calls (GOAWAY, `Connection: close`), lets running calls finish up to a limit, then
 * cuts what is left. It may be called again: the second call waits for the first.
 */
import { createServer as createHttp1, type Server as Http1Server } from "node:http";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Host } from "./call.js";
import { GrpcStream } from "./grpc.js";
import { healthMethods } from "./health.js";
import { serveHttp1, serveHttp2 } from "./http.js";
import { Http2Connection } from "./http2/connection.js";
import { encodeHeaders } from "./http2/hpack-encoder.js";
import type { Http2Stream } from "./http2/stream.js";
import { createPort } from "./port.js";
import { ReceiveBudget } from "./receive-budget.js";
import { reflectionMethods } from "./reflection.js";
import { createRest } from "./rest.js";
import { createRouter } from "./router.js";
import { TlsLayer, type TlsMaterial } from "./tls.js";

export interface ServerOptions extends Host {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly connectionsMax: number;
  /** Absent: connections are plain. */
  readonly tls?: TlsMaterial | undefined;
  /** How long running calls may go on after `stop`. Milliseconds. */
  readonly stopMs: number;
  /** Bytes of large requests in flight, over all connections; default 1 GiB. */
  readonly receiveBytesMax?: number;
  /** How long a new connection may stay silent. Milliseconds; default 10 s. */
  readonly decideMs?: number;
  /** How long the headers of an HTTP/1.1 request may take. Milliseconds; default 15 s. */
  readonly headersMs?: number;
  /** How long a gRPC client may pause inside of a message. Milliseconds; default 60 s. */
  readonly stallMs?: number;
}

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
  /** For connections to come; those that are open go on with what they have. Throws what the TLS library says of material that does not fit. */
  renewCertificates(material: TlsMaterial): void;
}

/**
 * Bytes that a client may send ahead: of one stream, of one connection. Sized for inserts of tens of megabytes; where there is little memory, so small that a
 * hundred clients who wait for room do not take more of it than those who have room.
 */
const streamWindow = (receiveBytesMax: number): number =>
  Math.max(256 * 1024, Math.min(8 * 1024 * 1024, Math.floor(receiveBytesMax / 128)));
const CONNECTION_STREAM_WINDOWS = 4;
const RECEIVE_BYTES_MAX = 2 ** 30;
const STREAMS_PER_CONNECTION_MAX = 10_000;
const HEADER_BYTES_MAX = 64 * 1024;
const DECIDE_MS = 10_000;
const PING_INTERVAL_MS = 60_000;
const PING_TIMEOUT_MS = 20_000;
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 300_000;
const KEEP_ALIVE_MS = 75_000;
const STALL_MS = 60_000;
const FLUSH_MS = 1000;

const GRPC_CONTENT = /^application\/grpc(\+[\w.-]+)?(;.*)?$/i;
const GRPC_PATH = /^\/[\w.]+\.[\w.]+\/\w+$/;

const UNSUPPORTED_MEDIA_TYPE = encodeHeaders([[":status", "415"]]);

class WireServer {
  readonly http1: Http1Server;
  readonly port: Server;
  private readonly connections = new Set<Http2Connection>();
  private readonly tls: TlsLayer | undefined;
  private readonly sockets = new Set<Socket>();
  /** Those below TLS: to be cut only when what is above them had its time. */
  private readonly rawSockets = new Set<Socket>();
  private running = 0;
  private idle: (() => void) | undefined;
  private stopping: Promise<void> | undefined;

  constructor(private readonly options: ServerOptions) {
    const onError = (error: Error) => options.logger.debug({ error }, "connection failed");
    const rest = createRest(options);
    const budget = new ReceiveBudget(options.receiveBytesMax ?? RECEIVE_BYTES_MAX);
    this.http1 = createHttp1(
      {
        headersTimeout: options.headersMs ?? HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: 2000,
      },
      (request, response) => serveHttp1(rest, request, response, () => this.stopping !== undefined, this.enter(), budget),
    );
    // Its sockets come from the port; this starts the check of its timeouts.
    this.http1.emit("listening");
    const receiving = { budget, stallMs: options.stallMs ?? STALL_MS };
    const router = createRouter(options, [...healthMethods(() => this.stopping === undefined), ...reflectionMethods()]);
    const onRequest = (stream: Http2Stream): void => {
      const { ":method": method, ":path": path = "", "content-type": content = "" } = stream.headers;
      if (method === "POST" && GRPC_CONTENT.test(content)) new GrpcStream(options, stream, receiving, this.enter()).start(router, path);
      else if (method === "POST" && GRPC_PATH.test(path)) {
        stream.respond(UNSUPPORTED_MEDIA_TYPE, true);
        stream.abandon();
      } else serveHttp2(rest, stream, this.enter(), budget, () => options.env.now());
    };
    this.tls = options.tls === undefined ? undefined : new TlsLayer(options.tls, options.decideMs ?? DECIDE_MS, onError);
    this.port = createPort({
      connectionsMax: options.connectionsMax,
      decideMs: options.decideMs ?? DECIDE_MS,
      onHttp1: (socket) => this.http1.emit("connection", socket),
      onHttp2: (socket) => this.open(socket, onRequest, streamWindow(budget.bytesMax)),
      tls: this.tls,
      onSocket: (socket) => keep(this.sockets, socket),
      onError,
    });
    if (this.tls !== undefined) this.port.on("connection", (socket: Socket) => keep(this.rawSockets, socket));
    this.port.on("drop", () => options.logger.warn({ connectionsMax: options.connectionsMax }, "connection dropped: too many connections"));
  }

  private open(socket: Socket, onRequest: (stream: Http2Stream) => void, streamWindowBytes: number): void {
    const { logger, env, decideMs = DECIDE_MS } = this.options;
    const connection: Http2Connection = new Http2Connection(socket, {
      streamWindowBytes,
      connectionWindowBytes: streamWindowBytes * CONNECTION_STREAM_WINDOWS,
      streamsMax: STREAMS_PER_CONNECTION_MAX,
      headerBytesMax: HEADER_BYTES_MAX,
      prefaceMs: decideMs,
      pingMs: PING_INTERVAL_MS,
      pongMs: PING_TIMEOUT_MS,
      elapsed: () => env.elapsed(),
      onRequest,
      onError: (error) => logger.debug({ error }, "HTTP/2 connection failed"),
      onClose: () => this.connections.delete(connection),
    });
    this.connections.add(connection);
    if (this.stopping !== undefined) connection.leave();
  }

  /** Counts a call as running until the function that it returns is called. */
  private enter(): () => void {
    this.running++;
    return () => {
      this.running--;
      if (this.running === 0) this.idle?.();
    };
  }

  async listen(): Promise<RunningServer> {
    const { host, port } = this.options;
    await new Promise<void>((resolve, reject) => {
      this.port.once("error", reject);
      this.port.listen({ host, port, backlog: 1024 }, () => {
        this.port.off("error", reject);
        this.port.on("error", (error) => this.options.logger.error({ error }, "listening failed"));
        resolve();
      });
    });
    const address = this.port.address() as AddressInfo;
    return {
      host: address.address,
      port: address.port,
      stop: () => this.stop(),
      renewCertificates: (material) => this.tls?.renew(material),
    };
  }

  stop(): Promise<void> {
    this.stopping ??= this.drain();
    return this.stopping;
  }

  private async drain(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.port.close(() => resolve()));
    for (const connection of this.connections) connection.leave();
    this.http1.closeIdleConnections();
    if (this.running > 0) {
      const idle = new Promise<void>((resolve) => {
        this.idle = resolve;
      });
      await within(this.options.stopMs, idle);
    }
    for (const connection of this.connections) connection.close();
    for (const socket of this.sockets) socket.destroySoon();
    this.http1.close();
    // A peer that does not take its last bytes must not keep us.
    await within(FLUSH_MS, closed);
    for (const socket of [...this.sockets, ...this.rawSockets]) socket.destroy();
    await closed;
  }
}

const keep = (sockets: Set<Socket>, socket: Socket): void => {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
};

/** Resolves with the promise, or when the time is over. */
const within = async (ms: number, promise: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
};

/** Listens; rejects with the system's error (EADDRINUSE, EACCES, ...) if it cannot. */
export const startServer = (options: ServerOptions): Promise<RunningServer> => new WireServer(options).listen();
