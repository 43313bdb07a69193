/**
 * The server: one port (port.ts), gRPC (grpc.ts) and REST (rest.ts) behind it, all from one table of operations and one engine.
 *
 * Life: `startServer` listens and resolves; `stop` refuses new connections and calls (GOAWAY, `Connection: close`), lets running calls finish up to a limit, then
 * cuts what is left. It may be called again: the second call waits for the first.
 */
import { createServer as createHttp1, type Server as Http1Server } from "node:http";
import {
  createServer as createHttp2,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Host } from "./call.js";
import { GrpcStream, isGone } from "./grpc.js";
import { healthMethods } from "./health.js";
import { serveHttp1, serveHttp2 } from "./http.js";
import { createPort } from "./port.js";
import { ReceiveBudget } from "./receive-budget.js";
import { reflectionMethods } from "./reflection.js";
import { createRest } from "./rest.js";
import { createRouter } from "./router.js";

export interface ServerOptions extends Host {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly connectionsMax: number;
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
const PING_INTERVAL_MS = 60_000;
const PING_TIMEOUT_MS = 20_000;
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 300_000;
const KEEP_ALIVE_MS = 75_000;
const STALL_MS = 60_000;
const FLUSH_MS = 1000;

const GRPC_CONTENT = /^application\/grpc(\+[\w.-]+)?(;.*)?$/i;
const GRPC_PATH = /^\/[\w.]+\.[\w.]+\/\w+$/;

/** Pings a quiet connection and destroys it when nobody answers. */
const keepAlive = (session: ServerHttp2Session): void => {
  const interval = setInterval(() => {
    if (session.destroyed) return;
    const dead = setTimeout(() => session.destroy(), PING_TIMEOUT_MS).unref();
    session.ping(() => clearTimeout(dead));
  }, PING_INTERVAL_MS).unref();
  session.on("close", () => clearInterval(interval));
};

class WireServer {
  readonly http1: Http1Server;
  readonly http2: Http2Server;
  readonly port: Server;
  private readonly sessions = new Set<ServerHttp2Session>();
  private readonly sockets = new Set<Socket>();
  private readonly streamWindowBytes: number;
  private running = 0;
  private idle: (() => void) | undefined;
  private stopping: Promise<void> | undefined;

  constructor(private readonly options: ServerOptions) {
    const onError = (error: Error) => options.logger.debug({ error }, "connection failed");
    const rest = createRest(options);
    const budget = new ReceiveBudget(options.receiveBytesMax ?? RECEIVE_BYTES_MAX);
    this.streamWindowBytes = streamWindow(budget.bytesMax);
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
    this.http2 = createHttp2({
      maxSessionMemory: 1024,
      maxSettings: 32,
      settings: {
        initialWindowSize: this.streamWindowBytes,
        maxConcurrentStreams: STREAMS_PER_CONNECTION_MAX,
        maxHeaderListSize: HEADER_BYTES_MAX,
        enablePush: false,
      },
    });
    this.http2.on("sessionError", onError);
    this.http2.on("session", (session) => this.open(session));
    const receiving = { budget, stallMs: options.stallMs ?? STALL_MS };
    const router = createRouter(options, [...healthMethods(() => this.stopping === undefined), ...reflectionMethods()]);
    this.http2.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      const path = headers[":path"] as string;
      if (headers[":method"] === "POST" && GRPC_CONTENT.test(headers["content-type"] ?? ""))
        new GrpcStream(options, stream, headers, receiving, this.enter()).start(router, path);
      else if (headers[":method"] === "POST" && GRPC_PATH.test(path)) refuse(stream, 415);
      else serveHttp2(rest, stream, headers, this.enter(), budget);
    });
    this.port = createPort({
      connectionsMax: options.connectionsMax,
      decideMs: options.decideMs ?? 10_000,
      onHttp1: (socket) => this.http1.emit("connection", socket),
      onHttp2: (socket) => this.http2.emit("connection", socket),
      onError,
    });
    this.port.on("connection", (socket: Socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
    });
    this.port.on("drop", () => options.logger.warn({ connectionsMax: options.connectionsMax }, "connection dropped: too many connections"));
  }

  private open(session: ServerHttp2Session): void {
    this.sessions.add(session);
    session.on("close", () => this.sessions.delete(session));
    session.on("error", (error) => this.options.logger.debug({ error }, "HTTP/2 connection failed"));
    if (session.destroyed) return;
    session.setLocalWindowSize(this.streamWindowBytes * CONNECTION_STREAM_WINDOWS);
    keepAlive(session);
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
    return { host: address.address, port: address.port, stop: () => this.stop() };
  }

  stop(): Promise<void> {
    this.stopping ??= this.drain();
    return this.stopping;
  }

  private async drain(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.port.close(() => resolve()));
    for (const session of this.sessions) session.close();
    this.http1.closeIdleConnections();
    if (this.running > 0) {
      const idle = new Promise<void>((resolve) => {
        this.idle = resolve;
      });
      await within(this.options.stopMs, idle);
    }
    for (const session of this.sessions) session.destroy();
    for (const socket of this.sockets) socket.destroySoon();
    this.http1.close();
    // A peer that does not take its last bytes must not keep us.
    await within(FLUSH_MS, closed);
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

/** Resolves with the promise, or when the time is over. */
const within = async (ms: number, promise: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
};

const refuse = (stream: ServerHttp2Stream, status: number): void => {
  stream.on("error", () => stream.destroy());
  if (isGone(stream)) return;
  stream.respond({ ":status": status }, { endStream: true });
};

/** Listens; rejects with the system's error (EADDRINUSE, EACCES, ...) if it cannot. */
export const startServer = (options: ServerOptions): Promise<RunningServer> => new WireServer(options).listen();
