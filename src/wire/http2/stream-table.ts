/**
 * The streams of a connection: those that are open, and of the closed ones what must be known of them.
 *
 * An id above the last one is idle; any other that is not here is closed. Of those that we reset a number is remembered, because the client may have sent more before
 * it heard of it: that is passed over, not an error.
 */
import type { Bounds } from "./bounds.js";
import type { RequestHeaders } from "./headers.js";
import type { Outbox } from "./outbox.js";
import { ConnectionError, ErrorCode, FrameType, INT31_MAX, WINDOW_DEFAULT } from "./protocol.js";
import type { ReceiveWindow } from "./receive-window.js";
import type { Sender } from "./sender.js";
import { Http2Stream, type StreamOwner } from "./stream.js";

/** Ids of streams reset by us that are remembered. */
const REMEMBERED_RESETS = 1000;

export interface StreamTableParts {
  readonly outbox: Outbox;
  readonly sender: Sender;
  readonly receiving: ReceiveWindow;
  readonly bounds: Bounds;
  /** A stream was forgotten. */
  onFewer(): void;
}

export class StreamTable implements StreamOwner {
  readonly sender: Sender;
  /** The last id that the client opened. */
  lastId = 0;
  private readonly active = new Map<number, Http2Stream>();
  private readonly resetIds = new Set<number>();
  /** What the client lets us send ahead on a new stream. */
  private sendWindow = WINDOW_DEFAULT;

  constructor(private readonly parts: StreamTableParts) {
    this.sender = parts.sender;
  }

  get size(): number {
    return this.active.size;
  }

  get(streamId: number): Http2Stream | undefined {
    return this.active.get(streamId);
  }

  open(streamId: number, headers: RequestHeaders): Http2Stream {
    const stream = new Http2Stream(this, streamId, headers, this.parts.receiving.streamBytes, this.sendWindow);
    this.active.set(streamId, stream);
    return stream;
  }

  /** Whether the stream has not been opened yet. */
  isIdle(streamId: number): boolean {
    return streamId > this.lastId || (streamId & 1) === 0;
  }

  wasReset(streamId: number): boolean {
    return this.resetIds.has(streamId);
  }

  /** The client knows that the stream is closed. */
  forgetReset(streamId: number): void {
    this.resetIds.delete(streamId);
  }

  /** The client broke the protocol of a stream, or it cannot be taken. @throws ConnectionError when that happens too often */
  fail(streamId: number, code: ErrorCode): void {
    const { bounds, outbox } = this.parts;
    bounds.reset();
    bounds.answer(outbox.blocked);
    this.sendReset(streamId, code);
    const stream = this.get(streamId);
    if (stream !== undefined) this.forget(stream, true);
  }

  forget(stream: Http2Stream, aborted: boolean): void {
    if (stream.heldBytes > 0) this.parts.receiving.release(stream.heldBytes);
    this.active.delete(stream.id);
    stream.close(aborted);
    this.parts.onFewer();
  }

  abort(): void {
    for (const stream of this.active.values()) stream.close(true);
    this.active.clear();
  }

  /** The client's SETTINGS_INITIAL_WINDOW_SIZE, also for the streams that are open. @throws ConnectionError FLOW_CONTROL_ERROR */
  resizeWindows(bytes: number): void {
    const more = bytes - this.sendWindow;
    this.sendWindow = bytes;
    for (const stream of this.active.values()) {
      stream.sendWindow += more;
      if (stream.sendWindow > INT31_MAX) throw new ConnectionError(ErrorCode.FlowControl, "a stream's window is too large");
      if (more > 0) this.sender.offer(stream);
    }
  }

  onConsumed(stream: Http2Stream, bytes: number): void {
    this.parts.receiving.release(bytes);
    this.parts.receiving.giveStream(stream, bytes);
  }

  resetStream(stream: Http2Stream, code: ErrorCode): void {
    this.sendReset(stream.id, code);
    this.forget(stream, false);
  }

  onEnded(stream: Http2Stream): void {
    if (!stream.localEnded || !stream.remoteEnded || stream.closed) return;
    this.parts.bounds.completed();
    this.forget(stream, false);
  }

  private sendReset(streamId: number, code: ErrorCode): void {
    this.parts.outbox.frameHeader(4, FrameType.ResetStream, 0, streamId);
    this.parts.outbox.uint32(code);
    this.resetIds.add(streamId);
    if (this.resetIds.size > REMEMBERED_RESETS) this.resetIds.delete(this.resetIds.values().next().value as number);
  }
}
