/**
 * The one oracle of timestamps and ids: a hybrid clock (Milvus's TSO) that never goes backwards, across restarts either.
 *
 * A timestamp is the wall clock's milliseconds << 18 plus a counter. Each call gives a larger one than all before; when the wall clock stands still or
 * goes back, the counter goes on. Ids are timestamps that nobody else gets, so they are unique and roughly ordered by time.
 */
import type { Env } from "../shared/env.js";
import { type Timestamp, timestampOf } from "../shared/types.js";

export class HybridClock {
  private last: Timestamp;
  constructor(
    private readonly env: Pick<Env, "now">,
    /** The largest timestamp or id given out before. */
    after: Timestamp = 0n,
  ) {
    this.last = after;
  }

  tick(): Timestamp {
    return this.ids(1);
  }

  /** The first of `count` consecutive values, all larger than those given out before. */
  ids(count: number): bigint {
    const wall = timestampOf(this.env.now());
    const first = wall > this.last ? wall : this.last + 1n;
    this.last = first + BigInt(count - 1);
    return first;
  }

  /** Never gives out `timestamp` or less again. */
  advance(timestamp: Timestamp): void {
    if (timestamp > this.last) this.last = timestamp;
  }

  get latest(): Timestamp {
    return this.last;
  }
}
