import { expect, test } from "vitest";
import { aliasesIn, aliasesOf, collectionsIn, resolve } from "../../src/catalog/read.js";
import { applyRecord, emptyCatalog, hasEffect } from "../../src/catalog/reducer.js";
import type { AliasChange, Catalog, CatalogRecord } from "../../src/catalog/types.js";
import { MilvusError } from "../../src/shared/errors.js";
import { CollectionSchema } from "../../src/shared/proto/generated/messages.js";
import { forSeeds, type Pick } from "../support/seeds.js";

/** The plainest possible catalog: names to ids, aliases to ids, copied whole on each change. */
interface Model {
  readonly collections: Map<string, bigint>;
  readonly aliases: Map<string, bigint>;
}

type Outcome = number | "ok";

const copy = (model: Model): Model => ({ collections: new Map(model.collections), aliases: new Map(model.aliases) });
const lookUp = (model: Model, name: string): bigint | undefined => model.aliases.get(name) ?? model.collections.get(name);

/** Code of the refusal, or what the change makes of the model. */
const changeAlias = (model: Model, change: AliasChange): number | Model => {
  const next = copy(model);
  if (change.action === "drop") {
    next.aliases.delete(change.alias);
    return next;
  }
  if (model.collections.has(change.alias)) return 1601;
  const target = lookUp(model, change.collectionName);
  if (target === undefined) return 100;
  const before = model.aliases.get(change.alias);
  if (change.action === "alter" && before === undefined) return 1600;
  if (change.action === "create" && before !== undefined && before !== target) return 1602;
  next.aliases.set(change.alias, target);
  return next;
};

const applyToModel = (model: Model, record: CatalogRecord): number | Model => {
  const next = copy(model);
  switch (record.kind) {
    case "createCollection": {
      const { name } = record.schema;
      if (model.aliases.has(name)) return 1601;
      if (!model.collections.has(name)) next.collections.set(name, record.id);
      return next;
    }
    case "dropCollection": {
      if (model.aliases.has(record.name)) return 1100;
      const id = model.collections.get(record.name);
      if (id !== undefined && [...model.aliases.values()].includes(id)) return 1100;
      next.collections.delete(record.name);
      return next;
    }
    case "renameCollection": {
      if (model.aliases.has(record.name)) return 1100;
      if (model.aliases.has(record.newName)) return 1601;
      if (model.collections.has(record.newName)) return 1100;
      const id = model.collections.get(record.name);
      if (id === undefined) return 100;
      next.collections.delete(record.name);
      next.collections.set(record.newName, id);
      return next;
    }
    case "changeAliases":
      return record.changes.reduce<number | Model>(
        (state, change) => (typeof state === "number" ? state : changeAlias(state, change)),
        next,
      );
    default:
      throw new Error(`the model knows no ${record.kind}`);
  }
};

let nextId = 100n;
const names = ["c1", "c2", "c3", "a1", "a2", "a3"] as const;
const oneName = (pick: Pick): string => names[pick(names.length)] ?? "c1";
const oneChange = (pick: Pick): AliasChange => {
  const action = (["create", "alter", "drop"] as const)[pick(3)] ?? "drop";
  return action === "drop" ? { action, alias: oneName(pick) } : { action, alias: oneName(pick), collectionName: oneName(pick) };
};

const oneRecord = (pick: Pick): CatalogRecord => {
  const timestamp = nextId;
  switch (pick(6)) {
    case 0:
      return {
        kind: "createCollection",
        timestamp,
        id: nextId++,
        database: "default",
        schema: CollectionSchema.create({ name: oneName(pick), dbName: "default" }),
        properties: [],
        partitions: [{ id: nextId++, name: "_default", createdTimestamp: 0n }],
        shardsNum: 1,
        consistencyLevel: 0,
        numPartitions: 1n,
      };
    case 1:
      return { kind: "dropCollection", timestamp, database: "default", name: oneName(pick) };
    case 2:
      return {
        kind: "renameCollection",
        timestamp,
        database: "default",
        name: oneName(pick),
        newDatabase: "default",
        newName: oneName(pick),
      };
    default:
      return { kind: "changeAliases", timestamp, database: "default", changes: Array.from({ length: 1 + pick(3) }, () => oneChange(pick)) };
  }
};

const attempt = (catalog: Catalog, record: CatalogRecord): { outcome: Outcome; catalog: Catalog } => {
  try {
    const next = applyRecord(catalog, record);
    // A record without effect leaves everything but the count of records.
    if (!hasEffect(catalog, record)) expect({ ...next, version: 0 }).toEqual({ ...catalog, version: 0 });
    return { outcome: "ok", catalog: next };
  } catch (error) {
    if (!(error instanceof MilvusError)) throw error;
    return { outcome: error.code, catalog };
  }
};

test("the reducer agrees with a plain model of names and aliases, step by step", () => {
  const reached = new Set<string>();
  forSeeds(40, (pick) => {
    let catalog = emptyCatalog();
    let model: Model = { collections: new Map(), aliases: new Map() };
    for (let step = 0; step < 60; step++) {
      const record = oneRecord(pick);
      const wanted = applyToModel(model, record);
      const { outcome, catalog: next } = attempt(catalog, record);
      expect(outcome).toBe(typeof wanted === "number" ? wanted : "ok");
      reached.add(`${record.kind} ${outcome}`);
      catalog = next;
      if (typeof wanted !== "number") model = wanted;
      const database = catalog.databases.get("default");
      if (database === undefined) throw new Error("the default database is gone");
      expect(aliasesIn(catalog, database)).toEqual([...model.aliases.keys()].sort());
      expect(collectionsIn(catalog, database).map((collection) => collection.name)).toEqual([...model.collections.keys()].sort());
      for (const name of names) expect(resolve(catalog, "default", name)?.id).toBe(lookUp(model, name));
      for (const collection of catalog.collections.values())
        expect(aliasesOf(catalog, collection)).toEqual(
          [...model.aliases].flatMap(([alias, id]) => (id === collection.id ? [alias] : [])).sort(),
        );
      expect([...catalog.aliasNames.keys()].sort()).toEqual([...new Set(model.aliases.values())].sort());
    }
  });
  // The steps met every refusal, so the agreement means something.
  for (const seen of [
    "changeAliases 100",
    "changeAliases 1600",
    "changeAliases 1601",
    "changeAliases 1602",
    "dropCollection 1100",
    "renameCollection 1601",
    "createCollection 1601",
  ])
    expect(reached).toContain(seen);
});
