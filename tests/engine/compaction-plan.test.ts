/**
 * What is merged by itself: as many segments of about one size as make rewriting them worth it, fewer where they are tiny.
 */
import { describe, expect, it } from "vitest";
import { planCompaction } from "../../src/engine/compaction-plan.js";
import type { CoreSegment } from "../../src/engine/core.js";
import { type SegmentEntry, sealedEntry } from "../../src/engine/shard.js";

const MIB = 1024 * 1024;

const segment = (
  id: number,
  mebibytes: number,
  of: { readonly dead?: number; readonly partition?: bigint; readonly channel?: number } = {},
): SegmentEntry => {
  const core = { mappedSize: mebibytes * MIB, rowCount: 100, deletedCount: of.dead ?? 0, filterDamaged: false } as CoreSegment;
  return sealedEntry({
    id: BigInt(id),
    collectionId: 1n,
    partitionId: of.partition ?? 2n,
    channel: of.channel ?? 0,
    core,
    file: `${id}.seg`,
  });
};
const merged = (...segments: SegmentEntry[]): number[][] =>
  planCompaction(segments, { kind: "routine", targetBytes: 512 * MIB, expiredRows: () => 0 }).map(({ sources }) =>
    sources.map(({ id }) => Number(id)).sort((one, other) => one - other),
  );

describe("routine compaction", () => {
  it("merges three of the smallest segments, not two", () => {
    expect(merged(segment(1, 0.1), segment(2, 3))).toEqual([]);
    expect(merged(segment(1, 0.1), segment(2, 3), segment(3, 1))).toEqual([[1, 2, 3]]);
  });

  it("merges four of about one size, not three, and none with larger or smaller ones", () => {
    expect(merged(segment(1, 20), segment(2, 30), segment(3, 40))).toEqual([]);
    expect(merged(segment(1, 20), segment(2, 30), segment(3, 40), segment(4, 200), segment(5, 1))).toEqual([]);
    expect(merged(segment(1, 20), segment(2, 30), segment(3, 40), segment(4, 60), segment(5, 200))).toEqual([[1, 2, 3, 4]]);
  });

  it("stays within a partition and a channel, and leaves what is half as large as the target", () => {
    expect(merged(segment(1, 1), segment(2, 1), segment(3, 1, { partition: 3n }))).toEqual([]);
    expect(merged(segment(1, 1), segment(2, 1), segment(3, 1, { channel: 1 }))).toEqual([]);
    expect(merged(...[1, 2, 3, 4].map((id) => segment(id, 256)))).toEqual([]);
  });

  it("writes what is a fifth deleted anew, alone", () => {
    expect(merged(segment(1, 1, { dead: 20 }), segment(2, 1), segment(3, 1))).toEqual([[1]]);
    expect(merged(segment(1, 1, { dead: 19 }), segment(2, 1), segment(3, 1))).toEqual([[1, 2, 3]]);
  });
});
