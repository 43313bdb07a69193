/**
 * The memory that rows, indexes and requests may take, and what is refused when they would take more.
 *
 * Counted are growing rows with their key indexes and built indexes (what the core holds; mapped files are the system's to keep or to drop), and the rows of
 * requests under way. What segments hold is summed when it was not for `SAMPLE_MS`; what came since is added. Inserts and upserts over the budget are
 * refused with Milvus's quota error, loads with its memory error; deletes, reads, flushes, releases and drops go on, so that there is a way back.
 * From half of the budget in growing rows on the largest growing segments are sealed, which makes mapped files of them.
 */
import type { Env } from "../shared/env.js";
import { failure } from "../shared/errors.js";
import type { SegmentEntry, Shard } from "./shard.js";

const SAMPLE_MS = 100;
/** Decoded rows and the bytes that they came as, together, take about so much of the bytes of a request. */
const REQUEST_FACTOR = 2;
/** Part of the budget that growing rows may take before they are sealed. */
const GROWING_PART = 0.5;
const MEGABYTE = 1024 * 1024;

/** Words: milvus internal/util/ratelimitutil (MemoryQuotaExhausted). */
const EXHAUSTED = "memory quota exceeded, please allocate more resources";

export class MemoryBudget {
  private sampledAt = Number.NEGATIVE_INFINITY;
  private held = 0;
  private growing = 0;
  private inFlight = 0;

  constructor(
    private readonly env: Pick<Env, "elapsed">,
    private readonly shards: ReadonlyMap<bigint, Shard>,
    /** Bytes. */
    readonly limit: number,
  ) {}

  /** Bytes counted at the moment. */
  get used(): number {
    this.sample();
    return this.held + this.inFlight;
  }

  /** Does work on a request of so many bytes. @throws 9 when it does not fit */
  async during<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const taken = bytes * REQUEST_FACTOR;
    if (this.used + taken > this.limit) throw failure("quotaExceeded", { reason: EXHAUSTED });
    this.inFlight += taken;
    try {
      return await work();
    } finally {
      this.inFlight -= taken;
      this.held += bytes;
    }
  }

  /** @throws 3 when so many bytes more do not fit */
  require(bytes: number): void {
    const predict = this.used + bytes;
    if (predict <= this.limit) return;
    const megabytes = (value: number): string => (value / MEGABYTE).toFixed(2);
    throw failure("memoryLimitExceeded", { predict: megabytes(predict), limit: megabytes(this.limit) });
  }

  /** The largest growing segment when growing rows take too much. */
  toSeal(): SegmentEntry | undefined {
    this.sample();
    if (this.growing < this.limit * GROWING_PART) return undefined;
    let largest: SegmentEntry | undefined;
    for (const shard of this.shards.values()) {
      for (const entry of shard.list()) {
        if (entry.state === "growing" && (largest === undefined || entry.core.byteSize > largest.core.byteSize)) largest = entry;
      }
    }
    return largest;
  }

  private sample(): void {
    const now = this.env.elapsed();
    if (now - this.sampledAt < SAMPLE_MS) return;
    this.sampledAt = now;
    this.held = 0;
    this.growing = 0;
    for (const shard of this.shards.values()) {
      for (const entry of shard.list()) {
        const bytes = entry.core.byteSize;
        this.held += bytes;
        if (entry.state === "growing") this.growing += bytes;
      }
    }
  }
}
