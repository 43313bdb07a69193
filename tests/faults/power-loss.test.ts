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
const seeds = JSON.parse(readFileSync(join(import.meta.dirname, "seeds.json"), "utf8")) as { readonly powerLoss: readonly number[] };

/** What the disk does wrong, for the checker to notice. */
type Planted = "nothing" | "no sync" | "no sync of folders";

/** What one process takes over from the one before, and leaves to the next. */
interface Known {
  /** What is certain, the present last. Under `interval` a power loss may bring back an earlier one; else there is only the present. */
  readonly certain: readonly Model[];
  /** Requests that may have happened. */
  readonly maybe: readonly Request[];
  /** Whether there was a power loss since what is there was looked at. */
  readonly lostPower: boolean;
  /** Versions given to rows so far. */
  readonly version: number;
}

interface Place {
  readonly folder: string;
  readonly fsync: "always" | "interval";
  readonly manyRows: boolean;
  readonly shardsNum: number;
  readonly history: readonly string[];
}

/**
 * One process: opens, looks at what is there, works until it is cut off or ends. What of it goes on in memory after it was cut off is nothing to the
 * next, which has taken what was known and is an object of its own.
 */
class Process {
  readonly history: string[] = [];
  private certain: readonly Model[];
  private maybe: readonly Request[];
  private lostPower: boolean;
  private version: number;

  constructor(
    private readonly place: Place,
    readonly env: FaultyEnv,
    private readonly random: SeededRandom,
    known: Known,
  ) {
    ({ certain: this.certain, maybe: this.maybe, lostPower: this.lostPower, version: this.version } = known);
  }

  get known(): Known {
    const { certain, maybe, lostPower, version } = this;
    return { certain, maybe, lostPower, version };
  }

  private get present(): Model {
    return this.certain.at(-1) as Model;
  }

  private context = (): string => [`fsync ${this.place.fsync}`, ...this.place.history, ...this.history].slice(-50).join("\n");

  /** Opens and looks at what is there. */
  async open(deep: boolean): Promise<EngineApi> {
    const settings = { segmentBytesMax: 1 << 20, logBytesMax: 20_000 };
    const engine = await openEngine({ folder: this.place.folder, env: this.env, fsync: this.place.fsync, settings });
    await this.check(engine, deep, this.lostPower ? this.certain : [this.present]);
    // What was found at the opening is durable.
    this.certain = [this.present];
    this.lostPower = false;
    return engine;
  }

  async live(deep: boolean): Promise<void> {
    const engine = await this.open(deep);
    const driver = new Driver(engine, this.env.turn);
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
    if (!collections.some(({ name }) => name === "rows")) await driver.createCollection("rows", 2, this.place.shardsNum);
    for (const { name, load } of collections) if (load === undefined) await driver.finish(name);
    const isOfMany = (id: number): boolean => id >= FIRST_OF_MANY && id < FIRST_OF_MANY + MANY_ROWS;
    if (!this.place.manyRows || [...this.present.rows.keys()].some(isOfMany)) return;
    const ids = Array.from({ length: MANY_ROWS }, (_, at) => FIRST_OF_MANY + at);
    for (const request of [requests.upsert(ids, ++this.version), requests.flush(), requests.reindex("HNSW")]) {
      await this.together(driver, engine, [{ ...request, what: request.what.slice(0, 30) }]);
    }
  }

  private async work(driver: Driver, engine: EngineApi): Promise<void> {
    this.env.fault = this.random.chance(0.1) ? this.faults() : undefined;
    await this.together(driver, engine, this.batch());
    this.env.fault = undefined;
    // What of it happened can be seen.
    if (this.maybe.some(({ manyCalls }) => manyCalls)) await this.check(engine, false);
  }

  /** One request; or several about different rows, whose order does not matter. */
  private batch(): Request[] {
    const first = randomRequest(this.random, this.present, ++this.version);
    const batch = [first];
    // In which order they enter the log is not known, and `interval` promises a beginning of it.
    if (first.ids === undefined || this.place.fsync === "interval") return batch;
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
    const outcome = await request.run(driver, engine).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    if (outcome !== undefined) this.history.push(`refused: ${outcome.error}`);
    if (outcome !== undefined && this.env.fault === undefined) throw new Error(`${this.context()}\nrefused without a fault`);
    const decided = outcome === undefined || (surelyRefused(outcome.error) && request.manyCalls === undefined);
    if (decided) this.maybe = this.maybe.filter((other) => other !== request);
    if (outcome === undefined) this.certain = [...this.past, request.after(this.present)];
  }

  /** What a power loss may bring back. */
  private get past(): readonly Model[] {
    return this.place.fsync === "interval" ? this.certain : [];
  }

  /** Up to some minutes: whatever waits for its time runs, and what was acknowledged is synced. */
  private async passTime(): Promise<void> {
    const milliseconds = this.random.pick([150, 5000, 700_000]);
    this.history.push(`${milliseconds} ms pass`);
    this.env.advance(milliseconds);
    for (let calls = -1; calls !== this.env.calls; ) {
      calls = this.env.calls;
      for (let turns = 0; turns < 10; turns++) await this.env.turn();
    }
    this.certain = [this.present];
  }

  private faults(): NonNullable<FaultyEnv["fault"]> {
    const code = this.random.pick(["EIO", "ENOSPC", "EMFILE", "SHORT"]);
    const chance = this.random.pick([0.1, 0.5]);
    return () => (this.random.chance(chance) ? code : undefined);
  }

  private async check(engine: EngineApi, deep: boolean, possible: readonly Model[] = [this.present]): Promise<void> {
    const found = await oneOf(engine, afterSome(possible, this.maybe), deep, this.context);
    this.certain = [...this.past, found];
    this.maybe = [];
  }
}

/** Processes one after another in one folder. */
const life = async (seed: number, planted: Planted): Promise<void> => {
  const random = new SeededRandom(seed);
  const folder = mirrorFolder();
  const place = {
    folder,
    fsync: random.chance(0.2) ? "interval" : "always",
    manyRows: random.chance(0.05),
    shardsNum: random.pick([1, 1, 3]),
    history: [] as string[],
  } as const;
  const prepared = (env: FaultyEnv): FaultyEnv => {
    env.skipsSync = planted === "no sync";
    env.skipsFolderSync = planted === "no sync of folders";
    env.slowness = random.pick([0, 0, 2]);
    return mirror(env, folder);
  };
  let env = prepared(new FaultyEnv(seed));
  let known: Known = { certain: [emptyModel], maybe: [], lostPower: false, version: 0 };
  try {
    for (let index = 0; index < PROCESSES_A_LIFE; index++) {
      env.crashAt = random.chance(0.2) ? Number.POSITIVE_INFINITY : 1 + random.below(random.pick([30, 120, 300]));
      const process = new Process(place, env, new SeededRandom(random.below(2 ** 31)), known);
      await Promise.race([process.live(index % 4 === 3), env.stopped]);
      const powerLoss = random.chance(0.7);
      known = { ...process.known, lostPower: process.known.lostPower || powerLoss };
      place.history.push(...process.history, powerLoss ? "power loss" : "kill");
      env = prepared(powerLoss ? env.afterPowerLoss() : env.afterKill());
    }
    const engine = await new Process(place, env, random, known).open(true);
    await engine.close();
  } catch (error) {
    throw new Error(`ELANUS_SEED=${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

test.each([...seeds.powerLoss])("the seed %i, which failed once", (seed) => life(seed, "nothing"), 60_000);

test(
  `nothing acknowledged is lost, nothing is half there, over ${SCHEDULES} ends of a process`,
  async () => {
    const first = runSeed();
    process.stdout.write(`ELANUS_SEED=${first}\n`);
    for (let lives = 0; lives * PROCESSES_A_LIFE < SCHEDULES; lives++) await life(first + lives, "nothing");
  },
  48 * 3600_000,
);

test.each(["no sync", "no sync of folders"] as const)(
  "a disk with %s is noticed",
  async (planted) => {
    const lives = async (): Promise<void> => {
      for (let seed = 1; seed < 40; seed++) await life(seed, planted);
    };
    await expect(lives()).rejects.toThrow(/ELANUS_SEED/);
  },
  120_000,
);
