/**
 * The outside of a `schema.FieldData` message: its name and what kind of payload it has, read without touching the values.
 * Source: milvus-proto proto/schema.proto, FieldData (type 1, field_name 2, scalars 3, vectors 4, field_id 5, is_dynamic 6, valid_data 7, struct_arrays 8).
 */
import { Reader, WireError, Writer } from "./wire.js";

export interface FieldEnvelope {
  readonly type: number;
  readonly name: string;
  readonly fieldId: bigint;
  readonly dynamic: boolean;
  readonly payload: "scalars" | "vectors" | "structs" | "none";
}

const PAYLOADS: Record<number, FieldEnvelope["payload"]> = { 3: "scalars", 4: "vectors", 8: "structs" };

/** @throws WireError when the bytes are not a FieldData. */
export const readEnvelope = (bytes: Buffer): FieldEnvelope => {
  const reader = new Reader(bytes);
  let type = 0;
  let name = "";
  let fieldId = 0n;
  let dynamic = false;
  let payload: FieldEnvelope["payload"] = "none";
  while (reader.position < reader.end) {
    const tag = reader.uint32();
    const number = tag >>> 3;
    if (number === 0) throw new WireError("field number 0 is not legal");
    if (tag === 0x08) type = reader.uint32();
    else if (tag === 0x12) name = reader.bytes().toString("utf8");
    else if (tag === 0x28) fieldId = BigInt.asIntN(64, reader.varint());
    else if (tag === 0x30) dynamic = reader.varint() !== 0n;
    else {
      payload = PAYLOADS[number] ?? payload;
      reader.skip(tag & 7);
    }
  }
  return { type, name, fieldId, dynamic, payload };
};

/** The encoded type, name and id of a FieldData, to which the core appends the values. */
export const fieldHeader = (type: number, name: string, fieldId: bigint, dynamic: boolean): Buffer => {
  const writer = new Writer();
  writer.tag(1, 0);
  writer.uint32(type);
  writer.tag(2, 2);
  writer.string(name);
  writer.tag(5, 0);
  writer.varint(fieldId);
  if (dynamic) {
    writer.tag(6, 0);
    writer.uint32(1);
  }
  return writer.finish();
};
