import { describe, expect, it } from "vitest";
import { FieldData, IDs, SearchRequest, Status, TemplateValue } from "../../src/shared/proto/generated/messages.js";
import { Reader, WireError, Writer } from "../../src/shared/proto/wire.js";

const edges = [
  0n,
  1n,
  127n,
  128n,
  0xfffffffn,
  0x10000000n,
  0xffffffffn,
  0x100000000n,
  2n ** 49n - 1n,
  2n ** 49n,
  2n ** 53n,
  2n ** 56n - 1n,
  2n ** 56n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

describe("the protobuf wire format", () => {
  it("reads every 64-bit varint that it writes", () => {
    for (const value of edges) {
      const writer = new Writer();
      writer.varint(value);
      const reader = new Reader(writer.finish());
      expect(reader.varint()).toBe(value);
      expect(reader.position).toBe(reader.end);
    }
  });

  it("keeps negative int64 in packed lists", () => {
    const data = [-1n, 0n, 5n, -(2n ** 63n), 2n ** 63n - 1n];
    expect(IDs.decode(IDs.encode({ intId: { data } })).intId?.data).toEqual(data);
  });

  it("gives proto3 defaults and leaves absent oneof members undefined", () => {
    const request = SearchRequest.decode(Buffer.alloc(0));
    expect(request.collectionName).toBe("");
    expect(request.nq).toBe(0n);
    expect(request.placeholderGroup).toBeUndefined();
    expect(request.searchParams).toEqual([]);
  });

  it("keeps maps, floats and nested messages", () => {
    const status = Status.decode(Status.encode({ code: 1100, extraInfo: new Map([["a", "b"]]) }));
    expect([...status.extraInfo]).toEqual([["a", "b"]]);
    const field = FieldData.decode(FieldData.encode({ fieldName: "v", vectors: { dim: 2n, floatVector: { data: [1.5, -0.25] } } }));
    expect([...(field.vectors?.floatVector?.data ?? [])]).toEqual([1.5, -0.25]);
  });

  it("refuses truncated, overlong and deeply nested bytes with WireError", () => {
    const whole = SearchRequest.encode({ collectionName: "c", searchParams: [{ key: "k", value: "v" }] });
    for (let end = 1; end < whole.length; end++) {
      try {
        SearchRequest.decode(whole.subarray(0, end));
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }
    expect(() => Status.decode(Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]))).toThrow(WireError);
    let nested = TemplateValue.encode({ int64Val: 1n });
    for (let depth = 0; depth < 200; depth++) {
      const array = new Writer();
      array.tag(5, 2);
      const list = new Writer();
      list.tag(1, 2);
      list.bytes(nested);
      array.bytes(list.finish());
      nested = array.finish();
    }
    expect(() => TemplateValue.decode(nested)).not.toThrow(RangeError);
  });
});
