/**
 * The storage suite: what inserting, keeping and recovering rows costs, through gRPC, beside Milvus Lite in the same run.
 *
 * For each shape of rows: insert in batches of 5,000 from `WRITERS` callers that share a connection, while another process searches a small collection at a
 * steady pace; flush; memory loaded without a graph (FLAT), with one (HNSW), and released. Then a second server takes rows that make `logMb` of log, is
 * killed, and started again: measured to the first right answer (all rows counted). CPU of the server a row is the figure that stays true on a busy machine.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { MilvusClient } from "../src/client/index.js";
import { seededRandom } from "./data.js";
import { type MeasuredServer, type StartOptions, startElanus, startMilvusLite } from "./server.js";

export interface Shape {
  readonly rows: number;
  readonly dim: number;
  /** Whether memory with a graph is measured, too: building takes minutes for many rows. */
  readonly graph: boolean;
}

interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface StorageFigures {
  readonly name: string;
  readonly rows: number;
  readonly dim: number;
  readonly rowsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly cpuMicrosPerRow: number;
  /** Bytes that went to storage until the flush ended, per byte of the rows. */
  readonly writtenPerByte: number | undefined;
  readonly flushSeconds: number;
  readonly searchAlone: Latency;
  readonly searchBeside: Latency;
  /** Resident bytes beyond those of the idle server, per byte of vectors; and those of them that are no file's pages. */
  readonly growing: Resident;
  readonly loaded: Resident;
  readonly indexed: Resident | undefined;
  readonly released: Resident;
  readonly buildSeconds: number | undefined;
}

interface Resident {
  readonly perByte: number;
  readonly ownPerByte: number;
}

export interface RecoveryFigures {
  readonly name: string;
  readonly logMb: number;
  readonly rows: number;
  readonly dim: number;
  readonly readySeconds: number;
  /** Acknowledged rows that the second server does not have. */
  readonly lostRows: number;
}

const BATCH = 5000;
const WRITERS = 2;
const BASE_ROWS = 5000;
const PACE_MS = 10;
const MIB = 1024 * 1024;
const BASE = "base";
const ROWS = "rows";

/** Batches of rows that are all different: windows of one pool of random numbers, each a little further on. */
class Pool {
  private readonly values: Float32Array;

  constructor(private readonly dim: number) {
    const random = seededRandom(42);
    this.values = Float32Array.from({ length: (BATCH + 1) * dim + 1_000_003 }, () => random() - 0.5);
  }

  batch(first: number, count: number): { id: number; vector: Float32Array }[] {
    const start = (first * 7) % 1_000_003;
    return Array.from({ length: count }, (_, row) => {
      const at = start + row * this.dim;
      return { id: first + row, vector: this.values.subarray(at, at + this.dim) };
    });
  }
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

class Searcher {
  private readonly child: ChildProcess;
  private readonly lines: Interface;

  constructor(uri: string, dim: number) {
    const script = join(import.meta.dirname, "searcher.ts");
    const args = ["--import", "tsx", script, uri, BASE, String(dim), String(PACE_MS)];
    this.child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
  }

  /** Latencies since the last call. */
  async take(): Promise<Latency> {
    const line = new Promise<string>((resolve) => this.lines.once("line", resolve));
    this.child.stdin?.write("\n");
    const latencies = (JSON.parse(await line) as number[]).sort((one, other) => one - other);
    return { p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) };
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.stdin?.end();
    await ended;
  }
}

const create = async (client: MilvusClient, collectionName: string, dim: number): Promise<void> => {
  const schema = {
    fields: [
      { name: "id", dataType: "Int64" as const, isPrimary: true },
      { name: "vector", dataType: "FloatVector" as const, dim },
    ],
  };
  const indexParams = [{ fieldName: "vector", indexType: "FLAT", metricType: "L2" }];
  await client.createCollection({ collectionName, schema, indexParams });
};

const insertRows = async (client: MilvusClient, collectionName: string, pool: Pool, rows: number): Promise<void> => {
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let first = next; first < rows; first = next) {
      next += BATCH;
      await client.insert({ collectionName, data: pool.batch(first, Math.min(BATCH, rows - first)) });
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
};

const waitForIndex = async (client: MilvusClient): Promise<void> => {
  for (;;) {
    const index = await client.describeIndex({ collectionName: ROWS, indexName: "vector" });
    if (index !== undefined && Number(index.pendingRows) === 0 && Number(index.totalRows) > 0) return;
    await pause(50);
  }
};

const searchOnce = (client: MilvusClient, dim: number) =>
  client.search({ collectionName: ROWS, data: [Array.from({ length: dim }, () => 0.1)], limit: 10 });

/** Replaces FLAT by a graph: returns the seconds until it is built and loaded. */
const buildGraph = async (client: MilvusClient, dim: number): Promise<number> => {
  await client.releaseCollection({ collectionName: ROWS });
  await client.dropIndex({ collectionName: ROWS, indexName: "vector" });
  const index = { fieldName: "vector", indexType: "HNSW", metricType: "L2", params: { M: 16, efConstruction: 200 } };
  return timed(async () => {
    await client.createIndex({ collectionName: ROWS, indexParams: [index] });
    await waitForIndex(client);
    await client.loadCollection({ collectionName: ROWS });
    await searchOnce(client, dim);
  });
};

const measureShape = async (server: MeasuredServer, shape: Shape, lite: boolean): Promise<StorageFigures> => {
  const { rows, dim } = shape;
  const pool = new Pool(dim);
  const client = new MilvusClient({ uri: server.uri, timeout: 600 });
  await create(client, BASE, dim);
  await insertRows(client, BASE, pool, BASE_ROWS);
  await create(client, ROWS, dim);
  const searcher = new Searcher(server.uri, dim);
  await pause(2000);
  await searcher.take();
  await pause(5000);
  const searchAlone = await searcher.take();

  const idle = server.memory();
  const vectors = rows * dim * 4;
  const resident = (): Resident => {
    const now = server.memory();
    return { perByte: ((now.resident - idle.resident) * MIB) / vectors, ownPerByte: ((now.own - idle.own) * MIB) / vectors };
  };
  const cpu = server.cpuSeconds();
  const written = server.writtenBytes();
  const insertSeconds = await timed(() => insertRows(client, ROWS, pool, rows));
  const cpuMicrosPerRow = ((server.cpuSeconds() - cpu) * 1e6) / rows;
  const searchBeside = await searcher.take();
  const growing = resident();
  const flushSeconds = await timed(() => client.flush({ collectionName: ROWS }));
  const after = server.writtenBytes();
  await searcher.stop();
  await searchOnce(client, dim);
  const loaded = resident();
  let indexed: Resident | undefined;
  let buildSeconds: number | undefined;
  if (shape.graph && !lite) {
    buildSeconds = await buildGraph(client, dim);
    indexed = resident();
  }
  await client.releaseCollection({ collectionName: ROWS });
  await pause(500);
  const released = resident();
  await client.close();
  const bytes = vectors + rows * 8;
  return {
    ...{ name: server.name, rows, dim },
    ...{ rowsPerSecond: rows / insertSeconds, megabytesPerSecond: bytes / insertSeconds / 1e6, cpuMicrosPerRow },
    writtenPerByte: written === undefined || after === undefined ? undefined : (after - written) / bytes,
    ...{ flushSeconds, searchAlone, searchBeside, growing, loaded, indexed, released, buildSeconds },
  };
};

type Start = (options: StartOptions) => Promise<MeasuredServer>;

/** Rows until the log has `logMb`, kill -9, and the time from the next start to all of them counted. */
const measureRecovery = async (start: Start, logMb: number, dim: number): Promise<RecoveryFigures> => {
  const rows = Math.ceil((logMb * MIB) / (dim * 4 + 8) / BATCH) * BATCH;
  const first = await start({});
  const client = new MilvusClient({ uri: first.uri, timeout: 600 });
  await create(client, ROWS, dim);
  await insertRows(client, ROWS, new Pool(dim), rows);
  await client.close();
  await first.kill();
  const begun = performance.now();
  const second = await start({ folder: first.folder });
  const again = new MilvusClient({ uri: second.uri, timeout: 600 });
  try {
    const found = await again.count({ collectionName: ROWS });
    const readySeconds = (performance.now() - begun) / 1000;
    return { name: second.name, logMb, rows, dim, readySeconds, lostRows: rows - Number(found) };
  } finally {
    await again.close();
    await second.stop();
    rmSync(first.folder, { recursive: true, force: true });
  }
};

export interface StorageOptions {
  readonly shapes: readonly Shape[];
  readonly logMb: number;
  readonly python: string | undefined;
  /** Without Milvus Lite. */
  readonly alone: boolean;
  /** Only Milvus Lite's first shape, with this many rows at most: it is slow. */
  readonly liteRowsMax: number;
  readonly settings: readonly string[];
}

export const runStorage = async (options: StorageOptions): Promise<{ shapes: StorageFigures[]; recoveries: RecoveryFigures[] }> => {
  const { python } = options;
  if (python === undefined && !options.alone) throw new Error("Milvus Lite needs Python 3; leave it out with --alone");
  const elanus: Start = (more) => startElanus({ ...more, settings: options.settings });
  const shapes: StorageFigures[] = [];
  const measure = async (start: Start, shape: Shape, lite: boolean): Promise<void> => {
    const server = await start({});
    try {
      shapes.push(await measureShape(server, shape, lite));
    } finally {
      await server.stop();
    }
  };
  const recoveries: RecoveryFigures[] = [];
  for (const shape of options.shapes) await measure(elanus, shape, false);
  recoveries.push(await measureRecovery(elanus, options.logMb, 384));
  if (!options.alone && python !== undefined) {
    const lite: Start = (more) => startMilvusLite(python, more);
    for (const shape of options.shapes) await measure(lite, { ...shape, rows: Math.min(shape.rows, options.liteRowsMax) }, true);
    recoveries.push(await measureRecovery(lite, Math.min(options.logMb, 64), 384));
  }
  return { shapes, recoveries };
};
