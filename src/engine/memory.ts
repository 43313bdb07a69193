/**
 * The memory that rows, indexes and requests may take, and what is refused when they would take more.
 *
 * *Held* is what the core says of the segments (growing rows with their keys, built indexes, delete sets) and the pages that properties want to stay;
 * other pages of mapped files are the system's to keep or to drop. Held bytes are summed from time to time, the less often the longer it takes, and anew before
 * something is refused; what came since is added. *In flight* are the rows of requests under way, with the bytes that they came as.
 *
 * - A write that does not fit beside what is held is refused with Milvus's quota error (9). One that only has to wait for others in flight waits, in the
 *   order of arrival, for `WAIT_MS` at most, and is then refused with a code that clients retry (8).
 * - A load that does not fit is refused with Milvus's memory error (3). An index that does not fit is built later.
 * - Deletes, reads, flushes, releases and drops are not asked, so that there is a way back; once memory is free again writes are taken by themselves.
 * - From half of the budget in growing rows on, and whenever a write is refused, the largest growing segment is to be sealed: it becomes a mapped file.
 *
 * Sources: milvus internal/util/ratelimitutil, internal/rootcoord/quota_center.go, pkg/util/merr.
 */
import type { Env } from "../shared/env.js";
import { failure, type MilvusError } from "../shared/errors.js";
import type { CoreSegment } from "./core.js";
import type { SegmentEntry, Shard } from "./shard.js";

/** Milliseconds between two sums, and how many times as long as a sum takes they are at least. */
const SAMPLE_MS = 100;
const SAMPLE_SPARING = 50;
/** Before something is refused a sum may be this much older than it took. */
const RECHECK_SPARING = 5;
/** Decoded rows and the bytes that they came as, together, take about so much of the bytes of a request. */
const REQUEST_FACTOR = 2;
/** Part of the budget that requests in flight may take together. */
const IN_FLIGHT_PART = 0.25;
/** Milliseconds that a request waits for others in flight. */
const WAIT_MS = 3000;
/** Part of the budget that growing rows may take before they are sealed. */
const GROWING_PART = 0.5;
const MEGABYTE = 1024 * 1024;

const EXHAUSTED = "memory quota exceeded, please allocate more resources: force deny writing for memory quota exceeded";
const LIMITED = "request is rejected by grpc RateLimiter middleware, please retry later";

interface Waiter {
  readonly bytes: number;
  enter(): void;
}

export class MemoryBudget {
  private sampledAt = Number.NEGATIVE_INFINITY;
  private sampleMs = 0;
  private held = 0;
  private growing = 0;
  private inFlight = 0;
  private readonly pinned = new WeakMap<CoreSegment, number>();
  private readonly waiting: Waiter[] = [];
  /** Called when sealing growing rows would help. */
  onPressure: () => void = () => undefined;

  constructor(
    private readonly env: Pick<Env, "elapsed" | "after">,
    private readonly shards: ReadonlyMap<bigint, Shard>,
    /** Bytes. */
    readonly limit: number,
  ) {}

  /** Bytes counted at the moment. */
  get used(): number {
    this.sample(SAMPLE_MS, SAMPLE_SPARING);
    return this.held + this.inFlight;
  }

  /** Does work on a request of so many bytes. @throws 9 when it does not fit, 8 when too many are in flight */
  async during<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const taken = bytes * REQUEST_FACTOR;
    this.requireFit(taken);
    if (this.waiting.length > 0 || !this.mayEnter(taken)) await this.wait(taken);
    else this.inFlight += taken;
    try {
      const result = await work();
      // Until the next sum: what the rows take in a segment is known only then, so rather too much.
      this.held += taken;
      this.growing += bytes;
      return result;
    } finally {
      this.inFlight -= taken;
      this.admit();
    }
  }

  hasRoom(bytes: number): boolean {
    return bytes === 0 || this.fits(bytes + this.inFlight);
  }

  /** @throws 3 when so many bytes more do not fit */
  require(bytes: number): void {
    if (this.hasRoom(bytes)) return;
    const megabytes = (value: number): number => value / MEGABYTE;
    throw failure("memoryLimitExceeded", {
      "predict(MB)": megabytes(this.held + this.inFlight + bytes),
      "limit(MB)": megabytes(this.limit),
    });
  }

  /** Counts pages of a segment's file that are to stay in memory. */
  pin(segment: CoreSegment, bytes: number): void {
    this.pinned.set(segment, (this.pinned.get(segment) ?? 0) + bytes);
    this.held += bytes;
  }

  unpin(segment: CoreSegment): void {
    this.held -= this.pinned.get(segment) ?? 0;
    this.pinned.delete(segment);
  }

  isPinned(segment: CoreSegment): boolean {
    return this.pinned.has(segment);
  }

  /** The largest growing segment when growing rows take too much. */
  toSeal(): SegmentEntry | undefined {
    this.sample(SAMPLE_MS, SAMPLE_SPARING);
    return this.growing < this.limit * GROWING_PART ? undefined : this.largestGrowing();
  }

  /** The largest growing segment with rows; the caller seals it. */
  largestGrowing(): SegmentEntry | undefined {
    let largest: SegmentEntry | undefined;
    let most = 0;
    for (const shard of this.shards.values()) {
      for (const entry of shard.list()) {
        const bytes = entry.state === "growing" ? entry.core.byteSize : 0;
        if (bytes > most) [largest, most] = [entry, bytes];
      }
    }
    this.growing -= most;
    return largest;
  }

  private requireFit(taken: number): void {
    if (this.fits(taken)) return;
    this.onPressure();
    throw this.exhausted();
  }

  private exhausted(): MilvusError {
    return failure("quotaExceeded", { reason: EXHAUSTED });
  }

  /** Whether so many bytes fit beside what is held. */
  private fits(bytes: number): boolean {
    this.sample(SAMPLE_MS, SAMPLE_SPARING);
    if (this.held + bytes > this.limit) this.sample(0, RECHECK_SPARING);
    return this.held + bytes <= this.limit;
  }

  /** One alone always may: it fits beside what is held. */
  private mayEnter(taken: number): boolean {
    if (this.inFlight === 0) return true;
    return this.inFlight + taken <= this.limit * IN_FLIGHT_PART && this.held + this.inFlight + taken <= this.limit;
  }

  /** Resolves when the request counts as in flight. @throws 8, or 9 when it does not fit any more */
  private wait(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        bytes,
        enter: () => {
          cancel();
          if (this.fits(bytes)) {
            this.inFlight += bytes;
            resolve();
          } else reject(this.exhausted());
        },
      };
      const cancel = this.env.after(WAIT_MS, () => {
        this.waiting.splice(this.waiting.indexOf(waiter), 1);
        reject(failure("rateLimit", { rate: Math.floor(this.limit * IN_FLIGHT_PART) }, LIMITED));
        this.admit();
      });
      this.waiting.push(waiter);
    });
  }

  private admit(): void {
    for (let first = this.waiting[0]; first !== undefined && this.mayEnter(first.bytes); first = this.waiting[0]) {
      this.waiting.shift();
      first.enter();
    }
  }

  private sample(ms: number, sparing: number): void {
    const now = this.env.elapsed();
    if (now - this.sampledAt < Math.max(ms, this.sampleMs * sparing)) return;
    this.held = 0;
    this.growing = 0;
    for (const shard of this.shards.values()) {
      for (const entry of shard.list()) {
        const bytes = entry.core.byteSize;
        this.held += bytes + (this.pinned.get(entry.core) ?? 0);
        if (entry.state === "growing") this.growing += bytes;
      }
    }
    this.sampledAt = this.env.elapsed();
    this.sampleMs = this.sampledAt - now;
  }
}
