/**
 * Requests to a whole engine and what they must leave: a model of what was acknowledged, and of the requests that may or may not have happened.
 *
 * Whatever the engine shows must be one of the models that are possible, in all of it: rows by id with their version, collections with their rows,
 * partitions, targets of aliases, snapshots (restored to be looked at). So nothing acknowledged is lost, nothing is there that nobody asked for, and no
 * request is there by half. A new kind of work is one more entry of `requests` and one more line of `randomRequest`.
 */
import type { EngineApi } from "../../src/engine/api.js";
import { MilvusError } from "../../src/shared/errors.js";
import { AliasAction_AliasActionType } from "../../src/shared/proto/generated/messages.js";
import { Driver } from "./driver.js";
import type { SeededRandom } from "./random.js";

/** Version by id. */
export type Rows = ReadonlyMap<number, number>;

export interface Model {
  /** Of the collection "rows"; ids from `PART_IDS` on are those of its partition "part". */
  readonly rows: Rows;
  readonly hasPart: boolean;
  /** Rows of other collections, and of snapshots; undefined: nobody looked at them. */
  readonly others: ReadonlyMap<string, Rows | undefined>;
  readonly aliases: ReadonlyMap<string, string>;
  readonly snapshots: ReadonlyMap<string, Rows | undefined>;
}

export const emptyModel: Model = { rows: new Map(), hasPart: false, others: new Map(), aliases: new Map(), snapshots: new Map() };

export interface Request {
  readonly what: string;
  run(driver: Driver, engine: EngineApi): Promise<unknown>;
  /** The model once it happened. */
  after(model: Model): Model;
  /** Rows that it reads or writes; absent: it is of other things too, and runs alone. */
  readonly ids?: readonly number[];
  /** Of several calls: one that is refused may have happened in part, or as a whole. */
  readonly manyCalls?: true;
}

const PART = "part";
const PART_IDS = 1_000_000;

const changedRows = (model: Model, change: (rows: Map<number, number>) => void): Model => {
  const rows = new Map(model.rows);
  change(rows);
  return { ...model, rows };
};

const unchanged = (model: Model): Model => model;

const withEntry = <T>(map: ReadonlyMap<string, T>, name: string, value: T): ReadonlyMap<string, T> => new Map([...map, [name, value]]);
const without = <T>(map: ReadonlyMap<string, T>, name: string): ReadonlyMap<string, T> =>
  new Map([...map].filter(([other]) => other !== name));

const put = (ids: readonly number[], version: number) => (model: Model) =>
  changedRows(model, (rows) => {
    for (const id of ids) rows.set(id, version);
  });

const partitionOf = (ids: readonly number[]): string => ((ids[0] ?? 0) >= PART_IDS ? PART : "");

const pair = (key: string, value: string | number) => ({ key, value: String(value) });

/** A vector index of the collection "rows" in place of the one that is there. */
const reindex = (type: string): Request => ({
  what: `index ${type}`,
  run: async (driver, engine) => {
    const extraParams = [
      pair("index_type", type),
      pair("metric_type", "L2"),
      // A graph as small as can be: what it costs to build is not what is looked at.
      ...(type === "HNSW" ? [pair("M", 2), pair("efConstruction", 4)] : []),
    ];
    await driver.call("ReleaseCollection", { collectionName: "rows" });
    await driver.call("DropIndex", { collectionName: "rows", indexName: "vector" });
    await driver.call("CreateIndex", { collectionName: "rows", fieldName: "vector", extraParams });
    await driver.call("LoadCollection", { collectionName: "rows" });
    while (engine.jobs().length > 0) await driver.turn();
  },
  after: unchanged,
  manyCalls: true,
});

export const requests = {
  insert: (ids: readonly number[], version: number): Request => ({
    what: `insert ${ids} version ${version}`,
    run: (driver) => driver.insert("rows", ids, version, partitionOf(ids)),
    after: put(ids, version),
    ids,
  }),
  upsert: (ids: readonly number[], version: number): Request => ({
    what: `upsert ${ids} version ${version}`,
    run: (driver) => driver.upsert("rows", ids, version, partitionOf(ids)),
    after: put(ids, version),
    ids,
  }),
  /** Of rows that are there. */
  update: (ids: readonly number[], version: number): Request => ({
    what: `partial upsert ${ids} version ${version}`,
    run: (driver) => driver.update("rows", ids, version, partitionOf(ids)),
    after: put(ids, version),
    ids,
  }),
  remove: (ids: readonly number[]): Request => ({
    what: `delete ${ids}`,
    run: (driver) => driver.delete("rows", ids),
    after: (model) =>
      changedRows(model, (rows) => {
        for (const id of ids) rows.delete(id);
      }),
    ids,
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
  flush: (): Request => ({ what: "flush", run: (driver) => driver.flush("rows"), after: unchanged, ids: [] }),
  compact: (kind: "merge" | "mix" | "deletes" = "merge"): Request => ({
    what: `compact ${kind}`,
    run: async (driver, engine) => {
      const collection = [...engine.catalog.collections.values()].find(({ name }) => name === "rows");
      if (collection === undefined) return;
      const { plans } = await engine.compact(collection, { kind });
      while (plans.some(({ state }) => state === "executing")) await driver.turn();
    },
    after: unchanged,
    ids: [],
  }),
  reindex,
  createPartition: (): Request => ({
    what: "create partition",
    run: (driver) => driver.call("CreatePartition", { collectionName: "rows", partitionName: PART }),
    after: (model) => ({ ...model, hasPart: true }),
  }),
  dropPartition: (): Request => ({
    what: "drop partition",
    run: async (driver) => {
      await driver.call("ReleaseCollection", { collectionName: "rows" });
      await driver.call("DropPartition", { collectionName: "rows", partitionName: PART });
      await driver.call("LoadCollection", { collectionName: "rows" });
    },
    after: (model) => ({
      ...changedRows(model, (rows) => [...rows.keys()].map((id) => id >= PART_IDS && rows.delete(id))),
      hasPart: false,
    }),
    manyCalls: true,
  }),
  create: (name: string): Request => ({
    what: `create ${name}`,
    run: (driver) => driver.define(name, 2),
    after: (model) => ({ ...model, others: withEntry(model.others, name, new Map()) }),
  }),
  drop: (name: string): Request => ({
    what: `drop ${name}`,
    run: (driver) => driver.drop(name),
    after: (model) => ({ ...model, others: without(model.others, name) }),
  }),
  createAlias: (alias: string, target = "rows"): Request => ({
    what: `alias ${alias} of ${target}`,
    run: (driver) => driver.createAlias(target, alias),
    after: (model) => ({ ...model, aliases: withEntry(model.aliases, alias, target) }),
  }),
  /** Several aliases in one request. */
  alterAliases: (names: readonly string[], target: string): Request => ({
    what: `aliases ${names} to ${target}`,
    run: (driver) => {
      const actions = names.map((alias) => ({ action: AliasAction_AliasActionType.Alter, alias, collectionName: target }));
      return driver.call("AlterAliases", { actions });
    },
    after: (model) => ({ ...model, aliases: new Map([...model.aliases, ...names.map((alias) => [alias, target] as const)]) }),
  }),
  dropAlias: (alias: string): Request => ({
    what: `drop alias ${alias}`,
    run: (driver) => driver.dropAlias(alias),
    after: (model) => ({ ...model, aliases: without(model.aliases, alias) }),
  }),
  snapshot: (name: string): Request => ({
    what: `snapshot ${name}`,
    run: (driver) => driver.call("CreateSnapshot", { name, collectionName: "rows" }),
    after: (model) => ({ ...model, snapshots: withEntry(model.snapshots, name, model.rows) }),
  }),
  dropSnapshot: (name: string): Request => ({
    what: `drop snapshot ${name}`,
    run: (driver) => driver.call("DropSnapshot", { name, collectionName: "rows" }),
    after: (model) => ({ ...model, snapshots: without(model.snapshots, name) }),
  }),
  restore: (name: string, into: string): Request => ({
    what: `restore ${name} into ${into}`,
    run: (driver) => driver.call("RestoreSnapshot", { name, collectionName: "rows", targetCollectionName: into }),
    after: (model) => ({ ...model, others: withEntry(model.others, into, model.snapshots.get(name)) }),
  }),
};

const someIds = (random: SeededRandom, model: Model): number[] => {
  const first = model.hasPart && random.chance(0.3) ? PART_IDS : 0;
  return [...new Set(Array.from({ length: 1 + random.below(4) }, () => first + random.below(24)))];
};

/** A request about some rows, or about files only, at random: of several with no id in common it does not matter which comes first. */
export const randomRowRequest = (random: SeededRandom, model: Model, version: number): Request => {
  const ids = someIds(random, model);
  const absent = ids.filter((id) => !model.rows.has(id));
  const present = ids.filter((id) => model.rows.has(id));
  const choices: (() => Request | undefined)[] = [
    () => (absent.length > 0 ? requests.insert(absent, version) : undefined),
    () => requests.upsert(ids, version),
    () => (present.length > 0 ? requests.update(present, version) : undefined),
    () => requests.remove(ids),
    () => requests.flush(),
    () => requests.compact(random.pick(["merge", "mix", "deletes"])),
  ];
  for (;;) {
    const request = random.pick(choices)();
    if (request !== undefined) return request;
  }
};

/** A request that makes sense for the model, at random. */
export const randomRequest = (random: SeededRandom, model: Model, version: number): Request => {
  if (random.chance(0.6)) return randomRowRequest(random, model, version);
  const name = `n${version}`;
  const aliases = [...model.aliases.keys()];
  const free = [...model.others.keys()].find((other) => ![...model.aliases.values()].includes(other));
  const target = random.pick(["rows", ...model.others.keys()]);
  const [snapshot] = model.snapshots.keys();
  const choices: (() => Request | undefined)[] = [
    () => (model.rows.size > 0 ? requests.removeVersion(random.pick([...model.rows.values()])) : undefined),
    () => (random.chance(0.3) ? requests.truncate() : undefined),
    () => (random.chance(0.3) ? requests.reindex(random.pick(["FLAT", "HNSW"])) : undefined),
    () => (!model.hasPart ? requests.createPartition() : random.chance(0.3) ? requests.dropPartition() : undefined),
    () => (model.others.size < 2 ? requests.create(name) : undefined),
    () => (free !== undefined ? requests.drop(free) : undefined),
    () => (aliases.length < 3 ? requests.createAlias(name, target) : undefined),
    () => (aliases.length > 0 ? requests.alterAliases(aliases.slice(random.below(aliases.length)), target) : undefined),
    () => (aliases.length > 0 ? requests.dropAlias(random.pick(aliases)) : undefined),
    () => (model.snapshots.size < 2 ? requests.snapshot(name) : undefined),
    () => (snapshot !== undefined ? requests.dropSnapshot(snapshot) : undefined),
    () => (snapshot !== undefined && model.others.size < 2 ? requests.restore(snapshot, name) : undefined),
  ];
  for (;;) {
    const request = random.pick(choices)();
    if (request !== undefined) return request;
  }
};

/** Whatever subset of the requests, which may run in any order, happened. */
export const afterSome = (models: readonly Model[], maybe: readonly Request[]): Model[] => {
  let all = [...models];
  for (const request of maybe) all = all.concat(all.map((model) => request.after(model)));
  return all;
};

const sorted = (rows: Rows): [number, number][] => [...rows].sort(([one], [other]) => one - other);
const sortedByName = <T>(map: ReadonlyMap<string, T>): [string, T][] => [...map].sort(([one], [other]) => (one < other ? -1 : 1));

/** `like`: what was not looked at there is not told here either. */
const asText = (model: Model, like: Model): string => {
  const read = (mine: Model["others"], others: Model["others"]) =>
    sortedByName(mine).map(([name, rows]) => [name, rows === undefined || others.get(name) === undefined ? "not read" : sorted(rows)]);
  return JSON.stringify({
    rows: sorted(model.rows),
    hasPart: model.hasPart,
    others: read(model.others, like.others),
    aliases: sortedByName(model.aliases),
    snapshots: read(model.snapshots, like.snapshots),
  });
};

/** Collections that a look at snapshots makes; one that was cut off leaves them. */
const RESTORED = "restored_";

/** What the engine shows. `deep`: snapshots are restored and all collections loaded, to be read; else only what is loaded is read, and nothing written. */
export const shown = async (engine: EngineApi, deep: boolean): Promise<Model> => {
  const driver = new Driver(engine);
  const { catalog } = engine;
  const collections = [...catalog.collections.values()];
  const rows = collections.find(({ name }) => name === "rows");
  // The process that made it may have ended before it was loaded.
  if (rows !== undefined && rows.load === undefined) await driver.finish("rows");
  const names = new Map(collections.map(({ id, name }) => [id, name]));
  const aliases = [...catalog.aliases.values()].flatMap((each) => [...each.values()]);
  const others = new Map<string, Rows | undefined>();
  for (const { name, load } of collections) {
    if (name === "rows" || name.startsWith(RESTORED)) continue;
    if (deep && load === undefined) await driver.finish(name);
    others.set(name, deep || load !== undefined ? await driver.wholeRows(name) : undefined);
  }
  const snapshots = new Map<string, Rows | undefined>();
  for (const { name } of rows?.snapshots ?? []) snapshots.set(name, deep ? await restoredRows(driver, name) : undefined);
  return {
    rows: rows === undefined ? new Map() : await driver.wholeRows("rows"),
    hasPart: rows?.partitions.some(({ name }) => name === PART) ?? false,
    others,
    aliases: new Map(aliases.map(({ name, collectionId }) => [name, names.get(collectionId) ?? "nothing"])),
    snapshots,
  };
};

const restoredRows = async (driver: Driver, name: string): Promise<Rows> => {
  const into = `${RESTORED}${name}`;
  await driver.drop(into);
  await driver.call("RestoreSnapshot", { name, collectionName: "rows", targetCollectionName: into });
  await driver.finish(into);
  const versions = await driver.wholeRows(into);
  await driver.drop(into);
  return versions;
};

/** The one of the possible models that the engine shows. @throws when it is none */
export const oneOf = async (engine: EngineApi, possible: readonly Model[], deep: boolean, context: () => string): Promise<Model> => {
  const found = await shown(engine, deep);
  const match = possible.find((model) => asText(model, found) === asText(found, found));
  if (match !== undefined) return match;
  const each = new Set(possible.map((model) => asText(model, found)));
  throw new Error(`${context()}\nshown:    ${asText(found, found)}\npossible: ${[...each].join("\n          ")}`);
};

/** Whether a refused request is known not to have happened. */
export const surelyRefused = (error: unknown): boolean => error instanceof MilvusError && !/not known/.test(error.message);
