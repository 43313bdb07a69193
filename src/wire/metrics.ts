/**
 * `GET /metrics`: what an operator watches, in the text format of Prometheus.
 *
 * Nothing is counted while requests run: each figure is read from the engine when it is asked for. The process's own figures (CPU, memory, lag of the event
 * loop) are prom-client's usual ones.
 */
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { EngineApi, SegmentInfo } from "../engine/api.js";

const STATES: readonly SegmentInfo["state"][] = ["Growing", "Sealed", "Flushed"];

const allSegments = (engine: EngineApi): SegmentInfo[] =>
  [...engine.catalog.collections.values()].flatMap((collection) => engine.segments(collection));

export class MetricsPage {
  private readonly registry = new Registry();
  readonly contentType = this.registry.contentType;

  constructor(private readonly engine: EngineApi) {
    collectDefaultMetrics({ register: this.registry });
    this.segments();
    this.jobs();
    this.gauge("elanus_collections", "Collections of all databases.", [], (set) => set({}, engine.catalog.collections.size));
    this.gauge("elanus_memory_bytes", "Bytes that rows, indexes and requests take, as the budget counts them.", [], (set) =>
      set({}, engine.memoryUsed),
    );
    this.gauge("elanus_memory_limit_bytes", "Bytes that they may take.", [], (set) => set({}, engine.memoryLimit));
    this.gauge("elanus_log_bytes", "Bytes of the log that the next opening would replay.", [], (set) => set({}, engine.logBytes));
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  private segments(): void {
    const sums = (name: string, help: string, of: (segment: SegmentInfo) => number): void =>
      this.gauge(name, help, ["state"], (set) => {
        const segments = allSegments(this.engine);
        for (const state of STATES) {
          const sum = segments.filter((segment) => segment.state === state).reduce((total, segment) => total + of(segment), 0);
          set({ state }, sum);
        }
      });
    sums("elanus_segments", "Segments, by state.", () => 1);
    sums("elanus_segment_rows", "Rows of segments, deleted ones included.", (segment) => segment.rowCount);
    sums("elanus_segment_deleted_rows", "Deleted rows that segments still hold.", (segment) => segment.deletedCount);
    sums("elanus_segment_bytes", "Bytes of segments: of memory while they grow, of their files afterwards.", (segment) => segment.byteSize);
  }

  private jobs(): void {
    this.gauge("elanus_jobs", "Background jobs under way, by lane, kind and state.", ["lane", "kind", "state"], (set) => {
      const counts = new Map<string, number>();
      for (const { lane, kind, state } of this.engine.jobs()) {
        const key = `${lane} ${kind} ${state}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      for (const [key, count] of counts) {
        const [lane = "", kind = "", state = ""] = key.split(" ");
        set({ lane, kind, state }, count);
      }
    });
    this.gauge("elanus_job_progress", "How far the running job of a lane is, from 0 to 1.", ["lane", "kind"], (set) => {
      for (const { lane, kind, state, progress } of this.engine.jobs()) if (state === "running") set({ lane, kind }, progress);
    });
    this.gauge("elanus_jobs_ended", "Background jobs that ended since the start, by kind and outcome.", ["kind", "outcome"], (set) => {
      for (const [kind, { done, failed }] of this.engine.jobTotals()) {
        set({ kind, outcome: "done" }, done);
        set({ kind, outcome: "failed" }, failed);
      }
    });
    this.gauge("elanus_job_seconds", "Seconds that background jobs ran since the start, by kind.", ["kind"], (set) => {
      for (const [kind, { runningMs }] of this.engine.jobTotals()) set({ kind }, runningMs / 1000);
    });
  }

  private gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: (set: (labels: Partial<Record<Label, string>>, value: number) => void) => void,
  ): void {
    const gauge: Gauge<Label> = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect: () => {
        gauge.reset();
        read((labels, value) => gauge.set(labels as Parameters<typeof gauge.labels>[0] & object, value));
      },
    });
  }
}
