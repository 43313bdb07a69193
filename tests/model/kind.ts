/** What a kind of operation is, and what kinds share: choosing collections, naming them, expecting refusals, comparing rows. */
import { isDeepStrictEqual } from "node:util";
import { MilvusError } from "../../src/client/index.js";
import type { SeededRandom } from "../support/random.js";
import { compareKeys, type Model, type ModelCollection, type ModelRow } from "./model.js";
import type { World } from "./world.js";

/** One operation with its arguments: carries itself out, compares the answer, and changes the model alike. */
export interface Step {
  readonly text: string;
  /** The collection that it is about, for the story of a failure. */
  readonly about?: ModelCollection | undefined;
  run(world: World): Promise<void>;
}

export interface Kind {
  readonly name: string;
  readonly weight: number;
  /** Arguments at random; undefined when the model has nothing to do it to. Takes nothing from the model but what is the same in every run of the seed. */
  draw(random: SeededRandom, model: Model): Step | undefined;
}

export class Mismatch extends Error {
  override name = "Mismatch";
}

const printed = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === "bigint") return `${part}n`;
    if (part instanceof Set) return [...part];
    return part instanceof Map ? [...part] : part;
  });

export const same = (what: string, found: unknown, expected: unknown): void => {
  if (!isDeepStrictEqual(found, expected)) throw new Mismatch(`${what}: found ${printed(found)}, expected ${printed(expected)}`);
};

/** Expects a refusal with one of these codes. */
export const refused = async (what: string, codes: number | readonly number[], work: Promise<unknown>): Promise<void> => {
  const wanted = [codes].flat();
  const outcome = await work.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  );
  if ("answer" in outcome) throw new Mismatch(`${what}: answered ${printed(outcome.answer)}, expected a refusal with code ${wanted}`);
  if (!(outcome.error instanceof MilvusError)) throw outcome.error;
  if (!wanted.includes(outcome.error.code))
    throw new Mismatch(`${what}: refused with ${outcome.error.code} ${outcome.error.message}, expected code ${wanted}`);
};

/** A collection as a request names it. */
export interface Named {
  readonly collection: ModelCollection;
  readonly options: { readonly collectionName: string; readonly databaseName: string };
  readonly text: string;
}

/** Names a collection by its own name, or by one of its aliases. */
export const named = (random: SeededRandom, model: Model, collection: ModelCollection): Named => {
  const aliases = model.aliasesOf(collection);
  const collectionName = aliases.length > 0 && random.chance(0.4) ? random.pick(aliases) : collection.name;
  return {
    collection,
    options: { collectionName, databaseName: collection.database },
    text: `${collection.database}.${collectionName}${collectionName === collection.name ? "" : ` (${collection.name})`}`,
  };
};

export const anyCollection = (
  random: SeededRandom,
  model: Model,
  fits: (collection: ModelCollection) => boolean = () => true,
): Named | undefined => {
  const fitting = model.collections.filter(fits);
  return fitting.length === 0 ? undefined : named(random, model, random.pick(fitting));
};

/** An object as `isDeepStrictEqual` can compare it: typed arrays as arrays. */
const plain = (value: unknown): unknown => {
  if (value instanceof Float32Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
  return value;
};

export const plainRow = (row: object): Record<string, unknown> => plain(row) as Record<string, unknown>;

/** A row of the model as a result shows it. `outputs` undefined: all; else fields and dynamic keys. */
export const shown = (row: ModelRow, outputs: readonly string[] | undefined, withKey = true): Record<string, unknown> => {
  const all: Record<string, unknown> = { ...row.extra, id: row.key, ...row.values, vector: row.vector };
  if (outputs === undefined) return all;
  return Object.fromEntries(Object.entries(all).filter(([name]) => outputs.includes(name) || (withKey && name === "id")));
};

/** Names of fields to ask for: undefined for all. */
export const randomOutputs = (random: SeededRandom, collection: ModelCollection): string[] | undefined => {
  if (random.chance(0.5)) return undefined;
  const names = ["vector", ...collection.shape.fields.map((field) => field.name), ...(collection.shape.dynamic ? ["x", "y"] : [])];
  const some = names.filter(() => random.chance(0.4));
  return some.length === 0 ? ["number"] : some;
};

/** Keys that are there, ascending: the same in every run of a seed, but for those that the server makes. */
export const keysOf = (collection: ModelCollection) => [...new Set(collection.rows.map((row) => row.key))].sort(compareKeys);

/** The code that a read of these partitions is refused with, if it is. */
export const unreadable = (collection: ModelCollection, partitions: readonly string[] = []): number | undefined => {
  if (collection.loaded === undefined) return 101;
  return partitions.some((name) => !collection.isLoaded(name)) ? 201 : undefined;
};

/** Partitions to read: mostly none named, which stands for all. */
export const somePartitions = (random: SeededRandom, collection: ModelCollection): string[] => {
  if (collection.byKey || random.chance(0.7)) return [];
  return [...new Set(Array.from({ length: 1 + random.below(2) }, () => random.pick(collection.partitions)))];
};

const LEVELS = ["Strong", "Session", "Bounded", "Eventually"] as const;
export const someLevel = (random: SeededRandom) => (random.chance(0.5) ? {} : { consistencyLevel: random.pick(LEVELS) });
