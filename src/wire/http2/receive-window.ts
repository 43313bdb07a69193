/**
 * What a client may send ahead of us on one connection.
 *
 * A stream's window is opened again as its bytes are used up, so a paused stream holds its client back. The connection's window is opened as bytes come, paused or
 * not: streams that wait must not stop the one for which they wait. Only when held bytes are many times that window they keep it closed.
 */
import type { Outbox } from "./outbox.js";
import { ConnectionError, ErrorCode, FrameType, WINDOW_DEFAULT } from "./protocol.js";
import type { Http2Stream } from "./stream.js";

/** Held bytes of a connection beyond which they keep its window closed, in windows of the connection. */
const HELD_WINDOWS = 8;

export class ReceiveWindow {
  private left: number;
  private owed = 0;
  /** Bytes that paused streams hold, and how many of those keep the window closed. */
  private held = 0;
  private withheld = 0;

  constructor(
    private readonly outbox: Outbox,
    readonly streamBytes: number,
    private readonly connectionBytes: number,
  ) {
    this.left = connectionBytes;
  }

  /** Tells the client of the connection's window. */
  open(): void {
    if (this.connectionBytes > WINDOW_DEFAULT) this.update(0, this.connectionBytes - WINDOW_DEFAULT);
  }

  /** @throws ConnectionError FLOW_CONTROL_ERROR */
  take(bytes: number): void {
    this.left -= bytes;
    if (this.left < 0) throw new ConnectionError(ErrorCode.FlowControl, "more came than the connection's window allows");
  }

  give(bytes: number): void {
    this.owed += bytes;
    if (this.owed * 2 < this.connectionBytes) return;
    this.left += this.owed;
    this.update(0, this.owed);
    this.owed = 0;
  }

  /** A stream's bytes are used up; nothing more is wanted of one that ended. */
  giveStream(stream: Http2Stream, bytes: number): void {
    stream.owed += bytes;
    if (stream.owed * 2 < this.streamBytes || stream.remoteEnded || stream.closed) return;
    stream.receiveWindow += stream.owed;
    this.update(stream.id, stream.owed);
    stream.owed = 0;
  }

  /** A paused stream holds so many bytes more. */
  hold(bytes: number): void {
    this.held += bytes;
    if (this.held > HELD_WINDOWS * this.connectionBytes) this.withheld += bytes;
    else this.give(bytes);
  }

  release(bytes: number): void {
    this.held -= bytes;
    const kept = Math.min(bytes, this.withheld);
    this.withheld -= kept;
    if (kept > 0) this.give(kept);
  }

  private update(streamId: number, bytes: number): void {
    this.outbox.frameHeader(4, FrameType.WindowUpdate, 0, streamId);
    this.outbox.uint32(bytes);
  }
}
