/** Arrays and vectors: what each type takes, in which forms, and the words for everything else. */
import { describe, expect, test } from "vitest";
import { MilvusError } from "../../src/shared/errors.js";
import { DataType, FieldData } from "../../src/shared/proto/generated/messages.js";
import { fieldsToRows, restForm } from "../../src/shared/rows/decode.js";
import { type RowOptions, rowsToFields } from "../../src/shared/rows/encode.js";
import { arrayField, field, schemaOf } from "./schemas.js";

const dim = (value: number) => ({ typeParams: [{ key: "dim", value: String(value) }], nullable: true });

const schema = schemaOf([
  field("id", DataType.Int64, { isPrimaryKey: true }),
  arrayField("bytes", DataType.Int8, { nullable: true }),
  arrayField("longs", DataType.Int64, { nullable: true }),
  arrayField("flags", DataType.Bool, { nullable: true }),
  arrayField("names", DataType.VarChar, { nullable: true }),
  arrayField("floats", DataType.Float, { nullable: true }),
  field("bits", DataType.BinaryVector, dim(16)),
  field("half", DataType.Float16Vector, dim(2)),
  field("brain", DataType.BFloat16Vector, dim(2)),
  field("small", DataType.Int8Vector, dim(2)),
  field("sparse", DataType.SparseFloatVector, { nullable: true }),
]);

const columns = (row: Record<string, unknown>, options: RowOptions) => rowsToFields(schema, [{ id: 1, ...row }], options);
const column = (row: Record<string, unknown>, options: RowOptions = {}): FieldData => {
  const [name] = Object.keys(row);
  return FieldData.decode(columns(row, options).find((each) => each.fieldName === name)?.data ?? Buffer.alloc(0));
};
const refusal = (row: Record<string, unknown>, options: RowOptions = {}): string => {
  try {
    columns(row, options);
  } catch (error) {
    expect(error).toBeInstanceOf(MilvusError);
    expect((error as MilvusError).code).toBe(options.dialect === "rest" ? 1804 : 1100);
    return (error as MilvusError).message;
  }
  throw new Error("the row was taken");
};
const rest = { dialect: "rest" } as const;

describe("forms of one value", () => {
  test.each([
    ["bits", [1, 255], Buffer.from([1, 255]), Uint8Array.of(1, 255)],
    ["small", [-1, 127], Int8Array.of(-1, 127)],
    ["half", [1, -2], Float32Array.of(1, -2), Float64Array.of(1, -2), Uint8Array.of(0x00, 0x3c, 0x00, 0xc0)],
    ["brain", [1, -2], Float32Array.of(1, -2), Float64Array.of(1, -2), Uint8Array.of(0x80, 0x3f, 0x00, 0xc0)],
    ["longs", [1, 2], [1n, 2n], BigInt64Array.of(1n, 2n), Int32Array.of(1, 2)],
    ["floats", [0.5], Float32Array.of(0.5), Float64Array.of(0.5)],
    [
      "sparse",
      { 5: 0.5, 1: 2 },
      { indices: [5, 1], values: [0.5, 2] },
      new Map([
        [5, 0.5],
        [1, 2],
      ]),
      { indices: Uint32Array.of(1, 5), values: Float32Array.of(2, 0.5) },
    ],
  ])("%s", (name, ...forms) => {
    for (const form of forms) expect(column({ [name]: form })).toEqual(column({ [name]: forms[0] }));
  });

  test.each([
    ["bits", [1, 255], "Af8="],
    ["half", [1, -2], "ADwAwA=="],
    ["brain", [1, -2], "gD8AwA=="],
    ["small", [-1, 127], "[-1,127]"],
    ["longs", [1, 9007199254740993n], "[1,9007199254740993]"],
    ["names", ["a", "b"], '["a","b"]'],
    ["flags", [true, false], "[true,false]"],
    ["sparse", { 5: 0.5, 1: 2 }, '{"1":2,"5":0.5}'],
    ["sparse", { indices: [5, 1], values: [0.5, 2] }, '{"indices":[1,5],"values":[2,0.5]}'],
  ])("REST: %s", (name, value, text) => {
    expect(column({ [name]: text }, rest)).toEqual(column({ [name]: value }));
    expect(column({ [name]: value }, rest)).toEqual(column({ [name]: value }));
  });

  test("the empty ones", () => {
    expect(column({ sparse: {} }).vectors?.sparseFloatVector?.contents).toEqual([Buffer.alloc(0)]);
    expect(column({ sparse: {} }, rest)).toEqual(column({ sparse: {} }));
    expect(column({ longs: [] }).scalars?.arrayData?.data).toMatchObject([{ longData: { data: [] } }]);
    expect(column({ longs: [] }, rest)).toEqual(column({ longs: [] }));
  });
});

test("bytes of a sparse vector: pairs by ascending index, dim is the highest and one", () => {
  const { vectors } = column({ sparse: { 7: 0.5, 256: 1 } });
  expect(vectors?.sparseFloatVector?.contents).toEqual([Buffer.from("070000000000003f000100000000803f", "hex")]);
  expect(vectors?.dim).toBe(257n);
});

test("a typed vector of a result shares no memory with its message", () => {
  const encoded = column({ bits: [1, 2] });
  const [first] = fieldsToRows([encoded]);
  encoded.vectors?.binaryVector?.fill(9);
  expect(first).toEqual({ bits: Uint8Array.of(1, 2) });
});

test("an array whose message tells no element type is read by what it has", () => {
  const encoded = column({ names: ["a"] });
  if (encoded.scalars?.arrayData) encoded.scalars.arrayData.elementType = DataType.None;
  expect(fieldsToRows([encoded])).toEqual([{ names: ["a"] }]);
});

test("REST shows bytes as base64, arrays as Go shows them", () => {
  const all = {
    bits: [1, 255],
    half: [1, -2],
    brain: [1, -2],
    small: [-1, 127],
    sparse: { 1: 0.1 },
    longs: [2n ** 60n],
    floats: [0.1],
    names: [],
  };
  const fields = columns(all, {}).map((each) => each.data);
  expect(fieldsToRows(fields, restForm(false))[0]).toMatchObject({
    ...{ bits: "Af8=", half: "ADwAwA==", brain: "gD8AwA==", small: [-1, 127], sparse: { 1: 0.1 } },
    ...{ longs: { Data: { LongData: { data: [2n ** 60n] } } }, floats: { Data: { FloatData: { data: [0.1] } } } },
    ...{ names: { Data: { StringData: {} } }, flags: null },
  });
});

describe("strict refusals", () => {
  test.each<[Record<string, unknown>, string]>([
    [{ longs: 5 }, "{longs} field should be a Array, but got a {number} instead."],
    [{ longs: "[1]" }, "{longs} field should be a Array, but got a {string} instead."],
    [{ longs: [1, "2"] }, "{longs} field should be a Array, but got a {Array} instead. Element 1 is a {string}."],
    [{ longs: [1, null] }, "Element 1 is a {null}."],
    [{ longs: new Array(2) }, "Element 0 is a {undefined}."],
    [{ longs: [2 ** 60] }, "pass a bigint"],
    [{ bytes: [1, 128] }, "the 1th element (128) out of range: [-128, 127]"],
    [{ names: [1] }, "Element 0 is a {number}."],
    [{ floats: [1n] }, "Element 0 is a {bigint}."],
    [{ bits: [1] }, "the dim (8) of field data(bits) is not equal to schema dim (16)"],
    [{ bits: [1, 256] }, "the 1th element (256) out of range: [0, 255]"],
    [{ bits: [1, 1.5] }, "{bits} field should be a BinaryVector, but got a {Array} instead. Element 1 is 1.5."],
    [{ bits: Float32Array.of(1, 2) }, "{bits} field should be a BinaryVector, but got a {Float32Array} instead."],
    [{ small: [1, -129] }, "the 1th element (-129) out of range: [-128, 127]"],
    [{ small: Uint8Array.of(1, 2) }, "{small} field should be a Int8Vector, but got a {Uint8Array} instead."],
    [{ half: [1] }, "the dim (1) of field data(half) is not equal to schema dim (2)"],
    [{ half: Uint8Array.of(1, 2, 3) }, "the dim (1.5) of field data(half) is not equal to schema dim (2)"],
    [{ half: [1, "2"] }, "Element 1 is a {string}."],
    [{ brain: "AAAA" }, "{brain} field should be a BFloat16Vector, but got a {string} instead."],
    [{ sparse: [1, 2] }, "{sparse} field should be a SparseFloatVector, but got a {Array} instead."],
    [{ sparse: { a: 1 } }, "Index a is a {string}."],
    [{ sparse: { 1: "x" } }, "Value of index 1 is a {string}."],
    [{ sparse: { 4294967295: 1 } }, "sparse vector index must be positive and less than 2^32-1: 4294967295"],
    [{ sparse: new Map([[-1, 1]]) }, "sparse vector index must be positive and less than 2^32-1: -1"],
    [{ sparse: { 1: Number.NaN } }, "sparse vector value must not be NaN"],
    [{ sparse: { indices: [1, 2], values: [1] } }, "length of indices and values must be the same, got 2 and 1"],
    [{ sparse: { indices: [1, 1], values: [1, 2] } }, "unsorted or same indices in sparse float vector"],
  ])("%o", (row, words) => {
    expect(refusal(row)).toContain(words);
  });
});

describe("REST refusals", () => {
  test.each<[Record<string, unknown>, string]>([
    [{ longs: 5 }, "json: cannot unmarshal number 5 into Go value of type []int64: invalid parameter[expected=Array of Int64][actual=5]"],
    [{ longs: "x" }, "invalid character 'x' looking for beginning of value: invalid parameter[expected=Array of Int64][actual=x]"],
    [{ longs: "" }, "unexpected end of JSON input"],
    [{ longs: [1, "2"] }, "json: cannot unmarshal string into Go value of type int64"],
    [{ longs: [1.5] }, "json: cannot unmarshal number 1.5 into Go value of type int64"],
    [{ longs: [2n ** 63n] }, "json: cannot unmarshal number 9223372036854775808 into Go value of type int64"],
    [{ bytes: [2 ** 31] }, "json: cannot unmarshal number 2147483648 into Go value of type int32"],
    [{ flags: [1] }, "json: cannot unmarshal number 1 into Go value of type bool"],
    [{ names: [{}] }, "json: cannot unmarshal object into Go value of type string"],
    [{ floats: [1e39] }, "json: cannot unmarshal number 1e+39 into Go value of type float32"],
    [{ bits: [1, 256] }, "json: cannot unmarshal number 256 into Go value of type uint8: invalid parameter[expected=BinaryVector]"],
    [{ bits: [1] }, "[]byte size 1 doesn't equal to vector dimension 16 of BinaryVector"],
    [{ bits: "A!==" }, "illegal base64 data at input byte 1"],
    [{ bits: "Af8" }, "illegal base64 data at input byte 3"],
    [{ bits: "" }, "missing vector field: bits: invalid parameter[expected=BinaryVector][actual=]"],
    [{ bits: { a: 1 } }, "json: cannot unmarshal object into Go value of type []uint8"],
    [{ half: 7 }, "invalid vector field: half: invalid parameter[expected=Float16Vector][actual=7]"],
    [{ half: [1] }, "[]byte size 2 doesn't equal to vector dimension 2 of Float16Vector"],
    [{ brain: "AAA=" }, "[]byte size 2 doesn't equal to vector dimension 2 of BFloat16Vector"],
    [{ small: [1, 200] }, "json: cannot unmarshal number 200 into Go value of type int8: invalid parameter[expected=Int8Vector]"],
    [{ small: [1] }, "[]int8 size 1 doesn't equal to vector dimension 2 of Int8Vector"],
    [{ sparse: [1] }, "json: cannot unmarshal array into Go value of type map[string]interface {}"],
    [{ sparse: { a: 1 } }, "invalid index type in JSON: a: invalid parameter[expected=SparseFloatVector]"],
    [{ sparse: { 1: "x" } }, "invalid value type in JSON: x"],
    [{ sparse: { 1: -1 } }, "negative value in sparse float vector"],
    [{ sparse: { 4294967295: 1 } }, "invalid index in sparse float vector: must be less than 2^32-1"],
    [{ sparse: { indices: [1], values: 1 } }, "invalid JSON input"],
    [{ sparse: { indices: [1, 2], values: [1] } }, "indices and values length mismatch"],
    [{ sparse: { indices: [1, 1], values: [1, 1] } }, "unsorted or same indices in sparse float vector"],
  ])("%o", (row, words) => {
    expect(refusal(row, rest)).toContain(words);
  });
});
