/** Lanes run one job at a time, by priority and then in the order asked; a failed job stops nothing. */
import { describe, expect, it } from "vitest";
import { type JobDescription, Priority, Scheduler } from "../../src/engine/scheduler.js";

const clock = () => {
  let now = 0;
  return { elapsed: () => now++ };
};
const job = (over: Partial<JobDescription> = {}): JobDescription => ({ lane: "storage", kind: "seal", priority: Priority.Asked, ...over });
const gate = () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
};

describe("a lane", () => {
  it("runs one job at a time: the one that runs, then by priority, then in order", async () => {
    const scheduler = new Scheduler(clock());
    const { open, opened } = gate();
    const ran: string[] = [];
    const named = (name: string) => async () => {
      ran.push(name);
    };
    const first = scheduler.run(job({ priority: Priority.Routine }), async () => {
      ran.push("first");
      await opened;
    });
    await Promise.resolve();
    const others = [
      scheduler.run(job({ priority: Priority.Routine }), named("routine")),
      scheduler.run(job(), named("asked 1")),
      scheduler.run(job(), named("asked 2")),
      scheduler.run(job({ priority: Priority.Waited }), named("waited")),
    ];
    open();
    await Promise.all([first, ...others]);
    expect(ran).toEqual(["first", "waited", "asked 1", "asked 2", "routine"]);
  });

  it("waits for no other lane", async () => {
    const scheduler = new Scheduler(clock());
    const { open, opened } = gate();
    const merge = scheduler.run(job({ lane: "compact", kind: "compact" }), () => opened);
    expect(await scheduler.run(job(), async () => "sealed")).toBe("sealed");
    open();
    await merge;
  });

  it("goes on after a job that fails, which rejects only its own promise", async () => {
    const scheduler = new Scheduler(clock());
    const failing = scheduler.run(job(), async () => {
      throw new Error("disk full");
    });
    const next = scheduler.run(job(), async () => 7);
    await expect(failing).rejects.toThrow("disk full");
    expect(await next).toBe(7);
    expect(scheduler.totals().get("seal")).toMatchObject({ done: 1, failed: 1 });
  });

  it("tells what runs, how far it is, and what waits; and when it is drained", async () => {
    const scheduler = new Scheduler(clock());
    const { open, opened } = gate();
    const running = scheduler.run(job({ collectionId: 5n }), async (progress) => {
      progress(0.25);
      await opened;
    });
    const waiting = scheduler.run(job({ kind: "commit" }), async () => {});
    await Promise.resolve();
    expect(scheduler.jobs()).toMatchObject([
      { kind: "seal", state: "running", progress: 0.25, collectionId: 5n },
      { kind: "commit", state: "waiting", progress: 0 },
    ]);
    open();
    await scheduler.drained("storage");
    expect(scheduler.jobs()).toEqual([]);
    await Promise.all([running, waiting]);
  });
});
