/**
 * One life: a folder, a seed, and so many random operations, each compared with the model; then everything that is there is compared once more.
 *
 * What is drawn follows from the seed and the model alone, so a seed repeats its life, but for ids that the server makes and the moments at which work goes
 * on in the background. A failure tells the operations before it: the last `TAIL`, and those before them that were about the same collection.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "../support/random.js";
import type { Kind, Step } from "./kind.js";
import { plainRow, same, shown } from "./kind.js";
import { catalog } from "./kinds/catalog.js";
import { definitions } from "./kinds/definitions.js";
import { iterators } from "./kinds/iterators.js";
import { reads } from "./kinds/reads.js";
import { snapshots } from "./kinds/snapshots.js";
import { upkeep } from "./kinds/upkeep.js";
import { writes } from "./kinds/writes.js";
import { Model, newest } from "./model.js";
import { type Sabotage, World } from "./world.js";

export const kinds: readonly Kind[] = [...definitions, ...catalog, ...writes, ...reads, ...iterators, ...snapshots, ...upkeep];

const TAIL = 30;
/** Operations before the tail that are told. */
const BEFORE_MAX = 60;

export interface LifeOptions {
  readonly seed: number;
  readonly operations: number;
  readonly overPort?: boolean;
  readonly sabotage?: Sabotage;
}

export type Counts = Map<string, number>;

const weights = kinds.reduce((sum, kind) => sum + kind.weight, 0);

const pick = (random: SeededRandom): Kind => {
  let left = random.next() * weights;
  for (const kind of kinds) {
    left -= kind.weight;
    if (left < 0) return kind;
  }
  return kinds[0] as Kind;
};

/** The operations that matter to the last one, oldest first. */
const story = (history: readonly Step[]): string => {
  const about = history.at(-1)?.about?.serial;
  const start = Math.max(0, history.length - TAIL);
  const global = ({ text }: Step): boolean => /^(restart|kill|\d+ s pass|flush all)/.test(text);
  const before = history.flatMap((step, at) =>
    at < start && (global(step) || (about !== undefined && step.about?.serial === about)) ? [at] : [],
  );
  const told = [...before.slice(-BEFORE_MAX), ...history.slice(start).map((_, at) => start + at)];
  return told.map((at) => `${at}: ${history[at]?.text}`).join("\n");
};

const checkAll = async (world: World, model: Model): Promise<void> => {
  const { client } = world;
  for (const [databaseName, database] of model.databases) {
    same("collections", [...(await client.listCollections({ databaseName }))].sort(), [...database.collections.keys()].sort());
    for (const [alias, target] of database.aliases)
      same("alias", (await client.describeAlias({ databaseName, alias })).collectionName, target.name);
    for (const [collectionName, collection] of database.collections) {
      if (collection.loaded === undefined) continue;
      const found = await client.query<object>({ databaseName, collectionName, limit: 10_000 });
      const expected = newest(collection.visible(model.clock.now)).map((row) => shown(row, undefined));
      same(`rows of ${databaseName}.${collectionName}`, found.map(plainRow), expected);
    }
  }
};

/** Whether a wrong answer was one of its moment, or tells of rows that are wrong to stay. */
const aftermath = async (world: World, model: Model): Promise<string> => {
  try {
    await checkAll(world, model);
    return "afterwards everything is as in the model";
  } catch (error) {
    return `afterwards still: ${error instanceof Error ? error.message : error}`;
  }
};

/** @throws with the seed and the operations before, when an answer is not the model's */
export const live = async ({ seed, operations, overPort = false, sabotage }: LifeOptions): Promise<Counts> => {
  const random = new SeededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), "elanus-model-"));
  const history: Step[] = [];
  const counts: Counts = new Map();
  const world = await World.open({ folder, overPort, ...(sabotage === undefined ? {} : { sabotage }) });
  const model = new Model(world.clock);
  try {
    while (history.length < operations) {
      const kind = pick(random);
      const step = kind.draw(random, model);
      if (step === undefined) continue;
      history.push(step);
      await step.run(world);
      counts.set(kind.name, (counts.get(kind.name) ?? 0) + 1);
    }
    await checkAll(world, model);
    await world.restart();
    await checkAll(world, model);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const after = await aftermath(world, model);
    throw new Error(`ELANUS_SEED=${seed}, operation ${history.length - 1}:\n${story(history)}\n=> ${reason}\n${after}`, { cause: error });
  } finally {
    await world.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return counts;
};
