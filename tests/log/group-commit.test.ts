/** Records that wait share one write and one sync; they are applied in order, each only when durable; a batch's failure is its own. */
import { expect, test } from "vitest";
import { openLog } from "../../src/log/file-log.js";
import { FaultyEnv } from "../support/faulty-env.js";

const open = (env: FaultyEnv, fsync: "always" | "interval" = "always") =>
  openLog(env, "/log", { fsync, intervalMs: 50 }, 1, () => undefined);

const counting = (env: FaultyEnv) => {
  const counts: Record<string, number> = {};
  env.fault = ({ name }) => {
    counts[name] = (counts[name] ?? 0) + 1;
    return undefined;
  };
  return counts;
};

test("all that wait share one write and one sync, and the next batch gathers meanwhile", async () => {
  const env = new FaultyEnv(1);
  const log = await open(env);
  await log.append(1, [], () => undefined);
  const counts = counting(env);
  const applied: number[] = [];
  const append = () => log.append(1, [Buffer.alloc(10)], (lsn) => applied.push(lsn));
  const all: Promise<unknown>[] = Array.from({ length: 50 }, append);
  await new Promise(setImmediate);
  all.push(...Array.from({ length: 50 }, append));
  await Promise.all(all);
  expect(counts).toEqual({ write: 2, sync: 2 });
  expect(applied).toEqual(Array.from({ length: 100 }, (_, index) => index + 2));
});

test("nothing is applied before it is durable, and appends resolve with what apply returned", async () => {
  const env = new FaultyEnv(1);
  const log = await open(env);
  let synced = 0;
  env.fault = ({ name }) => {
    if (name === "sync") synced++;
    return undefined;
  };
  const seen = await log.append(3, [Buffer.from("a")], (lsn) => ({ lsn, synced, next: log.nextLsn }));
  expect(seen).toEqual({ lsn: 1, synced: 2, next: 2 }); // the new file's header, then the record
});

test("what apply throws rejects that append alone", async () => {
  const log = await open(new FaultyEnv(1));
  const results = await Promise.allSettled([
    log.append(1, [], () => "first"),
    log.append(1, [], () => {
      throw new Error("refused");
    }),
    log.append(1, [], (lsn) => lsn),
  ]);
  expect(results.map((result) => (result.status === "fulfilled" ? result.value : String(result.reason)))).toEqual([
    "first",
    "Error: refused",
    3,
  ]);
});

test("a failed batch leaves no number behind, and the next one works", async () => {
  const env = new FaultyEnv(5);
  const log = await open(env);
  await log.append(1, [Buffer.from("kept")], () => undefined);
  let failures = 0;
  env.fault = ({ name }) => (name === "sync" && failures++ === 0 ? "EIO" : undefined);
  const failed = await Promise.allSettled([
    log.append(1, [Buffer.from("lost")], () => undefined),
    log.append(1, [Buffer.from("lost")], () => undefined),
  ]);
  for (const result of failed) {
    expect(result.status === "rejected" && result.reason).toMatchObject({
      code: 1001,
      message: expect.stringMatching(/^IO failed: writing the log: EIO/),
    });
  }
  expect(await log.append(1, [Buffer.from("kept too")], (lsn) => lsn)).toBe(2);
  const bodies: string[] = [];
  await openLog(env.afterPowerLoss(), "/log", { fsync: "always" }, 1, ({ body }) => void bodies.push(body.toString()));
  expect(bodies).toEqual(["kept", "kept too"]);
});

test("a full disk refuses, and takes records again once there is room", async () => {
  const env = new FaultyEnv(5);
  const log = await open(env);
  await log.append(1, [Buffer.alloc(1000)], () => undefined);
  env.capacity = 5000;
  await expect(log.append(1, [Buffer.alloc(6000)], () => undefined)).rejects.toThrow(/IO failed: writing the log: ENOSPC/);
  expect(await log.append(1, [Buffer.alloc(2000)], (lsn) => lsn)).toBe(2);
  env.capacity = 0;
  for (let count = 0; count < 5; count++) await expect(log.append(1, [], () => undefined)).rejects.toThrow(/ENOSPC/);
  env.capacity = 1e9;
  expect(await log.append(1, [Buffer.alloc(6000)], (lsn) => lsn)).toBe(3);
  await log.close();
  const sizes: number[] = [];
  await openLog(env.afterPowerLoss(), "/log", { fsync: "always" }, 1, ({ body }) => void sizes.push(body.length));
  expect(sizes).toEqual([1000, 2000, 6000]);
});

test("interval: applied when written, synced when the clock says so, and by sync() and close()", async () => {
  const env = new FaultyEnv(5);
  const log = await open(env, "interval");
  await log.append(1, [], () => undefined);
  await log.sync();
  const counts = counting(env);
  await log.append(1, [Buffer.from("a")], () => undefined);
  expect(counts).toEqual({ write: 1 });
  env.advance(49);
  await log.append(1, [Buffer.from("b")], () => undefined);
  expect(counts).toEqual({ write: 2 });
  env.advance(1);
  await log.append(1, [Buffer.from("c")], () => undefined);
  expect(counts).toEqual({ write: 3, sync: 1 });
  await log.sync();
  expect(counts).toEqual({ write: 3, sync: 2 });
});

test("interval: a sync that fails moves the records to a new file, and none is lost", async () => {
  const env = new FaultyEnv(5);
  const log = await open(env, "interval");
  for (const text of ["a", "b", "c"]) await log.append(1, [Buffer.from(text)], () => undefined);
  let failures = 0;
  env.fault = ({ name }) => (name === "sync" && failures++ === 0 ? "EIO" : undefined);
  await log.sync();
  const bodies: string[] = [];
  await openLog(env.afterPowerLoss(), "/log", { fsync: "interval" }, 1, ({ body }) => void bodies.push(body.toString()));
  expect(bodies).toEqual(["a", "b", "c"]);
});
