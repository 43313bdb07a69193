/**
 * From memory to files: growing segments become sealed ones, the manifest names them, the log is cut.
 *
 * Order of a flush: rotate (rows go to a new growing segment), write and sync each segment file, map it, let it take over the deletes made meanwhile,
 * swap it in (one synchronous step), commit the manifest, cut the log, remove files that no manifest names. A crash or a failed file call at any
 * point leaves the last manifest and a log that still covers everything since; what was sealing stays in memory, readable, and is tried again by the next flush.
 */
import { encodeCatalog } from "../catalog/codec.js";
import type { Lsn } from "../log/log.js";
import type { Timestamp } from "../shared/types.js";
import type { CoreSealing, CoreSegment } from "./core.js";
import { encodeManifest, type ManifestSegment } from "./manifest.js";
import type { SegmentEntry, Shard } from "./shard.js";
import { snapshotFiles } from "./snapshots.js";
import type { EngineState } from "./state.js";

export const SEGMENTS = "segments";
export const INDEXES = "indexes";

export const indexFile = (segmentId: bigint, indexId: bigint): string => `${INDEXES}/${segmentId}-${indexId}.idx`;

async function* blocks(sealing: CoreSealing): AsyncGenerator<Buffer> {
  for (let index = 0; index < sealing.blockCount; index++) yield await sealing.block(index);
}

export const segmentFile = (segmentId: bigint): string => `${SEGMENTS}/${segmentId}.seg`;

/** Writes the file of a sealed segment and maps it. */
export const writeSegment = async (state: EngineState, shard: Shard, file: string, sealing: CoreSealing): Promise<CoreSegment> => {
  await state.store.writeFile(file, blocks(sealing));
  return state.core.openSegment(shard.schema, state.store.path(file));
};

/** Writes one sealing segment as a file and swaps the mapped file in for the rows in memory. */
const sealOne = async (state: EngineState, shard: Shard, entry: SegmentEntry): Promise<void> => {
  const file = segmentFile(entry.id);
  // Kept over a failed attempt: a segment begins to be sealed once.
  entry.sealing ??= entry.core.startSealing();
  const sealing = entry.sealing;
  const sealed = await writeSegment(state, shard, file, sealing);
  sealing.finish(sealed);
  // The schema may have got columns while the file was written.
  sealed.setSchema(shard.schema);
  if (!shard.holds(entry)) {
    sealed.release();
    return;
  }
  entry.core.release();
  entry.core = sealed;
  entry.file = file;
  entry.fileBytes = sealed.mappedSize;
  entry.state = "sealed";
  entry.sealing = undefined;
};

/** Seals whatever is sealing in these collections (none given: all). Call inside the storage lane. */
export const sealAll = async (state: EngineState, collectionIds?: readonly bigint[]): Promise<void> => {
  for (const shard of [...state.shards.values()]) {
    if (collectionIds !== undefined && !collectionIds.includes(shard.collectionId)) continue;
    for (const entry of shard.list()) {
      if (entry.state === "sealing" && shard.holds(entry)) await sealOne(state, shard, entry);
    }
  }
};

interface Moment {
  readonly body: Buffer;
  readonly replayFrom: Lsn;
  readonly deletes: readonly { readonly entry: SegmentEntry; readonly file: string; readonly count: number; readonly bytes: Buffer }[];
  readonly files: ReadonlySet<string>;
}

/** The manifest of this very moment; synchronous, so it states one point of the log. */
const capture = (state: EngineState): Moment => {
  const segments: ManifestSegment[] = [];
  const deletes: Moment["deletes"][number][] = [];
  const flushed = new Map<bigint, Lsn[]>();
  const horizons = new Map<bigint, Timestamp>();
  const files = snapshotFiles(state.catalog);
  let replayFrom = state.appliedLsn + 1;
  for (const shard of state.shards.values()) {
    if (shard.horizon > 0n) horizons.set(shard.collectionId, shard.horizon);
    for (const entry of shard.list()) {
      if (entry.file === undefined) {
        replayFrom = Math.min(replayFrom, entry.firstLsn);
        const lsns = flushed.get(entry.partitionId) ?? new Array<Lsn>(shard.channelCount).fill(state.appliedLsn);
        lsns[entry.channel] = Math.min(lsns[entry.channel] as Lsn, entry.firstLsn - 1);
        flushed.set(entry.partitionId, lsns);
        continue;
      }
      let deletesFile = entry.deletesFile;
      if (entry.core.deletedCount !== entry.persistedDeletes) {
        deletesFile = `${SEGMENTS}/${entry.id}-${state.appliedLsn}.del`;
        deletes.push({ entry, file: deletesFile, count: entry.core.deletedCount, bytes: entry.core.encodeDeletes() });
      }
      const indexes = [...entry.indexes.values()].flatMap(({ indexId, fieldId, file }) =>
        file === undefined ? [] : [{ indexId, fieldId, file }],
      );
      segments.push({
        id: entry.id,
        collectionId: entry.collectionId,
        partitionId: entry.partitionId,
        channel: entry.channel,
        file: entry.file,
        deletesFile,
        level: entry.level,
        indexes,
      });
      for (const name of [entry.file, deletesFile, ...indexes.map((index) => index.file)]) if (name !== undefined) files.add(name);
    }
  }
  const { appliedLsn, appliedTimestamp } = state;
  const catalog = encodeCatalog(state.catalog);
  const body = encodeManifest({
    appliedLsn,
    appliedTimestamp,
    replayFrom,
    latestTimestamp: state.clock.latest,
    segments,
    flushed,
    horizons,
    catalog,
  });
  return { body, replayFrom, deletes, files };
};

/** Makes the present state durable without the log before it. Call inside the storage lane. */
export const commit = async (state: EngineState): Promise<void> => {
  const moment = capture(state);
  // The manifest counts records that are applied; under `fsync: interval` they may not be durable yet.
  await state.log.sync();
  for (const { file, bytes } of moment.deletes) await state.store.writeFile(file, [bytes]);
  await state.store.commitManifest(moment.body);
  for (const { entry, file, count } of moment.deletes) {
    entry.deletesFile = file;
    entry.persistedDeletes = count;
  }
  await state.log.cut(moment.replayFrom);
  await removeUnnamed(state, moment.files);
};

const removeUnnamed = async (state: EngineState, named: ReadonlySet<string>): Promise<void> => {
  for (const folder of [SEGMENTS, INDEXES]) {
    for (const name of await state.store.list(folder)) {
      const file = `${folder}/${name}`;
      if (!named.has(file) && !state.pendingFiles.has(file)) await state.store.remove(file);
    }
  }
};
