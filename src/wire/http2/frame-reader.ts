/**
 * Frames out of the chunks of a socket.
 *
 * A frame that lies in one chunk is told as a range of it; one that spans chunks is collected first, except DATA, of which every piece is told as it comes, as a
 * range of its chunk and without its padding. Nothing is copied but headers and frames of control that are cut.
 */
import { ConnectionError, ErrorCode, Flag, FRAME_BYTES_DEFAULT, FRAME_HEADER_BYTES, FrameType, INT31_MAX, PREFACE } from "./protocol.js";

/** What the frames are told to, in the order of the bytes. Its throwing ends the reading. */
export interface FrameSink {
  /** Any frame but DATA. */
  onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void;
  /** `length` counts all of the payload, with padding. */
  onDataBegin(streamId: number, flags: number, length: number): void;
  onData(bytes: Buffer, start: number, end: number): void;
  onDataEnd(flags: number): void;
}

const protocolError = (message: string) => new ConnectionError(ErrorCode.Protocol, message);

export class FrameReader {
  private prefaceRead = 0;
  private readonly header = Buffer.alloc(FRAME_HEADER_BYTES);
  private headerRead = 0;
  private type = 0;
  private flags = 0;
  private streamId = 0;
  private length = 0;
  /** The payload of a frame that spans chunks. */
  private payload: Buffer | undefined;
  private payloadRead = 0;
  /** Inside of a DATA frame: bytes of content and of padding that are to come. */
  private inData = false;
  private padded = false;
  private contentLeft = 0;
  private paddingLeft = 0;

  constructor(private readonly sink: FrameSink) {}

  /** @throws ConnectionError */
  push(chunk: Buffer): void {
    let at = this.prefaceRead < PREFACE.length ? this.readPreface(chunk) : 0;
    while (at < chunk.length) {
      if (this.inData) at = this.readData(chunk, at);
      else if (this.payload !== undefined) at = this.collect(chunk, at);
      else at = this.begin(chunk, at);
    }
  }

  private readPreface(chunk: Buffer): number {
    const count = Math.min(PREFACE.length - this.prefaceRead, chunk.length);
    if (chunk.compare(PREFACE, this.prefaceRead, this.prefaceRead + count, 0, count) !== 0)
      throw protocolError("the connection does not begin with HTTP/2's preface");
    this.prefaceRead += count;
    return count;
  }

  private begin(chunk: Buffer, start: number): number {
    let at = start;
    if (this.headerRead === 0 && chunk.length - at >= FRAME_HEADER_BYTES) {
      this.readHeader(chunk, at);
      at += FRAME_HEADER_BYTES;
    } else {
      const count = Math.min(FRAME_HEADER_BYTES - this.headerRead, chunk.length - at);
      chunk.copy(this.header, this.headerRead, at, at + count);
      this.headerRead += count;
      at += count;
      if (this.headerRead < FRAME_HEADER_BYTES) return at;
      this.headerRead = 0;
      this.readHeader(this.header, 0);
    }
    if (this.length > FRAME_BYTES_DEFAULT)
      throw new ConnectionError(ErrorCode.FrameSize, `a frame of ${this.length} bytes is longer than ${FRAME_BYTES_DEFAULT}`);
    if (this.type === FrameType.Data) return this.beginData(chunk, at);
    const end = at + this.length;
    if (end <= chunk.length) {
      this.sink.onFrame(this.type, this.flags, this.streamId, chunk, at, end);
      return end;
    }
    this.payload = Buffer.allocUnsafeSlow(this.length);
    this.payloadRead = 0;
    return this.collect(chunk, at);
  }

  private readHeader(bytes: Buffer, at: number): void {
    this.length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    this.type = bytes[at + 3] as number;
    this.flags = bytes[at + 4] as number;
    this.streamId = bytes.readUInt32BE(at + 5) & INT31_MAX;
  }

  private collect(chunk: Buffer, at: number): number {
    const payload = this.payload as Buffer;
    const count = Math.min(payload.length - this.payloadRead, chunk.length - at);
    chunk.copy(payload, this.payloadRead, at, at + count);
    this.payloadRead += count;
    if (this.payloadRead === payload.length) {
      this.payload = undefined;
      this.sink.onFrame(this.type, this.flags, this.streamId, payload, 0, payload.length);
    }
    return at + count;
  }

  private beginData(chunk: Buffer, at: number): number {
    this.inData = true;
    this.padded = (this.flags & Flag.Padded) !== 0;
    if (this.padded && this.length === 0) throw new ConnectionError(ErrorCode.FrameSize, "a padded frame has no length of its padding");
    this.contentLeft = this.length;
    this.paddingLeft = 0;
    this.sink.onDataBegin(this.streamId, this.flags, this.length);
    return this.readData(chunk, at);
  }

  private readData(chunk: Buffer, start: number): number {
    let at = start;
    if (this.padded) {
      if (at === chunk.length) return at;
      this.padded = false;
      this.paddingLeft = chunk[at++] as number;
      this.contentLeft -= 1 + this.paddingLeft;
      if (this.contentLeft < 0) throw protocolError("padding is longer than its frame");
    }
    const count = Math.min(this.contentLeft, chunk.length - at);
    if (count > 0) {
      this.sink.onData(chunk, at, at + count);
      this.contentLeft -= count;
      at += count;
    }
    const skipped = Math.min(this.paddingLeft, chunk.length - at);
    this.paddingLeft -= skipped;
    if (this.contentLeft === 0 && this.paddingLeft === 0) {
      this.inData = false;
      this.sink.onDataEnd(this.flags);
    }
    return at + skipped;
  }
}
