/**
 * The data of the benchmarks: clustered vectors, seeded, made once and kept in bench/data/.
 *
 * Each vector is one of 1,000 centres plus noise of intrinsic dimension 24, as embeddings of text are: near each other in a few directions. Queries
 * are drawn the same way and are not among the rows. The files are raw float32 little-endian, so peers in other languages read the same bytes.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

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

const gaussian = (random: () => number): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

const CENTRES = 1000;
const INTRINSIC = 24;

const make = (count: number, dim: number, random: () => number, centres: Float32Array, directions: Float32Array): Float32Array => {
  const out = new Float32Array(count * dim);
  const noise = new Float32Array(INTRINSIC);
  for (let row = 0; row < count; row++) {
    const centre = Math.floor(random() * CENTRES) * dim;
    for (let i = 0; i < INTRINSIC; i++) noise[i] = gaussian(random);
    for (let d = 0; d < dim; d++) {
      let value = centres[centre + d] as number;
      for (let i = 0; i < INTRINSIC; i++) value += (noise[i] as number) * (directions[i * dim + d] as number);
      out[row * dim + d] = value;
    }
  }
  return out;
};

const load = (file: string): Float32Array => {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
};

export const dataSet = (rowCount: number, dim: number, queryCount = 1000): DataSet => {
  const folder = join(dirname(import.meta.dirname), "bench/data");
  const name = `clustered-${rowCount}x${dim}`;
  const rowsFile = join(folder, `${name}.f32`);
  const queriesFile = join(folder, `${name}-queries.f32`);
  if (!existsSync(queriesFile)) {
    mkdirSync(folder, { recursive: true });
    const random = seededRandom(42);
    const centres = Float32Array.from({ length: CENTRES * dim }, () => gaussian(random));
    const directions = Float32Array.from({ length: INTRINSIC * dim }, () => gaussian(random) * 0.35);
    writeFileSync(rowsFile, new Uint8Array(make(rowCount, dim, random, centres, directions).buffer));
    writeFileSync(queriesFile, new Uint8Array(make(queryCount, dim, random, centres, directions).buffer));
  }
  return { name, rowCount, dim, queryCount, rowsFile, queriesFile, rows: load(rowsFile), queries: load(queriesFile) };
};
