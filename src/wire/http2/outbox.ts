/**
 * What a connection is about to write: all that is put here in one turn leaves in one write.
 *
 * Small bytes are copied into a block, one after another; large ones are kept as they are, between pieces of it. Written blocks are not used again, because
 * the socket may still hold them. The write happens when the code that runs and the promises that it settles are done.
 */
import type { Duplex } from "node:stream";
import { FRAME_HEADER_BYTES } from "./protocol.js";

const BLOCK_BYTES = 16 * 1024;
/** Bytes up to here are cheaper copied than written as a part of their own. */
const COPIED_BYTES_MAX = 4 * 1024;
/** So much is given to the socket at a time. */
const TURN_BYTES = 256 * 1024;

export class Outbox {
  private block: Buffer | undefined;
  /** Of the block: where the bytes begin that are not yet among the parts, and where they end. */
  private start = 0;
  private end = 0;
  private parts: Buffer[] = [];
  private partBytes = 0;
  private scheduled = false;

  /** `onWritten` is called after each write. */
  constructor(
    private readonly socket: Duplex,
    private readonly onWritten: () => void,
  ) {}

  /** No more content should be put here now. */
  get full(): boolean {
    return this.partBytes + this.end - this.start >= TURN_BYTES || this.blocked;
  }

  /** The socket has not yet sent what it was given. */
  get blocked(): boolean {
    return this.socket.writableNeedDrain;
  }

  frameHeader(length: number, type: number, flags: number, streamId: number): void {
    const block = this.room(FRAME_HEADER_BYTES);
    let at = this.end;
    block[at++] = length >>> 16;
    block[at++] = length >>> 8;
    block[at++] = length;
    block[at++] = type;
    block[at++] = flags;
    this.end = at;
    this.uint32(streamId);
  }

  uint32(value: number): void {
    const block = this.room(4);
    let at = this.end;
    block[at++] = value >>> 24;
    block[at++] = value >>> 16;
    block[at++] = value >>> 8;
    block[at++] = value;
    this.end = at;
  }

  bytes(bytes: Buffer, from = 0, to = bytes.length): void {
    const length = to - from;
    if (length > COPIED_BYTES_MAX) {
      this.closePiece();
      this.parts.push(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
      this.partBytes += length;
      this.schedule();
      return;
    }
    const block = this.room(length);
    if (from === 0 && to === bytes.length) block.set(bytes, this.end);
    else bytes.copy(block, this.end, from, to);
    this.end += length;
  }

  flush(): void {
    this.closePiece();
    const { parts, socket } = this;
    if (parts.length === 0) return;
    this.parts = [];
    this.partBytes = 0;
    if (socket.destroyed || socket.writableEnded) return;
    if (parts.length === 1) socket.write(parts[0]);
    else {
      socket.cork();
      for (const part of parts) socket.write(part);
      socket.uncork();
    }
    this.onWritten();
  }

  /** The block, with room for so many bytes at `end`. */
  private room(length: number): Buffer {
    if (!this.scheduled) this.schedule();
    if (this.block !== undefined && this.end + length <= BLOCK_BYTES) return this.block;
    this.closePiece();
    this.block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.start = 0;
    this.end = 0;
    return this.block;
  }

  private closePiece(): void {
    if (this.block === undefined || this.end === this.start) return;
    this.parts.push(this.block.subarray(this.start, this.end));
    this.partBytes += this.end - this.start;
    this.start = this.end;
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    process.nextTick(() => {
      this.scheduled = false;
      this.flush();
    });
  }
}
