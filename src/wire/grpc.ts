/**
 * gRPC over node:http2, as thin as the protocol allows.
 *
 * One stream is one call: HEADERS -> method -> messages (framing.ts) -> `answer` -> one framed reply -> trailers. A failure before the reply
 * has begun is a trailers-only response. States of a stream: open -> answering -> closed; a deadline, a reset by the client or a lost connection closes it from
 * any state, aborts the call's signal, and what the handler still returns is dropped. Nothing that a peer sends throws out of this file.
 * Source: grpc/doc/PROTOCOL-HTTP2.md; the words of failures are grpc-go's, which Milvus's clients know.
 */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { principalOfMetadata } from "../auth/principal.js";
import type { MilvusError } from "../shared/errors.js";
import { REQUEST_BYTES_MAX } from "../shared/limits.js";
import { type Host, WireCall } from "./call.js";
import { framed, type Message, MessageReader } from "./framing.js";
import { encodeMessage, GrpcCode, GrpcFailure, timeoutMs } from "./grpc-status.js";
import type { ReceiveBudget } from "./receive-budget.js";

/** One RPC as the wire sees it. */
export interface GrpcMethod {
  /** `/service/Method` */
  readonly path: string;
  /**
   * `one`: a request, a reply, the end (also a server stream of one message). `each`: every message of the stream is answered by one message
   * until the client ends it.
   */
  readonly shape: "one" | "each";
  /** The parts of the encoded reply. Throws `GrpcFailure`. */
  answer(call: WireCall, message: Buffer): Buffer[] | Promise<Buffer[]>;
  /** The reply to a request that was not taken; absent: it is told in gRPC's way. */
  refuse?(error: MilvusError): Buffer[];
}

export interface GrpcRouter {
  /** Throws `GrpcFailure` with code UNIMPLEMENTED for a path that nobody serves. */
  find(path: string): GrpcMethod;
}

/** Longest delay of a timer; a deadline beyond it is no deadline. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Messages of one stream that may wait for their answer before we stop to read it. */
const WAITING_MAX = 16;

const inflate = promisify(gunzip);

const decompressed = async (bytes: Buffer): Promise<Buffer> => {
  try {
    return await inflate(bytes, { maxOutputLength: REQUEST_BYTES_MAX });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw new GrpcFailure(GrpcCode.ResourceExhausted, `grpc: received message after decompression larger than max ${REQUEST_BYTES_MAX}`);
    throw new GrpcFailure(GrpcCode.Internal, `grpc: failed to decompress the received message: ${(error as Error).message}`);
  }
};

/** Reset or destroyed: nothing can be sent any more, and node throws at who tries. */
export const isGone = (stream: ServerHttp2Stream): boolean => stream.destroyed || stream.closed;

const single = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/** What all streams of a server share to receive messages. */
export interface Receiving {
  readonly budget: ReceiveBudget;
  /** How long a client may pause inside of a message. Milliseconds. */
  readonly stallMs: number;
}

export class GrpcStream {
  private readonly call: WireCall;
  private readonly reader: MessageReader;
  private readonly waiting: Message[] = [];
  private method: GrpcMethod | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  private ended = false;
  private answering = false;
  private began = false;
  private watched = false;

  constructor(
    private readonly host: Host,
    private readonly stream: ServerHttp2Stream,
    private readonly headers: IncomingHttpHeaders,
    private readonly receiving: Receiving,
    private readonly onClose: () => void,
  ) {
    this.reader = new MessageReader(REQUEST_BYTES_MAX, receiving.budget);
    this.call = new WireCall(
      host,
      principalOfMetadata(headers.authorization),
      single(headers.dbname) ?? "",
      single(headers["client-request-id"]) ?? single(headers.client_request_id),
    );
    stream.on("error", (error) => host.logger.debug({ error }, "gRPC stream failed"));
    stream.on("aborted", () => this.call.abort(new GrpcFailure(GrpcCode.Cancelled, "context canceled")));
    stream.on("close", () => this.close());
  }

  /** Finds the method and starts to receive. */
  start(router: GrpcRouter, path: string): void {
    try {
      this.method = router.find(path);
      this.startDeadline();
    } catch (error) {
      this.fail(error);
      return;
    }
    this.stream.on("data", (chunk: Buffer) => this.receive(chunk));
    this.stream.on("end", () => this.receiveEnd());
  }

  private startDeadline(): void {
    const text = single(this.headers["grpc-timeout"]);
    if (text === undefined) return;
    const ms = timeoutMs(text);
    if (ms === undefined) throw new GrpcFailure(GrpcCode.Internal, `malformed grpc-timeout: ${JSON.stringify(text)}`);
    if (ms <= TIMER_MS_MAX) this.timer = setTimeout(() => this.expire(), ms);
  }

  private expire(): void {
    const failure = new GrpcFailure(GrpcCode.DeadlineExceeded, "context deadline exceeded");
    this.call.abort(failure);
    if (this.began && this.method?.shape === "one") this.stream.close(constants.NGHTTP2_CANCEL);
    else this.fail(failure);
  }

  private receive(chunk: Buffer): void {
    if (this.closed) return;
    this.take(() => this.reader.push(chunk));
  }

  private take(read: () => Message[]): void {
    try {
      for (const message of read()) this.waiting.push(message);
      if (this.reader.partial && !this.watched) this.watch();
      if (this.reader.wants > 0) {
        void this.waitForRoom(this.reader.wants);
        return;
      }
      if (this.method?.shape === "each") {
        if (this.waiting.length > WAITING_MAX) this.stream.pause();
        this.next();
      } else if (this.waiting.length > 1)
        throw new GrpcFailure(GrpcCode.Internal, "grpc: cardinality violation: received more than one request message");
    } catch (error) {
      this.fail(error);
    }
  }

  /** The stream is not read until there is room for its message. */
  private async waitForRoom(bytes: number): Promise<void> {
    this.stream.pause();
    const { budget } = this.receiving;
    const taken = await budget.take(bytes);
    if (this.closed) {
      if (taken) budget.give(bytes);
    } else if (taken) {
      this.take(() => this.reader.grant());
      if (this.reader.wants === 0) this.stream.resume();
    } else this.refuse(budget.refusal());
  }

  private refuse(error: MilvusError): void {
    const parts = this.method?.refuse?.(error);
    if (parts === undefined) {
      this.fail(new GrpcFailure(GrpcCode.ResourceExhausted, error.message));
      return;
    }
    this.finish(framed(parts));
    // What the client still sends is passed over.
    this.close();
  }

  /** Gives up on a client that stops in the middle of a message: it holds memory. */
  private watch(): void {
    this.watched = true;
    this.stream.setTimeout(this.receiving.stallMs, () => {
      if (!this.ended) this.fail(new GrpcFailure(GrpcCode.DeadlineExceeded, "grpc: the request message did not arrive in time"));
    });
  }

  private receiveEnd(): void {
    if (this.closed) return;
    this.ended = true;
    if (this.reader.partial) this.fail(new GrpcFailure(GrpcCode.Internal, "grpc: request ended inside of a message: unexpected EOF"));
    else if (this.method?.shape === "one" && this.waiting.length === 0)
      this.fail(new GrpcFailure(GrpcCode.Internal, "grpc: cardinality violation: received no request message"));
    else this.next();
  }

  /** Answers the next message, if one waits and none is being answered. */
  private next(): void {
    if (this.answering || this.closed) return;
    const message = this.waiting.shift();
    if (message === undefined) {
      if (this.ended) this.finish([]);
      else this.stream.resume();
      return;
    }
    this.answering = true;
    this.answer(message).then(
      (parts) => this.reply(parts),
      (error) => this.fail(error),
    );
  }

  private async answer(message: Message): Promise<Buffer[]> {
    const bytes = message.compressed ? await this.inflated(message.bytes) : message.bytes;
    return (this.method as GrpcMethod).answer(this.call, bytes);
  }

  private inflated(bytes: Buffer): Promise<Buffer> {
    const encoding = single(this.headers["grpc-encoding"]) ?? "identity";
    if (encoding === "identity") throw new GrpcFailure(GrpcCode.Internal, "grpc: compressed flag set with identity or empty encoding");
    if (encoding !== "gzip")
      throw new GrpcFailure(GrpcCode.Unimplemented, `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`);
    return decompressed(bytes);
  }

  private reply(parts: Buffer[]): void {
    this.answering = false;
    if (this.closed || isGone(this.stream)) return;
    try {
      if (this.method?.shape === "one") this.finish(framed(parts));
      else {
        this.begin();
        for (const part of framed(parts)) this.stream.write(part);
        if (this.stream.writableNeedDrain) {
          this.answering = true;
          this.stream.once("drain", () => {
            this.answering = false;
            this.next();
          });
        } else this.next();
      }
    } catch (error) {
      this.fail(error);
    }
  }

  private begin(): void {
    if (this.began || isGone(this.stream)) return;
    this.began = true;
    this.stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  }

  /** Sends the last parts, then the trailers of success. */
  private finish(parts: Buffer[]): void {
    if (isGone(this.stream)) return;
    this.begin();
    this.stream.on("wantTrailers", () => this.trailers(GrpcCode.Ok, ""));
    const last = parts.pop();
    for (const part of parts) this.stream.write(part);
    this.stream.end(last);
  }

  private fail(error: unknown): void {
    if (this.closed || isGone(this.stream)) return;
    const failure = error instanceof GrpcFailure ? error : new GrpcFailure(GrpcCode.Internal, (error as Error).message);
    if (failure !== error) this.host.logger.error({ error, method: this.method?.path }, "gRPC call failed");
    this.call.abort(failure);
    this.close();
    if (this.began) {
      this.stream.on("wantTrailers", () => this.trailers(failure.code, failure.message));
      this.stream.end();
      return;
    }
    this.stream.respond(
      {
        ":status": 200,
        "content-type": "application/grpc",
        "grpc-status": String(failure.code),
        "grpc-message": encodeMessage(failure.message),
        ...(failure.code === GrpcCode.Unimplemented ? { "grpc-accept-encoding": "identity,gzip" } : {}),
      },
      { endStream: true },
    );
    // What the client still sends is not wanted: end the stream without calling it an error.
    if (!this.ended) this.stream.close(constants.NGHTTP2_NO_ERROR);
  }

  private trailers(code: GrpcCode, message: string): void {
    if (isGone(this.stream)) return;
    this.stream.sendTrailers({ "grpc-status": String(code), ...(message === "" ? {} : { "grpc-message": encodeMessage(message) }) });
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.timer !== undefined) clearTimeout(this.timer);
    this.reader.release();
    this.waiting.length = 0;
    if (!this.ended) this.stream.resume();
    if (this.method !== undefined) this.call.finished(this.method.path);
    this.onClose();
  }
}
