/**
 * Requests to a whole engine and what they must leave: a model of what was acknowledged, and of the one request that may or may not have happened.
 *
 * Whatever the engine shows must be the model before or after that request, in all of it: rows by id with their version, names of collections, targets of
 * aliases, snapshots (restored to be looked at). So nothing acknowledged is lost, nothing is there that nobody asked for, and no request is there by half.
 */
import type { EngineApi } from "../../src/engine/api.js";
import { MilvusError } from "../../src/shared/errors.js";
import { Driver } from "./driver.js";
import type { SeededRandom } from "./random.js";

export interface Model {
  /** Version by id. */
  readonly rows: ReadonlyMap<number, number>;
  readonly others: ReadonlySet<string>;
  readonly aliases: ReadonlyMap<string, string>;
  readonly snapshots: ReadonlyMap<string, ReadonlyMap<number, number>>;
}

export const emptyModel: Model = { rows: new Map(), others: new Set(), aliases: new Map(), snapshots: new Map() };

export interface Request {
  readonly what: string;
  run(driver: Driver, engine: EngineApi): Promise<unknown>;
  /** The model once it happened. */
  after(model: Model): Model;
}

const changedRows = (model: Model, change: (rows: Map<number, number>) => void): Model => {
  const rows = new Map(model.rows);
  change(rows);
  return { ...model, rows };
};

const unchanged = (model: Model): Model => model;

const put = (ids: readonly number[], version: number) => (model: Model) =>
  changedRows(model, (rows) => {
    for (const id of ids) rows.set(id, version);
  });

export const requests = {
  insert: (ids: readonly number[], version: number): Request => ({
    what: `insert ${ids} version ${version}`,
    run: (driver) => driver.insert("rows", ids, version),
    after: put(ids, version),
  }),
  upsert: (ids: readonly number[], version: number): Request => ({
    what: `upsert ${ids} version ${version}`,
    run: (driver) => driver.upsert("rows", ids, version),
    after: put(ids, version),
  }),
  remove: (ids: readonly number[]): Request => ({
    what: `delete ${ids}`,
    run: (driver) => driver.delete("rows", ids),
    after: (model) =>
      changedRows(model, (rows) => {
        for (const id of ids) rows.delete(id);
      }),
  }),
  removeVersion: (version: number): Request => ({
    what: `delete version ${version}`,
    run: (driver) => driver.call("Delete", { collectionName: "rows", expr: `version == ${version}` }),
    after: (model) =>
      changedRows(model, (rows) => {
        for (const [id, of] of [...rows]) if (of === version) rows.delete(id);
      }),
  }),
  truncate: (): Request => ({
    what: "truncate",
    run: (driver) => driver.truncate("rows"),
    after: (model) => ({ ...model, rows: new Map() }),
  }),
  flush: (): Request => ({ what: "flush", run: (driver) => driver.flush("rows"), after: unchanged }),
  compact: (): Request => ({
    what: "compact",
    run: async (_driver, engine) => {
      const collection = [...engine.catalog.collections.values()].find(({ name }) => name === "rows");
      if (collection === undefined) return;
      const { plans } = await engine.compact(collection, { kind: "merge" });
      while (plans.some(({ state }) => state === "executing")) await new Promise(setImmediate);
    },
    after: unchanged,
  }),
  create: (name: string): Request => ({
    what: `create ${name}`,
    run: (driver) => driver.define(name, 2),
    after: (model) => ({ ...model, others: new Set([...model.others, name]) }),
  }),
  drop: (name: string): Request => ({
    what: `drop ${name}`,
    run: (driver) => driver.drop(name),
    after: (model) => ({ ...model, others: new Set([...model.others].filter((other) => other !== name)) }),
  }),
  createAlias: (alias: string): Request => ({
    what: `alias ${alias}`,
    run: (driver) => driver.createAlias("rows", alias),
    after: (model) => ({ ...model, aliases: new Map([...model.aliases, [alias, "rows"]]) }),
  }),
  dropAlias: (alias: string): Request => ({
    what: `drop alias ${alias}`,
    run: (driver) => driver.dropAlias(alias),
    after: (model) => ({ ...model, aliases: new Map([...model.aliases].filter(([name]) => name !== alias)) }),
  }),
  snapshot: (name: string): Request => ({
    what: `snapshot ${name}`,
    run: (driver) => driver.call("CreateSnapshot", { name, collectionName: "rows" }),
    after: (model) => ({ ...model, snapshots: new Map([...model.snapshots, [name, model.rows]]) }),
  }),
  dropSnapshot: (name: string): Request => ({
    what: `drop snapshot ${name}`,
    run: (driver) => driver.call("DropSnapshot", { name, collectionName: "rows" }),
    after: (model) => ({ ...model, snapshots: new Map([...model.snapshots].filter(([other]) => other !== name)) }),
  }),
};

/** A request that makes sense for the model, at random. */
export const randomRequest = (random: SeededRandom, model: Model, version: number): Request => {
  const ids = (): number[] => [...new Set(Array.from({ length: 1 + random.below(4) }, () => random.below(24)))];
  const absent = ids().filter((id) => !model.rows.has(id));
  const one = <T>(from: Iterable<T>): T | undefined => [...from][0];
  const choices: (() => Request | undefined)[] = [
    () => (absent.length > 0 ? requests.insert(absent, version) : undefined),
    () => requests.upsert(ids(), version),
    () => requests.upsert(ids(), version),
    () => requests.remove(ids()),
    () => (model.rows.size > 0 ? requests.removeVersion(random.pick([...model.rows.values()])) : undefined),
    () => requests.flush(),
    () => requests.flush(),
    () => requests.compact(),
    () => (random.chance(0.2) ? requests.truncate() : undefined),
    () => (model.others.size < 2 ? requests.create(`other_${version}`) : requests.drop(one(model.others) as string)),
    () => (model.aliases.size < 2 ? requests.createAlias(`alias_${version}`) : requests.dropAlias(one(model.aliases.keys()) as string)),
    () =>
      model.snapshots.size < 2 ? requests.snapshot(`snapshot_${version}`) : requests.dropSnapshot(one(model.snapshots.keys()) as string),
  ];
  for (;;) {
    const request = random.pick(choices)();
    if (request !== undefined) return request;
  }
};

const asText = (model: Model): string =>
  JSON.stringify({
    rows: [...model.rows].sort(([one], [other]) => one - other),
    others: [...model.others].sort(),
    aliases: [...model.aliases].sort(),
    snapshots: [...model.snapshots].map(([name, rows]) => [name, [...rows].sort(([one], [other]) => one - other)]).sort(),
  });

/** Collections that a look at snapshots makes; one that was cut off leaves them. */
const RESTORED = "restored_";

/** What the engine shows. `deep`: snapshots are restored and read, too; else only their names count. */
export const shown = async (engine: EngineApi, deep: boolean): Promise<Model> => {
  const driver = new Driver(engine);
  const { catalog } = engine;
  const collections = [...catalog.collections.values()];
  const rows = collections.find(({ name }) => name === "rows");
  // The process that made it may have ended before it was loaded.
  if (rows !== undefined && rows.load === undefined) await driver.finish("rows");
  const names = new Map(collections.map(({ id, name }) => [id, name]));
  const aliases = [...catalog.aliases.values()].flatMap((each) => [...each.values()]);
  const snapshots = new Map<string, ReadonlyMap<number, number>>();
  for (const { name } of rows?.snapshots ?? []) snapshots.set(name, deep ? await restoredRows(driver, name) : new Map());
  return {
    rows: rows === undefined ? new Map() : await driver.versions("rows"),
    others: new Set(collections.map(({ name }) => name).filter((name) => name !== "rows" && !name.startsWith(RESTORED))),
    aliases: new Map(aliases.map(({ name, collectionId }) => [name, names.get(collectionId) ?? "nothing"])),
    snapshots,
  };
};

const restoredRows = async (driver: Driver, name: string): Promise<ReadonlyMap<number, number>> => {
  const into = `${RESTORED}${name}`;
  await driver.drop(into);
  await driver.call("RestoreSnapshot", { name, collectionName: "rows", targetCollectionName: into });
  await driver.call("LoadCollection", { collectionName: into });
  const versions = await driver.versions(into);
  await driver.drop(into);
  return versions;
};

/** The one of the possible models that the engine shows. @throws when it is none */
export const oneOf = async (engine: EngineApi, possible: readonly Model[], deep: boolean, context: () => string): Promise<Model> => {
  const found = await shown(engine, deep);
  const without = (model: Model): Model =>
    deep ? model : { ...model, snapshots: new Map([...model.snapshots.keys()].map((name) => [name, new Map()])) };
  const match = possible.find((model) => asText(without(model)) === asText(found));
  if (match !== undefined) return match;
  throw new Error(
    `${context()}\nshown:    ${asText(found)}\npossible: ${possible.map((model) => asText(without(model))).join("\n          ")}`,
  );
};

/** Whether a refused request is known not to have happened. */
export const surelyRefused = (error: unknown): boolean => error instanceof MilvusError && !/not known/.test(error.message);
