/** The vectors of a column, one after another, without the rows that have none. */
import { invalid } from "../errors.js";
import { DataType, type FieldData, type VectorField } from "../proto/generated/messages.js";
import { typeName } from "../schema.js";
import type { RowForm } from "./decode.js";
import { bfloat16, float16, fromHalfBytes, type HalfFormat } from "./half.js";
import { shortFloat } from "./json.js";
import { fromSparseBytes } from "./sparse.js";

export interface Vectors {
  readonly count: number;
  /** A vector of its own: it shares no memory with the message. */
  readonly at: (place: number) => unknown;
}

const floats = (value: Float32Array, form: RowForm): Float32Array | number[] =>
  form.floats === "typed" ? value : Array.from(value, shortFloat);

/** `data` cut into pieces of `width` elements. */
const pieces = <T extends Float32Array | Buffer>(data: T, width: number, read: (piece: T) => unknown): Vectors => ({
  count: width === 0 ? 0 : data.length / width,
  at: (place) => read(data.subarray(place * width, (place + 1) * width) as T),
});

const base64 = (bytes: Buffer): string => bytes.toString("base64");

const halves = (bytes: Buffer, dim: number, format: HalfFormat, form: RowForm): Vectors =>
  pieces(bytes, dim * 2, form.bytes === "base64" ? base64 : (piece) => fromHalfBytes(piece, format));

const none = Buffer.alloc(0);

/** Indices become keys, so they come back ascending. */
const sparse = (contents: readonly Buffer[], form: RowForm): Vectors => ({
  count: contents.length,
  at: (place) => {
    const { indices, values } = fromSparseBytes(contents[place] ?? none);
    return Object.fromEntries(indices.map((index, i) => [index, form.floats === "typed" ? values[i] : shortFloat(values[i] as number)]));
  },
});

/** @throws MilvusError 1100 for a type that rows do not have */
export const vectorsOf = (field: FieldData, form: RowForm): Vectors => {
  const source: Partial<VectorField> = field.vectors ?? {};
  const dim = Number(source.dim ?? 0n);
  switch (field.type) {
    case DataType.FloatVector:
      return pieces(source.floatVector?.data ?? new Float32Array(0), dim, (piece) =>
        floats(form.floats === "typed" ? piece.slice() : piece, form),
      );
    case DataType.BinaryVector:
      return pieces(source.binaryVector ?? none, dim / 8, form.bytes === "base64" ? base64 : (piece) => Uint8Array.from(piece));
    case DataType.Float16Vector:
      return halves(source.float16Vector ?? none, dim, float16, form);
    case DataType.BFloat16Vector:
      return halves(source.bfloat16Vector ?? none, dim, bfloat16, form);
    case DataType.Int8Vector:
      return pieces(source.int8Vector ?? none, dim, (piece) =>
        form.bytes === "typed" ? Int8Array.from(piece) : [...Int8Array.from(piece)],
      );
    case DataType.SparseFloatVector:
      return sparse(source.sparseFloatVector?.contents ?? [], form);
    default:
      throw invalid(`the type(${typeName(field.type)}) of field(${field.fieldName}) is not supported`);
  }
};
