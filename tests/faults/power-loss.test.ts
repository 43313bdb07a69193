/**
 * Random lives of a whole engine: requests one by one or at once, time that passes, power losses and kills in the middle of any file call, failing calls,
 * restarts that are cut off themselves.
 *
 * `ELANUS_SCHEDULES` is the number of processes that live and end (2,000 in `npm test`); `ELANUS_SEED` repeats a run. Seeds that once failed are
 * in `seeds.json` and come first.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { Driver } from "../support/driver.js";
import {
  afterSome,
  emptyModel,
  type Model,
  oneOf,
  type Request,
  randomRequest,
  randomRowRequest,
  requests,
  surelyRefused,
} from "../support/engine-ledger.js";
import { FaultyEnv } from "../support/faulty-env.js";
import { mirror, mirrorFolder } from "../support/mirror.js";
import { runSeed, SeededRandom } from "../support/random.js";

const SCHEDULES = Number(process.env.ELANUS_SCHEDULES ?? (process.env.ELANUS_LONG ? 1_000_000 : 2000));
const PROCESSES_A_LIFE = 10;
/** Requests at once. */
const AT_ONCE_MAX = 4;
/** Rows of a life whose segments get indexes. */
const MANY_ROWS = 1100;
const FIRST_OF_MANY = 1000;
const known = JSON.parse(readFileSync(join(import.meta.dirname, "seeds.json"), "utf8")) as { readonly powerLoss: readonly number[] };

/** What the disk does wrong, for the checker to notice. */
type Planted = "nothing" | "no sync" | "no sync of folders";

class Life {
  private readonly random: SeededRandom;
  private readonly folder = mirrorFolder();
  private readonly history: string[] = [];
  private readonly fsync: "always" | "interval";
  private readonly manyRows: boolean;
  private env: FaultyEnv;
  /** What is certain, the present last. Under `interval` a power loss may bring back an earlier one; else there is only the present. */
  private certain: Model[] = [emptyModel];
  /** Requests that may have happened. */
  private maybe: Request[] = [];
  private version = 0;
  /** Whether there was a power loss since what is there was looked at. */
  private lostPower = false;

  constructor(
    private readonly seed: number,
    private readonly planted: Planted,
  ) {
    this.random = new SeededRandom(seed);
    this.fsync = this.random.chance(0.2) ? "interval" : "always";
    this.manyRows = this.random.chance(0.05);
    this.env = this.prepared(new FaultyEnv(seed));
  }

  async run(): Promise<void> {
    try {
      for (let process = 0; process < PROCESSES_A_LIFE; process++) await this.process(process);
      this.env.crashAt = Number.POSITIVE_INFINITY;
      const engine = await this.open();
      if (engine === undefined) throw new Error("the last opening did not end");
      await this.check(engine, true, this.lostPower ? this.certain : [this.present]);
      await engine.close();
    } finally {
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  private get present(): Model {
    return this.certain.at(-1) as Model;
  }

  private prepared(env: FaultyEnv): FaultyEnv {
    env.skipsSync = this.planted === "no sync";
    env.skipsFolderSync = this.planted === "no sync of folders";
    env.slowness = this.random.pick([0, 0, 2]);
    return mirror(env, this.folder);
  }

  private context = (): string => `ELANUS_SEED=${this.seed}, fsync ${this.fsync}\n${this.history.slice(-40).join("\n")}`;

  /** One process: opens, checks, works until it is cut off or stops in order. */
  private async process(index: number): Promise<void> {
    this.env.crashAt = this.random.chance(0.2) ? Number.POSITIVE_INFINITY : 1 + this.random.below(this.random.pick([30, 120, 300]));
    const { env } = this;
    const engine = await this.open();
    if (engine !== undefined) {
      await Promise.race([this.live(engine, index), env.stopped]);
    }
    const powerLoss = this.random.chance(0.7);
    this.history.push(powerLoss ? "power loss" : "kill");
    this.lostPower ||= powerLoss;
    this.env = this.prepared(powerLoss ? env.afterPowerLoss() : env.afterKill());
  }

  /** undefined: cut off. */
  private async open(): Promise<EngineApi | undefined> {
    const settings = { segmentBytesMax: 1 << 20, logBytesMax: 20_000 };
    const opened = openEngine({ folder: this.folder, env: this.env, fsync: this.fsync, settings });
    return Promise.race([opened, this.env.stopped.then(() => undefined)]);
  }

  private async live(engine: EngineApi, index: number): Promise<void> {
    const driver = new Driver(engine, this.env.turn);
    await this.check(engine, index % 4 === 3, this.lostPower ? this.certain : [this.present]);
    // What was found at the opening is durable.
    this.certain = [this.present];
    this.lostPower = false;
    await this.prepare(engine, driver);
    for (let left = this.random.below(10); left > 0; left--) {
      await this.work(driver, engine);
      // It is told that a restart decides; so it does.
      if (this.maybe.length > 0) return;
      if (this.random.chance(0.1)) await this.passTime();
    }
    await this.check(engine, false);
    if (this.random.chance(0.5)) {
      await engine.close();
      this.certain = [this.present];
    }
    this.history.push("ended by itself");
  }

  /** Collections are there, indexed and loaded, should the process that made them have ended in between. */
  private async prepare(engine: EngineApi, driver: Driver): Promise<void> {
    const collections = [...engine.catalog.collections.values()];
    driver.know("rows", 2);
    if (!collections.some(({ name }) => name === "rows")) await driver.createCollection("rows", 2);
    for (const { name, load } of collections) if (load === undefined) await driver.finish(name);
    if (!this.manyRows || [...this.present.rows.keys()].some((id) => id >= FIRST_OF_MANY && id < FIRST_OF_MANY + MANY_ROWS)) return;
    const ids = Array.from({ length: MANY_ROWS }, (_, at) => FIRST_OF_MANY + at);
    for (const request of [requests.upsert(ids, ++this.version), requests.flush(), requests.reindex("HNSW")]) {
      await this.together(driver, engine, [{ ...request, what: request.what.slice(0, 30) }]);
    }
  }

  private async work(driver: Driver, engine: EngineApi): Promise<void> {
    const { env } = this;
    env.fault = this.random.chance(0.1) ? this.faults() : undefined;
    await this.together(driver, engine, this.batch());
    env.fault = undefined;
    if (!this.maybe.some(({ manyCalls }) => manyCalls)) return;
    // What of it happened can be seen.
    await this.check(engine, false);
  }

  /** One request; or several about different rows, whose order does not matter. */
  private batch(): Request[] {
    const first = randomRequest(this.random, this.present, ++this.version);
    const batch = [first];
    // In which order they enter the log is not known, and `interval` promises a beginning of it.
    if (first.ids === undefined || this.fsync === "interval") return batch;
    for (let more = this.random.below(AT_ONCE_MAX); more > 0; more--) {
      const next = randomRowRequest(this.random, this.present, ++this.version);
      const taken = new Set(batch.flatMap(({ ids }) => ids ?? []));
      if (!next.ids?.some((id) => taken.has(id))) batch.push(next);
    }
    return batch;
  }

  private async together(driver: Driver, engine: EngineApi, batch: readonly Request[]): Promise<void> {
    this.history.push(batch.map(({ what }) => what).join(" | "));
    this.maybe = [...batch];
    await Promise.all(batch.map((request) => this.request(driver, engine, request)));
  }

  private async request(driver: Driver, engine: EngineApi, request: Request): Promise<void> {
    const { env } = this;
    const outcome = await request.run(driver, engine).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    await this.unlessOver(env);
    if (outcome !== undefined) this.history.push(`refused: ${outcome.error}`);
    if (outcome !== undefined && env.fault === undefined) throw new Error(`${this.context()}\nrefused without a fault`);
    const decided = outcome === undefined || (surelyRefused(outcome.error) && request.manyCalls === undefined);
    if (decided) this.maybe = this.maybe.filter((other) => other !== request);
    if (outcome === undefined) this.certain = [...(this.fsync === "interval" ? this.certain : []), request.after(this.present)];
  }

  /** Up to some minutes: whatever waits for its time runs, and what was acknowledged is synced. */
  private async passTime(): Promise<void> {
    const { env } = this;
    const milliseconds = this.random.pick([150, 5000, 700_000]);
    this.history.push(`${milliseconds} ms pass`);
    env.advance(milliseconds);
    for (let calls = -1; calls !== env.calls; ) {
      calls = env.calls;
      for (let turns = 0; turns < 10; turns++) await env.turn();
    }
    await this.unlessOver(env);
    this.certain = [this.present];
  }

  /** What a process does after its end, in memory only, is nothing to the next. */
  private async unlessOver(env: FaultyEnv): Promise<void> {
    if (env !== this.env) await new Promise(() => undefined);
  }

  private faults(): NonNullable<FaultyEnv["fault"]> {
    const code = this.random.pick(["EIO", "ENOSPC", "EMFILE", "SHORT"]);
    const chance = this.random.pick([0.1, 0.5]);
    return () => (this.random.chance(chance) ? code : undefined);
  }

  private async check(engine: EngineApi, deep: boolean, possible: readonly Model[] = [this.present]): Promise<void> {
    const { env } = this;
    const found = await oneOf(engine, afterSome(possible, this.maybe), deep, this.context);
    await this.unlessOver(env);
    this.certain = [...(this.fsync === "interval" ? this.certain : []), found];
    this.maybe = [];
  }
}

const live = async (seed: number, planted: Planted): Promise<void> => {
  try {
    await new Life(seed, planted).run();
  } catch (error) {
    throw new Error(`ELANUS_SEED=${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
};

test.each([...known.powerLoss])("the seed %i, which failed once", (seed) => live(seed, "nothing"), 60_000);

test(
  `nothing acknowledged is lost, nothing is half there, over ${SCHEDULES} ends of a process`,
  async () => {
    const first = runSeed();
    process.stdout.write(`ELANUS_SEED=${first}\n`);
    for (let life = 0; life * PROCESSES_A_LIFE < SCHEDULES; life++) await live(first + life, "nothing");
  },
  48 * 3600_000,
);

test.each(["no sync", "no sync of folders"] as const)(
  "a disk with %s is noticed",
  async (planted) => {
    const lives = async (): Promise<void> => {
      for (let seed = 1; seed < 40; seed++) await live(seed, planted);
    };
    await expect(lives()).rejects.toThrow(/ELANUS_SEED/);
  },
  120_000,
);
