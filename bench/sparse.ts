/**
 * Sparse data: made, read, and searched exactly.
 *
 * A file holds one row after another: the number of elements (uint32), then index (uint32, ascending) and value (float32) of each, which is how Milvus
 * has a sparse row.
 */
import { existsSync } from "node:fs";
import { gaussian, seededRandom } from "./data.js";
import { readBytes, writeBytes } from "./files.js";

const DIM = 30_000;
const ROW_ELEMENTS = 100;
const QUERY_ELEMENTS = 30;
const ELEMENT_BYTES = 8;
/** Weight of the elements grows with their rarity up to this many times. */
const RARITY = 0.5;

/** Elements by Zipf's law: the probability of an index is proportional to 1 / (index + 10). */
const drawIndex = (random: () => number): number => Math.min(DIM - 1, Math.floor(10 * (((DIM + 10) / 10) ** random() - 1)));

const makeRow = (random: () => number, meanElements: number): Buffer => {
  const wanted = Math.max(4, Math.round(meanElements * (1 + 0.3 * gaussian(random))));
  const indexes = new Set<number>();
  while (indexes.size < wanted) indexes.add(drawIndex(random));
  const row = Buffer.alloc(4 + wanted * ELEMENT_BYTES);
  row.writeUInt32LE(wanted, 0);
  [...indexes]
    .sort((one, other) => one - other)
    .forEach((index, at) => {
      const weight = (1 + RARITY * Math.log1p(index)) * Math.exp(0.5 * gaussian(random));
      row.writeUInt32LE(index, 4 + at * ELEMENT_BYTES);
      row.writeFloatLE(weight, 8 + at * ELEMENT_BYTES);
    });
  return row;
};

/** Makes the files when they are missing; returns the dimension. */
export const writeSparse = (rowsFile: string, queriesFile: string, rowCount: number, queryCount: number): number => {
  if (existsSync(queriesFile)) return DIM;
  const random = seededRandom(42);
  writeBytes(rowsFile, Buffer.concat(Array.from({ length: rowCount }, () => makeRow(random, ROW_ELEMENTS))));
  writeBytes(queriesFile, Buffer.concat(Array.from({ length: queryCount }, () => makeRow(random, QUERY_ELEMENTS))));
  return DIM;
};

/** Each row's bytes without its number of elements. */
export const readSparse = (file: string): Buffer[] => {
  const bytes = readBytes(file);
  const rows: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at) * ELEMENT_BYTES;
    rows.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return rows;
};

const elements = (row: Buffer, each: (index: number, value: number) => void): void => {
  for (let at = 0; at < row.length; at += ELEMENT_BYTES) each(row.readUInt32LE(at), row.readFloatLE(at + 4));
};

/** The `k` rows of the largest inner product with each query, sums in 64 bits, and the `k`th inner product; by lists of each element's rows. */
export const sparseTruth = (
  rowsFile: string,
  queriesFile: string,
  dim: number,
  k: number,
  keeps: (row: number) => boolean = () => true,
): { nearest: Int32Array; kth: Float32Array } => {
  const rows = readSparse(rowsFile);
  const lists = Array.from({ length: dim }, () => ({ rows: [] as number[], values: [] as number[] }));
  rows.forEach((row, at) => {
    if (!keeps(at)) return;
    elements(row, (index, value) => {
      lists[index]?.rows.push(at);
      lists[index]?.values.push(value);
    });
  });
  const queries = readSparse(queriesFile);
  const nearest = new Int32Array(queries.length * k);
  const kth = new Float32Array(queries.length);
  const sums = new Float64Array(rows.length);
  queries.forEach((query, turn) => {
    sums.fill(0);
    elements(query, (index, weight) => {
      const list = lists[index] as { rows: number[]; values: number[] };
      for (let at = 0; at < list.rows.length; at++) {
        const row = list.rows[at] as number;
        sums[row] = (sums[row] as number) + weight * (list.values[at] as number);
      }
    });
    const best = largest(sums, k);
    nearest.set(best, turn * k);
    kth[turn] = sums[best[k - 1] as number] as number;
  });
  return { nearest, kth };
};

/** Positions of the `k` largest, in order. */
const largest = (values: Float64Array, k: number): number[] => {
  const best: number[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    if (best.length === k && value <= least) continue;
    let place = best.length;
    while (place > 0 && (values[best[place - 1] as number] as number) < value) place--;
    best.splice(place, 0, at);
    if (best.length > k) best.pop();
    if (best.length === k) least = values[best[k - 1] as number] as number;
  }
  return best;
};
