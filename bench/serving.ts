/**
 * The server suite: search through gRPC, the same load generator (load.ts) on the same data, one server at a time.
 *
 * Rows with two labels (sets.ts) are inserted, flushed, indexed and loaded. Then, for growing `ef`: recall@10 over the queries and queries a second with 16
 * clients, until `RECALL_LAST`; at the first `ef` that reaches each of `RECALLS`, figures with 1 and 16 clients. Filters: what each of them keeps of recall
 * and speed, Elanus with its default parameters, peers with the `ef` that gave them 0.95 without a filter. Last, the index is replaced by FLAT and 1,000
 * queries are sent as one request. CPU time of the server a query is the figure that stays true on a busy machine. Milvus Lite gets fewer rows: it would
 * take hours; that is in its favour.
 */
import { MilvusClient } from "../src/client/index.js";
import type { Point } from "./curve.js";
import { readBytes, readFloats, readInts } from "./files.js";
import { makeSet } from "./library.js";
import { type Ask, encodeSearch, Generator, type LoadFigures } from "./load.js";
import { say } from "./report.js";
import { type MeasuredServer, startElanus, startMilvus, startMilvusLite } from "./server.js";
import { type Filter, filtersOf, type LabelName, truthFile, type VectorSet } from "./sets.js";

export const RECALLS = [0.95, 0.99] as const;
const RECALL_LAST = 0.993;
const EFS = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768];
const CLIENTS = [1, 16] as const;
const MANY_CLIENTS = 16;
const COLLECTION = "bench";
const BATCH = 5000;
const WRITERS = 2;
const LITE_ROWS_MAX = 100_000;
const LITE_QUERIES = 100;

export interface OperatingPoint extends LoadFigures {
  readonly target: number;
  readonly ef: number;
  readonly recall: number;
}

export interface FilteredFigures extends LoadFigures {
  readonly filter: Filter;
  readonly recall: number;
}

export interface ServingFigures {
  readonly name: string;
  readonly rowCount: number;
  readonly insertRowsPerSecond: number;
  readonly flushSeconds: number;
  readonly buildSeconds: number;
  readonly idleMb: number;
  /** After the searches; and the most ever. */
  readonly residentMb: number;
  readonly peakMb: number;
  readonly rawMb: number;
  readonly points: readonly Point[];
  readonly operating: readonly OperatingPoint[];
  readonly filtered: readonly FilteredFigures[];
  /** Longest stall of the event loop during all searches, the 1,000 exact queries included. */
  readonly loopStallMs?: number | undefined;
  readonly exactSeconds?: number;
}

export interface ServingResult {
  readonly set: string;
  readonly dim: number;
  readonly servers: readonly ServingFigures[];
}

export interface ServingOptions {
  readonly python: string;
  readonly milvusPython: string | undefined;
  readonly sets: readonly string[];
  readonly rows: number;
  readonly seconds: number;
  /** Names of `CONTENDERS`. */
  readonly servers: readonly string[];
}

interface Contender {
  readonly name: string;
  readonly start: (options: ServingOptions) => Promise<MeasuredServer>;
  readonly index: { readonly indexType: string; readonly params: Readonly<Record<string, number>> };
  readonly rowsMax: number;
  /** Queries over which recall is measured. */
  readonly queries: number;
  /** Filtered searches leave the parameters to the server. */
  readonly defaults: boolean;
  /** Whether indexes are built before loading, and 1,000 exact queries are sent. */
  readonly whole: boolean;
}

const HNSW = { indexType: "HNSW", params: { M: 16, efConstruction: 200 } };
const all = { rowsMax: Number.POSITIVE_INFINITY, queries: Number.POSITIVE_INFINITY, whole: true };

const milvusPython = ({ milvusPython: python }: ServingOptions): string => {
  if (python === undefined) throw new Error("Milvus needs a Python environment of its own");
  return python;
};

const CONTENDERS: Readonly<Record<string, Contender>> = {
  elanus: { ...all, name: "Elanus HNSW", start: () => startElanus(), index: HNSW, defaults: true },
  autoindex: {
    ...all,
    name: "Elanus AUTOINDEX",
    start: () => startElanus(),
    index: { indexType: "AUTOINDEX", params: {} },
    defaults: true,
  },
  milvus: { ...all, name: "Milvus 2.3.5", start: (options) => startMilvus(milvusPython(options)), index: HNSW, defaults: false },
  lite: {
    name: "Milvus Lite",
    start: ({ python }) => startMilvusLite(python),
    index: HNSW,
    rowsMax: LITE_ROWS_MAX,
    queries: LITE_QUERIES,
    defaults: false,
    whole: false,
  },
};

export const SERVER_NAMES = Object.keys(CONTENDERS);

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
};

const createCollection = (client: MilvusClient, set: VectorSet): Promise<unknown> => {
  const labels = (Object.keys(set.labelFiles) as LabelName[]).map((name) => ({ name, dataType: "Int8" as const }));
  const fields = [
    { name: "id", dataType: "Int64" as const, isPrimary: true },
    { name: "vector", dataType: "FloatVector" as const, dim: set.dim },
    ...labels,
  ];
  return client.createCollection({ collectionName: COLLECTION, schema: { fields } });
};

const insertAll = async (client: MilvusClient, set: VectorSet): Promise<void> => {
  const vectors = readFloats(set.rowsFile);
  const labels = Object.entries(set.labelFiles).map(([name, file]) => [name, readBytes(file)] as const);
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let first = next; first < set.rowCount; first = next) {
      next += BATCH;
      const data = Array.from({ length: Math.min(BATCH, set.rowCount - first) }, (_, at) => {
        const id = first + at;
        const vector = vectors.subarray(id * set.dim, (id + 1) * set.dim);
        return { id, vector, ...Object.fromEntries(labels.map(([name, values]) => [name, values[id]])) };
      });
      await client.insert({ collectionName: COLLECTION, data });
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
};

const untilIndexed = async (client: MilvusClient): Promise<void> => {
  for (;;) {
    const index = await client.describeIndex({ collectionName: COLLECTION, indexName: "vector" });
    if (index.state === "Failed") throw new Error(index.failReason);
    if (index.state === "Finished" && index.pendingRows === 0 && index.totalRows > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const createIndex = async (client: MilvusClient, set: VectorSet, contender: Contender, index: Contender["index"]): Promise<void> => {
  const definition = { fieldName: "vector", indexName: "vector", metricType: set.metric, ...index };
  await client.createIndex({ collectionName: COLLECTION, indexParams: [definition], wait: false });
  if (contender.whole) await untilIndexed(client);
  await client.loadCollection({ collectionName: COLLECTION });
};

/** Everything that is asked of one server about one set. */
class Searches {
  private readonly queries: Float32Array;
  private readonly queryCount: number;

  constructor(
    private readonly set: VectorSet,
    private readonly contender: Contender,
    private readonly generator: Generator,
    private readonly seconds: number,
  ) {
    this.queries = readFloats(set.queriesFile);
    this.queryCount = Math.min(set.queryCount, contender.queries);
  }

  private ask(params: Ask["params"], filter?: Filter): Ask {
    const expression = filter === undefined ? "" : `${filter.label} < ${filter.below}`;
    return { collection: COLLECTION, metric: this.set.metric, params, filter: expression };
  }

  private requests(params: Ask["params"], filter?: Filter): (readonly Buffer[])[] {
    const ask = this.ask(params, filter);
    return Array.from({ length: this.queryCount }, (_, query) => encodeSearch(this.set, this.queries, ask, query));
  }

  async curve(): Promise<{ points: Point[]; operating: OperatingPoint[] }> {
    const truth = readInts(truthFile(this.set));
    const points: Point[] = [];
    const operating: OperatingPoint[] = [];
    for (const ef of EFS) {
      const requests = this.requests({ ef });
      const recall = await this.generator.recall(requests, truth);
      const { qps, cpuMs } = await this.generator.load(requests, MANY_CLIENTS, Math.min(3, this.seconds));
      points.push({ effort: ef, recall, qps, cpuMs });
      for (const target of RECALLS) {
        if (recall < target || operating.some((point) => point.target === target)) continue;
        for (const clients of CLIENTS)
          operating.push({ target, ef, recall, ...(await this.generator.load(requests, clients, this.seconds)) });
      }
      if (recall >= RECALL_LAST) break;
    }
    return { points, operating };
  }

  async filtered(ef: number): Promise<FilteredFigures[]> {
    const figures: FilteredFigures[] = [];
    for (const filter of filtersOf(this.set)) {
      const requests = this.requests(this.contender.defaults ? {} : { ef }, filter);
      const recall = await this.generator.recall(requests, readInts(truthFile(this.set, filter)));
      figures.push({ filter, recall, ...(await this.generator.load(requests, MANY_CLIENTS, this.seconds)) });
    }
    return figures;
  }

  /** Seconds of one request of all queries, the better of two. */
  async atOnce(): Promise<number> {
    const parts = encodeSearch(this.set, this.queries, this.ask({}), 0, this.set.queryCount);
    const [one, other] = [await timed(() => this.generator.send(parts)), await timed(() => this.generator.send(parts))];
    return Math.min(one, other);
  }
}

const measureExact = async (client: MilvusClient, set: VectorSet, contender: Contender, searches: Searches): Promise<number> => {
  await client.releaseCollection({ collectionName: COLLECTION });
  await client.dropIndex({ collectionName: COLLECTION, indexName: "vector" });
  await createIndex(client, set, contender, { indexType: "FLAT", params: {} });
  return searches.atOnce();
};

const measureServer = async (server: MeasuredServer, contender: Contender, set: VectorSet, seconds: number): Promise<ServingFigures> => {
  const client = new MilvusClient({ uri: server.uri, timeout: 3600 });
  const generator = new Generator(server);
  try {
    const idleMb = server.memory().resident;
    await createCollection(client, set);
    const insertSeconds = await timed(() => insertAll(client, set));
    const flushSeconds = await timed(() => client.flush({ collectionName: COLLECTION }));
    const searches = new Searches(set, contender, generator, seconds);
    const buildSeconds = await timed(async () => {
      await createIndex(client, set, contender, contender.index);
      await generator.send(
        encodeSearch(set, readFloats(set.queriesFile), { collection: COLLECTION, metric: set.metric, params: {}, filter: "" }, 0),
      );
    });
    await server.loopStallMs();
    const { points, operating } = await searches.curve();
    const filtered = await searches.filtered(operating.find(({ target }) => target === RECALLS[0])?.ef ?? (EFS.at(-1) as number));
    const { resident, peak } = server.memory();
    const exactSeconds = contender.whole ? await measureExact(client, set, contender, searches) : undefined;
    return {
      name: contender.name,
      rowCount: set.rowCount,
      insertRowsPerSecond: set.rowCount / insertSeconds,
      flushSeconds,
      buildSeconds,
      idleMb,
      residentMb: resident,
      peakMb: peak,
      rawMb: (set.rowCount * set.dim * 4) / 2 ** 20,
      points,
      operating,
      filtered,
      loopStallMs: await server.loopStallMs(),
      ...(exactSeconds === undefined ? {} : { exactSeconds }),
    };
  } finally {
    generator.close();
    await client.close();
  }
};

export const runServing = async (options: ServingOptions): Promise<ServingResult[]> => {
  const results: ServingResult[] = [];
  for (const name of options.sets) {
    const servers: ServingFigures[] = [];
    const whole = makeSet(name, options.rows, options.python);
    if (whole.kind !== "float") throw new Error(`the server suite searches float vectors, not ${name}`);
    for (const key of options.servers) {
      const contender = CONTENDERS[key];
      if (contender === undefined) throw new Error(`there is no server ${key}: ${SERVER_NAMES.join(", ")}`);
      const set = contender.rowsMax < whole.rowCount ? makeSet(name, contender.rowsMax, options.python) : whole;
      say(`${contender.name}, ${set.name}`);
      const server = await contender.start(options);
      try {
        servers.push(await measureServer(server, contender, set, options.seconds));
      } finally {
        await server.stop();
      }
    }
    results.push({ set: whole.name, dim: whole.dim, servers });
  }
  return results;
};
