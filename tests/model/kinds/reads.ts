/** Kinds of operations that read rows: all answers are compared exactly, scores within `TOLERANCE`. */
import type { SearchHit } from "../../../src/client/index.js";
import type { SeededRandom } from "../../support/random.js";
import { type Filter, randomFilter } from "../filters.js";
import {
  anyCollection,
  type Kind,
  keysOf,
  Mismatch,
  type Named,
  plainRow,
  randomOutputs,
  refused,
  type Step,
  same,
  shown,
  someLevel,
  somePartitions,
  unreadable,
} from "../kind.js";
import { compareKeys, type Metric, type Model, type ModelCollection, type ModelRow, newest } from "../model.js";
import { type Key, randomKey, randomVector } from "../shape.js";

/** Relative; of cosines, which are rounded. */
const TOLERANCE = 1e-4;

const filterText = (filter: Filter | undefined): string => (filter === undefined ? "" : ` where ${filter.text}`);
const partitionText = (partitions: readonly string[]): string => (partitions.length === 0 ? "" : ` of partitions ${partitions}`);

const maybeFilter = (random: SeededRandom, collection: ModelCollection, chance: number): Filter | undefined =>
  random.chance(chance) ? randomFilter(random, collection.shape, keysOf(collection)) : undefined;

const query = (random: SeededRandom, model: Model, { collection, options, text }: Named): Step => {
  const filter = maybeFilter(random, collection, 0.7);
  const limit = filter === undefined || random.chance(0.4) ? 1 + random.below(30) : undefined;
  const offset = limit !== undefined && random.chance(0.4) ? random.below(8) : undefined;
  const outputs = randomOutputs(random, collection);
  const partitionNames = somePartitions(random, collection);
  const level = someLevel(random);
  const page = limit === undefined ? "" : ` limit ${limit} offset ${offset ?? 0}`;
  return {
    text: `query ${text}${filterText(filter)}${page}${partitionText(partitionNames)} for ${outputs ?? "all"}`,
    about: collection,
    run: async ({ client }) => {
      const asked = {
        ...options,
        ...level,
        partitionNames,
        ...(filter && { filter: filter.text }),
        ...(outputs && { outputFields: outputs }),
      };
      const window = { ...(limit === undefined ? {} : { limit }), ...(offset === undefined ? {} : { offset }) };
      const work = client.query({ ...asked, ...window });
      const code = unreadable(collection, partitionNames);
      if (code !== undefined) return refused("query of what is not loaded", code, work);
      const all = newest(collection.visible(model.clock.now, partitionNames, filter));
      const expected = all.slice(offset ?? 0, limit === undefined ? undefined : (offset ?? 0) + limit);
      same(
        "rows",
        (await work).map(plainRow),
        expected.map((row) => shown(row, outputs)),
      );
    },
  };
};

const get = (random: SeededRandom, model: Model, { collection, options, text }: Named): Step => {
  const known = keysOf(collection);
  const one = (): Key => (known.length > 0 && random.chance(0.8) ? random.pick(known) : randomKey(random, collection.shape));
  const ids = [...new Set(Array.from({ length: 1 + random.below(5) }, one))];
  const partitionNames = somePartitions(random, collection);
  return {
    text: `get ${ids} of ${text}${partitionText(partitionNames)}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.get({ ...options, ids, partitionNames });
      const code = unreadable(collection, partitionNames);
      if (code !== undefined) return refused("get of what is not loaded", code, work);
      const expected = newest(collection.visible(model.clock.now, partitionNames).filter((row) => ids.includes(row.key)));
      same(
        "rows",
        (await work).map(plainRow),
        expected.map((row) => shown(row, undefined)),
      );
    },
  };
};

const count = (random: SeededRandom, model: Model, { collection, options, text }: Named): Step => {
  const filter = maybeFilter(random, collection, 0.5);
  const partitionNames = somePartitions(random, collection);
  return {
    text: `count ${text}${filterText(filter)}${partitionText(partitionNames)}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.count({ ...options, partitionNames, ...(filter && { filter: filter.text }) });
      const code = unreadable(collection, partitionNames);
      if (code !== undefined) return refused("count of what is not loaded", code, work);
      same("count(*)", await work, collection.visible(model.clock.now, partitionNames, filter).length);
    },
  };
};

export const scoreOf = (metric: Metric, left: readonly number[], right: readonly number[]): number => {
  const sum = (term: (at: number) => number) => left.reduce((total, _, at) => total + term(at), 0);
  const dot = sum((at) => (left[at] ?? 0) * (right[at] ?? 0));
  if (metric === "IP") return dot;
  if (metric === "L2") return sum((at) => ((left[at] ?? 0) - (right[at] ?? 0)) ** 2);
  const norm = (vector: readonly number[]) => Math.hypot(...vector);
  return dot / (norm(left) * norm(right));
};

export interface Range {
  readonly radius: number;
  readonly rangeFilter?: number;
}

const inRange = (metric: Metric, score: number, range: Range | undefined): boolean => {
  if (range === undefined) return true;
  const { radius, rangeFilter } = range;
  if (metric === "L2") return score < radius && (rangeFilter === undefined || score >= rangeFilter);
  return score > radius && (rangeFilter === undefined || score <= rangeFilter);
};

interface Scored {
  readonly key: Key;
  readonly score: number;
  /** Rows of the key that have this score, the newest last. */
  readonly rows: readonly ModelRow[];
}

/** What a search finds, best first: one hit a key, ties by the smaller key. */
export const ranked = (rows: readonly ModelRow[], vector: readonly number[], metric: Metric, range?: Range): Scored[] => {
  const better = (one: number, other: number): boolean => (metric === "L2" ? one < other : one > other);
  const best = new Map<Key, { key: Key; score: number; rows: ModelRow[] }>();
  for (const row of rows) {
    const score = scoreOf(metric, vector, row.vector);
    if (!inRange(metric, score, range)) continue;
    const held = best.get(row.key);
    if (held !== undefined && Math.abs(held.score - score) < TOLERANCE) held.rows.push(row);
    else if (held === undefined || better(score, held.score)) best.set(row.key, { key: row.key, score, rows: [row] });
  }
  const by = (one: Scored, other: Scored) => (metric === "L2" ? one.score - other.score : other.score - one.score);
  return [...best.values()].sort((one, other) => by(one, other) || compareKeys(one.key, other.key));
};

const near = (one: number, other: number): boolean => Math.abs(one - other) <= TOLERANCE * Math.max(1, Math.abs(one), Math.abs(other));

/** `all`: everything that could be found, best first; the hits should be `window` of it. */
export const sameHits = (
  hits: readonly SearchHit<object>[],
  all: readonly Scored[],
  { metric, offset = 0, limit, outputs }: { metric: Metric; offset?: number; limit: number; outputs: readonly string[] | undefined },
): void => {
  const expected = all.slice(offset, offset + limit);
  const brief = () =>
    `found ${hits.map(({ id, distance }) => `${id}:${distance}`)}, expected ${expected.map(({ key, score }) => `${key}:${score}`)}`;
  if (hits.length !== expected.length) throw new Mismatch(`hits: ${brief()}`);
  // Whole numbers are computed exactly; the order of almost equal cosines is anybody's.
  if (metric !== "COSINE" && hits.some(({ id }, at) => id !== expected[at]?.key)) throw new Mismatch(`order of hits: ${brief()}`);
  same("different ids of hits", new Set(hits.map(({ id }) => id)).size, hits.length);
  const byKey = new Map(all.map((scored) => [scored.key, scored]));
  for (const [at, hit] of hits.entries()) {
    const scored = byKey.get(hit.id);
    if (scored === undefined || !near(scored.score, hit.distance) || !near(hit.distance, expected[at]?.score ?? Number.NaN))
      throw new Mismatch(`hit ${at}: ${brief()}`);
    // Of rows that are as near the newest; of almost equal cosines anybody may be the nearest.
    const possible = (metric === "COSINE" ? scored.rows : scored.rows.slice(-1)).map((row) => shown(row, outputs, false));
    const entity = plainRow(hit.entity);
    if (!possible.some((row) => JSON.stringify(sorted(row)) === JSON.stringify(sorted(entity))))
      same(`entity of hit ${hit.id}`, entity, possible[0]);
  }
};

const sorted = (row: Record<string, unknown>): unknown[] =>
  Object.keys(row)
    .sort()
    .map((key) => [key, typeof row[key] === "bigint" ? String(row[key]) : row[key]]);

const someRange = (random: SeededRandom, metric: Metric): Range => {
  // No cosine of small whole numbers lies as near to these as the tolerance.
  const ends = metric === "COSINE" ? [-0.60357, -0.20311, 0.10297, 0.45123, 0.80401] : [2, 5, 9, 14, 30];
  const [low, high] = [random.below(3), 3 + random.below(2)].map((at) => ends[at] as number) as [number, number];
  if (random.chance(0.5)) return { radius: metric === "L2" ? high : low };
  return metric === "L2" ? { radius: high, rangeFilter: low } : { radius: low, rangeFilter: high };
};

const search = (
  random: SeededRandom,
  model: Model,
  { collection, options, text }: Named,
  how: { filtered: boolean; ranged: boolean },
): Step | undefined => {
  const { index } = collection;
  if (index === undefined) return undefined;
  const { metric } = index;
  const data = Array.from({ length: random.chance(0.8) ? 1 : 1 + random.below(4) }, () => randomVector(random));
  const filter = how.filtered ? randomFilter(random, collection.shape, keysOf(collection)) : undefined;
  const range = how.ranged ? someRange(random, metric) : undefined;
  const limit = 1 + random.below(20);
  const offset = random.chance(0.2) ? random.below(6) : 0;
  const outputs = randomOutputs(random, collection);
  const partitionNames = somePartitions(random, collection);
  const level = someLevel(random);
  return {
    text: `search ${text} ${JSON.stringify(data)}${filterText(filter)}${range ? JSON.stringify(range) : ""} limit ${limit} offset ${offset}${partitionText(partitionNames)}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.search<object>({
        ...{ ...options, ...level, partitionNames, data, limit, offset, outputFields: outputs ?? ["*"] },
        ...(filter && { filter: filter.text }),
        ...(range && { searchParams: { params: { radius: range.radius, range_filter: range.rangeFilter } } }),
      });
      const code = unreadable(collection, partitionNames);
      if (code !== undefined) return refused("search of what is not loaded", code, work);
      const rows = collection.visible(model.clock.now, partitionNames, filter);
      const found = await work;
      same("number of answers", found.length, data.length);
      for (const [at, hits] of found.entries())
        sameHits(hits, ranked(rows, data[at] as number[], metric, range), { metric, offset, limit, outputs: outputs ?? undefined });
    },
  };
};

type Draw = (random: SeededRandom, model: Model, of: Named) => Step | undefined;

const kind = (name: string, weight: number, draw: Draw): Kind => ({
  name,
  weight,
  draw: (random, model) => {
    const of = anyCollection(random, model);
    return of === undefined ? undefined : draw(random, model, of);
  },
});

export const reads: readonly Kind[] = [
  kind("query", 14, query),
  kind("get", 6, get),
  kind("count(*)", 8, count),
  kind("search", 8, (random, model, of) => search(random, model, of, { filtered: false, ranged: false })),
  kind("search with a filter", 8, (random, model, of) => search(random, model, of, { filtered: true, ranged: false })),
  kind("range search", 5, (random, model, of) => search(random, model, of, { filtered: random.chance(0.3), ranged: true })),
];
