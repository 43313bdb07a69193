/**
 * gRPC over HTTP/2 (http2/), as thin as the protocol allows.
 *
 * One stream is one call: HEADERS -> method -> who asks -> messages (framing.ts) -> `answer` -> one framed reply -> trailers. A failure before the reply
 * has begun is a trailers-only response. States of a stream: open -> answering -> closed; a deadline, a reset by the client or a lost connection closes it from
 * any state, aborts the call's signal, and what the handler still returns is dropped. Nothing that a peer sends throws out of this file.
 * Source: grpc/doc/PROTOCOL-HTTP2.md; the words of failures are grpc-go's, which Milvus's clients know.
 */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { credentialsOfMetadata } from "../auth/credentials.js";
import { AuthFailure } from "../auth/failures.js";
import { MilvusError } from "../shared/errors.js";
import { REQUEST_BYTES_MAX } from "../shared/limits.js";
import { type Host, WireCall } from "./call.js";
import { framed, type Message, MessageReader } from "./framing.js";
import { encodeMessage, GrpcCode, GrpcFailure, timeoutMs } from "./grpc-status.js";
import { encodeHeaders } from "./http2/hpack-encoder.js";
import { ErrorCode } from "./http2/protocol.js";
import type { Http2Stream, StreamHandler } from "./http2/stream.js";
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
  /** Anybody may call it, known or not. */
  readonly open?: true;
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

/** What every reply begins with, and what ends one that succeeded. */
const REPLY_FIELDS = [
  [":status", "200"],
  ["content-type", "application/grpc"],
] as const;
const REPLY_HEADERS = encodeHeaders(REPLY_FIELDS);
const OK_TRAILERS = encodeHeaders([["grpc-status", String(GrpcCode.Ok)]]);

const failureFields = ({ code, message }: GrpcFailure): [string, string][] => [
  ["grpc-status", String(code)],
  ["grpc-message", encodeMessage(message)],
];

const authCodes = { denied: GrpcCode.PermissionDenied, unauthenticated: GrpcCode.Unauthenticated } as const;

const failureOf = (error: unknown): GrpcFailure => {
  if (error instanceof GrpcFailure) return error;
  const { message } = error as Error;
  return new GrpcFailure(error instanceof AuthFailure ? authCodes[error.kind] : GrpcCode.Internal, message);
};

/** What all streams of a server share to receive messages. */
export interface Receiving {
  readonly budget: ReceiveBudget;
  /** How long a client may pause inside of a message. Milliseconds. */
  readonly stallMs: number;
}

export class GrpcStream implements StreamHandler {
  private readonly call: WireCall;
  private readonly reader: MessageReader;
  private readonly waiting: Message[] = [];
  private method: GrpcMethod | undefined;
  private deadline: NodeJS.Timeout | undefined;
  private stall: NodeJS.Timeout | undefined;
  private closed = false;
  private ended = false;
  private answering = false;
  /** Until it is known who asks. */
  private waits: Promise<void> | undefined;
  private began = false;

  constructor(
    private readonly host: Host,
    private readonly stream: Http2Stream,
    private readonly receiving: Receiving,
    private readonly onClosed: () => void,
  ) {
    const { headers } = stream;
    this.reader = new MessageReader(REQUEST_BYTES_MAX, receiving.budget);
    this.call = new WireCall(
      host,
      credentialsOfMetadata(headers.authorization),
      headers.dbname ?? "",
      headers["client-request-id"] ?? headers.client_request_id,
    );
    stream.handler = this;
  }

  /** Finds the method; what comes afterwards is for it. */
  start(router: GrpcRouter, path: string): void {
    try {
      this.method = router.find(path);
      this.startDeadline();
      if (this.method.open) return;
      this.waits = this.call.authenticate(this.method.path)?.then(
        () => {
          this.waits = undefined;
        },
        (error) => this.turnAway(error),
      );
    } catch (error) {
      this.turnAway(error);
    }
  }

  /** Before its message was taken: what is refused in Milvus's way is told so. */
  private turnAway(error: unknown): void {
    if (error instanceof MilvusError && !this.closed && !this.stream.gone) this.refuse(error);
    else this.fail(error);
  }

  private startDeadline(): void {
    const text = this.stream.headers["grpc-timeout"];
    if (text === undefined) return;
    const ms = timeoutMs(text);
    if (ms === undefined) throw new GrpcFailure(GrpcCode.Internal, `malformed grpc-timeout: ${JSON.stringify(text)}`);
    if (ms <= TIMER_MS_MAX) this.deadline = setTimeout(() => this.expire(), ms);
  }

  private expire(): void {
    const failure = new GrpcFailure(GrpcCode.DeadlineExceeded, "context deadline exceeded");
    this.call.abort(failure);
    if (this.began && this.method?.shape === "one") this.stream.reset(ErrorCode.Cancel);
    else this.fail(failure);
  }

  onData(chunk: Buffer): void {
    if (this.closed) return;
    this.stall?.refresh();
    this.take(() => this.reader.push(chunk));
  }

  private take(read: () => Message[]): void {
    try {
      for (const message of read()) this.waiting.push(message);
      if (this.reader.partial && this.stall === undefined) this.watch();
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
    this.stall = setTimeout(() => {
      if (!this.ended) this.fail(new GrpcFailure(GrpcCode.DeadlineExceeded, "grpc: the request message did not arrive in time"));
    }, this.receiving.stallMs);
  }

  onEnd(): void {
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
    const parts = this.answer(message);
    if (parts === undefined) return;
    if (Array.isArray(parts)) this.reply(parts);
    else
      parts.then(
        (late) => this.reply(late),
        (error) => this.fail(error),
      );
  }

  /** undefined: it failed, and that was told. */
  private answer(message: Message): Buffer[] | Promise<Buffer[]> | undefined {
    const method = this.method as GrpcMethod;
    if (this.waits !== undefined) return this.waits.then(() => (this.closed ? [] : (this.answer(message) ?? [])));
    try {
      if (message.compressed) return this.inflated(message.bytes).then((bytes) => method.answer(this.call, bytes));
      const parts = method.answer(this.call, message.bytes);
      // Streams of many messages answer them in turns of their own.
      return method.shape === "each" ? Promise.resolve(parts) : parts;
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  private inflated(bytes: Buffer): Promise<Buffer> {
    const encoding = this.stream.headers["grpc-encoding"] ?? "identity";
    if (encoding === "identity") throw new GrpcFailure(GrpcCode.Internal, "grpc: compressed flag set with identity or empty encoding");
    if (encoding !== "gzip")
      throw new GrpcFailure(GrpcCode.Unimplemented, `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`);
    return decompressed(bytes);
  }

  private reply(parts: Buffer[]): void {
    this.answering = false;
    if (this.closed || this.stream.gone) return;
    if (this.method?.shape === "one") {
      this.finish(framed(parts));
      return;
    }
    this.begin();
    if (this.stream.write(framed(parts))) this.next();
    else this.answering = true;
  }

  onDrain(): void {
    this.answering = false;
    this.next();
  }

  private begin(): void {
    if (this.began) return;
    this.began = true;
    this.stream.respond(REPLY_HEADERS);
  }

  /** Sends the last parts, then the trailers of success. */
  private finish(parts: Buffer[]): void {
    if (this.stream.gone) return;
    this.begin();
    this.stream.end(parts, OK_TRAILERS);
  }

  private fail(error: unknown): void {
    if (this.closed || this.stream.gone) return;
    const failure = failureOf(error);
    if (failure !== error && !(error instanceof AuthFailure))
      this.host.logger.error({ error, method: this.method?.path }, "gRPC call failed");
    this.call.abort(failure);
    this.close();
    const fields = failureFields(failure);
    if (this.began) {
      this.stream.end([], encodeHeaders(fields));
      return;
    }
    if (failure.code === GrpcCode.Unimplemented) fields.push(["grpc-accept-encoding", "identity,gzip"]);
    this.stream.respond(encodeHeaders([...REPLY_FIELDS, ...fields]), true);
    // What the client still sends is not wanted.
    if (!this.ended) this.stream.abandon();
  }

  onClose(aborted: boolean): void {
    if (aborted) this.call.abort(new GrpcFailure(GrpcCode.Cancelled, "context canceled"));
    this.close();
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.deadline);
    clearTimeout(this.stall);
    this.reader.release();
    this.waiting.length = 0;
    if (!this.ended) this.stream.resume();
    if (this.method !== undefined) this.call.finished(this.method.path);
    this.onClosed();
  }
}
