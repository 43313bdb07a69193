/**
 * What an open engine does besides answering: sealing, naming files in manifests, building indexes, compacting.
 *
 * Reasons to seal: a growing segment is full (`segmentBytesMax`), idle or old; the log is long (`logBytesMax`); somebody asks. A seal that fails (a full
 * disk, say) is reported and tried again after `RETRY_MS`; so is everything that was only put off. Writers and readers wait for none of it.
 */
import type { Collection } from "../catalog/types.js";
import { Compactor } from "./compaction.js";
import { buildIndexes, type FailedBuilds } from "./indexing.js";
import { Residency } from "./residency.js";
import { Priority, Scheduler } from "./scheduler.js";
import { commit, sealAll } from "./seal.js";
import type { SegmentEntry } from "./shard.js";
import type { EngineState } from "./state.js";

const RETRY_MS = 3000;

export class Background {
  readonly scheduler: Scheduler;
  readonly compactor: Compactor;
  readonly residency: Residency;
  readonly failedBuilds: FailedBuilds = new Map();
  private retry: (() => void) | undefined;
  private readonly timers = new Map<() => void, () => void>();
  private checkpointing = false;
  /** Something began to be sealed since the last checkpoint did. */
  private unsealed = false;
  private committing = false;
  private compacting = false;
  private stopped = false;

  constructor(private readonly state: EngineState) {
    this.scheduler = new Scheduler(state.env);
    this.compactor = new Compactor(state, this.scheduler, {
      stopped: () => this.stopped,
      inStorage: (job) => this.scheduler.run({ lane: "storage", kind: "commit", priority: Priority.Asked }, job),
      merged: () => {
        this.residency.settle();
        this.compactSoon();
      },
    });
    this.residency = new Residency(state, { rebuild: () => this.indexSoon() });
    this.residency.begin();
    state.memory.onPressure = () => this.sealOne(state.memory.largestGrowing());
    this.indexSoon();
    this.every(state.settings.upkeepMs, () => this.upkeep());
    this.every(state.settings.compactMs, () => this.compactSoon());
  }

  /** Writes the sealing segments of these collections (none given: all) and names them in a manifest. */
  async seal(collectionIds: readonly bigint[] | undefined, priority: Priority): Promise<void> {
    await this.scheduler.run({ lane: "storage", kind: "seal", priority }, async () => {
      await sealAll(this.state, collectionIds);
      await commit(this.state);
    });
    this.residency.settle();
    this.indexSoon();
  }

  /** After rows came into these segments. */
  appended(entries: readonly SegmentEntry[]): void {
    const full = entries.filter((entry) => entry.core.byteSize >= this.state.settings.segmentBytesMax);
    for (const entry of full) this.state.shards.get(entry.collectionId)?.rotate([entry.partitionId]);
    if (full.length > 0) this.checkpointSoon();
    this.sealOne(this.state.memory.toSeal());
    this.sealIfLogIsLong();
  }

  private sealOne(entry: SegmentEntry | undefined): void {
    if (entry === undefined || this.stopped) return;
    this.state.shards.get(entry.collectionId)?.rotate([entry.partitionId]);
    this.checkpointSoon();
  }

  sealIfLogIsLong(): void {
    if (this.checkpointing || this.state.log.byteSize < this.state.settings.logBytesMax) return;
    for (const shard of this.state.shards.values()) shard.rotate();
    this.checkpointSoon();
  }

  /** Seals what is sealing; a failure is reported and tried again later. */
  checkpointSoon(): void {
    this.unsealed = true;
    if (this.checkpointing || this.stopped) return;
    this.checkpointing = true;
    this.unsealed = false;
    this.seal(undefined, Priority.Asked)
      .catch((error: unknown) => {
        this.state.logger.error({ reason: String(error) }, "writing segments failed; it is tried again");
        this.retry ??= this.state.env.after(RETRY_MS, () => {
          this.retry = undefined;
          this.checkpointSoon();
        });
      })
      .finally(() => {
        this.checkpointing = false;
        // What began to be sealed meanwhile; after a failure the retry sees to it.
        if (this.unsealed && this.retry === undefined) this.checkpointSoon();
      });
  }

  /** Runs a job about snapshots, which a client waits for, with no files removed meanwhile. */
  async snapshot<T>(collection: Collection, job: () => Promise<T>): Promise<T> {
    const result = await this.scheduler.run(
      { lane: "storage", kind: "snapshot", priority: Priority.Waited, collectionId: collection.id },
      job,
    );
    this.indexSoon();
    return result;
  }

  /** Gives back the files of what was dropped. */
  commitSoon(): void {
    if (this.committing || this.stopped) return;
    this.committing = true;
    this.scheduler
      .run({ lane: "storage", kind: "commit", priority: Priority.Routine }, () => {
        this.committing = false;
        return commit(this.state);
      })
      .catch((error: unknown) => {
        this.state.logger.error({ reason: String(error) }, "writing a manifest failed; the next one frees the files");
      });
  }

  indexSoon(): void {
    if (this.stopped) return;
    const build = async (): Promise<void> => {
      const built = await buildIndexes(this.state, {
        failed: this.failedBuilds,
        stopped: () => this.stopped,
        inStorage: (job) => this.scheduler.run({ lane: "storage", kind: "commit", priority: Priority.Asked }, job),
      });
      if (built > 0 && !this.stopped) {
        await this.scheduler.run({ lane: "storage", kind: "commit", priority: Priority.Asked }, () => commit(this.state));
      }
    };
    this.scheduler.run({ lane: "index", kind: "index", priority: Priority.Asked }, build).catch((error: unknown) => {
      this.state.logger.error({ reason: String(error) }, "naming a built index failed; it is named by the next manifest");
    });
  }

  /** Looks for compactions that are worth doing. */
  compactSoon(): void {
    if (this.compacting || this.stopped) return;
    this.compacting = true;
    this.compactor
      .routine(this.state.catalog)
      .catch((error: unknown) => {
        this.state.logger.error({ reason: String(error) }, "looking for compactions failed");
      })
      .finally(() => {
        this.compacting = false;
      });
  }

  /** Jobs in the storage lane end; long ones (builds, merges) are left, and write nothing any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.residency.stop();
    this.retry?.();
    for (const cancel of this.timers.values()) cancel();
    await this.scheduler.drained("storage");
  }

  private every(milliseconds: number, task: () => void): void {
    const cancel = this.state.env.after(milliseconds, () => {
      if (this.stopped) return;
      task();
      this.every(milliseconds, task);
    });
    this.timers.set(task, cancel);
  }

  private upkeep(): void {
    const now = this.state.env.now();
    const { idleMsMax, idleBytesMin, growingMsMax } = this.state.settings;
    let sealing = false;
    for (const shard of this.state.shards.values()) {
      for (const entry of shard.list()) {
        if (entry.state !== "growing") continue;
        const idle = now - entry.touchedAt >= idleMsMax && entry.core.byteSize >= idleBytesMin;
        if (!idle && now - entry.begunAt < growingMsMax) continue;
        shard.rotate([entry.partitionId]);
        sealing = true;
      }
    }
    if (sealing) this.checkpointSoon();
    else this.sealOne(this.state.memory.toSeal());
    if (this.failedBuilds.size > 0) this.indexSoon();
  }
}
