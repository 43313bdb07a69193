/**
 * Opens a data folder: lock, manifest, segment files, log replay. The only way to get an engine.
 *
 * Recovery is the same whether the last process ended well or not, changes nothing but the log's torn tail, and can be killed and repeated.
 */
import { decodeCatalog } from "../catalog/codec.js";
import { emptyCatalog } from "../catalog/reducer.js";
import { openLog } from "../log/file-log.js";
import type { Log, LogRecord } from "../log/log.js";
import { type Env, realEnv } from "../shared/env.js";
import { type Logger, silentLogger } from "../shared/types.js";
import { openDirectory } from "../store/directory.js";
import type { Store } from "../store/store.js";
import type { EngineApi } from "./api.js";
import { HybridClock } from "./clock.js";
import { readClosedMark } from "./closed-mark.js";
import { loadCore } from "./core.js";
import { coreError } from "./core-errors.js";
import { readDeletes } from "./delete-files.js";
import { Engine } from "./engine.js";
import { Leases } from "./leases.js";
import { decodeManifest, type ManifestSegment } from "./manifest.js";
import { MemoryBudget } from "./memory.js";
import { Pace } from "./pace.js";
import { Replay } from "./replay.js";
import { type Shard, sealedEntry } from "./shard.js";
import { type Applicable, type EngineSettings, shardOf } from "./state.js";
import { WriteGates } from "./write-gate.js";

export interface OpenOptions {
  readonly folder: string;
  readonly env?: Env;
  readonly logger?: Logger;
  readonly fsync?: "always" | "interval";
  /** Threads of the core; absent: one a processor. */
  readonly threads?: number;
  /** Bytes that rows, indexes and requests may take; absent: no limit. */
  readonly maxMemory?: number;
  readonly settings?: Partial<EngineSettings>;
}

const MIB = 1024 * 1024;
const MINUTE = 60_000;
/** Times of sealing as in Milvus (dataCoord.segment: maxIdleTime, minSizeFromIdleToSealed, maxLife). */
const defaults: EngineSettings = {
  segmentBytesMax: 512 * MIB,
  logBytesMax: 768 * MIB,
  replayBytesMax: 96 * MIB,
  idleMsMax: 10 * MINUTE,
  idleBytesMin: 16 * MIB,
  growingMsMax: 24 * 60 * MINUTE,
  upkeepMs: 10_000,
  compactMs: MINUTE,
};

/** @throws one sentence when another process holds the folder; MilvusError 1009 when data in it is damaged. */
export const openEngine = async (options: OpenOptions): Promise<EngineApi> => {
  const env = options.env ?? realEnv;
  const store = await openDirectory(env, options.folder);
  try {
    return await recover(env, store, options);
  } catch (error) {
    await store.close();
    throw coreError(error);
  }
};

const recover = async (env: Env, store: Store, options: OpenOptions): Promise<EngineApi> => {
  const core = loadCore();
  core.configure(options.threads ?? 0);
  const body = await store.readManifest();
  const manifest = body === undefined ? undefined : decodeManifest(body);
  const clock = new HybridClock(env, manifest?.latestTimestamp);
  const shards = new Map<bigint, Shard>();
  const state: Applicable = {
    env,
    core,
    store,
    clock,
    logger: options.logger ?? silentLogger,
    settings: { ...defaults, ...options.settings },
    shards,
    memory: new MemoryBudget(env, shards, options.maxMemory ?? Number.POSITIVE_INFINITY),
    leases: new Leases(env),
    gates: new WriteGates(),
    pace: new Pace(),
    pendingFiles: new Set(),
    restored: new Map(),
    catalog: manifest === undefined ? emptyCatalog(clock.tick()) : decodeCatalog(manifest.catalog),
    appliedLsn: manifest?.appliedLsn ?? 0,
    appliedTimestamp: manifest?.appliedTimestamp ?? 0n,
  };
  for (const segment of manifest?.segments ?? []) await openSegment(state, segment);
  for (const [collectionId, horizon] of manifest?.horizons ?? []) {
    const collection = state.catalog.collections.get(collectionId);
    if (collection !== undefined) shardOf(state, collection).horizon = horizon;
  }
  const reached = Math.max((manifest?.appliedLsn ?? 0) + 1, await readClosedMark(store));
  const replay = new Replay(state, manifest);
  const take = (record: LogRecord): Promise<void> => replay.take(record);
  const log: Log = await openLog(env, store.path("log"), { fsync: options.fsync ?? "always", reached }, manifest?.replayFrom ?? 1, take);
  try {
    await replay.end();
  } catch (error) {
    await log.close();
    throw error;
  }
  return new Engine(Object.assign(state, { log }), async () => store.close());
};

const openSegment = async (state: Applicable, segment: ManifestSegment): Promise<void> => {
  const collection = state.catalog.collections.get(segment.collectionId);
  if (collection === undefined)
    throw new Error(`the manifest names segment ${segment.id} of collection ${segment.collectionId}, which the catalog lacks`);
  const shard = shardOf(state, collection);
  const core = await state.core.openSegment(shard.schema, state.store.path(segment.file));
  if (core.filterDamaged)
    state.logger.warn({ file: segment.file }, "the key filter of a segment file is damaged; look-ups go without until it is written anew");
  if (segment.deletesFile !== undefined) await readDeletes(state, core, segment.deletesFile);
  const entry = sealedEntry({ ...segment, core });
  entry.deletesFile = segment.deletesFile;
  entry.persistedDeletes = core.deletedCount;
  // What is loaded is known once the log was replayed; then the open engine brings it into memory.
  for (const index of segment.indexes) entry.indexes.set(index.indexId, index);
  shard.add(entry);
};
