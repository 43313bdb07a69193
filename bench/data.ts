/**
 * The data of the benchmarks: clustered vectors, seeded, made once and kept in bench/data/.
 *
 * As embeddings of text do, the vectors lie near a subspace of few dimensions (32) and gather around 1,000 centres in it, with some noise in all
 * dimensions. Queries are drawn the same way and are not among the rows. The files are raw float32 little-endian, so peers in other languages read the same bytes.
 */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { readFloats, writeBytes } from "./files.js";

export interface DataSet {
  readonly name: string;
  readonly rowCount: number;
  readonly dim: number;
  readonly queryCount: number;
  readonly rowsFile: string;
  readonly queriesFile: string;
  readonly rows: Float32Array;
  readonly queries: Float32Array;
}

/** sfc32 (PractRand's small fast counting generator), for the same data on every machine; its period is far beyond what is drawn. */
export const seededRandom = (seed: number): (() => number) => {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed >>> 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4294967296;
  };
  for (let warm = 0; warm < 16; warm++) next();
  return next;
};

export const gaussian = (random: () => number): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

const CENTRES = 1000;
const INTRINSIC = 32;
const SPREAD = 0.6;
const NOISE = 0.1;

/** `centres`: CENTRES x INTRINSIC; `directions`: INTRINSIC x dim. */
const make = (count: number, dim: number, random: () => number, centres: Float32Array, directions: Float32Array): Float32Array => {
  const out = new Float32Array(count * dim);
  const place = new Float32Array(INTRINSIC);
  for (let row = 0; row < count; row++) {
    const centre = Math.floor(random() * CENTRES) * INTRINSIC;
    for (let i = 0; i < INTRINSIC; i++) place[i] = (centres[centre + i] as number) + SPREAD * gaussian(random);
    for (let d = 0; d < dim; d++) {
      let value = NOISE * gaussian(random);
      for (let i = 0; i < INTRINSIC; i++) value += (place[i] as number) * (directions[i * dim + d] as number);
      out[row * dim + d] = value;
    }
  }
  return out;
};

export const dataSet = (rowCount: number, dim: number, queryCount = 1000): DataSet => {
  const folder = join(dirname(import.meta.dirname), "bench/data");
  const name = `clustered-${rowCount}x${dim}`;
  const rowsFile = join(folder, `${name}.f32`);
  const queriesFile = join(folder, `${name}-queries.f32`);
  if (!existsSync(queriesFile)) {
    mkdirSync(folder, { recursive: true });
    const random = seededRandom(42);
    const centres = Float32Array.from({ length: CENTRES * INTRINSIC }, () => gaussian(random));
    const directions = Float32Array.from({ length: INTRINSIC * dim }, () => gaussian(random));
    writeBytes(rowsFile, make(rowCount, dim, random, centres, directions));
    writeBytes(queriesFile, make(queryCount, dim, random, centres, directions));
  }
  return { name, rowCount, dim, queryCount, rowsFile, queriesFile, rows: readFloats(rowsFile), queries: readFloats(queriesFile) };
};
