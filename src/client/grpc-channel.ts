/**
 * Unary gRPC calls over one HTTP/2 connection, with our own framing.
 *
 * Model: a channel has at most one session that takes new calls. It is opened by the first call, shared by all that wait for it, and given up
 * when the server says GOAWAY or the connection ends; the next call opens another. Calls that run on a session that was given up end with it.
 * The process may exit while no call runs. A frame is 1 byte of flags, 4 bytes of length (big endian), the message; the outcome is in the
 * trailers (or in the headers of a reply that has nothing else).
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type SecureClientSessionOptions,
} from "node:http2";
import { codeOfHttpStatus, GrpcCode, GrpcError } from "./grpc-status.js";
import type { TlsClientOptions } from "./target.js";

/** Bytes a server may send ahead of our reading: of one call, of all. Sized for results of tens of megabytes. */
const STREAM_WINDOW_BYTES = 8 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 32 * 1024 * 1024;
/** Memory that node:http2 lets a session have, in megabytes; its default of 10 stops large inserts. */
const SESSION_MEMORY_MB = 4096;
const PING_INTERVAL_MS = 30_000;
const PING_TIMEOUT_MS = 20_000;
const PREFIX_BYTES = 5;
/** A `grpc-timeout` has at most eight digits. */
const GRPC_TIMEOUT_MAX = 99_999_999;

export interface UnaryCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Asked when the call is sent, after the handshake. */
  readonly metadata: () => Readonly<Record<string, string>>;
  /** The encoded request, in parts. */
  readonly parts: readonly Buffer[];
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Called with a fresh channel session before other calls use it. */
export type Handshake = (unary: (call: UnaryCall) => Promise<Buffer>) => Promise<void>;

export class GrpcChannel {
  private opening: Promise<ClientHttp2Session> | undefined;
  private readonly sessions = new Set<ClientHttp2Session>();
  private closed = false;

  constructor(
    private readonly origin: string,
    private readonly handshake: Handshake,
    private readonly tls: TlsClientOptions = {},
  ) {}

  /** The bytes of the reply. @throws GrpcError */
  async unary(call: UnaryCall): Promise<Buffer> {
    const session = await this.session(call);
    return exchange(session, call);
  }

  /** Ends every call that runs. */
  close(): void {
    this.closed = true;
    this.opening = undefined;
    for (const session of this.sessions) session.destroy();
  }

  private session(call: UnaryCall): Promise<ClientHttp2Session> {
    if (this.closed) return Promise.reject(new GrpcError(GrpcCode.Cancelled, "the client is closed", false));
    this.opening ??= this.openOne();
    return withLimits(this.opening, call);
  }

  /** A session for the calls to come, until it can take no more. */
  private openOne(): Promise<ClientHttp2Session> {
    const opening = this.open();
    const giveUp = (): void => {
      if (this.opening === opening) this.opening = undefined;
    };
    opening.then((session) => {
      if (session.closed || session.destroyed) giveUp();
      session.once("goaway", giveUp);
      session.once("close", giveUp);
    }, giveUp);
    return opening;
  }

  private async open(): Promise<ClientHttp2Session> {
    const session = connect(this.origin, {
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
      maxSessionMemory: SESSION_MEMORY_MB,
      ...secureOptions(this.tls),
    });
    this.sessions.add(session);
    session.once("close", () => this.sessions.delete(session));
    await new Promise<void>((done, fail) => {
      const lost = (error?: Error): void => fail(new GrpcError(GrpcCode.Unavailable, reasonOf(error), false));
      session.once("connect", () => done());
      session.on("error", lost);
      session.once("close", lost);
    });
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    keepAlive(session);
    try {
      await this.handshake((call) => exchange(session, call));
    } catch (error) {
      session.destroy();
      throw error instanceof GrpcError ? new GrpcError(error.code, error.message, false) : error;
    }
    return session;
  }
}

const bytesOf = (pem: string | Uint8Array): string | Buffer => (typeof pem === "string" ? pem : Buffer.from(pem));

const secureOptions = ({ ca, certificate, key, serverName }: TlsClientOptions): SecureClientSessionOptions => ({
  ...(ca === undefined ? {} : { ca: bytesOf(ca) }),
  ...(certificate === undefined ? {} : { cert: bytesOf(certificate) }),
  ...(key === undefined ? {} : { key: bytesOf(key) }),
  ...(serverName === undefined ? {} : { servername: serverName }),
});

const reasonOf = (error: Error | undefined): string => {
  if (error === undefined) return "the connection was closed";
  // A host with several addresses fails with one error for each and no message of its own.
  const inner = error instanceof AggregateError ? (error.errors as Error[]) : [error];
  return inner.map((each) => each.message).join("; ");
};

/** Sockets hold the process only while calls run; a peer that has gone silent under a running call is given up. */
const keepAlive = (session: ClientHttp2Session): void => {
  session.unref();
  const interval = setInterval(() => {
    if (running.get(session) === undefined) return;
    const dead = setTimeout(() => session.destroy(new Error("the server does not answer")), PING_TIMEOUT_MS).unref();
    session.ping(() => clearTimeout(dead));
  }, PING_INTERVAL_MS).unref();
  session.once("close", () => clearInterval(interval));
};

/** Number of calls on a session; absent for none. */
const running = new WeakMap<ClientHttp2Session, number>();

const enter = (session: ClientHttp2Session): void => {
  const count = running.get(session) ?? 0;
  if (count === 0) session.ref();
  running.set(session, count + 1);
};

const leave = (session: ClientHttp2Session): void => {
  const count = (running.get(session) ?? 1) - 1;
  if (count > 0) running.set(session, count);
  else {
    running.delete(session);
    if (!session.destroyed) session.unref();
  }
};

/** Waits for the session no longer than the call may take; the opening goes on for others. */
const withLimits = (opening: Promise<ClientHttp2Session>, call: UnaryCall): Promise<ClientHttp2Session> =>
  new Promise((done, fail) => {
    const stop = limits(call, (error) => fail(error), false);
    opening.then(done, fail).finally(stop);
  });

/** Calls `onStop` when the call's time is over or it is aborted; returns how to stop watching. */
const limits = (call: UnaryCall, onStop: (error: GrpcError) => void, sent: boolean): (() => void) => {
  const { timeoutMs, signal } = call;
  const late = (): void => onStop(new GrpcError(GrpcCode.DeadlineExceeded, `no answer within ${timeoutMs} ms`, sent));
  const aborted = (): void => onStop(new GrpcError(GrpcCode.Cancelled, "the call was aborted", sent));
  const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
  if (signal?.aborted) aborted();
  signal?.addEventListener("abort", aborted, { once: true });
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", aborted);
  };
};

const request = (session: ClientHttp2Session, call: UnaryCall): ClientHttp2Stream => {
  try {
    return session.request({
      ":method": "POST",
      ":path": call.path,
      "content-type": "application/grpc",
      te: "trailers",
      ...(call.timeoutMs === undefined ? {} : { "grpc-timeout": `${Math.min(Math.ceil(call.timeoutMs), GRPC_TIMEOUT_MAX)}m` }),
      ...call.metadata(),
    });
  } catch (error) {
    throw new GrpcError(GrpcCode.Unavailable, reasonOf(error as Error), false);
  }
};

const exchange = (session: ClientHttp2Session, call: UnaryCall): Promise<Buffer> =>
  new Promise((done, fail) => {
    if (session.closed || session.destroyed) {
      fail(new GrpcError(GrpcCode.Unavailable, "the connection was closed", false));
      return;
    }
    const stream = request(session, call);
    enter(session);
    const reply = new Reply(stream);
    const stop = limits(
      call,
      (error) => {
        reply.failure = error;
        stream.close(constants.NGHTTP2_CANCEL);
      },
      true,
    );
    stream.once("close", () => {
      stop();
      leave(session);
      const outcome = reply.outcome();
      if (outcome instanceof GrpcError) fail(outcome);
      else done(outcome);
    });
    send(stream, call.parts);
  });

const send = (stream: ClientHttp2Stream, parts: readonly Buffer[]): void => {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(length, 1);
  if (length < 64 * 1024) {
    stream.end(Buffer.concat([prefix, ...parts]));
    return;
  }
  stream.write(prefix);
  for (const part of parts) stream.write(part);
  stream.end();
};

/** Collects what comes back on one stream. */
class Reply {
  /** What ended the call, when it was not the reply. */
  failure: GrpcError | undefined;
  private headers: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
  private trailers: IncomingHttpHeaders = {};
  private readonly chunks: Buffer[] = [];
  private broken: Error | undefined;

  constructor(private readonly stream: ClientHttp2Stream) {
    stream.on("response", (headers) => {
      this.headers = headers;
    });
    stream.on("trailers", (headers) => {
      this.trailers = headers;
    });
    stream.on("data", (chunk: Buffer) => this.chunks.push(chunk));
    stream.on("error", (error) => {
      this.broken = error;
    });
  }

  outcome(): Buffer | GrpcError {
    if (this.failure) return this.failure;
    const status = this.trailers["grpc-status"] ?? this.headers["grpc-status"];
    if (status === undefined) return this.lost();
    const code = Number(status);
    if (code !== GrpcCode.Ok) return new GrpcError(code, messageOf(this.trailers["grpc-message"] ?? this.headers["grpc-message"]), true);
    return unframe(this.chunks);
  }

  private lost(): GrpcError {
    const http = this.headers[":status"];
    if (http !== undefined && (http !== 200 || !String(this.headers["content-type"]).startsWith("application/grpc")))
      return new GrpcError(codeOfHttpStatus(http), `the server answered HTTP ${http}: no gRPC is spoken there`, true);
    const refused = this.stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    const sent = !refused && this.stream.id !== undefined;
    return new GrpcError(GrpcCode.Unavailable, this.broken === undefined ? "the connection was lost" : reasonOf(this.broken), sent);
  }
}

/** gRPC percent-encodes messages. */
const messageOf = (header: string | string[] | undefined): string => {
  const text = String(header ?? "");
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

const unframe = (chunks: readonly Buffer[]): Buffer | GrpcError => {
  const all = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  if (all.length < PREFIX_BYTES) return new GrpcError(GrpcCode.Internal, "the reply has no message", true);
  if (all[0] !== 0) return new GrpcError(GrpcCode.Internal, "the reply is compressed, which was not asked for", true);
  const length = all.readUInt32BE(1);
  if (all.length !== PREFIX_BYTES + length)
    return new GrpcError(GrpcCode.Internal, `the reply has ${all.length - PREFIX_BYTES} bytes, its frame says ${length}`, true);
  return all.subarray(PREFIX_BYTES);
};
