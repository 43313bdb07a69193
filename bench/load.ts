/**
 * The load generator of the server suite: the same for every server that speaks Milvus's gRPC.
 *
 * Requests are encoded before the clock starts and replies are read no further than to their status, so that little of what the machine has goes to the
 * generator. Reads ask for no freshness (Eventually): no server waits for its own clock.
 */
import { GrpcChannel } from "../src/client/grpc-channel.js";
import { failureIn, MILVUS_SERVICE } from "../src/client/transport.js";
import {
  ConsistencyLevel,
  DslType,
  PlaceholderGroup,
  PlaceholderType,
  SearchRequest,
  SearchResultData,
  services,
} from "../src/shared/proto/generated/messages.js";
import { idsToValues } from "../src/shared/rows/decode.js";
import type { MeasuredServer } from "./server.js";
import { K, type VectorSet } from "./sets.js";

const method = services[MILVUS_SERVICE].Search;
const PATH = `/${MILVUS_SERVICE}/Search`;
const CONNECTIONS = 4;
const TIMEOUT_MS = 600_000;
/** Guarantee timestamp of reads that take what is there. */
const EVENTUALLY = 1n;

export interface LoadFigures {
  readonly clients: number;
  readonly qps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the server, all its processes; and of the generator. */
  readonly cpuMs: number;
  readonly generatorCpuMs: number;
}

export interface Ask {
  readonly collection: string;
  readonly metric: string;
  /** Search parameters, e.g. `{ ef: 64 }`. */
  readonly params: Readonly<Record<string, number>>;
  /** A filter expression, or nothing. */
  readonly filter: string;
}

/** One request for the queries from `first` on. */
export const encodeSearch = (set: VectorSet, queries: Float32Array, ask: Ask, first: number, count = 1): readonly Buffer[] => {
  const values = Array.from({ length: count }, (_, at) => {
    const vector = queries.subarray((first + at) * set.dim, (first + at + 1) * set.dim);
    return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
  });
  const pairs = {
    anns_field: "vector",
    topk: String(K),
    metric_type: ask.metric,
    params: JSON.stringify(ask.params),
    round_decimal: "-1",
  };
  return SearchRequest.encodeParts({
    collectionName: ask.collection,
    dsl: ask.filter,
    dslType: DslType.BoolExprV1,
    placeholderGroup: PlaceholderGroup.encode({ placeholders: [{ tag: "$0", type: PlaceholderType.FloatVector, values }] }),
    nq: BigInt(count),
    searchParams: Object.entries(pairs).map(([key, value]) => ({ key, value })),
    consistencyLevel: ConsistencyLevel.Eventually,
    guaranteeTimestamp: EVENTUALLY,
  });
};

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

export class Generator {
  private readonly channels: GrpcChannel[];

  constructor(private readonly server: MeasuredServer) {
    this.channels = Array.from({ length: CONNECTIONS }, () => new GrpcChannel(server.uri, async () => {}));
  }

  close(): void {
    for (const channel of this.channels) channel.close();
  }

  /** The reply's results, encoded. @throws MilvusError when its status is a failure */
  async send(parts: readonly Buffer[], connection = 0): Promise<Buffer> {
    const channel = this.channels[connection % CONNECTIONS] as GrpcChannel;
    const reply = method.response.decode(await channel.unary({ path: PATH, metadata: () => ({}), parts, timeoutMs: TIMEOUT_MS }));
    const failed = failureIn(method, reply);
    if (failed) throw failed;
    return reply.results;
  }

  /** Share of the true neighbours among the hits of these requests, each of one query in the order of `truth`. */
  async recall(requests: readonly (readonly Buffer[])[], truth: Int32Array): Promise<number> {
    let found = 0;
    let next = 0;
    const worker = async (connection: number): Promise<void> => {
      for (let query = next++; query < requests.length; query = next++) {
        const results = SearchResultData.decode(await this.send(requests[query] as readonly Buffer[], connection));
        const nearest = new Set(truth.subarray(query * K, (query + 1) * K));
        for (const id of idsToValues(results.ids)) if (nearest.has(Number(id))) found++;
      }
    };
    await Promise.all(this.channels.map((_, connection) => worker(connection)));
    return found / (requests.length * K);
  }

  /** So many clients, each sending its next request when it has its answer, for so long. */
  async load(requests: readonly (readonly Buffer[])[], clients: number, seconds: number): Promise<LoadFigures> {
    const latencies: number[] = [];
    let next = 0;
    const worker = async (connection: number, end: number, kept: number[] | undefined): Promise<void> => {
      while (performance.now() < end) {
        const start = performance.now();
        await this.send(requests[next++ % requests.length] as readonly Buffer[], connection);
        kept?.push(performance.now() - start);
      }
    };
    const all = (end: number, kept?: number[]) =>
      Promise.all(Array.from({ length: clients }, (_, connection) => worker(connection, end, kept)));
    await all(performance.now() + 100 * seconds);
    const [used, own, begun] = [this.server.cpuSeconds(), process.cpuUsage(), performance.now()];
    await all(begun + 1000 * seconds, latencies);
    const elapsed = (performance.now() - begun) / 1000;
    const generator = process.cpuUsage(own);
    const cpuSeconds = this.server.cpuSeconds() - used;
    latencies.sort((one, other) => one - other);
    return {
      clients,
      qps: latencies.length / elapsed,
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
      cpuMs: (1000 * cpuSeconds) / latencies.length,
      generatorCpuMs: (generator.user + generator.system) / 1000 / latencies.length,
    };
  }
}
