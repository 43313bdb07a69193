/**
 * All background work of one engine: which job runs, which waits, how far it is, and what became of the earlier ones.
 *
 * There are three lanes, each of which runs one job at a time: *storage* (whatever changes which files count: short jobs), *index* (builds of indexes) and
 * *compact* (merges, with the indexes of what they make). So a merge of minutes never stands in front of a flush, and no more than two heavy jobs share the
 * core's background threads, which the operating system runs behind those of requests. In a lane the job with the smallest priority is next, and of equal
 * ones the one that was asked first. A job that fails rejects its own promise and does not stop its lane.
 */
import type { Env } from "../shared/env.js";

export type LaneName = "storage" | "index" | "compact";
export type JobKind = "seal" | "commit" | "index" | "compact" | "snapshot";

/** 0: a client waits for it. */
export const Priority = { Waited: 0, Asked: 1, Routine: 2 } as const;
export type Priority = (typeof Priority)[keyof typeof Priority];

export interface JobDescription {
  readonly lane: LaneName;
  readonly kind: JobKind;
  readonly priority: Priority;
  /** Absent: of the whole folder. */
  readonly collectionId?: bigint;
  /** A compaction by clustering key. */
  readonly clustering?: boolean;
}

export interface JobState extends JobDescription {
  readonly state: "waiting" | "running";
  /** From 0 to 1, as far as the job tells. */
  readonly progress: number;
  /** Milliseconds since it was asked. */
  readonly ageMs: number;
}

/** What became of the jobs of one kind. */
export interface JobTotals {
  readonly done: number;
  readonly failed: number;
  readonly runningMs: number;
}

/** A job tells how far it is, from 0 to 1. */
export type Progress = (fraction: number) => void;

interface Job {
  readonly description: JobDescription;
  readonly asked: number;
  progress: number;
  running: boolean;
  start(): Promise<void>;
}

const KINDS: readonly JobKind[] = ["seal", "commit", "index", "compact", "snapshot"];

export class Scheduler {
  private readonly lanes = new Map<LaneName, Job[]>([
    ["storage", []],
    ["index", []],
    ["compact", []],
  ]);
  private readonly finished = new Map(KINDS.map((kind) => [kind, { done: 0, failed: 0, runningMs: 0 }]));
  private readonly drainWaiters: { readonly lane: LaneName; readonly resolve: () => void }[] = [];

  constructor(private readonly env: Pick<Env, "elapsed">) {}

  /** Runs `work` when its turn in the lane comes. */
  run<T>(description: JobDescription, work: (progress: Progress) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const job: Job = {
        description,
        asked: this.env.elapsed(),
        progress: 0,
        running: false,
        start: async () => {
          try {
            const progress: Progress = (fraction) => {
              job.progress = Math.min(1, Math.max(0, fraction));
            };
            resolve(await work(progress));
            this.totalsOf(description.kind).done++;
          } catch (error) {
            this.totalsOf(description.kind).failed++;
            reject(error);
          }
        },
      };
      this.lane(description.lane).push(job);
      // Started from a fresh stack, so that what the caller does next in this turn comes before the job's first step.
      queueMicrotask(() => this.next(description.lane));
    });
  }

  /** Jobs that run or wait. */
  jobs(): JobState[] {
    const now = this.env.elapsed();
    return [...this.lanes.values()].flat().map(({ description, running, progress, asked }) => ({
      ...description,
      state: running ? "running" : "waiting",
      progress,
      ageMs: now - asked,
    }));
  }

  totals(): ReadonlyMap<JobKind, JobTotals> {
    return this.finished;
  }

  /** Resolves when no job of the lane runs or waits. */
  drained(lane: LaneName): Promise<void> {
    if (this.lane(lane).length === 0) return Promise.resolve();
    return new Promise((resolve) => this.drainWaiters.push({ lane, resolve }));
  }

  private lane(name: LaneName): Job[] {
    return this.lanes.get(name) as Job[];
  }

  private totalsOf(kind: JobKind): { done: number; failed: number; runningMs: number } {
    return this.finished.get(kind) as { done: number; failed: number; runningMs: number };
  }

  private next(name: LaneName): void {
    const lane = this.lane(name);
    if (lane.some((job) => job.running)) return;
    // Smaller priority first; of equal ones the first in the lane.
    const job = lane.reduce<Job | undefined>(
      (best, other) => (best === undefined || other.description.priority < best.description.priority ? other : best),
      undefined,
    );
    if (job === undefined) {
      this.wakeDrained(name);
      return;
    }
    job.running = true;
    const started = this.env.elapsed();
    void job.start().finally(() => {
      this.totalsOf(job.description.kind).runningMs += this.env.elapsed() - started;
      lane.splice(lane.indexOf(job), 1);
      this.next(name);
    });
  }

  private wakeDrained(name: LaneName): void {
    for (let at = this.drainWaiters.length - 1; at >= 0; at--) {
      if (this.drainWaiters[at]?.lane === name) this.drainWaiters.splice(at, 1)[0]?.resolve();
    }
  }
}
