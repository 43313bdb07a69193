/**
 * The protobuf wire format, driven by tables.
 *
 * `scripts/generate-proto.mjs` writes one table a message (`generated/messages.ts`); this file walks them. Model: a message
 * is a plain object with every field present (proto3 defaults), int64 and uint64 are `bigint`, bytes are views of the buffer that was read
 * (no copy), packed floats are `Float32Array` / `Float64Array`, members of a oneof and `optional` fields are `undefined` when absent, maps are `Map`.
 * Bad input (truncated, over-long varint, nesting deeper than 100) throws `WireError`, never anything else.
 * Source: protobuf.dev, "Encoding".
 */

import { Reader, WireError, WireType } from "./reader.js";
import { Writer } from "./writer.js";

export { Reader, WireError, Writer };

export type Scalar =
  | "double"
  | "float"
  | "int32"
  | "int64"
  | "uint32"
  | "uint64"
  | "sint32"
  | "sint64"
  | "fixed32"
  | "fixed64"
  | "sfixed32"
  | "sfixed64"
  | "bool"
  | "string"
  | "bytes"
  | "enum";

export interface Field {
  readonly number: number;
  /** Property name, camelCase. */
  readonly name: string;
  readonly kind: Scalar | "message";
  readonly type?: () => MessageType<object>;
  readonly repeated?: boolean;
  /** Key type of a map; `kind` and `type` are then those of its values. */
  readonly mapKey?: Scalar;
  /** True for members of a oneof and proto3 `optional`: absent is `undefined`. */
  readonly optional?: boolean;
}

/** What may be left out when a message is written: everything. */
export type Init<T> = T extends Uint8Array | bigint | number | string | boolean | undefined
  ? T
  : T extends Float32Array | Float64Array
    ? ArrayLike<number>
    : T extends Map<infer K, infer V>
      ? Map<K, Init<V>>
      : T extends (infer E)[]
        ? readonly Init<E>[]
        : { [P in keyof T]?: Init<T[P]> };

const DEPTH_MAX = 100;

const wireTypeOf = (kind: Scalar | "message"): WireType => {
  switch (kind) {
    case "double":
    case "fixed64":
    case "sfixed64":
      return WireType.Fixed64;
    case "float":
    case "fixed32":
    case "sfixed32":
      return WireType.Fixed32;
    case "string":
    case "bytes":
    case "message":
      return WireType.Bytes;
    default:
      return WireType.Varint;
  }
};

/** The proto3 default of one (not repeated) value. */
const zero = (kind: Scalar): unknown => {
  switch (kind) {
    case "bool":
      return false;
    case "string":
      return "";
    case "bytes":
      return Buffer.alloc(0);
    case "int64":
    case "uint64":
    case "sint64":
    case "fixed64":
    case "sfixed64":
      return 0n;
    default:
      return 0;
  }
};

const readScalar = (reader: Reader, kind: Scalar): unknown => {
  switch (kind) {
    case "string":
      return reader.bytes().toString("utf8");
    case "bytes":
      return reader.bytes();
    case "bool":
      return reader.varint() !== 0n;
    case "int32":
    case "enum":
      return reader.uint32() | 0;
    case "uint32":
      return reader.uint32();
    case "sint32": {
      const value = reader.uint32();
      return (value >>> 1) ^ -(value & 1);
    }
    case "int64":
      return BigInt.asIntN(64, reader.varint());
    case "uint64":
      return reader.varint();
    case "sint64": {
      const value = reader.varint();
      return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    }
    case "float":
      return reader.buffer.readFloatLE(reader.fixed(4));
    case "double":
      return reader.buffer.readDoubleLE(reader.fixed(8));
    case "fixed32":
      return reader.buffer.readUInt32LE(reader.fixed(4));
    case "sfixed32":
      return reader.buffer.readInt32LE(reader.fixed(4));
    case "fixed64":
      return reader.buffer.readBigUInt64LE(reader.fixed(8));
    case "sfixed64":
      return reader.buffer.readBigInt64LE(reader.fixed(8));
  }
};

const writeScalar = (writer: Writer, kind: Scalar, value: unknown): void => {
  switch (kind) {
    case "string":
      writer.string(value as string);
      return;
    case "bytes":
      writer.bytes(value as Uint8Array);
      return;
    case "bool":
      writer.uint32(value ? 1 : 0);
      return;
    case "int32":
    case "enum":
      if ((value as number) < 0) writer.varint(BigInt(value as number));
      else writer.uint32(value as number);
      return;
    case "uint32":
      writer.uint32(value as number);
      return;
    case "sint32":
      writer.uint32((((value as number) << 1) ^ ((value as number) >> 31)) >>> 0);
      return;
    case "int64":
    case "uint64":
      writer.varint(BigInt(value as bigint));
      return;
    case "sint64":
      writer.varint(((value as bigint) << 1n) ^ ((value as bigint) >> 63n));
      return;
    case "float":
      writer.float(value as number);
      return;
    case "double":
      writer.double(value as number);
      return;
    case "fixed32":
    case "sfixed32":
      writer.fixed32(value as number);
      return;
    case "fixed64":
    case "sfixed64":
      writer.fixed64(value as bigint);
      return;
  }
};

/** Packed floats as a typed array; copies, since the source is seldom aligned. */
const readFloats = (bytes: Buffer, kind: "float" | "double"): Float32Array | Float64Array => {
  const size = kind === "float" ? 4 : 8;
  if (bytes.length % size !== 0) throw new WireError("packed field has a partial element");
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return kind === "float" ? new Float32Array(copy) : new Float64Array(copy);
};

type Plain = Record<string, unknown>;

/** Reads and writes one message type. Made by the generated tables. */
export class MessageType<T extends object> {
  private readonly byNumber = new Map<number, Field>();
  constructor(
    /** Full protobuf name, e.g. `milvus.proto.milvus.CreateAliasRequest`. */
    readonly name: string,
    readonly fields: readonly Field[],
  ) {
    for (const field of fields) this.byNumber.set(field.number, field);
  }

  /** A message with every field at its default, then `init`. */
  create(init: Init<T> = {} as Init<T>): T {
    const message: Plain = {};
    for (const field of this.fields) {
      if (field.mapKey) message[field.name] = new Map();
      else if (field.repeated)
        message[field.name] = field.kind === "float" ? new Float32Array(0) : field.kind === "double" ? new Float64Array(0) : [];
      else if (field.kind === "message" || field.optional) message[field.name] = undefined;
      else message[field.name] = zero(field.kind);
    }
    return Object.assign(message, init) as T;
  }

  decode(bytes: Uint8Array): T {
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.read(new Reader(buffer), 0);
  }

  encode(message: Init<T>): Buffer {
    const writer = new Writer();
    this.write(writer, message as Plain);
    return writer.finish();
  }

  /** The encoded message as parts, large byte fields not copied. */
  encodeParts(message: Init<T>): Buffer[] {
    const writer = new Writer();
    this.write(writer, message as Plain);
    return writer.finishParts();
  }

  private read(reader: Reader, depth: number): T {
    if (depth > DEPTH_MAX) throw new WireError("message is nested too deeply");
    const message = this.create() as Plain;
    while (reader.position < reader.end) {
      const tag = reader.uint32();
      if (tag >>> 3 === 0) throw new WireError("field number 0 is not legal");
      const field = this.byNumber.get(tag >>> 3);
      if (field === undefined) reader.skip(tag & 7);
      else readField(reader, field, tag & 7, message, depth);
    }
    return message as T;
  }

  /** For nested reads only. */
  readNested(bytes: Buffer, depth: number): T {
    return this.read(new Reader(bytes), depth);
  }

  write(writer: Writer, message: Plain): void {
    for (const field of this.fields) {
      const value = message[field.name];
      if (value === undefined || value === null) continue;
      if (field.mapKey) writeMap(writer, field, value as Map<unknown, unknown>);
      else if (field.repeated) writeRepeated(writer, field, value as ArrayLike<unknown>);
      else if (field.kind === "message") writeNested(writer, field, value as Plain);
      else if (field.optional || !isZero(value)) {
        writer.tag(field.number, wireTypeOf(field.kind));
        writeScalar(writer, field.kind, value);
      }
    }
  }
}

const isZero = (value: unknown): boolean =>
  value === 0
    ? !Object.is(value, -0)
    : value === false || value === "" || value === 0n || (value instanceof Uint8Array && value.length === 0);

const readField = (reader: Reader, field: Field, wireType: number, message: Plain, depth: number): void => {
  const expected = wireTypeOf(field.kind);
  if (field.mapKey) {
    const [key, value] = readEntry(reader.bytes(), field, depth);
    (message[field.name] as Map<unknown, unknown>).set(key, value);
  } else if (field.repeated && expected !== WireType.Bytes) {
    message[field.name] = readPacked(reader, field.kind as Scalar, wireType, message[field.name] as ArrayLike<unknown>);
  } else if (wireType !== expected) {
    throw new WireError(`field ${field.name} has wire type ${wireType}, expected ${expected}`);
  } else {
    const value = field.kind === "message" ? nested(field).readNested(reader.bytes(), depth + 1) : readScalar(reader, field.kind);
    if (field.repeated) (message[field.name] as unknown[]).push(value);
    else message[field.name] = value;
  }
};

const readPacked = (reader: Reader, kind: Scalar, wireType: number, before: ArrayLike<unknown>): ArrayLike<unknown> => {
  const expected = wireTypeOf(kind);
  if (wireType !== WireType.Bytes && wireType !== expected) throw new WireError(`packed field has wire type ${wireType}`);
  if (kind === "float" || kind === "double") {
    const part = wireType === WireType.Bytes ? readFloats(reader.bytes(), kind) : [readScalar(reader, kind) as number];
    if (before.length === 0 && !Array.isArray(part)) return part;
    const joined = kind === "float" ? new Float32Array(before.length + part.length) : new Float64Array(before.length + part.length);
    joined.set(before as ArrayLike<number>);
    joined.set(part, before.length);
    return joined;
  }
  const list = before as unknown[];
  if (wireType !== WireType.Bytes) {
    list.push(readScalar(reader, kind));
    return list;
  }
  const packed = new Reader(reader.bytes());
  while (packed.position < packed.end) list.push(readScalar(packed, kind));
  return list;
};

const readEntry = (bytes: Buffer, field: Field, depth: number): [unknown, unknown] => {
  const reader = new Reader(bytes);
  let key = zero(field.mapKey as Scalar);
  let value = field.kind === "message" ? nested(field).create() : zero(field.kind);
  while (reader.position < reader.end) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) key = readScalar(reader, field.mapKey as Scalar);
    else if (tag >>> 3 === 2)
      value = field.kind === "message" ? nested(field).readNested(reader.bytes(), depth + 1) : readScalar(reader, field.kind);
    else reader.skip(tag & 7);
  }
  return [key, value];
};

const nested = (field: Field): MessageType<object> => {
  if (!field.type) throw new Error(`field ${field.name} has no message type`);
  return field.type();
};

const writeNested = (writer: Writer, field: Field, value: Plain): void => {
  const inner = new Writer();
  nested(field).write(inner, value);
  writer.tag(field.number, WireType.Bytes);
  writer.uint32(inner.length);
  for (const part of inner.finishParts()) writer.raw(part);
};

const writeMap = (writer: Writer, field: Field, map: Map<unknown, unknown>): void => {
  for (const [key, value] of map) {
    const entry = new Writer();
    entry.tag(1, wireTypeOf(field.mapKey as Scalar));
    writeScalar(entry, field.mapKey as Scalar, key);
    if (field.kind === "message") writeNested(entry, { ...field, number: 2 }, value as Plain);
    else {
      entry.tag(2, wireTypeOf(field.kind));
      writeScalar(entry, field.kind, value);
    }
    writer.tag(field.number, WireType.Bytes);
    writer.bytes(entry.finish());
  }
};

const writeRepeated = (writer: Writer, field: Field, list: ArrayLike<unknown>): void => {
  if (list.length === 0) return;
  const wireType = wireTypeOf(field.kind);
  if (wireType === WireType.Bytes) {
    for (let i = 0; i < list.length; i++) {
      if (field.kind === "message") writeNested(writer, field, list[i] as Plain);
      else {
        writer.tag(field.number, wireType);
        writeScalar(writer, field.kind as Scalar, list[i]);
      }
    }
    return;
  }
  const packed = new Writer();
  const native = field.kind === "float" ? Float32Array : field.kind === "double" ? Float64Array : undefined;
  if (native !== undefined) {
    const array = list instanceof native ? list : native.from(list as ArrayLike<number>);
    packed.raw(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  } else for (let i = 0; i < list.length; i++) writeScalar(packed, field.kind as Scalar, list[i]);
  writer.tag(field.number, WireType.Bytes);
  writer.uint32(packed.length);
  for (const part of packed.finishParts()) writer.raw(part);
};
