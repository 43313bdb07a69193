/** Indexes of lists (IVF, SCANN, BIN_IVF_FLAT) over the whole path: built, found again after a restart, and answering near what an exact search finds. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFailed } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { DataType, IDs, PlaceholderGroup, PlaceholderType, SearchResultData } from "../../src/shared/proto/generated/messages.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { typeName } from "../../src/shared/schema.js";
import { Driver } from "../support/driver.js";
import { runSeed, SeededRandom } from "../support/random.js";
import { createRequest, idField } from "../support/schemas.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const DIM = 32;
const ROWS = 2500;
const QUERIES = 12;
const LIMIT = 10;
const collectionName = "lists";

type Score = (left: readonly number[], right: readonly number[]) => number;
const sum = (count: number, of: (at: number) => number): number =>
  Array.from({ length: count }, (_, at) => of(at)).reduce((a, b) => a + b, 0);
const dot: Score = (left, right) => sum(DIM, (at) => (left[at] as number) * (right[at] as number));
/** The smaller the better. */
const DISTANCES: Readonly<Record<string, Score>> = {
  L2: (left, right) => sum(DIM, (at) => ((left[at] as number) - (right[at] as number)) ** 2),
  IP: (left, right) => -dot(left, right),
  COSINE: (left, right) => -dot(left, right) / Math.sqrt(dot(left, left) * dot(right, right)),
  HAMMING: (left, right) => sum(DIM, (at) => Math.abs((left[at] as number) - (right[at] as number))),
  JACCARD: (left, right) => 1 - dot(left, right) / sum(DIM, (at) => Math.max(left[at] as number, right[at] as number)),
};

interface Case {
  readonly name: string;
  readonly dataType: DataType;
  readonly metricType: string;
  readonly indexType: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly searchParams: Readonly<Record<string, unknown>>;
}
const lists = (dataType: DataType, indexType: string, metricType: string, params = {}, searchParams = {}): Case => ({
  name: `${indexType} ${JSON.stringify(params)} of ${typeName(dataType)} by ${metricType}`,
  dataType,
  metricType,
  indexType,
  ...(indexType === "AUTOINDEX" ? {} : { params: { nlist: 32, ...params } }),
  searchParams: { ...(indexType === "AUTOINDEX" ? {} : { nprobe: 32 }), ...searchParams },
});
const { FloatVector, Float16Vector, BFloat16Vector, BinaryVector } = DataType;
const cases: readonly Case[] = [
  lists(FloatVector, "IVF_FLAT", "L2"),
  lists(Float16Vector, "IVF_FLAT", "COSINE"),
  lists(FloatVector, "IVF_SQ8", "IP"),
  lists(FloatVector, "IVF_SQ", "COSINE", { sq_type: "SQ4" }),
  lists(FloatVector, "IVF_PQ", "L2", { m: 8 }),
  lists(FloatVector, "IVF_PQ", "IP", { m: 16, nbits: 4 }),
  lists(FloatVector, "IVF_RABITQ", "COSINE", { refine: true, refine_type: "SQ8" }),
  lists(BFloat16Vector, "IVF_RABITQ", "L2", { rbq_bits: 4 }),
  lists(FloatVector, "SCANN", "IP", {}, { reorder_k: 100 }),
  lists(BinaryVector, "BIN_IVF_FLAT", "JACCARD"),
  lists(BinaryVector, "AUTOINDEX", "HAMMING"),
];

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) removeFolder(folder);
});

/** Vectors around a few centres, of numbers that 16-bit floats hold; of bits where the type asks for them. */
const vectorsOf = (random: SeededRandom, dataType: DataType): number[][] => {
  const centres = Array.from({ length: 24 }, () => Array.from({ length: DIM }, () => random.below(97) - 48));
  return Array.from({ length: ROWS + QUERIES }, () => {
    const values = random.pick(centres).map((centre) => centre + random.below(33) - 16);
    return dataType === DataType.BinaryVector ? values.map((value) => (value > 0 ? 1 : 0)) : values;
  });
};

const asData = (dataType: DataType, values: readonly number[]): Float32Array | Uint8Array => {
  if (dataType !== DataType.BinaryVector) return Float32Array.from(values);
  return Uint8Array.from({ length: DIM / 8 }, (_, byte) => sum(8, (bit) => (values[byte * 8 + bit] as number) << bit));
};

/** An open engine and what a test does with it. */
class Opened {
  private constructor(
    readonly engine: EngineApi,
    private readonly driver: Driver,
  ) {}

  static async at(folder: string): Promise<Opened> {
    const engine = await openEngine({ folder });
    return new Opened(engine, new Driver(engine));
  }

  async fill({ dataType, indexType, metricType, params }: Case, rows: readonly number[][]): Promise<void> {
    const vector = { name: "vector", dataType, typeParams: [{ key: "dim", value: String(DIM) }] };
    await this.driver.call("CreateCollection", createRequest(collectionName, { fields: [idField, vector] }));
    const given = { index_type: indexType, metric_type: metricType, ...(params && { params: JSON.stringify(params) }) };
    const extraParams = Object.entries(given).map(([key, value]) => ({ key, value }));
    await this.driver.call("CreateIndex", { collectionName, fieldName: "vector", extraParams });
    await this.driver.call("LoadCollection", { collectionName });
    const schema = this.engine.catalog.collections.values().next().value?.schema;
    if (schema === undefined) throw new Error("no collection");
    const columns = rowsToFields(
      schema,
      rows.map((values, id) => ({ id, vector: asData(dataType, values) })),
    );
    await this.driver.call("Insert", { collectionName, fieldsData: columns.map(({ data }) => data), numRows: rows.length });
    await this.driver.call("Flush", { collectionNames: [collectionName] });
  }

  /** Waits until the index is built and its file is written. */
  async built(folder: string): Promise<void> {
    for (;;) {
      const [collection] = [...this.engine.catalog.collections.values()];
      const [index] = collection?.indexes ?? [];
      if (collection === undefined || index === undefined) throw new Error("no index");
      const { pendingRows, failReason } = this.engine.indexProgress(collection, index);
      expect(failReason).toBe("");
      const files = join(folder, "indexes");
      if (pendingRows === 0 && existsSync(files) && readdirSync(files).length > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** The ids of each query's hits. */
  async search({ dataType, searchParams }: Case, queries: readonly number[][], dsl = ""): Promise<number[][]> {
    const isBits = dataType === DataType.BinaryVector;
    const values = queries.map((query) => {
      const data = asData(dataType, query);
      return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    });
    const type = isBits ? PlaceholderType.BinaryVector : PlaceholderType.FloatVector;
    const pairs = { anns_field: "vector", topk: String(LIMIT), params: JSON.stringify(searchParams) };
    const reply = await this.driver.call<{ results: Buffer }>("Search", {
      collectionName,
      dsl,
      nq: BigInt(queries.length),
      placeholderGroup: PlaceholderGroup.encode({ placeholders: [{ tag: "$0", type, values }] }),
      searchParams: Object.entries(pairs).map(([key, value]) => ({ key, value })),
    });
    const results = SearchResultData.decode(reply.results);
    const ids = (IDs.decode(results.ids).intId?.data ?? []).map(Number);
    expect(results.topks.map(Number)).toEqual(queries.map(() => LIMIT));
    return queries.map((_, at) => ids.slice(at * LIMIT, (at + 1) * LIMIT));
  }
}

/** The index files and when they were written. */
const filesOf = (folder: string): [string, number][] =>
  readdirSync(join(folder, "indexes")).map((file) => [file, statSync(join(folder, "indexes", file)).mtimeMs]);

/** The part of the exact best that was found; checks that hits are allowed and different. */
const recallOf = (
  answers: readonly number[][],
  allowed: (id: number) => boolean,
  distance: (query: number, id: number) => number,
): number => {
  const good = answers.map((ids, query) => {
    const nearest = Array.from({ length: ROWS }, (_, id) => id)
      .filter(allowed)
      .map((id) => distance(query, id))
      .sort((a, b) => a - b);
    const worst = nearest[LIMIT - 1] as number;
    expect(new Set(ids).size).toBe(LIMIT);
    expect(ids.every(allowed)).toBe(true);
    return ids.filter((id) => distance(query, id) <= worst + 1e-5 * Math.abs(worst)).length;
  });
  return sum(good.length, (at) => good[at] as number) / (LIMIT * QUERIES);
};

describe("an index of lists", () => {
  for (const each of cases) {
    it(each.name, async () => {
      const seed = runSeed();
      onTestFailed(() => void process.stderr.write(`seed ${seed}\n`));
      const vectors = vectorsOf(new SeededRandom(seed), each.dataType);
      const [rows, queries] = [vectors.slice(0, ROWS), vectors.slice(ROWS)];
      const score = DISTANCES[each.metricType] as Score;
      const distance = (query: number, id: number): number => score(queries[query] as number[], rows[id] as number[]);
      const folder = temporaryFolder();
      folders.push(folder);
      let opened = await Opened.at(folder);
      await opened.fill(each, rows);
      await opened.built(folder);
      const found = await opened.search(each, queries);
      expect(recallOf(found, () => true, distance)).toBeGreaterThanOrEqual(0.9);
      const filtered = await opened.search(each, queries, "id % 4 == 1");
      expect(recallOf(filtered, (id) => id % 4 === 1, distance)).toBeGreaterThanOrEqual(0.9);
      await opened.engine.close();
      const files = filesOf(folder);
      opened = await Opened.at(folder);
      await opened.built(folder);
      // Until the file is mapped a scan answers, so hits may be better than they were.
      expect(recallOf(await opened.search(each, queries), () => true, distance)).toBeGreaterThanOrEqual(0.9);
      expect(filesOf(folder)).toEqual(files);
      await opened.engine.close();
    });
  }
});
