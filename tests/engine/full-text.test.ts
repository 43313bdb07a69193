/** Full-text search against a model that counts BM25 by its definition: growing and sealed rows, deletes, updates, indexes, restarts. */
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MilvusClient, type SearchHit } from "../../src/client/index.js";
import { runSeed, SeededRandom } from "../support/random.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const NAME = "texts";
const WORDS = ["kite", "kites", "soars", "Über", "wind", "The", "a", "milvus", "42", "稀疏", "elanus", "swift", "glider", "thermal", "x1"];

/** The standard analyzer: runs of letters and digits, in lower case. */
const termsOf = (text: string): number[] =>
  text
    .split(/[^\p{Alphabetic}\p{N}]+/u)
    .filter((word) => word !== "")
    .map((word) => crc32(Buffer.from(word.toLowerCase())));

interface Row {
  readonly id: number;
  readonly terms: readonly number[];
  alive: boolean;
}

/** Rows that were deleted count in what is known of all texts until a compaction drops them. */
class Model {
  rows: Row[] = [];

  put(id: number, text: string): void {
    this.delete(id);
    this.rows.push({ id, terms: termsOf(text), alive: true });
  }

  delete(id: number): void {
    for (const row of this.rows) if (row.id === id) row.alive = false;
  }

  compact(): void {
    this.rows = this.rows.filter((row) => row.alive);
  }

  /** Scores of all rows that share a term with the query, by id. */
  scores(query: string, k1 = 1.2, b = 0.75): Map<number, number> {
    const average = this.rows.reduce((sum, row) => sum + row.terms.length, 0) / this.rows.length;
    const scores = new Map<number, number>();
    for (const term of termsOf(query)) {
      const having = this.rows.filter((row) => row.terms.includes(term)).length;
      const idf = Math.log(1 + (this.rows.length - having + 0.5) / (having + 0.5));
      for (const { id, terms, alive } of this.rows) {
        const frequency = terms.filter((other) => other === term).length;
        if (!alive || frequency === 0) continue;
        const weight = (frequency * (k1 + 1)) / (frequency + k1 * (1 - b + (b * terms.length) / average));
        scores.set(id, (scores.get(id) ?? 0) + idf * weight);
      }
    }
    return scores;
  }
}

const schema = {
  fields: [
    { name: "id", dataType: "Int64", isPrimary: true },
    { name: "text", dataType: "VarChar", maxLength: 1000, params: { enable_analyzer: true } },
    { name: "tag", dataType: "Int64" },
    { name: "sparse", dataType: "SparseFloatVector" },
  ],
  functions: [{ name: "bm25", type: "BM25", inputFieldNames: ["text"], outputFieldNames: ["sparse"] }],
} as const;

const index = (params: Record<string, unknown> = {}) =>
  ({ fieldName: "sparse", indexType: "SPARSE_INVERTED_INDEX", metricType: "BM25", params }) as never;

let folder: string;
let client: MilvusClient;

beforeEach(async () => {
  folder = await temporaryFolder();
  client = new MilvusClient({ uri: folder });
});

afterEach(async () => {
  await client.close();
  await removeFolder(folder);
});

const reopen = async (): Promise<void> => {
  await client.close();
  client = new MilvusClient({ uri: folder });
};

const expectScores = (hits: readonly SearchHit[], scores: ReadonlyMap<number, number>, limit: number): void => {
  const best = [...scores.values()].sort((one, other) => other - one).slice(0, limit);
  expect(hits.length).toBe(best.length);
  hits.forEach(({ id, distance }, at) => {
    const score = scores.get(Number(id));
    expect(score, `row ${id} shares no term`).toBeDefined();
    expect(Math.abs(distance - (score as number))).toBeLessThan(1e-4);
    expect(Math.abs(distance - (best[at] as number))).toBeLessThan(1e-4);
  });
};

const draw = (random: SeededRandom): string => {
  const words = Array.from({ length: random.below(12) }, () => WORDS[Math.min(random.below(WORDS.length), random.below(WORDS.length))]);
  return words.join(random.pick([" ", ", ", "-", "! "]));
};

const seed = runSeed();

describe("full-text search", () => {
  it(`counts as the model does (ELANUS_SEED=${seed})`, async () => {
    const random = new SeededRandom(seed);
    const model = new Model();
    await client.createCollection({ collectionName: NAME, schema, indexParams: index({ inverted_index_algo: "DAAT_MAXSCORE" }) });
    const some = (count: number) => Array.from({ length: 1 + random.below(count) }, () => random.below(4000));
    const write = async (count: number): Promise<void> => {
      const data = [...new Set(some(count))].map((id) => ({ id, text: draw(random), tag: id % 3 }));
      await client.upsert({ collectionName: NAME, data });
      for (const { id, text } of data) model.put(id, text);
    };
    await write(3000);
    for (let step = 0; step < 40; step++) {
      const action = random.below(10);
      if (action < 4) await write(random.chance(0.2) ? 1500 : 20);
      else if (action < 6) {
        const ids = [...new Set(some(60))];
        await client.delete({ collectionName: NAME, ids });
        for (const id of ids) model.delete(id);
      } else if (action < 7) await client.flush({ collectionName: NAME });
      else if (action < 8) await reopen();
      else {
        const [ids, text] = [some(5), draw(random)];
        const unique = [...new Set(ids)].filter((id) => model.rows.some((row) => row.id === id && row.alive));
        if (unique.length > 0) {
          await client.upsert({ collectionName: NAME, data: unique.map((id) => ({ id, text })), partialUpdate: true });
          for (const id of unique) model.put(id, text);
        }
      }
      const queries = [draw(random), draw(random), "kite kite wind"];
      const limit = random.pick([3, 50, 5000]);
      const answers = await client.search({ collectionName: NAME, data: queries, annsField: "sparse", limit });
      queries.forEach((query, at) => {
        expectScores(answers[at] ?? [], model.scores(query), limit);
      });
      const filtered = await client.search({ collectionName: NAME, data: queries[2] as string, filter: "tag == 1", limit: 20 });
      const tagged = [...model.scores(queries[2] as string)].filter(([id]) => id % 3 === 1);
      expectScores(filtered[0] ?? [], new Map(tagged), 20);
    }
  }, 120_000);

  it("ranks by the index's parameters, by those of a request, and within a range", async () => {
    const model = new Model();
    await client.createCollection({ collectionName: NAME, schema, indexParams: index({ bm25_k1: 2, bm25_b: 1 }) });
    const texts = ["alpha alpha alpha beta", "alpha beta", "alpha", ...Array.from({ length: 2000 }, () => "gamma delta")];
    await client.insert({ collectionName: NAME, data: texts.map((text, id) => ({ id, text, tag: 0 })) });
    texts.forEach((text, id) => {
      model.put(id, text);
    });
    const search = async (searchParams: Record<string, unknown> = {}) =>
      (await client.search({ collectionName: NAME, data: "alpha", limit: 10, searchParams: searchParams as never }))[0] ?? [];
    for (let round = 0; round < 2; round++) {
      expectScores(await search(), model.scores("alpha", 2, 1), 10);
      expect((await search()).map(({ id }) => id)).toEqual([2, 0, 1]);
      expectScores(await search({ bm25_k1: 0.8, bm25_b: 0.25 }), model.scores("alpha", 0.8, 0.25), 10);
      expect((await search({ bm25_k1: 0.8, bm25_b: 0.25 })).map(({ id }) => id)).toEqual([0, 2, 1]);
      const all = await search();
      const radius = (all[2]?.distance ?? 0) + 1e-3;
      expect((await search({ radius })).map(({ id }) => id)).toEqual([2, 0]);
      await client.flush({ collectionName: NAME });
    }
    await expect(search({ bm25_k1: 4 })).rejects.toThrow("param 'bm25_k1' (4.0) should be in range [0.000000, 3.000000]");
  });

  it("finds nothing where there is nothing", async () => {
    await client.createCollection({ collectionName: NAME, schema, indexParams: index() });
    expect(await client.search({ collectionName: NAME, data: ["kite", ""], limit: 3 })).toEqual([[], []]);
    await client.insert({ collectionName: NAME, data: [{ id: 1, text: "?!", tag: 0 }] });
    expect(await client.search({ collectionName: NAME, data: ["kite", "?"], limit: 3 })).toEqual([[], []]);
  });

  it("searches in collections of several shards, each of which counts for itself", async () => {
    await client.createCollection({ collectionName: NAME, schema, shardsNum: 2, indexParams: index() });
    const data = Array.from({ length: 60 }, (_, id) => ({ id, text: id % 2 === 0 ? "kite" : "wind", tag: 0 }));
    await client.insert({ collectionName: NAME, data });
    const [hits = []] = await client.search({ collectionName: NAME, data: "kite", limit: 60 });
    expect(new Set(hits.map(({ id }) => Number(id) % 2))).toEqual(new Set([0]));
    expect(hits.length).toBe(30);
    // All texts are one word long: rows of one shard have one score, by how many of them have the word.
    const scores = [...new Set(hits.map(({ distance }) => distance))];
    const sizes = scores.map((score) => hits.filter(({ distance }) => distance === score).length);
    const possible = (having: number, score: number) =>
      Array.from({ length: 61 }, (_, rows) => Math.log(1 + (rows - having + 0.5) / (having + 0.5))).some(
        (idf) => Math.abs(idf - score) < 1e-5,
      );
    expect(scores.length).toBeLessThanOrEqual(2);
    if (scores.length === 2) for (const [at, score] of scores.entries()) expect(possible(sizes[at] as number, score)).toBe(true);
  });
});
