/**
 * The sending half of a connection: header blocks, and content as the windows of the stream and of the connection, the peer's frame size and the socket allow.
 *
 * A reply that fits leaves as HEADERS, DATA, HEADERS in one piece. Other content waits in its stream, and the streams that could send wait in one queue, each for
 * its turn of one frame. A stream whose own window is used up leaves the queue until the peer opens it.
 */
import { EMPTY_TABLE } from "./hpack-encoder.js";
import type { Outbox } from "./outbox.js";
import { Flag, FRAME_BYTES_DEFAULT, FrameType, WINDOW_DEFAULT } from "./protocol.js";
import type { Http2Stream } from "./stream.js";

export class Sender {
  /** Of the connection. */
  window = WINDOW_DEFAULT;
  frameBytesMax = FRAME_BYTES_DEFAULT;
  private readonly queue: Http2Stream[] = [];
  private pumping = false;
  private mustSayTableIsEmpty = false;
  private saidTableIsEmpty = false;

  /** `onContent` is called with each frame of content. */
  constructor(
    private readonly outbox: Outbox,
    private readonly onContent: () => void,
  ) {}

  /** The peer's decoder keeps a smaller table than the default, and wants to hear that it suffices. */
  limitTable(): void {
    if (!this.saidTableIsEmpty) this.mustSayTableIsEmpty = true;
  }

  headers(streamId: number, block: Buffer, end: boolean): void {
    let whole = block;
    if (this.mustSayTableIsEmpty) {
      whole = Buffer.concat([EMPTY_TABLE, block]);
      this.mustSayTableIsEmpty = false;
      this.saidTableIsEmpty = true;
    }
    const { outbox, frameBytesMax } = this;
    const endFlag = end ? Flag.EndStream : 0;
    if (whole.length <= frameBytesMax) {
      outbox.frameHeader(whole.length, FrameType.Headers, Flag.EndHeaders | endFlag, streamId);
      outbox.bytes(whole);
      return;
    }
    for (let at = 0; at < whole.length; at += frameBytesMax) {
      const to = Math.min(at + frameBytesMax, whole.length);
      const lastFlag = to === whole.length ? Flag.EndHeaders : 0;
      if (at === 0) outbox.frameHeader(to, FrameType.Headers, endFlag | lastFlag, streamId);
      else outbox.frameHeader(to - at, FrameType.Continuation, lastFlag, streamId);
      outbox.bytes(whole, at, to);
    }
  }

  /** Sends these parts behind what waits, and the end if it is known. */
  content(stream: Http2Stream, parts: readonly Buffer[]): void {
    let length = 0;
    for (const part of parts) length += part.length;
    if (stream.waitingBytes === 0 && !stream.queued && this.canSend(stream, length)) {
      this.whole(stream, parts, length);
      return;
    }
    stream.chunks = stream.waitingBytes === 0 ? [...parts] : [...stream.chunks, ...parts];
    stream.waitingBytes += length;
    this.offer(stream);
    this.pump();
  }

  /** The stream may have become able to send. */
  offer(stream: Http2Stream): void {
    if (stream.queued || stream.closed || (stream.waitingBytes === 0 && !stream.ending)) return;
    stream.queued = true;
    this.queue.push(stream);
  }

  /** Sends what can be sent. */
  pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    try {
      while (this.queue.length > 0 && !this.outbox.full) {
        const stream = this.queue.shift() as Http2Stream;
        stream.queued = false;
        if (stream.closed || stream.localEnded) continue;
        if (stream.waitingBytes > 0 && this.window <= 0) {
          stream.queued = true;
          this.queue.unshift(stream);
          break;
        }
        if (stream.waitingBytes === 0 || stream.sendWindow > 0) this.frame(stream);
      }
    } finally {
      this.pumping = false;
    }
  }

  private canSend(stream: Http2Stream, length: number): boolean {
    return (
      length <= this.frameBytesMax &&
      (length === 0 || (length <= this.window && length <= stream.sendWindow)) &&
      this.queue.length === 0 &&
      !this.outbox.full
    );
  }

  private whole(stream: Http2Stream, parts: readonly Buffer[], length: number): void {
    const { outbox } = this;
    const endsHere = stream.ending && stream.trailers === undefined;
    if (length > 0 || endsHere) {
      this.dataHeader(stream, length, endsHere);
      for (const part of parts) outbox.bytes(part);
    }
    this.finish(stream);
  }

  private dataHeader(stream: Http2Stream, length: number, end: boolean): void {
    this.outbox.frameHeader(length, FrameType.Data, end ? Flag.EndStream : 0, stream.id);
    stream.sendWindow -= length;
    this.window -= length;
    this.onContent();
  }

  /** One frame of what waits; then the stream goes to the end of the queue, or ends. */
  private frame(stream: Http2Stream): void {
    const length = Math.min(stream.waitingBytes, stream.sendWindow, this.window, this.frameBytesMax);
    const last = length === stream.waitingBytes;
    if (length > 0 || (stream.ending && stream.trailers === undefined)) {
      this.dataHeader(stream, length, last && stream.ending && stream.trailers === undefined);
      this.takeChunks(stream, length);
    }
    if (!last) {
      if (stream.sendWindow > 0) this.offer(stream);
      return;
    }
    this.finish(stream);
    if (!stream.ending) stream.handler?.onDrain();
  }

  private takeChunks(stream: Http2Stream, length: number): void {
    let left = length;
    let used = 0;
    while (left > 0) {
      const chunk = stream.chunks[used] as Buffer;
      const count = Math.min(left, chunk.length - stream.chunkFrom);
      this.outbox.bytes(chunk, stream.chunkFrom, stream.chunkFrom + count);
      left -= count;
      stream.chunkFrom += count;
      if (stream.chunkFrom === chunk.length) {
        stream.chunkFrom = 0;
        used++;
      }
    }
    if (used > 0) stream.chunks = stream.chunks.slice(used);
    stream.waitingBytes -= length;
  }

  /** After the last content that is known. */
  private finish(stream: Http2Stream): void {
    if (!stream.ending) return;
    if (stream.trailers !== undefined) this.headers(stream.id, stream.trailers, true);
    stream.endLocal();
  }
}
