/**
 * One stream: a request's headers, its body as it comes, and the reply.
 *
 * Receiving: chunks go to the handler as they come, as views of what the socket gave; while the stream is paused they are held, and the client's window is not
 * opened again. Sending: headers leave at once; content waits for both windows and the socket (sender.ts). The stream is closed when both sides ended, when one
 * of them reset it, or with the connection; `onClose` is the last that its handler hears.
 */
import type { RequestHeaders } from "./headers.js";
import { ErrorCode } from "./protocol.js";
import type { Sender } from "./sender.js";

export interface StreamHandler {
  onData(chunk: Buffer): void;
  onEnd(): void;
  /** What `write` could not send at once is sent. */
  onDrain(): void;
  /** `aborted`: the client gave it up, or the connection was lost, before both sides had ended. */
  onClose(aborted: boolean): void;
}

/** What a stream needs of its connection. */
export interface StreamOwner {
  readonly sender: Sender;
  /** The stream's bytes are used up: the client may send as many more. */
  onConsumed(stream: Http2Stream, bytes: number): void;
  /** Tells the client the code; closes the stream. */
  resetStream(stream: Http2Stream, code: ErrorCode): void;
  /** After each end of a side. */
  onEnded(stream: Http2Stream): void;
}

const NOTHING: readonly Buffer[] = [];

export class Http2Stream {
  handler: StreamHandler | undefined;
  closed = false;

  /** Bytes that the client may still send; those used up that it was not told of. */
  receiveWindow: number;
  owed = 0;
  /** Bytes of the body that came, and that `content-length` promised; -1: nothing was. */
  received = 0;
  readonly promised: number;
  remoteEnded = false;
  private paused = false;
  private held: Buffer[] | undefined;
  heldBytes = 0;
  private endHeld = false;

  /** Bytes that may still be sent. */
  sendWindow: number;
  /** Content that waits, from `chunkFrom` of the first; then comes the end, if it is known. */
  chunks: Buffer[] = NOTHING as Buffer[];
  chunkFrom = 0;
  waitingBytes = 0;
  ending = false;
  trailers: Buffer | undefined;
  /** Whether it is in the sender's queue. */
  queued = false;
  localEnded = false;
  private abandoned = false;

  constructor(
    private readonly owner: StreamOwner,
    readonly id: number,
    readonly headers: RequestHeaders,
    receiveWindow: number,
    sendWindow: number,
  ) {
    this.receiveWindow = receiveWindow;
    this.sendWindow = sendWindow;
    const length = headers["content-length"];
    this.promised = length === undefined ? -1 : Number(length);
  }

  /** Nothing can be sent any more. */
  get gone(): boolean {
    return this.closed || this.localEnded;
  }

  /** Sends an encoded header block, and with `end` nothing after it. */
  respond(block: Buffer, end = false): void {
    if (this.gone) return;
    this.owner.sender.headers(this.id, block, end);
    if (end) this.endLocal();
  }

  /** Whether all of it was sent at once; otherwise `onDrain` is called when it is. */
  write(parts: readonly Buffer[]): boolean {
    if (this.gone || this.ending) return true;
    this.owner.sender.content(this, parts);
    return this.waitingBytes === 0;
  }

  /** Sends the last content, then the trailers if there are any. */
  end(parts: readonly Buffer[] = NOTHING, trailers?: Buffer): void {
    if (this.gone || this.ending) return;
    this.ending = true;
    this.trailers = trailers;
    this.owner.sender.content(this, parts);
  }

  /** Of the sender: the end was sent. */
  endLocal(): void {
    this.localEnded = true;
    this.owner.onEnded(this);
    if (this.abandoned) this.reset();
  }

  /** The rest of the body is not wanted: once the reply is sent, the client is told to stop, without calling it an error. */
  abandon(): void {
    this.abandoned = true;
    if (this.localEnded) this.reset();
  }

  reset(code: ErrorCode = ErrorCode.NoError): void {
    if (!this.closed) this.owner.resetStream(this, code);
  }

  pause(): void {
    this.paused = true;
  }

  /** Goes on with what was held meanwhile, before it returns. */
  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    while (this.held !== undefined && !this.paused && !this.closed) {
      const chunk = this.held.shift() as Buffer;
      if (this.held.length === 0) this.held = undefined;
      this.heldBytes -= chunk.length;
      this.handler?.onData(chunk);
      this.owner.onConsumed(this, chunk.length);
    }
    if (this.endHeld && !this.paused && !this.closed) {
      this.endHeld = false;
      this.handler?.onEnd();
    }
  }

  /** Of the connection: a piece of the body. Whether it was used up. */
  receive(chunk: Buffer): boolean {
    if (this.paused || this.held !== undefined) {
      this.held ??= [];
      this.held.push(chunk);
      this.heldBytes += chunk.length;
      return false;
    }
    this.handler?.onData(chunk);
    return true;
  }

  /** Of the connection: the body is at its end. */
  receiveEnd(): void {
    this.remoteEnded = true;
    if (this.paused || this.held !== undefined) this.endHeld = true;
    else this.handler?.onEnd();
    if (!this.closed) this.owner.onEnded(this);
  }

  /** Of the connection, which has forgotten it. */
  close(aborted: boolean): void {
    if (this.closed) return;
    this.closed = true;
    this.held = undefined;
    this.chunks = NOTHING as Buffer[];
    this.waitingBytes = 0;
    this.handler?.onClose(aborted);
  }
}
