/**
 * How values of rows are read. Two dialects, because Milvus has two: its SDKs are strict about types, its REST layer reads the text of any value.
 * A reader takes a value and answers what the column holds, or throws 1100.
 */
import { invalid, type MilvusError } from "../errors.js";
import { DataType, type FieldSchema } from "../proto/generated/messages.js";

/** Reads one value of row number `row`; null and undefined reach it only when the field takes no nulls. */
export type ScalarReader = (value: unknown, row: number) => unknown;

/** Checks one vector and copies it to `into[at, at + dim)`. */
export type VectorReader = (value: unknown, into: Float32Array, at: number) => void;

/** The elements of one Array value, each as its column holds it. */
export type ArrayReader = (value: unknown) => unknown[];

/** The bytes of one vector, as many as the type and the dimension say. */
export type BytesReader = (value: unknown) => Uint8Array;

export interface Dialect {
  scalar(field: FieldSchema): ScalarReader;
  array(field: FieldSchema): ArrayReader;
  /** FloatVector. */
  vector(field: FieldSchema, dim: number): VectorReader;
  /** BinaryVector, Float16Vector, BFloat16Vector, Int8Vector, and SparseFloatVector, which has no `dim`. */
  bytes(field: FieldSchema, dim: number): BytesReader;
  /** A key that is no field, in a collection without dynamic field. */
  unknownKey(key: string): MilvusError;
  /** `$meta` as a key. */
  metaKey(dynamic: boolean): MilvusError;
  notARow(value: unknown): MilvusError;
  noRows(): MilvusError;
  /** Whether a null among the dynamic keys is left out. */
  readonly skipsDynamicNull: boolean;
}

const ranges: Readonly<Record<number, readonly [bigint, bigint]>> = {
  [DataType.Int8]: [-128n, 127n],
  [DataType.Int16]: [-32768n, 32767n],
  [DataType.Int32]: [-2147483648n, 2147483647n],
  [DataType.Int64]: [-9223372036854775808n, 9223372036854775807n],
};

/** The value, if the integer type holds it. */
export const inRange = (type: number, value: bigint, row: number): bigint => {
  const [low, high] = ranges[type] as readonly [bigint, bigint];
  if (value < low || value > high) throw invalid(`the ${row}th element (${value}) out of range: [${low}, ${high}]`);
  return value;
};
