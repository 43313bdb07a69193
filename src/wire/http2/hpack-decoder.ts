/**
 * Header blocks to header fields.
 *
 * A block is read whole even when nobody wants it, because it changes the dynamic table. Beyond `listBytesMax` (RFC 9113's measure: names, values and 32 bytes a
 * field) fields are counted and not kept, so a block of one-byte references to one long entry takes no memory.
 * Source: RFC 7541, sections 5 and 6.
 */
import { fieldBytes, type HeaderField, HeaderTable } from "./hpack-table.js";
import { decodeHuffman } from "./huffman.js";
import { ConnectionError, ErrorCode } from "./protocol.js";

/** Bytes of the dynamic table; SETTINGS_HEADER_TABLE_SIZE's default. */
const TABLE_BYTES = 4096;

export interface DecodedBlock {
  readonly fields: readonly HeaderField[];
  /** The fields are not all: their list is longer than the limit. */
  readonly tooLong: boolean;
}

export class HpackDecoder {
  private readonly table = new HeaderTable(TABLE_BYTES);
  private bytes: Buffer = Buffer.alloc(0);
  private at = 0;
  private end = 0;

  constructor(private readonly listBytesMax: number) {}

  /** Changes with the dynamic table: while it is the same, equal blocks that leave it the same are equal lists. */
  get version(): number {
    return this.table.version;
  }

  /** @throws ConnectionError COMPRESSION_ERROR */
  decode(bytes: Buffer, start: number, end: number): DecodedBlock {
    [this.bytes, this.at, this.end] = [bytes, start, end];
    const fields: HeaderField[] = [];
    let length = 0;
    while (this.at < this.end) {
      const field = this.field(length === 0);
      if (field === undefined) continue;
      length += fieldBytes(field);
      if (length <= this.listBytesMax) fields.push(field);
    }
    return { fields, tooLong: length > this.listBytesMax };
  }

  /** The next field; undefined for a change of the table's size, which may only come `first`. */
  private field(first: boolean): HeaderField | undefined {
    const byte = this.bytes[this.at] as number;
    if (byte & 0x80) return this.table.at(this.integer(7));
    if (byte & 0x40) {
      const field = this.literal(6);
      this.table.add(field);
      return field;
    }
    if (byte & 0x20) {
      if (!first) throw new ConnectionError(ErrorCode.Compression, "HPACK: the table's size changes inside of a header block");
      this.table.resize(this.integer(5));
      return undefined;
    }
    // Literals that are not to be indexed, and those that never are.
    return this.literal(4);
  }

  private literal(prefixBits: number): HeaderField {
    const index = this.integer(prefixBits);
    const name = index === 0 ? this.string() : this.table.at(index).name;
    return { name, value: this.string() };
  }

  private integer(prefixBits: number): number {
    const most = (1 << prefixBits) - 1;
    let value = this.next() & most;
    if (value < most) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = this.next();
      if (shift > 21) throw new ConnectionError(ErrorCode.Compression, "HPACK: an integer is too large");
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  private string(): string {
    const huffman = this.at < this.end && ((this.bytes[this.at] as number) & 0x80) !== 0;
    const length = this.integer(7);
    const start = this.at;
    this.at += length;
    if (this.at > this.end) throw new ConnectionError(ErrorCode.Compression, "HPACK: a string is longer than its header block");
    return huffman ? decodeHuffman(this.bytes, start, this.at) : this.bytes.toString("latin1", start, this.at);
  }

  private next(): number {
    if (this.at >= this.end) throw new ConnectionError(ErrorCode.Compression, "HPACK: a header block ends too early");
    return this.bytes[this.at++] as number;
  }
}
