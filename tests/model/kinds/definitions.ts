/** Kinds of operations on databases, collections, their fields and properties. */

import type { SeededRandom } from "../../support/random.js";
import { anyCollection, type Kind, Mismatch, refused, type Step, same } from "../kind.js";
import { DEFAULT_PARTITION, type Metric, type Model, ModelCollection } from "../model.js";
import { addable, fieldDefinition, hasPartitionKey, randomShape, schemaOf } from "../shape.js";

const COLLECTIONS = ["c0", "c1", "c2", "c3", "c4"];
/** Shards of each; of others, one. */
const SHARDS = [1, 1, 3];
const COLLECTIONS_MAX = 6;
const DATABASES = ["default", "second"];
const PARTITIONS_BY_KEY = 4;
const INDEX_TYPES = ["FLAT", "FLAT", "HNSW", "AUTOINDEX", "IVF_FLAT"];

const indexParams = (type: string): Record<string, unknown> =>
  type === "IVF_FLAT" ? { nlist: 8 } : type === "HNSW" ? { M: 8, efConstruction: 32 } : {};

export const randomIndex = (random: SeededRandom) => {
  const metric: Metric = random.pick(["L2", "IP", "COSINE"]);
  const type = random.pick(INDEX_TYPES);
  return {
    model: { name: "vector", metric, type },
    definition: { fieldName: "vector", indexType: type, metricType: metric, params: indexParams(type) },
  };
};

/** What a name is taken by, in a database that is there. */
const takenBy = (model: Model, database: string, name: string): "alias" | "collection" | undefined => {
  const { aliases, collections } = model.database(database);
  return aliases.has(name) ? "alias" : collections.has(name) ? "collection" : undefined;
};

const TTLS = [0, 0, 0, 5, 20, 60];

const create = (random: SeededRandom, model: Model): Step | undefined => {
  if (model.collections.length >= COLLECTIONS_MAX && !random.chance(0.1)) return undefined;
  const database = random.pick([...model.databases.keys()]);
  const name = random.pick(random.chance(0.1) ? ["a0", "a1"] : COLLECTIONS);
  const shape = randomShape(random);
  const index = random.chance(0.85) ? randomIndex(random) : undefined;
  const ttlSeconds = random.pick(TTLS);
  const numPartitions = hasPartitionKey(shape) ? PARTITIONS_BY_KEY : 1;
  const partitions = hasPartitionKey(shape) ? Array.from({ length: numPartitions }, (_, at) => `_default_${at}`) : [DEFAULT_PARTITION];
  const properties = ttlSeconds === 0 ? {} : { "collection.ttl.seconds": String(ttlSeconds) };
  const definition = { shape, partitions, index: index?.model, ttlSeconds, properties: new Map(Object.entries(properties)) };
  const collection = new ModelCollection(database, name, definition, numPartitions);
  if (index !== undefined) collection.load();
  const taken = takenBy(model, database, name);
  if (taken === "collection" && !random.chance(0.1)) return undefined;
  return {
    text: `create collection ${database}.${name} ${JSON.stringify(shape)} ${JSON.stringify(index?.model ?? "no index")} ttl ${ttlSeconds}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.createCollection({
        databaseName: database,
        collectionName: name,
        schema: schemaOf(shape),
        shardsNum: SHARDS[COLLECTIONS.indexOf(name)] ?? 1,
        properties,
        ...(hasPartitionKey(shape) ? { numPartitions } : {}),
        ...(index === undefined ? {} : { indexParams: index.definition }),
      });
      if (taken !== undefined) return refused(`creating what is a ${taken}`, taken === "alias" ? 1601 : 1100, work);
      await work;
      model.database(database).collections.set(name, collection);
    },
  };
};

const drop = (random: SeededRandom, model: Model): Step | undefined => {
  if (model.collections.length < 3 && !random.chance(0.2)) return undefined;
  const of = anyCollection(random, model);
  if (of === undefined) return undefined;
  const { collection, options, text } = of;
  return {
    text: `drop collection ${text}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.dropCollection(options);
      const bound = options.collectionName !== collection.name || model.aliasesOf(collection).length > 0;
      if (bound) return refused("dropping a collection with aliases", 1100, work);
      await work;
      model.database(collection.database).collections.delete(collection.name);
    },
  };
};

const dropMissing = (random: SeededRandom): Step => {
  const databaseName = random.pick(["default", "missing"]);
  return {
    text: `drop collection ${databaseName}.nothing`,
    run: async ({ client }) => client.dropCollection({ collectionName: "nothing", databaseName }),
  };
};

const rename = (random: SeededRandom, model: Model): Step | undefined => {
  const of = anyCollection(random, model);
  if (of === undefined) return undefined;
  const { collection, options, text } = of;
  const newName = random.pick(random.chance(0.1) ? ["a0", "a1", "a2"] : COLLECTIONS);
  const newDatabaseName = random.chance(0.7) ? collection.database : random.pick([...model.databases.keys()]);
  return {
    text: `rename ${text} to ${newDatabaseName}.${newName}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.renameCollection({ ...options, newName, newDatabaseName });
      const moves = newDatabaseName !== collection.database;
      const byAlias = options.collectionName !== collection.name;
      const taken = takenBy(model, newDatabaseName, newName);
      if ((!moves && newName === options.collectionName) || byAlias) return refused("rename", 1100, work);
      if (taken !== undefined) return refused("rename to what is taken", taken === "alias" ? 1601 : 1100, work);
      if (moves && model.aliasesOf(collection).length > 0) return refused("move of a collection with aliases", 1100, work);
      await work;
      model.database(collection.database).collections.delete(collection.name);
      collection.database = newDatabaseName;
      collection.name = newName;
      model.database(newDatabaseName).collections.set(newName, collection);
    },
  };
};

const describe = (random: SeededRandom, model: Model): Step | undefined => {
  const of = anyCollection(random, model);
  if (of === undefined) return undefined;
  const { collection, options, text } = of;
  return {
    text: `describe ${text}`,
    about: collection,
    run: async ({ client }) => {
      const info = await client.describeCollection(options);
      const { shape } = collection;
      const names = info.fields.map(({ name }) => name).filter((name) => name !== "$meta");
      const expected = ["id", ...shape.fields.map(({ name }) => name), "vector"];
      same("collection", [info.databaseName, info.collectionName], [collection.database, collection.name]);
      same("fields", [...names].sort(), [...expected].sort());
      same("dynamic", info.enableDynamicField, shape.dynamic);
      same("aliases", info.aliases, model.aliasesOf(collection));
      for (const [key, value] of collection.properties) same(`property ${key}`, info.properties[key], value);
      for (const field of shape.fields) {
        const found = info.fields.find(({ name }) => name === field.name);
        same(`default of ${field.name}`, found?.defaultValue, field.defaultValue);
        same(`nullable of ${field.name}`, found?.nullable ?? false, field.nullable ?? false);
      }
    },
  };
};

const describeMissing = (): Step => ({
  text: "describe, query, insert into and count what is not there",
  run: async ({ client }) => {
    const collectionName = "nothing";
    await refused("describe", 100, client.describeCollection({ collectionName }));
    await refused("query", 100, client.query({ collectionName, filter: "id > 1" }));
    await refused("count", 100, client.count({ collectionName }));
    await refused("insert", 100, client.insert({ collectionName, data: [{ id: 1 }] }));
    await refused("describe in a missing database", 800, client.describeCollection({ collectionName, databaseName: "missing" }));
  },
});

const has = (random: SeededRandom, model: Model): Step => {
  const databaseName = random.pick([...model.databases.keys()]);
  const collectionName = random.pick([...COLLECTIONS, "a0", "a1", "a2"]);
  return {
    text: `has collection ${databaseName}.${collectionName}`,
    run: async ({ client }) =>
      same("has", await client.hasCollection({ databaseName, collectionName }), model.resolve(databaseName, collectionName) !== undefined),
  };
};

const list = (random: SeededRandom, model: Model): Step => {
  const databaseName = random.pick([...model.databases.keys()]);
  return {
    text: `list collections of ${databaseName}`,
    run: async ({ client }) => {
      const found = await client.listCollections({ databaseName });
      same("collections", [...found].sort(), [...model.database(databaseName).collections.keys()].sort());
    },
  };
};

const truncate = (random: SeededRandom, model: Model): Step | undefined => {
  const of = anyCollection(random, model, ({ rows }) => rows.length > 40 || random.chance(0.1));
  if (of === undefined) return undefined;
  return {
    text: `truncate ${of.text}`,
    about: of.collection,
    run: async ({ client }) => {
      await client.truncateCollection(of.options);
      of.collection.truncate();
    },
  };
};

const addField = (random: SeededRandom, model: Model): Step | undefined => {
  const of = anyCollection(random, model);
  if (of === undefined) return undefined;
  const { collection, options, text } = of;
  const field = random.pick(addable);
  return {
    text: `add field ${field.name} to ${text}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.addCollectionField({ ...options, field: fieldDefinition(field) });
      if (collection.shape.fields.some(({ name }) => name === field.name)) return refused("a field twice", 1100, work);
      await work;
      collection.addField(field);
    },
  };
};

/** A name that was dropped may come again; nothing of what its field was may come with it. */
const dropField = (random: SeededRandom, model: Model): Step | undefined => {
  const of = anyCollection(random, model);
  if (of === undefined) return undefined;
  const { collection, options, text } = of;
  const fieldName = random.pick(["id", "vector", "nobody", ...addable.map(({ name }) => name), ...addable.map(({ name }) => name)]);
  return {
    text: `drop field ${fieldName} of ${text}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.dropCollectionField({ ...options, fieldName });
      if (!collection.shape.fields.some(({ name }) => name === fieldName)) return refused("a field that cannot go", 1100, work);
      await work;
      collection.dropField(fieldName);
    },
  };
};

/** Rows that were past their time may be gone for good, so a time is made longer only where none is. */
const alterTtl = (random: SeededRandom, model: Model): Step | undefined => {
  const of = anyCollection(random, model);
  if (of === undefined) return undefined;
  const { collection, options, text } = of;
  const seconds = random.pick([0, 3, 5, 20, 60]);
  const shorter = seconds !== 0 && (collection.ttlSeconds === 0 || seconds <= collection.ttlSeconds);
  if (!shorter && collection.rows.some((row) => collection.isExpired(row, model.clock.now))) return undefined;
  // Nor where a snapshot may be restored of such rows.
  return {
    text: `ttl of ${text} is ${seconds} s`,
    about: collection,
    run: async ({ client }) => {
      if (seconds === 0) {
        await client.dropCollectionProperties({ ...options, propertyKeys: ["collection.ttl.seconds"] });
        collection.properties.delete("collection.ttl.seconds");
      } else {
        await client.alterCollectionProperties({ ...options, properties: { "collection.ttl.seconds": String(seconds) } });
        collection.properties.set("collection.ttl.seconds", String(seconds));
      }
      collection.ttlSeconds = seconds;
    },
  };
};

const alterProperties = (random: SeededRandom, model: Model): Step | undefined => {
  const of = anyCollection(random, model);
  if (of === undefined) return undefined;
  const { collection, options, text } = of;
  const key = random.pick(["mmap.enabled", "own.property", "collection.autocompaction.enabled"]);
  const value = random.pick(["true", "false"]);
  return {
    text: `property ${key} of ${text} is ${value}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.alterCollectionProperties({ ...options, properties: { [key]: value } });
      if (key === "mmap.enabled" && collection.loaded !== undefined) return refused("mmap of a loaded collection", 104, work);
      await work;
      collection.properties.set(key, value);
    },
  };
};

const stats = (random: SeededRandom, model: Model): Step | undefined => {
  const of = anyCollection(random, model);
  if (of === undefined) return undefined;
  const { collection, options, text } = of;
  return {
    text: `statistics of ${text}`,
    about: collection,
    run: async ({ client }) => {
      const { rowCount } = await client.getCollectionStats(options);
      const least = collection.rows.filter((row) => !collection.isExpired(row, model.clock.now)).length;
      // Deleted and expired rows count until a compaction leaves them out.
      if (!(rowCount >= least && rowCount <= collection.written))
        throw new Mismatch(`row_count ${rowCount}, expected ${least} to ${collection.written}`);
    },
  };
};

const createDatabase = (random: SeededRandom, model: Model): Step => {
  const databaseName = random.pick(DATABASES);
  return {
    text: `create database ${databaseName}`,
    run: async ({ client }) => {
      const work = client.createDatabase({ databaseName });
      if (model.databases.has(databaseName)) return refused("a database twice", 1100, work);
      await work;
      model.databases.set(databaseName, { collections: new Map(), aliases: new Map() });
    },
  };
};

const dropDatabase = (random: SeededRandom, model: Model): Step => {
  const databaseName = random.pick([...DATABASES, "missing"]);
  return {
    text: `drop database ${databaseName}`,
    run: async ({ client }) => {
      const work = client.dropDatabase({ databaseName });
      const full = (model.databases.get(databaseName)?.collections.size ?? 0) > 0;
      if (databaseName === "default" || full) return refused("dropping a database", 1100, work);
      await work;
      model.databases.delete(databaseName);
    },
  };
};

const listDatabases = (model: Model): Step => ({
  text: "list databases",
  run: async ({ client }) => same("databases", [...(await client.listDatabases())].sort(), [...model.databases.keys()].sort()),
});

export const definitions: readonly Kind[] = [
  { name: "create collection", weight: 4, draw: create },
  { name: "drop collection", weight: 1, draw: drop },
  { name: "drop a missing collection", weight: 0.3, draw: dropMissing },
  { name: "rename collection", weight: 1, draw: rename },
  { name: "describe collection", weight: 2, draw: describe },
  { name: "requests to what is missing", weight: 0.5, draw: describeMissing },
  { name: "has collection", weight: 1, draw: has },
  { name: "list collections", weight: 1, draw: list },
  { name: "truncate", weight: 1, draw: truncate },
  { name: "add field", weight: 0.6, draw: addField },
  { name: "drop field", weight: 0.4, draw: dropField },
  { name: "alter time to live", weight: 0.6, draw: alterTtl },
  { name: "alter properties", weight: 0.8, draw: alterProperties },
  { name: "collection statistics", weight: 1, draw: stats },
  { name: "create database", weight: 0.6, draw: createDatabase },
  { name: "drop database", weight: 0.3, draw: dropDatabase },
  { name: "list databases", weight: 0.5, draw: (_random, model) => listDatabases(model) },
];
