/**
 * gRPC's length-framed messages: `flag (1 byte: 1 = compressed) | length (4 bytes, big endian) | message`.
 *
 * Model: a `MessageReader` takes the chunks of one stream and gives whole messages. A message inside one chunk is a view of it; one that spans
 * chunks gets a buffer of its announced size once `TRUST_BYTES` of it have come (a header alone cannot make us allocate 64 MiB), and every further chunk
 * is copied to its place. The announced bytes are taken from a budget of the whole process first (receive-budget.ts): where they are not to be had at once, the
 * reader *wants* them, keeps what came, and goes on when they are granted. `release` gives them back.
 * Source: grpc/doc/PROTOCOL-HTTP2.md.
 */
import { GrpcCode, GrpcFailure } from "./grpc-status.js";
import type { ReceiveBudget } from "./receive-budget.js";

const HEADER_BYTES = 5;
const TRUST_BYTES = 256 * 1024;

export interface Message {
  readonly compressed: boolean;
  readonly bytes: Buffer;
}

export class MessageReader {
  private readonly header = Buffer.allocUnsafe(HEADER_BYTES);
  private headerFilled = 0;
  private body: Buffer | undefined;
  private bodyFilled = 0;
  private bodyLength = 0;
  private taken = 0;
  /** What came and cannot be taken before the buffer for it is granted. */
  private kept: Buffer | undefined;

  constructor(
    private readonly bytesMax: number,
    private readonly budget: ReceiveBudget,
  ) {}

  /** Whether a message has begun and not ended. */
  get partial(): boolean {
    return this.headerFilled > 0;
  }

  /** The messages that end in this chunk. Throws `GrpcFailure` for what is not a frame, or one that is too large. */
  push(chunk: Buffer): Message[] {
    if (this.kept !== undefined) {
      this.kept = Buffer.concat([this.kept, chunk]);
      return [];
    }
    const messages: Message[] = [];
    let at = 0;
    while (at < chunk.length || this.complete()) {
      if (this.headerFilled < HEADER_BYTES) at = this.readHeader(chunk, at);
      if (this.headerFilled < HEADER_BYTES) break;
      at = this.readBody(chunk, at);
      if (at < 0 || !this.complete()) break;
      messages.push({ compressed: this.header[0] === 1, bytes: this.body as Buffer });
      this.headerFilled = 0;
      this.body = undefined;
      this.bodyFilled = 0;
    }
    return messages;
  }

  /** Bytes that it waits for. */
  get wants(): number {
    return this.kept === undefined ? 0 : this.bodyLength;
  }

  /** Goes on with the bytes that it wanted, which were taken from the budget for it. */
  grant(): Message[] {
    const chunk = this.kept as Buffer;
    this.kept = undefined;
    this.widen();
    return this.push(chunk);
  }

  /** Gives back what this stream took from the budget; after it the reader is not used again. */
  release(): void {
    this.budget.give(this.taken);
    this.taken = 0;
    this.body = undefined;
    this.kept = undefined;
  }

  private complete(): boolean {
    return this.headerFilled === HEADER_BYTES && this.body !== undefined && this.bodyFilled === this.bodyLength;
  }

  private readHeader(chunk: Buffer, at: number): number {
    const count = Math.min(HEADER_BYTES - this.headerFilled, chunk.length - at);
    chunk.copy(this.header, this.headerFilled, at, at + count);
    this.headerFilled += count;
    if (this.headerFilled < HEADER_BYTES) return at + count;
    const flag = this.header[0] as number;
    if (flag > 1) throw new GrpcFailure(GrpcCode.Internal, `grpc: received unexpected payload format ${flag}`);
    this.bodyLength = this.header.readUInt32BE(1);
    if (this.bodyLength > this.bytesMax)
      throw new GrpcFailure(GrpcCode.ResourceExhausted, `grpc: received message larger than max (${this.bodyLength} vs. ${this.bytesMax})`);
    return at + count;
  }

  /** Where it came to in the chunk; -1: the rest is kept. */
  private readBody(chunk: Buffer, at: number): number {
    const available = chunk.length - at;
    if (this.body === undefined) {
      if (available >= this.bodyLength) {
        this.body = chunk.subarray(at, at + this.bodyLength);
        this.bodyFilled = this.bodyLength;
        return at + this.bodyLength;
      }
      this.body = Buffer.allocUnsafe(Math.min(this.bodyLength, TRUST_BYTES));
    }
    const count = Math.min(this.bodyLength - this.bodyFilled, available);
    if (this.bodyFilled + count > this.body.length) {
      if (!this.budget.tryTake(this.bodyLength)) {
        this.kept = chunk.subarray(at);
        return -1;
      }
      this.widen();
    }
    chunk.copy(this.body, this.bodyFilled, at, at + count);
    this.bodyFilled += count;
    return at + count;
  }

  /** The buffer for the whole message, whose bytes were taken from the budget. */
  private widen(): void {
    this.taken += this.bodyLength;
    const whole = Buffer.allocUnsafeSlow(this.bodyLength);
    (this.body as Buffer).copy(whole, 0, 0, this.bodyFilled);
    this.body = whole;
  }
}

/** Parts of a message with its frame header in front. */
export const framed = (parts: readonly Buffer[]): Buffer[] => {
  let length = 0;
  for (const part of parts) length += part.length;
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header[0] = 0;
  header.writeUInt32BE(length, 1);
  return [header, ...parts];
};
