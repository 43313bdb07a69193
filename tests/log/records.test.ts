/** What is appended comes back: bodies, kinds, order, across files, reopens and cuts; on the real file system and in memory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openLog } from "../../src/log/file-log.js";
import type { Log, LogOptions, LogRecord } from "../../src/log/log.js";
import { type Env, realEnv } from "../../src/shared/env.js";
import { FaultyEnv } from "../support/faulty-env.js";
import { SeededRandom } from "../support/random.js";

const scratch = mkdtempSync(join(tmpdir(), "elanus-log-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const always: LogOptions = { fsync: "always" };
const open = async (env: Env, folder: string, options = always, from = 1): Promise<{ log: Log; records: LogRecord[] }> => {
  const records: LogRecord[] = [];
  const log = await openLog(env, folder, options, from, (record) => void records.push(record));
  return { log, records };
};

describe.each([
  ["real files", () => [realEnv, mkdtempSync(join(scratch, "t"))] as const],
  ["memory", () => [new FaultyEnv(1), "/log"] as const],
])("%s", (_, place) => {
  test("bodies of all sizes, in several parts, with their kinds", async () => {
    const [env, folder] = place();
    const random = new SeededRandom(7);
    const bodies = [0, 1, 7, 8, 9, 100, 4096, 65536, 65537, 300_000, 2_000_000].map((size) => random.bytes(size));
    const { log } = await open(env, folder);
    const lsns = await Promise.all(
      bodies.map((body, kind) => {
        const middle = random.below(body.length + 1);
        return log.append(kind, [body.subarray(0, middle), body.subarray(middle)], (lsn) => lsn);
      }),
    );
    expect(lsns).toEqual(bodies.map((_, index) => index + 1));
    expect(log.nextLsn).toBe(bodies.length + 1);
    await log.close();
    const again = await open(env, folder);
    expect(again.records.map(({ lsn, kind }) => [lsn, kind])).toEqual(bodies.map((_, index) => [index + 1, index]));
    expect(again.records.every(({ body }, index) => body.equals(bodies[index] ?? Buffer.alloc(0)))).toBe(true);
    expect(again.log.nextLsn).toBe(bodies.length + 1);
    await again.log.close();
  });

  test("many files: rolled at their size, replayed from any record, cut as whole files", async () => {
    const [env, folder] = place();
    const options: LogOptions = { fsync: "always", segmentBytes: 1000 };
    const { log } = await open(env, folder, options);
    for (let index = 0; index < 40; index++) await log.append(1, [Buffer.alloc(index * 10, index)], () => undefined);
    const before = await env.files.list(folder);
    expect(before.length).toBeGreaterThan(5);
    const full = log.byteSize;
    await log.cut(20);
    expect(log.byteSize).toBeLessThan(full);
    expect((await env.files.list(folder)).length).toBeLessThan(before.length);
    await log.close();
    for (const from of [20, 33, 40, 41]) {
      const again = await open(env, folder, options, from);
      expect(again.records.map(({ lsn }) => lsn)).toEqual(Array.from({ length: 41 - from }, (_, index) => from + index));
      expect(again.records.every(({ lsn, body }) => body.equals(Buffer.alloc((lsn - 1) * 10, lsn - 1)))).toBe(true);
      await again.log.close();
    }
    await expect(open(env, folder, options, 1)).rejects.toThrow(/record 1 is missing/);
    await expect(open(env, folder, options, 42)).rejects.toThrow(/data integrity.*ends before record 41/);
  });

  test("reopened many times, with and without appends, the numbers go on and files do not pile up", async () => {
    const [env, folder] = place();
    let appended = 0;
    for (let round = 0; round < 12; round++) {
      const { log, records } = await open(env, folder);
      expect(records.length).toBe(appended);
      if (round % 3 === 0) expect(await log.append(5, [Buffer.from(`${round}`)], (lsn) => lsn)).toBe(++appended);
      await log.close();
    }
    expect((await env.files.list(folder)).length).toBe(4);
  });
});

test("a closed log takes no more", async () => {
  const { log } = await open(new FaultyEnv(1), "/log");
  const last = log.append(1, [Buffer.from("x")], (lsn) => lsn);
  await log.close();
  expect(await last).toBe(1);
  await expect(log.append(1, [], () => undefined)).rejects.toThrow("the log is closed");
  await log.close();
});
