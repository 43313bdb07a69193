/**
 * Moments that readers come back to: an iterator reads all its pages at the timestamp of its first.
 *
 * A lease keeps the rows alive at that moment from being dropped by a compaction until `LEASE_MS` after its last use. Leases live in memory: after a
 * restart an iterator goes on as long as nothing it needs was dropped, and is refused otherwise (`Shard.horizon`), never answered wrongly.
 */
import type { Env } from "../shared/env.js";
import type { Timestamp } from "../shared/types.js";

const LEASE_MS = 10 * 60 * 1000;

export class Leases {
  /** By collection: leased moments and when each ends. */
  private readonly ends = new Map<bigint, Map<Timestamp, number>>();

  constructor(private readonly env: Pick<Env, "now">) {}

  /** Begins or prolongs a lease. */
  use(collectionId: bigint, moment: Timestamp): void {
    let moments = this.ends.get(collectionId);
    if (moments === undefined) {
      moments = new Map();
      this.ends.set(collectionId, moments);
    }
    moments.set(moment, this.env.now() + LEASE_MS);
  }

  /** The oldest moment leased, if any. Ended leases are forgotten. */
  oldest(collectionId: bigint): Timestamp | undefined {
    const moments = this.ends.get(collectionId);
    if (moments === undefined) return undefined;
    const now = this.env.now();
    let oldest: Timestamp | undefined;
    for (const [moment, end] of moments) {
      if (end <= now) moments.delete(moment);
      else if (oldest === undefined || moment < oldest) oldest = moment;
    }
    if (moments.size === 0) this.ends.delete(collectionId);
    return oldest;
  }
}
