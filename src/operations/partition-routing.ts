/**
 * The partitions that rows with given partition keys are in: the same hashes by which `core/src/segment/split.rs` distributes rows.
 *
 * Int64: murmur3 (32 bits, seed 0) of the 8 bytes little-endian without the top bit; VarChar: CRC-32 of at most the first 100 bytes; modulo the number
 * of partitions. Source: milvus pkg/util/typeutil/hash.go.
 */
import { crc32 } from "node:zlib";
import type { Collection } from "../catalog/types.js";
import type { CompiledFilter } from "../filter/index.js";

const TEXT_BYTES_HASHED = 100;

const rotated = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));

/** murmur3_x86_32 with seed 0 of eight bytes. Source: A. Appleby, MurmurHash3. */
const murmur3 = (key: bigint): number => {
  let hash = 0;
  for (const word of [Number(BigInt.asIntN(32, key)), Number(BigInt.asIntN(32, key >> 32n))]) {
    hash ^= Math.imul(rotated(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
    hash = (Math.imul(rotated(hash, 13), 5) + 0xe6546b64) | 0;
  }
  hash ^= 8;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
};

/** Place among `count` partitions of the rows with this partition key. */
export const partitionOrdinal = (key: bigint | string, count: number): number => {
  const hash = typeof key === "bigint" ? murmur3(key) & 0x7fffffff : crc32(Buffer.from(key).subarray(0, TEXT_BYTES_HASHED));
  return hash % count;
};

/** Of the partitions to read (none: all) those in which the filter may find rows; all of them where it does not tell. */
export const routed = (collection: Collection, filter: CompiledFilter, scope: bigint[]): bigint[] => {
  if (filter.partitionKeys === undefined) return scope;
  const ids = new Set<bigint>();
  for (const key of filter.partitionKeys) {
    const partition = collection.partitions[partitionOrdinal(key, collection.partitions.length)];
    if (partition !== undefined && (scope.length === 0 || scope.includes(partition.id))) ids.add(partition.id);
  }
  return ids.size === 0 ? scope : [...ids];
};
