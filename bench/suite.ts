/**
 * The main benchmark: 100,000 x 768 vectors through gRPC, beside Milvus Lite through the same client and hnswlib as a library, on the same data.
 *
 * Insert (batches of 10,000 rows), flush, HNSW (M=16, efConstruction=200), then for growing `ef` the search of k=10 until recall@10 reaches the
 * target; at that point queries a second with 1 and 16 clients, percentiles, and CPU of the server a query (which stays true on a noisy machine).
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MilvusClient } from "../src/client/index.js";
import { type DataSet, dataSet } from "./data.js";
import { type MeasuredServer, startElanus, startMilvusLite } from "./server.js";

const K = 10;
export const RECALL_TARGET = 0.95;
const EFS = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256];

export interface SearchFigures {
  readonly clients: number;
  readonly qps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMsPerQuery: number;
}

export interface ServerFigures {
  readonly name: string;
  readonly startMs: number;
  readonly idleMb: number;
  readonly insertRowsPerSecond: number;
  readonly loopStallMs: number | undefined;
  readonly flushSeconds: number;
  readonly buildSeconds: number;
  readonly residentMb: number;
  readonly peakMb: number;
  readonly ef: number;
  readonly recall: number;
  readonly searches: readonly SearchFigures[];
  readonly aliasP50Ms: number;
  readonly aliasP99Ms: number;
}

export interface LibraryFigures {
  readonly buildSeconds: number;
  readonly memoryMb: number;
  readonly points: readonly { readonly ef: number; readonly recall: number; readonly qps: number; readonly cpuMs: number }[];
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
};

/** hnswlib, and the exact neighbours of the data set (kept in a file). */
export const measureLibrary = (python: string, data: DataSet): { figures: LibraryFigures; truth: Int32Array } => {
  const truthFile = data.rowsFile.replace(".f32", "-truth.i32");
  const script = join(import.meta.dirname, "peer_hnswlib.py");
  const args = [script, data.rowsFile, data.queriesFile, String(data.dim), "l2", truthFile, "16", "200"];
  const result = spawnSync(python, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  if (result.status !== 0) throw new Error("the hnswlib peer failed");
  const bytes = readFileSync(truthFile);
  const truth = new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return { figures: JSON.parse(result.stdout.trim().split("\n").at(-1) as string) as LibraryFigures, truth };
};

const query = (data: DataSet, index: number): number[] => {
  const at = (index % data.queryCount) * data.dim;
  return Array.from(data.queries.subarray(at, at + data.dim));
};

const COLLECTION = "bench";

const insertAll = async (client: MilvusClient, data: DataSet, batch: number): Promise<void> => {
  for (let start = 0; start < data.rowCount; start += batch) {
    const rows = Array.from({ length: Math.min(batch, data.rowCount - start) }, (_, offset) => {
      const id = start + offset;
      return { id, vector: data.rows.subarray(id * data.dim, (id + 1) * data.dim) };
    });
    await client.insert({ collectionName: COLLECTION, data: rows });
  }
};

const search = (client: MilvusClient, vector: number[], ef: number) =>
  client.search({ collectionName: COLLECTION, data: [vector], limit: K, searchParams: { ef } });

const recallAt = async (client: MilvusClient, data: DataSet, truth: Int32Array, ef: number, queries: number): Promise<number> => {
  let found = 0;
  for (let index = 0; index < queries; index++) {
    const [hits] = await search(client, query(data, index), ef);
    const nearest = new Set(truth.subarray(index * K, (index + 1) * K));
    for (const hit of hits ?? []) if (nearest.has(Number(hit.id))) found++;
  }
  return found / (queries * K);
};

const load = async (server: MeasuredServer, data: DataSet, ef: number, clients: number, seconds: number): Promise<SearchFigures> => {
  const connections = await Promise.all(Array.from({ length: Math.min(clients, 4) }, async () => new MilvusClient({ uri: server.uri })));
  const vectors = Array.from({ length: data.queryCount }, (_, index) => query(data, index));
  const latencies: number[] = [];
  const cpu = server.cpuSeconds();
  const begun = performance.now();
  const end = begun + seconds * 1000;
  let next = 0;
  const worker = async (client: MilvusClient): Promise<void> => {
    while (performance.now() < end) {
      const start = performance.now();
      await search(client, vectors[next++ % vectors.length] as number[], ef);
      latencies.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => worker(connections[index % connections.length] as MilvusClient)));
  const elapsed = (performance.now() - begun) / 1000;
  const used = server.cpuSeconds() - cpu;
  await Promise.all(connections.map((client) => client.close()));
  latencies.sort((one, other) => one - other);
  return {
    clients,
    qps: latencies.length / elapsed,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    cpuMsPerQuery: (1000 * used) / latencies.length,
  };
};

/** Latencies of re-pointing an alias between two collections, sorted, milliseconds. */
const aliasSwitches = async (client: MilvusClient, count: number): Promise<number[]> => {
  for (const collectionName of ["bench_blue", "bench_green"]) await client.createCollection({ collectionName, dimension: 4 });
  await client.createAlias({ collectionName: "bench_blue", alias: "bench_alias" });
  const latencies: number[] = [];
  for (let turn = 0; turn < count; turn++) {
    const begun = performance.now();
    await client.alterAlias({ collectionName: turn % 2 === 0 ? "bench_green" : "bench_blue", alias: "bench_alias" });
    latencies.push(performance.now() - begun);
  }
  return latencies.sort((one, other) => one - other);
};

const waitForIndex = async (client: MilvusClient): Promise<void> => {
  for (;;) {
    const index = await client.describeIndex({ collectionName: COLLECTION, indexName: "vector" });
    if (index !== undefined && Number(index.pendingRows) === 0 && Number(index.totalRows) > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

interface Plan {
  readonly seconds: number;
  readonly clients: readonly number[];
  readonly aliasSwitches: number;
  /** Queries over which recall is measured. */
  readonly recallQueries: number;
  /** Milvus Lite has no flush and builds with load. */
  readonly lite: boolean;
}

const measureServer = async (server: MeasuredServer, data: DataSet, truth: Int32Array, plan: Plan): Promise<ServerFigures> => {
  const idleMb = server.memory().resident;
  const client = new MilvusClient({ uri: server.uri, timeout: 600 });
  const schema = {
    fields: [
      { name: "id", dataType: "Int64" as const, isPrimary: true },
      { name: "vector", dataType: "FloatVector" as const, dim: data.dim },
    ],
  };
  await client.createCollection({ collectionName: COLLECTION, schema });
  await server.loopStallMs();
  const insertSeconds = await timed(() => insertAll(client, data, 10_000));
  const loopStallMs = await server.loopStallMs();
  const flushSeconds = await timed(() => client.flush({ collectionName: COLLECTION }));
  const index = { fieldName: "vector", indexType: "HNSW", metricType: "L2", params: { M: 16, efConstruction: 200 } };
  const buildSeconds = await timed(async () => {
    await client.createIndex({ collectionName: COLLECTION, indexParams: [index] });
    if (!plan.lite) await waitForIndex(client);
    await client.loadCollection({ collectionName: COLLECTION });
    await search(client, query(data, 0), 10);
  });
  let ef = 0;
  let recall = 0;
  for (ef of EFS) {
    recall = await recallAt(client, data, truth, ef, plan.recallQueries);
    if (recall >= RECALL_TARGET) break;
  }
  const searches: SearchFigures[] = [];
  for (const clients of plan.clients) searches.push(await load(server, data, ef, clients, plan.seconds));
  const { resident, peak } = server.memory();
  const aliases = plan.aliasSwitches > 0 ? await aliasSwitches(client, plan.aliasSwitches) : [];
  await client.close();
  return {
    name: server.name,
    startMs: server.startMs,
    idleMb,
    insertRowsPerSecond: data.rowCount / insertSeconds,
    loopStallMs,
    flushSeconds,
    buildSeconds,
    residentMb: resident,
    peakMb: peak,
    ef,
    recall,
    searches,
    aliasP50Ms: percentile(aliases, 0.5),
    aliasP99Ms: percentile(aliases, 0.99),
  };
};

export interface Options {
  readonly rowCount: number;
  readonly dim: number;
  readonly seconds: number;
  readonly python: string | undefined;
  /** Without the slow peer, Milvus Lite. */
  readonly alone: boolean;
}

export const runSuite = async (options: Options): Promise<{ servers: ServerFigures[]; library: LibraryFigures }> => {
  const data = dataSet(options.rowCount, options.dim);
  if (options.python === undefined) throw new Error("the benchmarks need Python 3 for their peers");
  const { figures: library, truth } = measureLibrary(options.python, data);
  const servers: ServerFigures[] = [];
  const elanus = await startElanus();
  try {
    servers.push(
      await measureServer(elanus, data, truth, {
        seconds: options.seconds,
        clients: [1, 16],
        aliasSwitches: 2000,
        recallQueries: data.queryCount,
        lite: false,
      }),
    );
  } finally {
    await elanus.stop();
  }
  if (options.alone) return { servers, library };
  const lite = await startMilvusLite(options.python);
  try {
    servers.push(
      await measureServer(lite, data, truth, {
        seconds: options.seconds,
        clients: [1, 16],
        aliasSwitches: 0,
        recallQueries: Math.min(200, data.queryCount),
        lite: true,
      }),
    );
  } finally {
    await lite.stop();
  }
  return { servers, library };
};
