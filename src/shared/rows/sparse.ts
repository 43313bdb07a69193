/**
 * Sparse vectors: little-endian pairs of a uint32 index and a float32 value, 8 bytes each, indices ascending and each once. A vector may be empty.
 * Source: milvus pkg/util/typeutil/schema.go, ValidateSparseFloatRows.
 */
import { invalid } from "../errors.js";

const PAIR_BYTES = 8;
/** Indices are below it; 2^32 - 1 itself is none. */
export const SPARSE_INDEX_END = 2 ** 32 - 1;

export interface SparsePairs {
  readonly indices: readonly number[];
  readonly values: readonly number[];
}

/**
 * The bytes of pairs in any order.
 * @throws MilvusError 1100 for an index that is there twice
 */
export const toSparseBytes = ({ indices, values }: SparsePairs): Buffer => {
  const order = indices.map((_, i) => i).sort((a, b) => (indices[a] as number) - (indices[b] as number));
  const bytes = Buffer.alloc(order.length * PAIR_BYTES);
  order.forEach((from, at) => {
    const index = indices[from] as number;
    if (at > 0 && bytes.readUInt32LE((at - 1) * PAIR_BYTES) === index) throw invalid("unsorted or same indices in sparse float vector");
    bytes.writeUInt32LE(index, at * PAIR_BYTES);
    bytes.writeFloatLE(values[from] as number, at * PAIR_BYTES + 4);
  });
  return bytes;
};

/** @throws MilvusError 1100 for bytes that are no pairs */
export const fromSparseBytes = (bytes: Buffer): SparsePairs => {
  if (bytes.length % PAIR_BYTES !== 0) throw invalid(`invalid data length in sparse float vector: ${bytes.length}`);
  const places = Array.from({ length: bytes.length / PAIR_BYTES }, (_, i) => i * PAIR_BYTES);
  return { indices: places.map((at) => bytes.readUInt32LE(at)), values: places.map((at) => bytes.readFloatLE(at + 4)) };
};

/** Highest index + 1; 0 for an empty vector. */
export const sparseDim = (bytes: Buffer): number => (bytes.length === 0 ? 0 : bytes.readUInt32LE(bytes.length - PAIR_BYTES) + 1);
