/** Damaged bytes are reported with file and offset, or are provably of no consequence; a torn tail is neither damage nor a way to hide it. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLog } from "../../src/log/file-log.js";
import type { LogOptions, LogRecord } from "../../src/log/log.js";
import { FaultyEnv } from "../support/faulty-env.js";
import { SeededRandom } from "../support/random.js";

const FOLDER = "/log";
const options: LogOptions = { fsync: "always", segmentBytes: 300 };
const bodies = Array.from({ length: 9 }, (_, index) => new SeededRandom(index).bytes(index * 9));

const filled = async (close: boolean): Promise<FaultyEnv> => {
  const env = new FaultyEnv(1);
  const log = await openLog(env, FOLDER, options, 1, () => undefined);
  for (const [kind, body] of bodies.entries()) await log.append(kind, [body], () => undefined);
  if (close) await log.close();
  return env.fork();
};

/** The bodies that are replayed, or the message. */
const outcome = async (env: FaultyEnv): Promise<Buffer[] | string> => {
  const records: LogRecord[] = [];
  try {
    await openLog(env, FOLDER, options, 1, (record) => void records.push(record));
    return records.map(({ body }) => Buffer.from(body));
  } catch (error) {
    return (error as Error).message;
  }
};

const everyByte = async (env: FaultyEnv, check: (result: Buffer[] | string, place: string, isLast: boolean) => void): Promise<void> => {
  const names = (await env.files.list(FOLDER)).sort();
  expect(names.length).toBeGreaterThan(2);
  for (const name of names) {
    const path = join(FOLDER, name);
    const size = await env.files.size(path);
    for (let offset = 0; offset < size; offset++) {
      const damaged = env.fork();
      damaged.flip(path, offset, offset % 8);
      check(await outcome(damaged), `${path} byte ${offset}`, name === names.at(-1));
    }
  }
};

const reported = /^data integrity check failed: \/log\/[0-9a-f]{14}-[0-9a-f]{8}\.log at byte \d+: /;

test("after an orderly close every flipped bit is reported, or changes nothing", async () => {
  let detected = 0;
  await everyByte(await filled(true), (result, place) => {
    if (typeof result === "string") {
      expect(result, place).toMatch(reported);
      detected++;
    } else expect(Buffer.concat(result).equals(Buffer.concat(bodies)) && result.length === bodies.length, place).toBe(true);
  });
  expect(detected).toBeGreaterThan(600);
}, 120_000);

test("after a crash a flipped bit is reported, but in the very last batch, which cannot be told from a torn write", async () => {
  await everyByte(await filled(false), (result, place, isLast) => {
    if (typeof result === "string") expect(result, place).toMatch(reported);
    else {
      expect(result, place).toEqual(bodies.slice(0, result.length));
      expect(result.length, place).toBeGreaterThanOrEqual(isLast ? bodies.length - 1 : bodies.length);
    }
  });
}, 120_000);

test("every length of a torn last batch is cut off; a file cut short before others is damage", async () => {
  const env = await filled(false);
  const names = (await env.files.list(FOLDER)).sort();
  for (const name of names) {
    const path = join(FOLDER, name);
    const size = await env.files.size(path);
    for (let length = size - 1; length > size - 60 && length >= 40; length--) {
      const torn = env.fork();
      await (await torn.files.open(path, "write")).truncate(length);
      const result = await outcome(torn);
      if (name === names.at(-1)) expect(result, `${name} ${length}`).toEqual(bodies.slice(0, result.length));
      else if (typeof result === "string") expect(result).toMatch(reported);
      else expect(result).toEqual(bodies); // only zeros were lost
    }
  }
});

test("a file of another log with the same name is damage", async () => {
  const env = await filled(true);
  const second = (await env.files.list(FOLDER)).sort()[1] ?? "";
  const other = new FaultyEnv(77);
  const log = await openLog(other, FOLDER, options, 1, () => undefined);
  for (const [kind, body] of bodies.entries()) await log.append(kind, [body.map((byte) => byte ^ 1)], () => undefined);
  const path = join(FOLDER, second);
  const bytes = Buffer.alloc(await other.files.size(path));
  await (await other.files.open(path, "read")).read(bytes, 0);
  await (await env.files.open(path, "write")).write([bytes], 0);
  expect(await outcome(env)).toBe(`data integrity check failed: ${path} at byte 32: the file does not continue the one before`);
});

test("a torn tail is superseded before the log is opened, and never read again", async () => {
  const env = await filled(false);
  const before = (await env.files.list(FOLDER)).sort();
  const path = join(FOLDER, before.at(-1) ?? "");
  await (await env.files.open(path, "write")).truncate((await env.files.size(path)) - 1);
  const kept = await outcome(env);
  expect((await env.files.list(FOLDER)).length).toBe(before.length + 1);
  await (await env.files.open(path, "write")).write([Buffer.alloc(500, 255)], await env.files.size(path));
  expect(await outcome(env)).toEqual(kept);
});

test("a missing file, two swapped files and a foreign file are damage", async () => {
  const env = await filled(true);
  const names = (await env.files.list(FOLDER)).sort().map((name) => join(FOLDER, name));
  const [first = "", second = "", third = ""] = names;
  const missing = env.fork();
  await missing.files.remove(second);
  expect(await outcome(missing)).toMatch(/data integrity.*record \d+ is missing/);
  const swapped = env.fork();
  await swapped.files.rename(second, "/log/aside");
  await swapped.files.rename(third, second);
  await swapped.files.rename("/log/aside", third);
  expect(await outcome(swapped)).toMatch(reported);
  const foreign = env.fork();
  await foreign.files.remove(first);
  await (await foreign.files.open(first, "create")).write([Buffer.from("something else entirely, and longer than a header")], 0);
  expect(await outcome(foreign)).toBe(`data integrity check failed: ${first} at byte 0: not a log file`);
});

test("a body that holds records of another log does not make a torn tail damage", async () => {
  const other = new FaultyEnv(99);
  const later = await openLog(other, "/other", { fsync: "always" }, 1, () => undefined);
  for (let count = 0; count < 30; count++) await later.append(1, [], () => undefined);
  const copied = Buffer.alloc(40 + 30 * 40);
  const [source = ""] = await other.files.list("/other");
  expect(await (await other.files.open(join("/other", source), "read")).read(copied, 0)).toBe(copied.length);

  const env = await filled(false);
  const log = await openLog(env, FOLDER, { fsync: "always" }, 1, () => undefined);
  await log.append(1, [copied, Buffer.alloc(1000)], () => undefined);
  const name = (await env.files.list(FOLDER)).sort().at(-1) ?? "";
  const torn = env.fork();
  await (await torn.files.open(join(FOLDER, name), "write")).truncate(40 + 40 + copied.length + 500);
  expect(await outcome(torn)).toEqual(bodies);
});

test("a tail that looks torn is damage when the log is known to have gone on, and nothing is written", async () => {
  const env = await filled(false);
  const path = join(FOLDER, (await env.files.list(FOLDER)).sort().at(-1) ?? "");
  const length = 60; // in the middle of the header of the file's first record
  const file = await env.files.open(path, "write");
  await file.truncate(length);
  await file.close();
  const before = await env.files.list(FOLDER);
  const opened = openLog(env, FOLDER, { ...options, reached: bodies.length + 1 }, 1, () => undefined);
  const message = expect.stringContaining(`${path} at byte ${length}: the log ends before`);
  await expect(opened).rejects.toMatchObject({ code: 1009, message });
  expect(await env.files.list(FOLDER)).toEqual(before);
  const log = await openLog(env, FOLDER, options, 1, () => undefined);
  await log.close();
});
