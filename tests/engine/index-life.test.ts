/**
 * Indexes of a server over their life, as a client sees them: a build with its progress, files that are damaged while the server is stopped, another metric
 * and other parameters by drop and create, and where an index is held by `mmap.enabled`.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type FieldDefinition, type IndexDefinition, MilvusClient } from "../../src/client/index.js";
import { SeededRandom } from "../support/random.js";
import { removeFolder, startServer, type TestServer, temporaryFolder } from "../support/server.js";

const collectionName = "rows";
const DIM = 64;

let server: TestServer | undefined;
let client: MilvusClient;
let folder = "";

const start = async (): Promise<TestServer> => {
  server = await startServer(folder);
  client = new MilvusClient({ uri: server.uri });
  return server;
};
const stop = async (): Promise<void> => {
  await client.close();
  expect(await server?.stop()).toBe(0);
  server = undefined;
};
afterEach(async () => {
  await client.close();
  await server?.stop();
  removeFolder(folder);
});

const pause = (ms = 2): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const until = async (what: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await what())) await pause();
};

interface Kind {
  readonly field: FieldDefinition;
  readonly index: Omit<IndexDefinition, "fieldName">;
  /** A vector of its own for each row. */
  vector(random: SeededRandom): unknown;
}

const bytes = (random: SeededRandom, count: number): Uint8Array => Uint8Array.from({ length: count }, () => random.below(256));
const dense = (name: string, indexType: string, metricType: string, params: Record<string, number>): Kind => ({
  field: { name, dataType: "FloatVector", dim: DIM },
  index: { indexType, metricType, params },
  vector: (random) => Array.from({ length: DIM }, () => random.below(2000) / 1000 - 1),
});
const KINDS: readonly Kind[] = [
  dense("graph", "HNSW", "L2", { M: 8, efConstruction: 60 }),
  dense("lists", "IVF_FLAT", "COSINE", { nlist: 16 }),
  dense("codes", "IVF_RABITQ", "L2", { nlist: 16 }),
  dense("disk", "DISKANN", "L2", {}),
  {
    field: { name: "bits", dataType: "BinaryVector", dim: 256 },
    index: { indexType: "BIN_IVF_FLAT", metricType: "HAMMING", params: { nlist: 16 } },
    vector: (random) => bytes(random, 32),
  },
  {
    field: { name: "words", dataType: "SparseFloatVector" },
    index: { indexType: "SPARSE_INVERTED_INDEX", metricType: "IP" },
    vector: (random) => Object.fromEntries(Array.from({ length: 20 }, () => [random.below(3000), random.below(100) / 100 + 0.01])),
  },
];

const rowsOf = (kinds: readonly Kind[], count: number): Record<string, unknown>[] => {
  const random = new SeededRandom(5);
  return Array.from({ length: count }, (_, id) => ({
    id,
    ...Object.fromEntries(kinds.map((kind) => [kind.field.name, kind.vector(random)])),
  }));
};

/** A collection of sealed rows, not loaded, without indexes. */
const filled = async (kinds: readonly Kind[], rows: readonly Record<string, unknown>[]): Promise<void> => {
  folder = temporaryFolder();
  await start();
  const fields: FieldDefinition[] = [{ name: "id", dataType: "Int64", isPrimary: true }, ...kinds.map(({ field }) => field)];
  await client.createCollection({ collectionName, schema: { fields } });
  for (let from = 0; from < rows.length; from += 5000) await client.insert({ collectionName, data: rows.slice(from, from + 5000) });
  await client.flush({ collectionName });
};

/** By REST, which takes every type of vectors. */
const nearest = async (annsField: string, vector: unknown): Promise<{ id: number; distance: number } | undefined> => {
  const data = [vector instanceof Uint8Array ? Buffer.from(vector).toString("base64") : vector];
  const body = JSON.stringify({ collectionName, annsField, data, limit: 1 });
  const reply = await fetch(`${server?.uri}/v2/vectordb/entities/search`, { method: "POST", body });
  const { code, data: hits, ...rest } = (await reply.json()) as { code: number; data: { id: number; distance: number }[] };
  if (code !== 0) throw new Error(JSON.stringify(rest));
  return hits[0];
};

const findsRows = async (kinds: readonly Kind[], rows: readonly Record<string, unknown>[]): Promise<void> => {
  for (const { field } of kinds)
    for (const row of [0, 700, rows.length - 1])
      expect([field.name, (await nearest(field.name, rows[row]?.[field.name]))?.id]).toEqual([field.name, row]);
};

const finished = async (kinds: readonly Kind[]): Promise<boolean> => {
  const all = await Promise.all(kinds.map(({ field }) => client.describeIndex({ collectionName, indexName: field.name })));
  return all.every(({ state }) => state === "Finished");
};

describe("index files", () => {
  it("that were damaged while the server was stopped are built again, and answers are right before and after", async () => {
    const rows = rowsOf(KINDS, 2000);
    await filled(KINDS, rows);
    await client.createIndex({ collectionName, indexParams: KINDS.map(({ field, index }) => ({ fieldName: field.name, ...index })) });
    await client.loadCollection({ collectionName });
    await findsRows(KINDS, rows);
    await stop();

    const paths = readdirSync(join(folder, "indexes")).map((name) => join(folder, "indexes", name));
    expect(paths).toHaveLength(KINDS.length);
    const damaged = paths.map((path) => {
      const content = readFileSync(path);
      const at = content.length >> 1;
      content[at] = (content[at] ?? 0) ^ 0x10;
      writeFileSync(path, content);
      return content;
    });
    const told = (): number => server?.output().split("an index file cannot be used and is built again").length ?? 0;
    await start();
    await findsRows(KINDS, rows);
    await until(() => told() === KINDS.length + 1);
    await until(() => finished(KINDS));
    await findsRows(KINDS, rows);
    await stop();

    for (const [at, path] of paths.entries()) expect(readFileSync(path).equals(damaged[at] as Buffer), path).toBe(false);
    await start();
    await client.loadCollection({ collectionName });
    await findsRows(KINDS, rows);
    expect(told()).toBe(1);
  }, 120_000);
});

const GRAPH = [dense("graph", "HNSW", "L2", {})];
const indexOf = (more: Partial<IndexDefinition>) => ({ collectionName, indexParams: { fieldName: "graph", indexType: "HNSW", ...more } });
const describeIndex = () => client.describeIndex({ collectionName, indexName: "graph" });

describe("an index", () => {
  it("tells the rows that are done with while it is built", async () => {
    const rows = rowsOf(GRAPH, 20_000);
    await filled(GRAPH, rows);
    await client.createIndex({ ...indexOf({ metricType: "L2" }), wait: false });
    const seen = [await describeIndex()];
    for (let last = seen[0]; last?.state !== "Finished"; seen.push(last)) {
      await pause();
      last = await describeIndex();
      expect(last.indexedRows + last.pendingRows).toBe(last.totalRows);
      expect(last.state).toBe(last.pendingRows === 0 ? "Finished" : "InProgress");
    }
    const counts = seen.map(({ indexedRows }) => indexedRows);
    expect(counts).toEqual([...counts].sort((one, other) => one - other));
    expect(new Set(counts.filter((count) => count > 0 && count < rows.length)).size).toBeGreaterThan(3);
    expect(seen.at(-1)).toMatchObject({ indexedRows: rows.length, totalRows: rows.length, pendingRows: 0 });
  }, 120_000);

  it("gets another type, metric and parameters by drop and create", async () => {
    const rows = rowsOf(GRAPH, 2000);
    await filled(GRAPH, rows);
    const query = rows[3]?.graph as number[];
    const scores = async (): Promise<number> => (await nearest("graph", query))?.distance ?? Number.NaN;
    const length = query.reduce((sum, element) => sum + Math.fround(element) ** 2, 0);

    await client.createIndex(indexOf({ metricType: "L2", params: { M: 8 } }));
    await client.loadCollection({ collectionName });
    expect(await scores()).toBeCloseTo(0, 4);
    await expect(client.dropIndex({ collectionName, indexName: "graph" })).rejects.toMatchObject({ code: 1100 });
    for (const [more, score] of [
      [{ metricType: "COSINE", params: { M: 16 } }, 1],
      [{ indexType: "IVF_SQ8", metricType: "IP", params: { nlist: 8 } }, length],
      [{ indexType: "FLAT", metricType: "L2" }, 0],
    ] as const) {
      await client.releaseCollection({ collectionName });
      await client.dropIndex({ collectionName, indexName: "graph" });
      await client.createIndex(indexOf(more));
      await client.loadCollection({ collectionName });
      const { metricType, indexType } = await describeIndex();
      expect({ metricType, indexType }).toEqual({ metricType: more.metricType, indexType: "indexType" in more ? more.indexType : "HNSW" });
      expect(await scores()).toBeCloseTo(score, 3);
    }
    // Of what was dropped nothing is left.
    await until(() => readdirSync(join(folder, "indexes")).length === 0);
  }, 60_000);

  it("is counted to memory unless it is mapped, as altered", async () => {
    const rows = rowsOf(GRAPH, 4000);
    await filled(GRAPH, rows);
    await client.createIndex(indexOf({ metricType: "L2" }));
    const size = readdirSync(join(folder, "indexes")).reduce((sum, name) => sum + readFileSync(join(folder, "indexes", name)).length, 0);
    const held = async (): Promise<number> => {
      await client.loadCollection({ collectionName });
      // Sums are kept for a moment.
      await pause(200);
      const page = await (await fetch(`${server?.uri}/metrics`)).text();
      const bytesHeld = Number(/^elanus_memory_bytes (\d+)/m.exec(page)?.[1]);
      expect((await nearest("graph", rows[9]?.graph))?.id).toBe(9);
      await client.releaseCollection({ collectionName });
      return bytesHeld;
    };
    const inMemory = await held();
    await client.alterIndexProperties({ collectionName, indexName: "graph", properties: { "mmap.enabled": true } });
    expect((await describeIndex()).params).toMatchObject({ "mmap.enabled": "true" });
    expect(inMemory - (await held())).toBeGreaterThan(size / 2);
    await client.dropIndexProperties({ collectionName, indexName: "graph", propertyKeys: ["mmap.enabled"] });
    expect(Math.abs(inMemory - (await held()))).toBeLessThan(size / 4);
  }, 60_000);
});
