/**
 * Carries REST requests: from an HTTP/1.1 message or an HTTP/2 stream to `Rest`, and its response back. Bodies are collected up to the limit; beyond it the
 * rest is not read, and the connection (HTTP/1) or stream (HTTP/2) is given up after the answer.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { REQUEST_BYTES_MAX } from "../shared/limits.js";
import { encodeHeaders } from "./http2/hpack-encoder.js";
import { ErrorCode } from "./http2/protocol.js";
import type { Http2Stream } from "./http2/stream.js";
import type { ReceiveBudget } from "./receive-budget.js";
import type { Rest } from "./rest.js";

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

const target = (url: string): { path: string; query: string } => {
  const mark = url.indexOf("?");
  return mark < 0 ? { path: url, query: "" } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
};

/** Bodies up to here are not asked for room. */
const SMALL_BYTES = 256 * 1024;
/** A body of JSON, its text and its values take about so much of its bytes. */
const JSON_FACTOR = 4;

/** Room in the budget for one body. */
class Room {
  private taken = 0;
  private closed = false;

  constructor(private readonly budget: ReceiveBudget) {}

  /** Whether a body of so many bytes needs more room than it has. */
  lacks(bytes: number): boolean {
    return bytes > SMALL_BYTES && bytes * JSON_FACTOR > this.taken;
  }

  /** @throws 8 when there is none */
  async take(bytes: number): Promise<void> {
    const more = bytes * JSON_FACTOR - this.taken;
    if (!(await this.budget.take(more))) throw this.budget.refusal();
    if (this.closed) this.budget.give(more);
    else this.taken += more;
  }

  close(): void {
    this.closed = true;
    this.budget.give(this.taken);
    this.taken = 0;
  }
}

/** The whole body; undefined if it is larger than the limit. Rejects when the client goes away, or there is no room for it (8). */
const collect = (source: Readable, announced: number, room: Room): Promise<Buffer | undefined> =>
  new Promise((resolve, reject) => {
    if (announced > REQUEST_BYTES_MAX) {
      resolve(undefined);
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > REQUEST_BYTES_MAX) {
        source.off("data", onData);
        source.pause();
        resolve(undefined);
      } else if (room.lacks(length)) {
        source.pause();
        // Unannounced bodies ask again each time that they doubled.
        const whole = Math.min(Math.max(announced, 2 * length), REQUEST_BYTES_MAX);
        room.take(whole).then(
          () => source.resume(),
          (error: unknown) => {
            source.off("data", onData);
            chunks.length = 0;
            // What the client still sends is passed over.
            source.resume();
            reject(error);
          },
        );
      }
    };
    source.on("data", onData);
    source.once("end", () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length)));
    source.once("error", reject);
    source.once("close", () => reject(new Error("the client closed the connection")));
  });

/** How long a client may go on sending what nobody reads, so that the answer reaches it before the connection is cut. Milliseconds. */
const LINGER_MS = 1000;

/** node:http cuts the socket with the last byte of a closing response; a peer that is still sending would lose the response to the reset. */
const linger = (request: IncomingMessage): void => {
  const { socket } = request;
  request.resume();
  socket.destroySoon = () => {
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once("close", () => clearTimeout(timer));
  };
};

const lengthOf = (header: string | undefined): number => (header === undefined ? 0 : Number(header));

/** `closing`: whether connections should not be kept. `done` is called when the response is on its way, or the client gone. */
export const serveHttp1 = (
  rest: Rest,
  request: IncomingMessage,
  response: ServerResponse,
  closing: () => boolean,
  done: () => void,
  budget: ReceiveBudget,
): void => {
  const gone = new AbortController();
  const room = new Room(budget);
  response.on("close", () => {
    if (!response.writableFinished) gone.abort();
    room.close();
    done();
  });
  response.on("error", () => response.destroy());
  rest({
    method: request.method ?? "",
    ...target(request.url ?? ""),
    header: (name) => single(request.headers[name]),
    body: () => collect(request, lengthOf(request.headers["content-length"]), room),
    signal: gone.signal,
  }).then(
    ({ status, headers, body, close }) => {
      if (response.destroyed) return;
      const ends = close === true || closing();
      if (close === true) linger(request);
      const length = status === 204 ? {} : { "content-length": Buffer.byteLength(body) };
      response.writeHead(status, { ...headers, ...length, ...(ends ? { connection: "close" } : {}) });
      response.end(request.method === "HEAD" ? undefined : body);
    },
    () => response.destroy(),
  );
};

/** The body of an HTTP/2 request. `onClose` is called when nothing more comes or goes. */
const bodyOf = (stream: Http2Stream, onClose: (aborted: boolean) => void): Readable => {
  const body = new Readable({ read: () => stream.resume() });
  stream.handler = {
    onData(chunk) {
      if (!body.push(chunk)) stream.pause();
    },
    onEnd: () => body.push(null),
    onDrain() {},
    onClose(aborted) {
      body.destroy();
      onClose(aborted);
    },
  };
  return body;
};

/** A request on an HTTP/2 stream that is not gRPC. `done` as above; `now`: milliseconds since 1970. */
export const serveHttp2 = (rest: Rest, stream: Http2Stream, done: () => void, budget: ReceiveBudget, now: () => number): void => {
  const gone = new AbortController();
  const room = new Room(budget);
  const { headers } = stream;
  const body = bodyOf(stream, (aborted) => {
    if (aborted) gone.abort();
    room.close();
    done();
  });
  rest({
    method: headers[":method"] ?? "",
    ...target(headers[":path"] ?? ""),
    header: (name) => headers[name],
    body: () => collect(body, lengthOf(headers["content-length"]), room),
    signal: gone.signal,
  }).then(
    (response) => {
      stream.respond(
        encodeHeaders([[":status", String(response.status)], ...Object.entries(response.headers), ["date", new Date(now()).toUTCString()]]),
      );
      stream.end(headers[":method"] === "HEAD" ? [] : [Buffer.from(response.body)]);
      // What the client still sends is not wanted.
      stream.abandon();
    },
    () => stream.reset(ErrorCode.Internal),
  );
};
