/**
 * What every method of the client stands on: the transport, the database in use, the schemas it has seen.
 *
 * Schemas are kept by the name they were asked for, alias or not, and go stale when an alias is re-pointed or a collection changes. A write
 * tells the server which version it was made for (`schema_timestamp`); a refusal makes the client look again, and repeat the call once if the
 * schema is another one now.
 */
import { type Env, realEnv } from "../shared/env.js";
import { MilvusError } from "../shared/errors.js";
import { type CollectionSchema, type Method, services } from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { EmbeddedTransport } from "./embedded-transport.js";
import { GrpcTransport, sleep } from "./grpc-transport.js";
import { type MilvusClientOptions, targetOf } from "./target.js";
import { MILVUS_SERVICE, type Transport } from "./transport.js";

export const milvus = services[MILVUS_SERVICE];

/** What every method takes beside its own arguments. */
export interface CallOptions {
  /** Seconds, as in pymilvus; default: the client's. Methods that wait (load, index, flush) wait no longer altogether. */
  readonly timeout?: number;
  /** Aborts the call. */
  readonly signal?: AbortSignal;
  /** Database of this call; default: the client's. */
  readonly databaseName?: string;
}

/** A collection by its name or one of its aliases. */
export interface CollectionOptions extends CallOptions {
  readonly collectionName: string;
}

export interface KnownSchema {
  readonly schema: CollectionSchema;
  readonly collectionId: bigint;
  readonly updateTimestamp: bigint;
}

const LEGACY_SCHEMA_MISMATCH = 62;
const SCHEMA_MISMATCH = 109;
const POLL_MS_FIRST = 10;
const POLL_MS_MAX = 500;
/** Longer timers fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export abstract class Connection {
  private readonly transport: Transport;
  private readonly env: Env = realEnv;
  private readonly timeout: number | undefined;
  private readonly schemas = new Map<string, KnownSchema>();
  private readonly lastWrites = new Map<string, bigint>();
  private database: string;

  /** @param options a bare string is the uri */
  constructor(options: MilvusClientOptions | string) {
    const target = targetOf(options);
    this.database = target.database;
    this.timeout = target.timeout;
    const { place } = target;
    this.transport = place.kind === "remote" ? new GrpcTransport(place, this.env) : new EmbeddedTransport(place, this.env);
  }

  /** Database of calls that name none. */
  get databaseName(): string {
    return this.database;
  }

  /** Ends the connection; running and later calls fail. The last client of a folder closes its engine. May be called again. */
  close(): Promise<void> {
    return this.transport.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  protected passwordChanged(user: string, password: string): void {
    this.transport.passwordChanged?.(user, password);
  }

  protected switchDatabase(databaseName: string): void {
    this.database = databaseName;
  }

  protected databaseOf(options: CallOptions): string {
    return options.databaseName ?? this.database;
  }

  protected call<Request extends object, Response extends object>(
    method: Method<Request, Response>,
    request: Init<Request>,
    options: CallOptions,
    service = MILVUS_SERVICE,
  ): Promise<Response> {
    const seconds = options.timeout ?? this.timeout;
    return this.transport.call(method, request, {
      service,
      databaseName: this.databaseOf(options),
      timeoutMs: seconds === undefined ? undefined : Math.min(Math.ceil(seconds * 1000), TIMER_MS_MAX),
      signal: options.signal,
    });
  }

  /** Asks again and again, with growing pauses, until `done` answers true. @throws 65535 when the time is over */
  protected async poll(what: string, options: CallOptions, done: (options: CallOptions) => Promise<boolean>): Promise<void> {
    const limit = options.timeout ?? this.timeout;
    const started = this.env.elapsed();
    for (let pause = POLL_MS_FIRST; ; pause = Math.min(pause * 2, POLL_MS_MAX)) {
      const leftMs = limit === undefined ? undefined : limit * 1000 - (this.env.elapsed() - started);
      if (leftMs !== undefined && leftMs <= 0) throw new MilvusError(65535, `${what} did not finish within ${limit} s`);
      if (await done({ ...options, ...(leftMs === undefined ? {} : { timeout: leftMs / 1000 }) })) return;
      await sleep(leftMs === undefined ? pause : Math.min(pause, leftMs), options.signal);
    }
  }

  /**
   * Runs `work` with the schema of a collection. If it refuses the data and the schema was an old one, the schema is fetched again and `work` is
   * run once more.
   */
  protected async withSchema<T>(options: CollectionOptions, work: (known: KnownSchema) => Promise<T>): Promise<T> {
    const cached = this.schemas.get(this.keyOf(options));
    if (cached === undefined) return work(await this.fetchSchema(options));
    try {
      return await work(cached);
    } catch (error) {
      if (!(error instanceof MilvusError) || !isAboutData(error)) throw error;
      const fresh = await this.fetchSchema(options);
      if (fresh.collectionId === cached.collectionId && fresh.updateTimestamp === cached.updateTimestamp) throw error;
      return work(fresh);
    }
  }

  protected rememberSchema(options: CollectionOptions, known: KnownSchema): void {
    this.schemas.set(this.keyOf(options), known);
  }

  protected forgetSchema(options: CollectionOptions): void {
    this.schemas.delete(this.keyOf(options));
  }

  /** For reads of level Session: they see at least what this client wrote. */
  protected rememberWrite(options: CollectionOptions, timestamp: bigint): void {
    const last = this.lastWrites.get(this.keyOf(options)) ?? 0n;
    if (timestamp > last) this.lastWrites.set(this.keyOf(options), timestamp);
  }

  protected lastWrite(options: CollectionOptions): bigint | undefined {
    return this.lastWrites.get(this.keyOf(options));
  }

  /** Asks the server, whatever is remembered. */
  protected async fetchSchema(options: CollectionOptions): Promise<KnownSchema> {
    this.forgetSchema(options);
    const request = { dbName: this.databaseOf(options), collectionName: options.collectionName };
    const reply = await this.call(milvus.DescribeCollection, request, options);
    if (reply.schema === undefined) throw new MilvusError(65535, `the description of ${options.collectionName} has no schema`);
    const known = { schema: reply.schema, collectionId: reply.collectionID, updateTimestamp: reply.updateTimestamp };
    this.rememberSchema(options, known);
    return known;
  }

  private keyOf(options: CollectionOptions): string {
    return JSON.stringify([this.databaseOf(options), options.collectionName]);
  }
}

/** Refusals that another schema could turn into success. */
const isAboutData = (error: MilvusError): boolean =>
  error.code === SCHEMA_MISMATCH || error.legacy === LEGACY_SCHEMA_MISMATCH || error.input;
