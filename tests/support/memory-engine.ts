/**
 * An engine without data: catalog records are applied to the reducer at once, timestamps and ids count up. For tests of operations that only read
 * and change the catalog. Calls that need rows fail, so that a test which reaches them notices.
 */
import { localPrincipal } from "../../src/auth/principal.js";
import { applyRecord, emptyCatalog } from "../../src/catalog/reducer.js";
import type { Catalog, CatalogRecord } from "../../src/catalog/types.js";
import type { CatalogChange, EngineApi } from "../../src/engine/api.js";
import { type AnyOperation, type Call, dispatch, type RestReply } from "../../src/operations/operation.js";
import { operations } from "../../src/operations/table.js";
import { MilvusError } from "../../src/shared/errors.js";
import type { Status } from "../../src/shared/proto/generated/messages.js";
import { testGuard } from "./guard.js";

const noRows = (): never => {
  throw new Error("the memory engine holds no rows");
};

export interface MemoryEngine extends EngineApi {
  /** Records that were written, in order. */
  readonly records: readonly CatalogRecord[];
}

/** `delay`: what a write waits for between its check and its application, to let proposals race. */
export const memoryEngine = (delay: () => Promise<void> = async () => {}): MemoryEngine => {
  let catalog: Catalog = emptyCatalog(1n << 18n);
  let clock = 1000n << 18n;
  const records: CatalogRecord[] = [];
  return {
    get catalog() {
      return catalog;
    },
    records,
    tick: () => clock++,
    ids(count) {
      const first = clock;
      clock += BigInt(count);
      return first;
    },
    async change(change: CatalogChange) {
      const record = { ...change, timestamp: clock++ } as CatalogRecord;
      applyRecord(catalog, record);
      await delay();
      catalog = applyRecord(catalog, record);
      records.push(record);
      return { catalog, timestamp: record.timestamp };
    },
    isGeometry: noRows,
    checkAnalyzer: noRows,
    insert: noRows,
    upsert: noRows,
    update: noRows,
    deleteKeys: noRows,
    deleteWhere: noRows,
    search: noRows,
    prepareSearch: noRows,
    query: noRows,
    count: noRows,
    rowCount: () => 7,
    indexProgress: () => ({ totalRows: 0, indexedRows: 0, pendingRows: 0, failReason: "" }),
    segments: () => [],
    flush: noRows,
    createSnapshot: noRows,
    restoreSnapshot: noRows,
    compact: noRows,
    compaction: () => undefined,
    compactions: () => [],
    isClustering: () => false,
    logBytes: 0,
    loadProgress: () => 100,
    memoryUsed: 0,
    memoryLimit: Number.POSITIVE_INFINITY,
    jobs: () => [],
    jobTotals: () => new Map(),
    close: async () => {},
  };
};

export interface Outcome {
  /** 0: success. */
  readonly code: number;
  readonly reason: string;
  readonly legacy: number;
  readonly input: boolean;
  readonly retriable: boolean;
  readonly reply: Record<string, unknown>;
}

const find = (rpc: string): AnyOperation => {
  const operation = operations.find((candidate) => candidate.rpc === rpc);
  if (operation === undefined) throw new Error(`no operation ${rpc}`);
  return operation;
};

/** A client of a memory engine. */
export class MemoryClient {
  constructor(
    readonly engine: MemoryEngine = memoryEngine(),
    readonly databaseName = "",
    readonly principal = localPrincipal(),
  ) {}

  private get call_(): Call {
    return {
      engine: this.engine,
      principal: this.principal,
      guard: testGuard(() => this.engine.catalog.access),
      databaseName: this.databaseName,
      requestId: "test",
      signal: new AbortController().signal,
      session: { version: "0.0.0", startedMs: 0 },
    };
  }

  /** Calls an RPC through its operation; members that are not given have their defaults. */
  async call(rpc: string, request: Record<string, unknown> = {}): Promise<Outcome> {
    const operation = find(rpc);
    const unexpected: unknown[] = [];
    const message = operation.request.create(request as never);
    const reply = (await dispatch(operation, this.call_, message, (error) => {
      if (!(error instanceof MilvusError)) unexpected.push(error);
    })) as Record<string, unknown>;
    if (unexpected.length > 0) throw unexpected[0];
    // What a client gets is what the wire writes.
    const received = operation.response.decode(operation.response.encode(reply as never)) as Record<string, unknown>;
    const status = (operation.response.name.endsWith(".Status") ? received : received.status) as Status | undefined;
    return {
      code: status?.code ?? 0,
      reason: status?.reason ?? "",
      legacy: status?.errorCode ?? 0,
      input: status?.extraInfo.get("is_input_error") === "true",
      retriable: status?.retriable ?? false,
      reply: received,
    };
  }

  /** Calls a REST route's handler with a parsed body; a failure is `{ code, message }`. */
  post(path: string, body: Record<string, unknown>): Promise<RestReply & { code?: number; message?: string }> {
    return this.route(`POST /v2/vectordb/${path}`, body);
  }

  /** As `post`, by the whole name of a route. */
  async route(name: string, body: Record<string, unknown>): Promise<RestReply & { code?: number; message?: string }> {
    const route = operations.flatMap((operation) => operation.rest).find((candidate) => candidate.route === name);
    if (route === undefined) throw new Error(`no route ${name}`);
    try {
      return await route.handle(this.call_, body);
    } catch (error) {
      if (error instanceof MilvusError) return { code: error.code, message: error.message };
      throw error;
    }
  }
}
