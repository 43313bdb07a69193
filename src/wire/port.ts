/**
 * One TCP port for gRPC and HTTP/1.1, plain or under TLS (tls.ts), never both.
 *
 * Model: a connection is *undecided* until its first bytes tell what it speaks: the HTTP/2 preface (`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`, of which the first 14 bytes
 * decide) or anything else. Then the bytes are put back and the socket is handed to the HTTP/2 or the HTTP/1 server, for good. The bytes
 * may come one at a time; a connection that has not decided after `decideMs` is closed. Beyond `connectionsMax` new connections are dropped.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { TlsLayer } from "./tls.js";

const PREFACE = Buffer.from("PRI * HTTP/2.0", "latin1");

export interface PortOptions {
  readonly connectionsMax: number;
  /** Milliseconds until the first bytes must have come. */
  readonly decideMs: number;
  /** What every connection goes through first. */
  readonly tls?: TlsLayer | undefined;
  /** A connection that can be spoken on, before it is decided. */
  onSocket(socket: Socket): void;
  onHttp1(socket: Socket): void;
  onHttp2(socket: Socket): void;
  onError(error: Error): void;
}

/** What the first bytes say; undefined: too few to tell. */
const protocolOf = (bytes: Buffer): "http1" | "http2" | undefined => {
  const known = Math.min(bytes.length, PREFACE.length);
  if (bytes.compare(PREFACE, 0, known, 0, known) !== 0) return "http1";
  return known === PREFACE.length ? "http2" : undefined;
};

const decide = (socket: Socket, options: PortOptions): void => {
  let seen: Buffer = Buffer.alloc(0);
  const onReadable = () => {
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null)
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const protocol = protocolOf(seen);
    if (protocol === undefined) return;
    settle();
    socket.unshift(seen);
    if (protocol === "http2") options.onHttp2(socket);
    else options.onHttp1(socket);
  };
  const giveUp = () => socket.destroy();
  const settle = () => {
    clearTimeout(timer);
    socket.off("readable", onReadable).off("end", giveUp).off("close", settle);
  };
  const timer = setTimeout(giveUp, options.decideMs);
  socket.on("readable", onReadable).on("end", giveUp).on("close", settle);
};

/** A listener that is not listening yet. */
export const createPort = (options: PortOptions): Server => {
  const begin = (socket: Socket): void => {
    options.onSocket(socket);
    decide(socket, options);
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, (socket) => {
    socket.on("error", (error) => options.onError(error));
    if (options.tls === undefined) begin(socket);
    else options.tls.accept(socket);
  });
  options.tls?.onSecure((socket) => {
    socket.on("error", (error) => options.onError(error));
    begin(socket);
  });
  server.maxConnections = options.connectionsMax;
  return server;
};
