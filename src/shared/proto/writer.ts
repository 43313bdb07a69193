/** Primitive values of the protobuf wire format, written. */

/** Collects the parts of a message; large byte fields are kept as they are and joined once. */
export class Writer {
  private readonly parts: Buffer[] = [];
  private chunk: Buffer = Buffer.allocUnsafe(256);
  private used = 0;
  private flushed = 0;

  private room(size: number): number {
    if (this.used + size > this.chunk.length) {
      this.flush();
      this.chunk = Buffer.allocUnsafe(Math.max(size, 1024));
    }
    const at = this.used;
    this.used += size;
    return at;
  }

  private flush(): void {
    if (this.used === 0) return;
    this.parts.push(this.chunk.subarray(0, this.used));
    this.flushed += this.used;
    this.chunk = this.chunk.subarray(this.used);
    this.used = 0;
  }

  get length(): number {
    return this.flushed + this.used;
  }

  /** All parts in order, not joined. */
  finishParts(): Buffer[] {
    this.flush();
    return this.parts;
  }

  finish(): Buffer {
    this.flush();
    return this.parts.length === 1 ? (this.parts[0] as Buffer) : Buffer.concat(this.parts, this.flushed);
  }

  uint32(value: number): void {
    let rest = value >>> 0;
    let size = 1;
    for (let v = rest; v >= 0x80; v >>>= 7) size++;
    let at = this.room(size);
    while (rest >= 0x80) {
      this.chunk[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.chunk[at] = rest;
  }

  varint(value: bigint): void {
    const bits = BigInt.asUintN(64, value);
    if (bits <= 0xffffffffn) {
      this.uint32(Number(bits));
      return;
    }
    let low = Number(bits & 0xfffffffn);
    let middle = Number((bits >> 28n) & 0xfffffffn);
    let high = Number(bits >> 56n);
    let at = this.room(10);
    const start = at;
    while (high > 0 || middle > 0 || low > 0x7f) {
      this.chunk[at++] = (low & 0x7f) | 0x80;
      low = (low >>> 7) | ((middle & 0x7f) << 21);
      middle = (middle >>> 7) | ((high & 0x7f) << 21);
      high >>>= 7;
    }
    this.chunk[at++] = low;
    this.used -= 10 - (at - start);
  }

  tag(field: number, wireType: number): void {
    this.uint32((field << 3) | wireType);
  }

  /** Raw bytes without a length. Parts over 512 bytes are not copied. */
  raw(bytes: Uint8Array): void {
    if (bytes.length <= 512) {
      const at = this.room(bytes.length);
      this.chunk.set(bytes, at);
      return;
    }
    this.flush();
    this.parts.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.flushed += bytes.length;
  }

  bytes(bytes: Uint8Array): void {
    this.uint32(bytes.length);
    this.raw(bytes);
  }

  string(text: string): void {
    this.bytes(Buffer.from(text, "utf8"));
  }

  float(value: number): void {
    const at = this.room(4);
    this.chunk.writeFloatLE(value, at);
  }

  double(value: number): void {
    const at = this.room(8);
    this.chunk.writeDoubleLE(value, at);
  }

  fixed32(value: number): void {
    const at = this.room(4);
    this.chunk.writeUInt32LE(value >>> 0, at);
  }

  fixed64(value: bigint): void {
    const at = this.room(8);
    this.chunk.writeBigUInt64LE(BigInt.asUintN(64, value), at);
  }
}
