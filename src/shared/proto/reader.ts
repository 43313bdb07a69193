/** Primitive values of the protobuf wire format, read. Bad input throws `WireError`, never anything else. */

export class WireError extends Error {
  override name = "WireError";
}

export enum WireType {
  Varint = 0,
  Fixed64 = 1,
  Bytes = 2,
  GroupStart = 3,
  GroupEnd = 4,
  Fixed32 = 5,
}

/** Reads primitive values from `buffer[position, end)`. */
export class Reader {
  position: number;
  readonly end: number;
  constructor(
    readonly buffer: Buffer,
    start = 0,
    end = buffer.length,
  ) {
    this.position = start;
    this.end = end;
  }

  /** Three runs of 28 bits as numbers, joined only when the value is long: bigint arithmetic on each byte would be ten times slower. */
  varint(): bigint {
    let low = 0;
    let middle = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.byte();
      const bits = byte & 0x7f;
      if (i < 4) low |= bits << (7 * i);
      else if (i < 8) middle |= bits << (7 * (i - 4));
      else high |= bits << (7 * (i - 8));
      if (byte >= 0x80) continue;
      if (i < 4) return BigInt(low);
      if (i < 7) return BigInt(low + middle * 0x10000000);
      return BigInt.asUintN(64, BigInt(low) | (BigInt(middle) << 28n) | (BigInt(high) << 56n));
    }
    throw new WireError("varint is longer than 10 bytes");
  }

  /** The low 32 bits of a varint, unsigned. */
  uint32(): number {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.byte();
      if (i < 5) value = (value | ((byte & 0x7f) << (7 * i))) >>> 0;
      if (byte < 0x80) return value;
    }
    throw new WireError("varint is longer than 10 bytes");
  }

  fixed(size: 4 | 8): number {
    const at = this.position;
    if (at + size > this.end) throw new WireError("message is truncated");
    this.position = at + size;
    return at;
  }

  /** A length-delimited value as a view. */
  bytes(): Buffer {
    const length = this.uint32();
    const start = this.position;
    if (start + length > this.end) throw new WireError("message is truncated");
    this.position = start + length;
    return this.buffer.subarray(start, start + length);
  }

  skip(wireType: number): void {
    switch (wireType) {
      case WireType.Varint:
        this.uint32();
        return;
      case WireType.Fixed64:
        this.fixed(8);
        return;
      case WireType.Bytes:
        this.bytes();
        return;
      case WireType.Fixed32:
        this.fixed(4);
        return;
      default:
        throw new WireError(`wire type ${wireType} is not supported`);
    }
  }

  private byte(): number {
    if (this.position >= this.end) throw new WireError("message is truncated");
    return this.buffer[this.position++] as number;
  }
}
