/**
 * Random lives of a log: appends, cuts, failing calls, full disks, crashes in the middle of any call, recoveries that crash themselves.
 * After each restart the model (log-model.ts) says whether what is there may be there.
 */
import { expect, test } from "vitest";
import { openLog } from "../../src/log/file-log.js";
import type { Log, LogOptions, LogRecord } from "../../src/log/log.js";
import { FaultyEnv } from "../support/faulty-env.js";
import { runSeed, SeededRandom } from "../support/random.js";
import { LogModel } from "./log-model.js";

const FOLDER = "/log";
/** Schedules of each kind; ELANUS_LIVES for longer runs. */
const LIVES = Number(process.env.ELANUS_LIVES ?? 150);
const turns = async (random: SeededRandom, most: number): Promise<void> => {
  for (let count = random.below(most + 1); count > 0; count--) await new Promise(setImmediate);
};

interface Plan {
  readonly faults: boolean;
  readonly fsync: LogOptions["fsync"];
  readonly skipsSync?: boolean;
}

/** One schedule: several processes after another on one disk. */
class Life {
  private readonly random: SeededRandom;
  private readonly model = new LogModel();
  private readonly options: LogOptions;
  private env: FaultyEnv;
  /** Whether the last process ended by a power loss. */
  private lostPower = false;

  constructor(
    seed: number,
    private readonly plan: Plan,
  ) {
    this.random = new SeededRandom(seed);
    this.options = { fsync: plan.fsync, segmentBytes: this.random.pick([100, 1000, 5000, 100_000]), intervalMs: 10 };
    this.env = this.prepared(new FaultyEnv(seed));
  }

  async run(): Promise<number> {
    for (let session = 0; session < 5; session++) {
      const log = await this.open();
      await Promise.race([this.work(log), this.env.stopped]);
      this.env.fault = undefined;
      this.env.capacity = Number.POSITIVE_INFINITY;
      await this.end(log);
    }
    await this.open();
    return this.model.acknowledged;
  }

  private prepared(env: FaultyEnv): FaultyEnv {
    env.skipsSync = this.plan.skipsSync === true;
    return env;
  }

  private restart(lostPower: boolean): void {
    this.env = this.prepared(lostPower ? this.env.afterPowerLoss() : this.env.afterKill());
    this.lostPower ||= lostPower;
  }

  /** Opens as often as it takes: recovery itself crashes and fails now and then. */
  private async open(): Promise<Log> {
    for (;;) {
      const trouble = this.random.chance(0.3);
      if (trouble && this.random.chance(0.5)) this.env.crashAt = this.env.calls + 1 + this.random.below(15);
      const failing = this.env.calls + 1 + this.random.below(15);
      if (trouble && this.plan.faults) this.env.fault = ({ index }) => (index === failing ? "EIO" : undefined);
      const records: LogRecord[] = [];
      const opening = openLog(this.env, FOLDER, this.options, this.model.from, (record) => void records.push(record));
      const log = await Promise.race([opening, this.env.stopped]).catch((error: Error) => {
        if (!error.message.includes("EIO")) throw error;
      });
      this.env.fault = undefined;
      this.env.crashAt = Number.POSITIVE_INFINITY;
      if (log !== undefined) {
        this.model.check(records, log.nextLsn, this.lostPower && this.options.fsync === "interval");
        this.lostPower = false;
        return log;
      }
      this.restart(this.random.chance(0.5));
    }
  }

  private async work(log: Log): Promise<void> {
    const { env } = this;
    if (this.random.chance(0.6)) this.env.crashAt = this.env.calls + 1 + this.random.below(120);
    if (this.plan.faults) this.planFaults();
    const writers = Array.from({ length: 1 + this.random.below(3) }, async () => {
      for (let count = this.random.below(10); count > 0 && env === this.env; count--) {
        const burst = Array.from({ length: 1 + this.random.below(3) }, () => this.model.append(log));
        if (this.random.chance(0.7)) await Promise.all(burst);
        else await turns(this.random, 3);
        this.env.advance(this.random.below(6));
      }
    });
    await Promise.all([...writers, this.cuts(log)]);
  }

  private planFaults(): void {
    const rate = this.random.pick([0, 0.05, 0.3]);
    const lasting = this.env.calls + this.random.below(60);
    const until = lasting + this.random.below(30);
    this.env.fault = ({ index }) =>
      (index >= lasting && index < until) || this.random.chance(rate) ? this.random.pick(["EIO", "ENOSPC"]) : undefined;
    if (this.random.chance(0.2)) this.env.capacity = this.env.disk.bytes + this.random.below(4000);
  }

  private async cuts(log: Log): Promise<void> {
    const { env } = this;
    for (let count = this.random.below(4); count > 0; count--) {
      await turns(this.random, 10);
      if (env !== this.env) return;
      try {
        const before = 1 + this.random.below(log.nextLsn);
        await this.model.sync(log);
        if (env !== this.env) return;
        this.model.from = Math.max(this.model.from, before);
        await log.cut(before);
      } catch (error) {
        if (!(error as Error).message.startsWith("IO failed")) throw error;
      }
    }
  }

  private async end(log: Log): Promise<void> {
    const way = this.random.below(4);
    if (way === 0) {
      const closed = await Promise.race([log.close().then(() => true), this.env.stopped.then(() => false)]);
      this.restart(this.random.chance(0.5));
      if (closed) this.lostPower = false; // nothing may be missing then
    } else {
      await turns(this.random, 4);
      this.restart(way < 3);
    }
  }
}

const lives = async (first: number, count: number, plan: Plan): Promise<number> => {
  let acknowledged = 0;
  for (let seed = first; seed < first + count; seed++) {
    try {
      acknowledged += await new Life(seed, plan).run();
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
  return acknowledged;
};

const seed = runSeed();

test.each<[string, Plan]>([
  ["always, power losses and kills", { fsync: "always", faults: false }],
  ["always, with failing calls and full disks", { fsync: "always", faults: true }],
  ["interval, power losses and kills", { fsync: "interval", faults: false }],
  ["interval, with failing calls and full disks", { fsync: "interval", faults: true }],
])(
  `%s (seed ${seed})`,
  async (_, plan) => {
    expect(await lives(seed, LIVES, plan)).toBeGreaterThan(LIVES * 5);
  },
  120_000 + LIVES * 200,
);

test(`a log whose syncs do nothing is caught (seed ${seed})`, async () => {
  await expect(lives(seed, 60, { fsync: "always", faults: false, skipsSync: true })).rejects.toThrow(/is lost|data integrity/);
}, 120_000);
