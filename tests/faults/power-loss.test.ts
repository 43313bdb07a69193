/**
 * Random lives of a whole engine: requests, power losses and kills in the middle of any file call, failing calls, restarts that are cut off themselves.
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
import { emptyModel, type Model, oneOf, type Request, randomRequest, surelyRefused } from "../support/engine-ledger.js";
import { FaultyEnv } from "../support/faulty-env.js";
import { mirror, mirrorFolder } from "../support/mirror.js";
import { runSeed, SeededRandom } from "../support/random.js";

const SCHEDULES = Number(process.env.ELANUS_SCHEDULES ?? (process.env.ELANUS_LONG ? 1_000_000 : 2000));
const PROCESSES_A_LIFE = 10;
const known = JSON.parse(readFileSync(join(import.meta.dirname, "seeds.json"), "utf8")) as { readonly powerLoss: readonly number[] };

interface Plan {
  /** A disk that says it has synced and has not: the checker must notice. */
  readonly skipsSync: boolean;
}

class Life {
  private readonly random: SeededRandom;
  private readonly folder = mirrorFolder();
  private readonly history: string[] = [];
  private env: FaultyEnv;
  private possible: Model[] = [emptyModel];
  private version = 0;

  constructor(
    private readonly seed: number,
    private readonly plan: Plan,
  ) {
    this.random = new SeededRandom(seed);
    this.env = this.prepared(new FaultyEnv(seed));
  }

  async run(): Promise<void> {
    try {
      for (let process = 0; process < PROCESSES_A_LIFE; process++) await this.process(process);
      this.env.crashAt = Number.POSITIVE_INFINITY;
      const engine = await this.open();
      if (engine === undefined) throw new Error("the last opening did not end");
      await this.check(engine, true);
      await engine.close();
    } finally {
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  private prepared(env: FaultyEnv): FaultyEnv {
    env.skipsSync = this.plan.skipsSync;
    return mirror(env, this.folder);
  }

  private context = (): string => `ELANUS_SEED=${this.seed}\n${this.history.slice(-40).join("\n")}`;

  /** One process: opens, checks, works until it is cut off or stops in order. */
  private async process(index: number): Promise<void> {
    this.env.crashAt = this.random.chance(0.2) ? Number.POSITIVE_INFINITY : 1 + this.random.below(120);
    const engine = await this.open();
    if (engine !== undefined) {
      await Promise.race([this.live(engine, index), this.env.stopped]);
    }
    const powerLoss = this.random.chance(0.7);
    this.history.push(powerLoss ? "power loss" : "kill");
    this.env = this.prepared(powerLoss ? this.env.afterPowerLoss() : this.env.afterKill());
  }

  /** undefined: cut off. */
  private open(): Promise<EngineApi | undefined> {
    const opened = openEngine({ folder: this.folder, env: this.env, settings: { segmentBytesMax: 1 << 20, logBytesMax: 20_000 } });
    return Promise.race([opened, this.env.stopped.then(() => undefined)]);
  }

  private async live(engine: EngineApi, index: number): Promise<void> {
    const driver = new Driver(engine);
    await this.check(engine, index % 4 === 3);
    if (![...engine.catalog.collections.values()].some(({ name }) => name === "rows")) await driver.createCollection("rows", 2);
    driver.know("rows", 2);
    // Loaded and indexed, should the process that made it have ended in between.
    await this.finishCollections(driver, engine);
    for (let left = this.random.below(10); left > 0; left--) {
      const [model] = this.possible as [Model];
      await this.request(driver, engine, randomRequest(this.random, model, ++this.version));
      // It is told that a restart decides; so it does.
      if (this.possible.length > 1) return;
    }
    await this.check(engine, false);
    if (this.random.chance(0.5)) await engine.close();
    this.history.push("ended by itself");
  }

  private async finishCollections(driver: Driver, engine: EngineApi): Promise<void> {
    for (const collection of engine.catalog.collections.values()) {
      if (collection.load === undefined) await driver.finish(collection.name);
    }
  }

  private async request(driver: Driver, engine: EngineApi, request: Request): Promise<void> {
    const [model] = this.possible as [Model];
    this.history.push(request.what);
    this.possible = [model, request.after(model)];
    const { env } = this;
    env.fault = this.random.chance(0.1) ? this.faults() : undefined;
    const outcome = await request.run(driver, engine).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    env.fault = undefined;
    await this.unlessOver(env);
    if (outcome === undefined) this.possible = [request.after(model)];
    else {
      this.history.push(`refused: ${outcome.error}`);
      if (surelyRefused(outcome.error)) this.possible = [model];
    }
  }

  /** What a process does after its end, in memory only, is nothing to the next. */
  private async unlessOver(env: FaultyEnv): Promise<void> {
    if (env !== this.env) await new Promise(() => undefined);
  }

  private faults(): NonNullable<FaultyEnv["fault"]> {
    const code = this.random.pick(["EIO", "ENOSPC", "EMFILE"]);
    const chance = this.random.pick([0.1, 0.5]);
    return () => (this.random.chance(chance) ? code : undefined);
  }

  private async check(engine: EngineApi, deep: boolean): Promise<void> {
    const { env } = this;
    const found = await oneOf(engine, this.possible, deep, this.context);
    await this.unlessOver(env);
    this.possible = [found];
  }
}

const live = async (seed: number, plan: Plan): Promise<void> => {
  try {
    await new Life(seed, plan).run();
  } catch (error) {
    throw new Error(`ELANUS_SEED=${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
};

test.each([...known.powerLoss])("the seed %i, which failed once", (seed) => live(seed, { skipsSync: false }), 60_000);

test(
  `nothing acknowledged is lost, nothing is half there, over ${SCHEDULES} ends of a process`,
  async () => {
    const first = runSeed();
    process.stdout.write(`ELANUS_SEED=${first}\n`);
    for (let life = 0; life * PROCESSES_A_LIFE < SCHEDULES; life++) await live(first + life, { skipsSync: false });
  },
  4 * 3600_000,
);

test("a disk that does not sync is noticed", async () => {
  const lives = async (): Promise<void> => {
    for (let seed = 1; seed < 40; seed++) await live(seed, { skipsSync: true });
  };
  await expect(lives()).rejects.toThrow(/ELANUS_SEED/);
}, 120_000);
