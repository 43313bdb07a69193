/** Vectors in the dialect of the SDKs: arrays of numbers, typed arrays, or the bytes themselves. */
import { invalid } from "../errors.js";
import { DataType, type FieldSchema } from "../proto/generated/messages.js";
import type { BytesReader, VectorReader } from "./dialect.js";
import { bfloat16, float16, type HalfFormat, toHalfBytes } from "./half.js";
import { SPARSE_INDEX_END, type SparsePairs, toSparseBytes } from "./sparse.js";
import { kindOf, mismatch } from "./strict-words.js";

const checkDim = (field: FieldSchema, given: number, dim: number): void => {
  if (given !== dim) throw invalid(`the dim (${given}) of field data(${field.name}) is not equal to schema dim (${dim})`);
};

const isFloats = (value: unknown): value is Float32Array | Float64Array => value instanceof Float32Array || value instanceof Float64Array;

const checkNumbers = (field: FieldSchema, value: readonly unknown[]): void => {
  for (let i = 0; i < value.length; i++) {
    const element = value[i];
    if (typeof element !== "number") throw mismatch(field, value, ` Element ${i} is a {${kindOf(element)}}.`);
  }
};

export const strictVector =
  (field: FieldSchema, dim: number): VectorReader =>
  (value, into, at) => {
    if (!isFloats(value) && !Array.isArray(value)) throw mismatch(field, value);
    checkDim(field, value.length, dim);
    if (!isFloats(value)) checkNumbers(field, value);
    into.set(value, at);
  };

const checkIntegers = (field: FieldSchema, value: readonly unknown[], low: number, high: number): void => {
  checkNumbers(field, value);
  for (let i = 0; i < value.length; i++) {
    const element = value[i] as number;
    if (!Number.isInteger(element)) throw mismatch(field, value, ` Element ${i} is ${element}.`);
    if (element < low || element > high) throw invalid(`the ${i}th element (${element}) out of range: [${low}, ${high}]`);
  }
};

const integers =
  (
    field: FieldSchema,
    dim: number,
    perElement: number,
    type: typeof Uint8Array | typeof Int8Array,
    low: number,
    high: number,
  ): BytesReader =>
  (value) => {
    if (!Array.isArray(value) && !(value instanceof type)) throw mismatch(field, value);
    checkDim(field, value.length * perElement, dim);
    if (Array.isArray(value)) checkIntegers(field, value, low, high);
    return Uint8Array.from(value);
  };

const halves =
  (field: FieldSchema, dim: number, format: HalfFormat): BytesReader =>
  (value) => {
    if (value instanceof Uint8Array) {
      checkDim(field, value.length / 2, dim);
      return value;
    }
    if (!isFloats(value) && !Array.isArray(value)) throw mismatch(field, value);
    checkDim(field, value.length, dim);
    if (!isFloats(value)) checkNumbers(field, value);
    return toHalfBytes(value, format);
  };

const DECIMAL = /^\d+$/;

const listsOf = (field: FieldSchema, value: unknown): { indices: readonly unknown[]; values: readonly unknown[] } => {
  if (value instanceof Map) return { indices: [...value.keys()], values: [...value.values()] };
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) throw mismatch(field, value);
  const { indices, values } = value as { indices?: unknown; values?: unknown };
  const listed = (list: unknown): list is ArrayLike<unknown> => Array.isArray(list) || (ArrayBuffer.isView(list) && "length" in list);
  if (listed(indices) && listed(values)) return { indices: Array.from(indices), values: Array.from(values) };
  const keys = Object.keys(value).map((key) => (DECIMAL.test(key) ? Number(key) : key));
  return { indices: keys, values: Object.values(value) };
};

const pairsOf = (field: FieldSchema, value: unknown): SparsePairs => {
  const { indices, values } = listsOf(field, value);
  if (indices.length !== values.length)
    throw invalid(`length of indices and values must be the same, got ${indices.length} and ${values.length}`);
  for (const index of indices) {
    if (typeof index !== "number") throw mismatch(field, value, ` Index ${String(index)} is a {${kindOf(index)}}.`);
    if (!Number.isInteger(index) || index < 0 || index >= SPARSE_INDEX_END)
      throw invalid(`sparse vector index must be positive and less than 2^32-1: ${index}`);
  }
  values.forEach((element, i) => {
    if (typeof element !== "number") throw mismatch(field, value, ` Value of index ${indices[i]} is a {${kindOf(element)}}.`);
    if (Number.isNaN(element)) throw invalid("sparse vector value must not be NaN");
  });
  return { indices: indices as number[], values: values as number[] };
};

export const strictBytes = (field: FieldSchema, dim: number): BytesReader => {
  switch (field.dataType) {
    case DataType.BinaryVector:
      return integers(field, dim, 8, Uint8Array, 0, 255);
    case DataType.Int8Vector:
      return integers(field, dim, 1, Int8Array, -128, 127);
    case DataType.Float16Vector:
      return halves(field, dim, float16);
    case DataType.BFloat16Vector:
      return halves(field, dim, bfloat16);
    default:
      return (value) => toSparseBytes(pairsOf(field, value));
  }
};
