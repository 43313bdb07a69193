/**
 * Which segments a compaction makes into others. Pure: segments and settings in, plans out.
 *
 * A plan stays within one channel of a partition. Routine plans keep two things low: dead rows (a segment of which a fifth is dead is written anew) and
 * the number of segments (four of about one size become one, so that a row is written anew only when its segment grows fourfold; of the smallest, three,
 * as in Milvus). Asked for by a user, a compaction does all there is to do at once. Sources: milvus internal/datacoord/compaction_policy_single.go, compaction_trigger.go.
 */
import { type Place, placeKey, type SegmentEntry } from "./shard.js";

export interface MergePlan extends Place {
  readonly sources: readonly SegmentEntry[];
  /** About how many bytes an output has at most. */
  readonly targetBytes: number;
  /** Outputs hold ranges of this column. */
  readonly clusteringFieldId: bigint | undefined;
  /** The sources are as they should be: nothing is written. */
  readonly kept?: boolean;
}

/** `routine`: what the engine does by itself; `mix`: all small and all dead; `merge`: everything into segments of the size given; `clustering`: by key. */
export type CompactionKind = "routine" | "mix" | "merge" | "clustering";

export interface PlanRequest {
  readonly kind: CompactionKind;
  readonly targetBytes: number;
  readonly clusteringFieldId?: bigint;
  /** Rows of a segment that are past their time. */
  expiredRows(entry: SegmentEntry): number;
  /** Only these segments; absent: all. */
  readonly segmentIds?: readonly bigint[];
  readonly partitionId?: bigint;
}

/** Part of a segment's rows that may be dead before it is written anew (Milvus: dataCoord.compaction.single.ratio.threshold). */
const DEAD_PART_MAX = 0.2;
/** Segments of about one size that are merged by themselves. */
const SAME_SIZE_MAX = 4;
/** The smallest, which cost next to nothing, are merged when there are so many (Milvus: dataCoord.compaction.min.segment). */
const SMALLEST_MAX = 3;
/** A segment below this part of the target is small (Milvus: dataCoord.segment.smallProportion). */
const SMALL_PART = 0.5;
/** Above this part of the target it is too large. */
const LARGE_PART = 1.25;
const SMALLEST_TIER_BYTES = 1 << 20;

const deadRows = (entry: SegmentEntry, request: PlanRequest): number => entry.core.deletedCount + request.expiredRows(entry);

/** Many dead rows, or a file whose key filter was damaged: it is written anew. */
const mostlyDead = (entry: SegmentEntry, request: PlanRequest): boolean =>
  entry.core.filterDamaged || deadRows(entry, request) >= Math.max(1, entry.core.rowCount * DEAD_PART_MAX);

/** Sizes that differ by less than a factor of four are of one tier. */
const tierOf = (entry: SegmentEntry): number =>
  Math.floor(Math.log(Math.max(entry.fileBytes, SMALLEST_TIER_BYTES) / SMALLEST_TIER_BYTES) / Math.log(SAME_SIZE_MAX));

/** Consecutive segments, ascending by size, whose bytes together stay within the target; at least `least` of them. */
const bins = (entries: readonly SegmentEntry[], targetBytes: number, least: number): SegmentEntry[][] => {
  const found: SegmentEntry[][] = [];
  let bin: SegmentEntry[] = [];
  let bytes = 0;
  for (const entry of [...entries].sort((a, b) => a.fileBytes - b.fileBytes)) {
    if (bin.length > 0 && bytes + entry.fileBytes > targetBytes) {
      found.push(bin);
      bin = [];
      bytes = 0;
    }
    bin.push(entry);
    bytes += entry.fileBytes;
  }
  found.push(bin);
  return found.filter((members) => members.length >= least);
};

const groupBy = <K>(entries: readonly SegmentEntry[], key: (entry: SegmentEntry) => K): Map<K, SegmentEntry[]> => {
  const groups = new Map<K, SegmentEntry[]>();
  for (const entry of entries) groups.set(key(entry), [...(groups.get(key(entry)) ?? []), entry]);
  return groups;
};

const routine = (entries: readonly SegmentEntry[], request: PlanRequest): SegmentEntry[][] => {
  const dead = entries.filter((entry) => mostlyDead(entry, request));
  const small = entries.filter((entry) => !dead.includes(entry) && entry.level === 1 && entry.fileBytes < request.targetBytes * SMALL_PART);
  const merged = [...groupBy(small, tierOf)].flatMap(([tier, members]) =>
    bins(members, request.targetBytes, tier === 0 ? SMALLEST_MAX : SAME_SIZE_MAX),
  );
  return [...dead.map((entry) => [entry]), ...merged];
};

/** A user's wish: segments with many dead rows alone, small ones together, and whatever else has a dead row. */
const mix = (entries: readonly SegmentEntry[], request: PlanRequest): SegmentEntry[][] => {
  const dead = entries.filter((entry) => mostlyDead(entry, request));
  const small = entries.filter((entry) => !dead.includes(entry) && entry.level === 1 && entry.fileBytes < request.targetBytes * SMALL_PART);
  const merged = bins(small, request.targetBytes, 2);
  const alone = entries.filter((entry) => !merged.flat().includes(entry));
  return [...alone.map((entry) => [entry]), ...merged];
};

/** Whether merging these would only write the same segments again. */
const isDone = (entries: readonly SegmentEntry[], request: PlanRequest): boolean => {
  const bytes = entries.reduce((sum, entry) => sum + entry.fileBytes, 0);
  const few = entries.length <= Math.max(1, Math.ceil(bytes / request.targetBytes));
  return few && entries.every((entry) => deadRows(entry, request) === 0 && entry.fileBytes <= request.targetBytes * LARGE_PART);
};

const groupsOf = (entries: readonly SegmentEntry[], request: PlanRequest): SegmentEntry[][] => {
  if (entries.length === 0) return [];
  if (request.kind === "routine") return routine(entries, request);
  if (request.kind === "mix") return mix(entries, request);
  return [[...entries]];
};

/** Plans over the sealed segments that no other compaction works on. */
export const planCompaction = (entries: readonly SegmentEntry[], request: PlanRequest): MergePlan[] => {
  const { segmentIds = [], partitionId: only } = request;
  const free = entries.filter(
    (entry) =>
      entry.state === "sealed" &&
      !entry.compacting &&
      (segmentIds.length === 0 || segmentIds.includes(entry.id)) &&
      (only === undefined || only === entry.partitionId),
  );
  return [...groupBy(free, placeKey).values()].flatMap((members) =>
    groupsOf(members, request).map((sources) => ({
      partitionId: (members[0] as SegmentEntry).partitionId,
      channel: (members[0] as SegmentEntry).channel,
      sources,
      targetBytes: request.targetBytes,
      clusteringFieldId: request.kind === "clustering" ? request.clusteringFieldId : undefined,
      kept:
        (request.kind === "mix" && sources.length === 1 && sources.every((entry) => deadRows(entry, request) === 0)) ||
        (request.kind === "merge" && isDone(sources, request)),
    })),
  );
};
