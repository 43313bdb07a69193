/** Kinds of operations that write rows. */
import type { SeededRandom } from "../../support/random.js";
import { randomFilter } from "../filters.js";
import { anyCollection, type Kind, keysOf, type Named, named, refused, type Step, same, unreadable } from "../kind.js";
import { DEFAULT_PARTITION, type Model, type ModelCollection, type ModelRow, newest } from "../model.js";
import { type Key, randomExtra, randomKey, randomRow, randomValue, randomVector, type ShapeField } from "../shape.js";

type RowData = Record<string, unknown>;

/** Rows above which inserts wait for deletes. */
const ROWS_MAX = 250;
const ARRAY_CAPACITY = 8;

const modelRow = (collection: ModelCollection, row: RowData, key: Key, partition: string, writtenMs: number): ModelRow => {
  const { fields } = collection.shape;
  const names = new Set(["id", "vector", ...fields.map((field) => field.name)]);
  return {
    key,
    values: Object.fromEntries(fields.map((field) => [field.name, row[field.name] ?? field.defaultValue ?? null])),
    extra: Object.fromEntries(Object.entries(row).filter(([name]) => !names.has(name))),
    vector: row.vector as number[],
    partition,
    writtenMs,
  };
};

/** A partition to write to: often none named. */
const target = (random: SeededRandom, collection: ModelCollection): { partition: string; options: { partitionName?: string } } => {
  if (collection.byKey || random.chance(0.5)) return { partition: DEFAULT_PARTITION, options: {} };
  const partition = random.pick(collection.partitions);
  return { partition, options: { partitionName: partition } };
};

const inPartition = ({ partitionName }: { readonly partitionName?: string }): string =>
  partitionName === undefined ? "" : ` in partition ${partitionName}`;

const someKeys = (random: SeededRandom, collection: ModelCollection, most: number): Key[] => {
  const known = keysOf(collection);
  const one = (): Key => (known.length > 0 && random.chance(0.7) ? random.pick(known) : randomKey(random, collection.shape));
  return [...new Set(Array.from({ length: 1 + random.below(most) }, one))];
};

const text = (rows: readonly RowData[]): string =>
  JSON.stringify(rows, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));

/** Keys that an answer gives are those that were sent, or new ones where the server makes them. */
const checkIds = (collection: ModelCollection, ids: readonly Key[], sent: readonly Key[] | undefined, count: number): void => {
  same("number of ids", ids.length, count);
  if (!collection.shape.autoId && sent !== undefined) same("ids", ids, sent);
  if (!collection.shape.autoId) return;
  same("different new ids", new Set(ids).size, count);
  const known = new Set(keysOf(collection));
  same(
    "new ids that are there already",
    ids.filter((id) => known.has(id)),
    [],
  );
};

const insert = (random: SeededRandom, model: Model, { collection, options, text: name }: Named, duplicates: boolean): Step | undefined => {
  if (collection.rows.length > ROWS_MAX) return undefined;
  const { shape } = collection;
  const count = 1 + random.below(random.chance(0.1) ? 40 : 6);
  let keys: Key[] = Array.from({ length: count }, () => randomKey(random, shape));
  // Of rows with one key in one request the last is the newest, but where they lie in different partitions.
  if (!duplicates || collection.byKey) keys = [...new Set(keys)];
  // A delete whose filter names values of the partition key reaches the partitions of these values, and no row with the same key elsewhere.
  if (collection.byKey && !shape.autoId) keys = keys.filter((key) => !collection.rows.some((row) => row.key === key));
  if (keys.length === 0) return undefined;
  const data = keys.map((key) => randomRow(random, shape, shape.autoId ? undefined : key));
  const to = target(random, collection);
  return {
    text: `insert into ${name}${inPartition(to.options)} ${text(data)}`,
    about: collection,
    run: async ({ client }) => {
      const { insertCount, ids } = await client.insert({ ...options, ...to.options, data });
      same("insertCount", insertCount, data.length);
      checkIds(collection, ids, keys, data.length);
      collection.add(data.map((row, at) => modelRow(collection, row, ids[at] as Key, to.partition, model.clock.now)));
    },
  };
};

const upsert = (random: SeededRandom, model: Model, { collection, options, text: name }: Named): Step | undefined => {
  if (collection.rows.length > ROWS_MAX * 1.5) return undefined;
  const keys = someKeys(random, collection, 6);
  const data = keys.map((key) => randomRow(random, collection.shape, key));
  const to = target(random, collection);
  return {
    text: `upsert into ${name}${inPartition(to.options)} ${text(data)}`,
    about: collection,
    run: async ({ client }) => {
      const { upsertCount, ids } = await client.upsert({ ...options, ...to.options, data });
      same("upsertCount", upsertCount, data.length);
      checkIds(collection, ids, keys, data.length);
      collection.remove(keys, collection.byKey ? [] : [to.partition]);
      collection.add(data.map((row, at) => modelRow(collection, row, ids[at] as Key, to.partition, model.clock.now)));
    },
  };
};

type Operation = "append" | "remove";

/** An array column after an operation; undefined: it would be too long. */
const changed = (old: unknown, given: unknown[], operation: Operation): unknown => {
  if (old === undefined) return given;
  if (old === null) return operation === "append" ? given : null;
  const array = old as unknown[];
  if (operation === "remove") return array.filter((element) => !given.includes(element));
  return array.length + given.length > ARRAY_CAPACITY ? undefined : [...array, ...given];
};

const REFUSED = Symbol("refused");

/** The whole row that an update of some columns makes. */
const completed = (
  collection: ModelCollection,
  given: RowData,
  old: ModelRow | undefined,
  operations: Readonly<Record<string, Operation>>,
): RowData | typeof REFUSED => {
  const row: RowData = { ...old?.extra, ...given };
  for (const field of collection.shape.fields) {
    const operation = operations[field.name];
    if (operation !== undefined) {
      row[field.name] = changed(old?.values[field.name], given[field.name] as unknown[], operation);
      if (row[field.name] === undefined) return REFUSED;
    } else if (!(field.name in given)) {
      if (old === undefined && !field.nullable && field.defaultValue === undefined) return REFUSED;
      row[field.name] = old?.values[field.name];
    }
  }
  row.vector ??= old?.vector;
  return row.vector === undefined ? REFUSED : row;
};

const partialRows = (random: SeededRandom, collection: ModelCollection, keys: readonly Key[], fields: readonly ShapeField[]): RowData[] => {
  const withVector = random.chance(0.4);
  return keys.map((id) => ({
    id,
    ...Object.fromEntries(
      fields.map((field) => [field.name, field.nullable && random.chance(0.2) ? null : randomValue(random, field.type)]),
    ),
    ...(withVector ? { vector: randomVector(random) } : {}),
    ...(collection.shape.dynamic ? randomExtra(random) : {}),
  }));
};

const update = (
  random: SeededRandom,
  model: Model,
  { collection, options, text: name }: Named,
  operations: Readonly<Record<string, Operation>>,
): Step | undefined => {
  if (collection.rows.length > ROWS_MAX * 1.5) return undefined;
  const { fields } = collection.shape;
  const keys = someKeys(random, collection, 4);
  const chosen = fields.filter((field) => field.name in operations || random.chance(0.4));
  const data = partialRows(random, collection, keys, chosen).map((row) => ({
    ...row,
    ...Object.fromEntries(chosen.flatMap((field) => (field.name in operations ? [[field.name, randomValue(random, field.type)]] : []))),
  })) as RowData[];
  const to = target(random, collection);
  const scope = collection.byKey ? [] : [to.partition];
  const words = Object.entries(operations).map(([field, operation]) => ` ${operation} ${field}`);
  return {
    text: `update ${name}${inPartition(to.options)}${words.join("")} ${text(data)}`,
    about: collection,
    run: async ({ client }) => {
      const work = () => client.upsert({ ...options, ...to.options, data, partialUpdate: true, arrayOperations: operations });
      const code = unreadable(collection, scope);
      if (code !== undefined) return refused("update of what is not loaded", code, work());
      const held = new Map(newest(collection.visible(model.clock.now, scope)).map((row) => [row.key, row]));
      const rows = data.map((row, at) => completed(collection, row, held.get(keys[at] as Key), operations));
      if (rows.includes(REFUSED)) return refused("update that leaves out what is needed", 1100, work());
      const { ids } = await work();
      checkIds(collection, ids, keys, data.length);
      collection.remove(keys, scope);
      collection.add(rows.map((row, at) => modelRow(collection, row as RowData, ids[at] as Key, to.partition, model.clock.now)));
    },
  };
};

const changeArrays = (random: SeededRandom, model: Model, of: Named): Step | undefined => {
  const arrays = of.collection.shape.fields.filter((field) => field.type === "Integers" || field.type === "Texts");
  if (arrays.length === 0) return undefined;
  return update(random, model, of, { [random.pick(arrays).name]: random.pick(["append", "remove"] as const) });
};

const partitionToDeleteFrom = (random: SeededRandom, collection: ModelCollection): { partitionName?: string } =>
  collection.byKey || random.chance(0.7) ? {} : { partitionName: random.pick(collection.partitions) };

const deleteIds = (random: SeededRandom, { collection, options, text: name }: Named): Step => {
  const ids = someKeys(random, collection, 5);
  const from = partitionToDeleteFrom(random, collection);
  return {
    text: `delete ${text([{ ids }])} of ${name}${inPartition(from)}`,
    about: collection,
    run: async ({ client }) => {
      const { deleteCount } = await client.delete({ ...options, ...from, ids });
      same("deleteCount", deleteCount, ids.length);
      collection.remove(ids, from.partitionName === undefined ? [] : [from.partitionName]);
    },
  };
};

const deleteWhere = (random: SeededRandom, model: Model, { collection, options, text: name }: Named): Step => {
  const filter = randomFilter(random, collection.shape, keysOf(collection));
  const from = partitionToDeleteFrom(random, collection);
  const partitions = from.partitionName === undefined ? [] : [from.partitionName];
  return {
    text: `delete where ${filter.text} of ${name}${inPartition(from)}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.delete({ ...options, ...from, filter: filter.text });
      if (filter.keys !== undefined) {
        same("deleteCount", (await work).deleteCount, filter.keys.length);
        return collection.remove(filter.keys, partitions);
      }
      const code = unreadable(collection, partitions);
      if (code !== undefined) return refused("delete of what is not loaded", code, work);
      const keys = new Set(collection.visible(model.clock.now, partitions, filter).map((row) => row.key));
      same("deleteCount", (await work).deleteCount, keys.size);
      const scope = partitions.length > 0 || collection.loaded === "all" ? partitions : [...(collection.loaded as ReadonlySet<string>)];
      collection.remove(keys, scope);
    },
  };
};

/** A request that is refused as a whole: nothing of it may be there. */
const badWrite = (random: SeededRandom, { collection, options, text: name }: Named): Step | undefined => {
  const { shape } = collection;
  const key = randomKey(random, shape);
  const good = randomRow(random, shape, shape.autoId ? undefined : key);
  const faults: [string, number, (row: RowData) => RowData | RowData[], { partitionName?: string }][] = [
    ["a text that is too long", 1100, (row) => ({ ...row, text: "x".repeat(33) }), {}],
    ["a vector that is too short", 1100, (row) => ({ ...row, vector: [1, 2] }), {}],
    ["a number that is none", 1100, (row) => ({ ...row, vector: [Number.NaN, 0, 0, 1] }), {}],
  ];
  if (!collection.byKey) faults.push(["a partition that is not there", 200, (row) => row, { partitionName: "missing" }]);
  const [what, code, spoil, to] = random.pick(faults);
  return {
    text: `insert ${what} into ${name}`,
    about: collection,
    run: async ({ client }) => refused(what, code, client.insert({ ...options, ...to, data: [good, spoil(good)].flat() })),
  };
};

const upsertTwice = (random: SeededRandom, { collection, options, text: name }: Named): Step | undefined => {
  if (collection.shape.autoId) return undefined;
  const key = randomKey(random, collection.shape);
  const data = [key, key].map((id) => randomRow(random, collection.shape, id));
  return {
    text: `upsert ${key} twice in one request into ${name}`,
    about: collection,
    run: async ({ client }) => refused("a key twice", 1100, client.upsert({ ...options, data })),
  };
};

type Draw = (random: SeededRandom, model: Model, of: Named) => Step | undefined;

const kind = (name: string, weight: number, draw: Draw, fits?: (collection: ModelCollection) => boolean): Kind => ({
  name,
  weight,
  draw: (random, model) => {
    const of = anyCollection(random, model, fits);
    return of === undefined ? undefined : draw(random, model, of);
  },
});

/** Kinds that change rows of one collection, for those that want them in between. */
const changes: readonly Draw[] = [
  (random, model, of) => insert(random, model, of, false),
  (random, model, of) => insert(random, model, of, true),
  upsert,
  (random, _model, of) => deleteIds(random, of),
  deleteWhere,
  (random, model, of) => update(random, model, of, {}),
];

export const randomChange = (random: SeededRandom, model: Model, collection: ModelCollection): Step | undefined =>
  random.pick(changes)(random, model, named(random, model, collection));

export const writes: readonly Kind[] = [
  kind(
    "insert",
    10,
    (random, model, of) => insert(random, model, of, false),
    ({ shape }) => !shape.autoId,
  ),
  kind(
    "insert, ids made by the server",
    5,
    (random, model, of) => insert(random, model, of, false),
    ({ shape }) => shape.autoId,
  ),
  kind(
    "insert by partition key",
    4,
    (random, model, of) => insert(random, model, of, false),
    ({ byKey }) => byKey,
  ),
  kind(
    "insert of duplicate keys",
    6,
    (random, model, of) => insert(random, model, of, true),
    ({ shape }) => !shape.autoId,
  ),
  kind("insert that is refused", 2, (random, _model, of) => badWrite(random, of)),
  kind("upsert", 10, upsert),
  kind("upsert of a key twice", 1, (random, _model, of) => upsertTwice(random, of)),
  kind("partial upsert", 8, (random, model, of) => update(random, model, of, {})),
  kind("array append or remove", 6, changeArrays),
  kind("delete by ids", 6, (random, _model, of) => deleteIds(random, of)),
  kind("delete by filter", 6, deleteWhere),
];
