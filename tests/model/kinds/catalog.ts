/** Kinds of operations on aliases, partitions, indexes, and on what is loaded. */
import type { SeededRandom } from "../../support/random.js";
import { anyCollection, type Kind, Mismatch, type Named, refused, type Step, same } from "../kind.js";
import { DEFAULT_PARTITION, type Model, type ModelCollection } from "../model.js";
import { randomIndex } from "./definitions.js";

const ALIASES = ["a0", "a1", "a2", "a3"];
const PARTITIONS = ["p0", "p1", "p2"];

const createAlias = (random: SeededRandom, model: Model): Step | undefined => {
  const of = anyCollection(random, model);
  if (of === undefined) return undefined;
  const { collection, options, text } = of;
  const alias = random.pick(random.chance(0.1) ? ["c0", "c1"] : ALIASES);
  return {
    text: `create alias ${alias} of ${text}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.createAlias({ ...options, alias });
      const { aliases, collections } = model.database(collection.database);
      if (collections.has(alias)) return refused("an alias named as a collection", 1601, work);
      const before = aliases.get(alias);
      if (before !== undefined && before !== collection) return refused("an alias of another collection", 1602, work);
      await work;
      aliases.set(alias, collection);
    },
  };
};

const alterAlias = (random: SeededRandom, model: Model): Step | undefined => {
  const of = anyCollection(random, model);
  if (of === undefined) return undefined;
  const { collection, options, text } = of;
  const alias = random.pick(ALIASES);
  return {
    text: `point alias ${alias} at ${text}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.alterAlias({ ...options, alias });
      const { aliases, collections } = model.database(collection.database);
      if (collections.has(alias)) return refused("altering a collection as an alias", 1601, work);
      if (!aliases.has(alias)) return refused("altering an alias that is not there", 1600, work);
      await work;
      aliases.set(alias, collection);
    },
  };
};

/** Several changes as one: all happen or none does. */
const alterAliases = (random: SeededRandom, model: Model): Step | undefined => {
  const of = anyCollection(random, model);
  if (of === undefined) return undefined;
  const { collection, options, text } = of;
  const { aliases } = model.database(collection.database);
  const fails = random.chance(0.3);
  const actions = [
    ...ALIASES.filter(() => random.chance(0.5)).map((alias) => ({
      action: aliases.has(alias) ? ("alter" as const) : ("create" as const),
      alias,
      collectionName: options.collectionName,
    })),
    { action: "drop" as const, alias: random.pick(ALIASES) },
    ...(fails ? [{ action: "alter" as const, alias: "nobody", collectionName: collection.name }] : []),
  ];
  return {
    text: `change aliases at ${text} ${JSON.stringify(actions)}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.alterAliases({ databaseName: collection.database, actions });
      // An alias that is dropped may be the one that the next action names the collection by.
      const after = new Map(aliases);
      for (const { action, alias } of actions) {
        if (action === "drop") after.delete(alias);
        else after.set(alias, collection);
      }
      const { collections } = model.database(collection.database);
      const conflicts = actions.some(({ action, alias }) => action !== "drop" && collections.has(alias));
      if (fails || conflicts) return refused("changes of which one is refused", conflicts ? 1601 : 1600, work);
      await work;
      aliases.clear();
      for (const [alias, target] of after) aliases.set(alias, target);
    },
  };
};

const dropAlias = (random: SeededRandom, model: Model): Step => {
  const databaseName = random.pick([...model.databases.keys()]);
  const alias = random.pick(ALIASES);
  return {
    text: `drop alias ${databaseName}.${alias}`,
    about: model.database(databaseName).aliases.get(alias),
    run: async ({ client }) => {
      await client.dropAlias({ databaseName, alias });
      model.database(databaseName).aliases.delete(alias);
    },
  };
};

const describeAlias = (random: SeededRandom, model: Model): Step => {
  const databaseName = random.pick([...model.databases.keys()]);
  const alias = random.pick(ALIASES);
  return {
    text: `describe alias ${databaseName}.${alias}`,
    run: async ({ client }) => {
      const work = client.describeAlias({ databaseName, alias });
      const target = model.database(databaseName).aliases.get(alias);
      if (target === undefined) return refused("describing an alias that is not there", 1600, work);
      same("target", (await work).collectionName, target.name);
    },
  };
};

const listAliases = (random: SeededRandom, model: Model): Step | undefined => {
  const of = anyCollection(random, model);
  if (of === undefined) return undefined;
  const { collection, options, text } = of;
  return {
    text: `list aliases of ${text} and of its database`,
    about: collection,
    run: async ({ client }) => {
      same("aliases", [...(await client.listAliases(options))].sort(), model.aliasesOf(collection));
      const all = await client.listAliases({ databaseName: collection.database });
      same("aliases of the database", [...all].sort(), [...model.database(collection.database).aliases.keys()].sort());
    },
  };
};

const createPartition = (random: SeededRandom, { collection, options, text }: Named): Step => {
  const partitionName = random.pick(PARTITIONS);
  return {
    text: `create partition ${partitionName} of ${text}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.createPartition({ ...options, partitionName });
      if (collection.byKey) return refused("a partition beside a partition key", 1100, work);
      await work;
      if (!collection.partitions.includes(partitionName)) collection.partitions.push(partitionName);
    },
  };
};

const dropPartition = (random: SeededRandom, { collection, options, text }: Named): Step => {
  const partitionName = random.pick([...PARTITIONS, DEFAULT_PARTITION]);
  return {
    text: `drop partition ${partitionName} of ${text}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.dropPartition({ ...options, partitionName });
      const there = collection.partitions.includes(partitionName);
      const refusedNow = collection.byKey || partitionName === DEFAULT_PARTITION || (there && collection.isLoaded(partitionName));
      if (refusedNow) return refused("dropping a partition", 1100, work);
      await work;
      collection.partitions = collection.partitions.filter((name) => name !== partitionName);
      collection.rows = collection.rows.filter((row) => row.partition !== partitionName);
    },
  };
};

const listPartitions = (random: SeededRandom, { collection, options, text }: Named): Step => {
  const partitionName = random.pick(PARTITIONS);
  return {
    text: `list partitions of ${text}, has ${partitionName}`,
    about: collection,
    run: async ({ client }) => {
      same("partitions", [...(await client.listPartitions(options))].sort(), [...collection.partitions].sort());
      same("has", await client.hasPartition({ ...options, partitionName }), collection.partitions.includes(partitionName));
    },
  };
};

const partitionStats = (random: SeededRandom, model: Model, { collection, options, text }: Named): Step => {
  const partitionName = random.pick([...PARTITIONS, DEFAULT_PARTITION]);
  return {
    text: `statistics of partition ${partitionName} of ${text}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.getPartitionStats({ ...options, partitionName });
      if (!collection.partitions.includes(partitionName)) return refused("statistics of a missing partition", 200, work);
      const { rowCount } = await work;
      const least = collection.rows.filter((row) => row.partition === partitionName && !collection.isExpired(row, model.clock.now)).length;
      if (!(rowCount >= least && rowCount <= collection.written)) throw new Mismatch(`row_count ${rowCount}, expected at least ${least}`);
    },
  };
};

const load = (_random: SeededRandom, { collection, options, text }: Named): Step => ({
  text: `load ${text}`,
  about: collection,
  run: async ({ client }) => {
    const work = client.loadCollection(options);
    if (collection.index === undefined) return refused("loading without an index", 700, work);
    await work;
    collection.load();
  },
});

const release = (_random: SeededRandom, { collection, options, text }: Named): Step => ({
  text: `release ${text}`,
  about: collection,
  run: async ({ client }) => {
    await client.releaseCollection(options);
    collection.release();
  },
});

const somePartitions = (random: SeededRandom, collection: ModelCollection): string[] => {
  const some = collection.partitions.filter(() => random.chance(0.5));
  return some.length === 0 ? [DEFAULT_PARTITION] : some;
};

const loadPartitions = (random: SeededRandom, { collection, options, text }: Named): Step => {
  const partitionNames = somePartitions(random, collection);
  return {
    text: `load partitions ${partitionNames} of ${text}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.loadPartitions({ ...options, partitionNames });
      if (collection.byKey) return refused("loading partitions by key", 1100, work);
      if (collection.index === undefined) return refused("loading without an index", 700, work);
      await work;
      collection.load(partitionNames);
    },
  };
};

const releasePartitions = (random: SeededRandom, { collection, options, text }: Named): Step => {
  const partitionNames = somePartitions(random, collection);
  return {
    text: `release partitions ${partitionNames} of ${text}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.releasePartitions({ ...options, partitionNames });
      if (collection.byKey) return refused("releasing partitions by key", 1100, work);
      await work;
      collection.release(partitionNames);
    },
  };
};

const loadState = (random: SeededRandom, { collection, options, text }: Named): Step => {
  const partitionNames = collection.byKey || random.chance(0.5) ? [] : somePartitions(random, collection);
  return {
    text: `load state of ${text} ${partitionNames}`,
    about: collection,
    run: async ({ client }) => {
      const loaded =
        partitionNames.length === 0 ? collection.loaded !== undefined : partitionNames.every((name) => collection.isLoaded(name));
      const asked = async () => (await client.getLoadState({ ...options, partitionNames })).state;
      let state = await asked();
      // After an opening indexes are still on their way into memory for a moment.
      for (let left = 500; state === "Loading" && left > 0; left--) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        state = await asked();
      }
      same("state", state, loaded ? "Loaded" : "NotLoad");
    },
  };
};

const createIndex = (random: SeededRandom, { collection, options, text }: Named): Step => {
  const { model: made, definition } = randomIndex(random);
  return {
    text: `create index ${made.type} ${made.metric} of ${text}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.createIndex({ ...options, indexParams: definition });
      const before = collection.index;
      if (before !== undefined && (before.metric !== made.metric || before.type !== made.type))
        return refused("another index on the field", 1100, work);
      await work;
      collection.index = made;
    },
  };
};

const dropIndex = (_random: SeededRandom, { collection, options, text }: Named): Step => ({
  text: `drop index of ${text}`,
  about: collection,
  run: async ({ client }) => {
    const work = client.dropIndex({ ...options, indexName: "vector" });
    if (collection.index !== undefined && collection.loaded !== undefined)
      return refused("dropping the index of a loaded collection", 1100, work);
    await work;
    collection.index = undefined;
  },
});

const describeIndex = (_random: SeededRandom, { collection, options, text }: Named): Step => ({
  text: `describe index of ${text}`,
  about: collection,
  run: async ({ client }) => {
    same("indexes", await client.listIndexes(options), collection.index === undefined ? [] : ["vector"]);
    const work = client.describeIndex({ ...options, indexName: "vector" });
    if (collection.index === undefined) return refused("describing an index that is not there", 700, work);
    const { indexType, metricType } = await work;
    same("index", [indexType, metricType], [collection.index.type, collection.index.metric]);
  },
});

const kind = (
  name: string,
  weight: number,
  draw: (random: SeededRandom, of: Named, model: Model) => Step,
  fits?: (collection: ModelCollection, random: SeededRandom) => boolean,
): Kind => ({
  name,
  weight,
  draw: (random, model) => {
    const of = anyCollection(random, model, (collection) => fits?.(collection, random) ?? true);
    return of === undefined ? undefined : draw(random, of, model);
  },
});

/** What takes a collection out of use is mostly done to those that are not in use. */
const rarely =
  (chance: number, freely: (collection: ModelCollection) => boolean = () => false) =>
  (collection: ModelCollection, random: SeededRandom): boolean =>
    freely(collection) || random.chance(chance);

export const catalog: readonly Kind[] = [
  { name: "create alias", weight: 1.5, draw: createAlias },
  { name: "alter alias", weight: 1.5, draw: alterAlias },
  { name: "change many aliases", weight: 1, draw: alterAliases },
  { name: "drop alias", weight: 1, draw: dropAlias },
  { name: "describe alias", weight: 1, draw: describeAlias },
  { name: "list aliases", weight: 1, draw: listAliases },
  kind("create partition", 1.5, createPartition),
  kind("drop partition", 0.7, dropPartition),
  kind("list partitions", 1, listPartitions),
  kind("partition statistics", 0.7, (random, of, model) => partitionStats(random, model, of)),
  kind("load collection", 2.5, load, (collection) => collection.loaded !== "all"),
  kind("release collection", 0.4, release, rarely(0.5)),
  kind("load partitions", 0.8, loadPartitions),
  kind("release partitions", 0.5, releasePartitions),
  kind("load state", 1, loadState),
  kind(
    "create index",
    1.5,
    createIndex,
    rarely(0.2, (collection) => collection.index === undefined),
  ),
  kind(
    "drop index",
    0.6,
    dropIndex,
    rarely(0.3, (collection) => collection.loaded === undefined),
  ),
  kind("describe index", 1, describeIndex),
];
