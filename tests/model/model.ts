/**
 * What the database should hold, as plain objects: Milvus's semantics as far as random operations go. No code of the engine is used.
 *
 * - An insert adds rows, whether their keys are there or not. An upsert removes the rows with its keys from the partition it writes to (from all where a
 *   partition key decides), then adds. A delete removes all rows with its keys; one by filter those with the keys of the rows that match.
 * - A query gives one row a key, the newest that matches; a count counts rows; a search gives one hit a key, its best, of equal ones the newest. Of rows that
 *   one request wrote under one key the last is the newest.
 * - Rows of a collection with a time to live are not seen once that time is over.
 */
import { type Filter, matches } from "./filters.js";
import { hasPartitionKey, type Key, type Shape, type ShapeField } from "./shape.js";

export const DEFAULT_PARTITION = "_default";
export type Metric = "L2" | "IP" | "COSINE";

export interface ModelRow {
  readonly key: Key;
  /** By field name; null where nothing is. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly vector: readonly number[];
  readonly partition: string;
  readonly writtenMs: number;
}

export interface ModelIndex {
  readonly name: string;
  readonly metric: Metric;
  readonly type: string;
}

/** Everything that a snapshot keeps of a collection. */
interface Definition {
  shape: Shape;
  partitions: string[];
  index: ModelIndex | undefined;
  /** 0: for ever. */
  ttlSeconds: number;
  properties: Map<string, string>;
}

export interface ModelSnapshot extends Definition {
  readonly rows: readonly ModelRow[];
  readonly written: number;
  readonly pins: bigint[];
}

let made = 0;

export class ModelCollection implements Definition {
  readonly serial = ++made;
  rows: ModelRow[] = [];
  shape: Shape;
  partitions: string[];
  index: ModelIndex | undefined;
  ttlSeconds: number;
  properties: Map<string, string>;
  /** All, or some partitions; undefined: released. */
  loaded: "all" | ReadonlySet<string> | undefined;
  readonly snapshots = new Map<string, ModelSnapshot>();
  /** Rows written since it was made or emptied. */
  written = 0;

  constructor(
    public database: string,
    public name: string,
    of: Definition,
    readonly numPartitions: number,
  ) {
    this.shape = of.shape;
    this.partitions = [...of.partitions];
    this.index = of.index;
    this.ttlSeconds = of.ttlSeconds;
    this.properties = new Map(of.properties);
  }

  get byKey(): boolean {
    return hasPartitionKey(this.shape);
  }

  isLoaded(partition: string): boolean {
    return this.loaded === "all" || (this.loaded?.has(partition) ?? false);
  }

  load(partitions?: readonly string[]): void {
    if (partitions === undefined || this.loaded === "all") this.loaded = "all";
    else this.loaded = new Set([...(this.loaded ?? []), ...partitions]);
  }

  release(partitions?: readonly string[]): void {
    const left = this.partitions.filter((name) => this.isLoaded(name) && partitions !== undefined && !partitions.includes(name));
    if (partitions !== undefined && left.length === this.partitions.filter((name) => this.isLoaded(name)).length) return;
    this.loaded = left.length === 0 ? undefined : new Set(left);
  }

  isExpired(row: ModelRow, nowMs: number): boolean {
    return this.ttlSeconds > 0 && row.writtenMs < nowMs - this.ttlSeconds * 1000;
  }

  /** Rows that a read at this time sees; `partitions` empty: of all that are loaded. */
  visible(nowMs: number, partitions: readonly string[] = [], filter?: Filter): ModelRow[] {
    return this.rows.filter(
      (row) =>
        (this.byKey || (partitions.length === 0 ? this.isLoaded(row.partition) : partitions.includes(row.partition))) &&
        !this.isExpired(row, nowMs) &&
        (filter === undefined || matches(filter, row)),
    );
  }

  /** Removes the rows with these keys; of some partitions only if any are given. */
  remove(keys: Iterable<Key>, partitions: readonly string[] = []): void {
    const gone = new Set(keys);
    this.rows = this.rows.filter((row) => !gone.has(row.key) || (partitions.length > 0 && !partitions.includes(row.partition)));
  }

  add(rows: readonly ModelRow[]): void {
    this.rows.push(...rows);
    this.written += rows.length;
  }

  truncate(): void {
    this.rows = [];
    this.written = 0;
  }

  addField(field: ShapeField): void {
    this.shape = { ...this.shape, fields: [...this.shape.fields, field] };
    const value = field.defaultValue ?? null;
    this.rows = this.rows.map((row) => ({ ...row, values: { ...row.values, [field.name]: value } }));
  }

  dropField(name: string): void {
    this.shape = { ...this.shape, fields: this.shape.fields.filter((field) => field.name !== name) };
    this.rows = this.rows.map((row) => {
      const { [name]: _, ...values } = row.values;
      return { ...row, values };
    });
  }

  freeze(): ModelSnapshot {
    const { shape, partitions, index, ttlSeconds, properties, rows, written } = this;
    return {
      shape,
      partitions: [...partitions],
      index,
      ttlSeconds,
      properties: new Map(properties),
      rows: [...rows],
      written,
      pins: [],
    };
  }
}

export const compareKeys = (one: Key, other: Key): number => {
  if (typeof one === "string" && typeof other === "string") return Buffer.compare(Buffer.from(one), Buffer.from(other));
  return one < other ? -1 : one > other ? 1 : 0;
};

/** The newest row of each key, ascending. */
export const newest = (rows: readonly ModelRow[]): ModelRow[] => {
  const byKey = new Map(rows.map((row) => [row.key, row]));
  return [...byKey.values()].sort((one, other) => compareKeys(one.key, other.key));
};

export interface ModelDatabase {
  readonly collections: Map<string, ModelCollection>;
  readonly aliases: Map<string, ModelCollection>;
}

export class Model {
  readonly databases = new Map<string, ModelDatabase>([["default", { collections: new Map(), aliases: new Map() }]]);

  constructor(readonly clock: { now: number }) {}

  get collections(): ModelCollection[] {
    return [...this.databases.values()].flatMap(({ collections }) => [...collections.values()]);
  }

  database(name: string): ModelDatabase {
    const found = this.databases.get(name);
    if (found === undefined) throw new Error(`the model has no database ${name}`);
    return found;
  }

  /** Names of the aliases of a collection, sorted. */
  aliasesOf(collection: ModelCollection): string[] {
    const { aliases } = this.database(collection.database);
    return [...aliases].flatMap(([alias, target]) => (target === collection ? [alias] : [])).sort();
  }

  resolve(database: string, name: string): ModelCollection | undefined {
    const found = this.databases.get(database);
    return found?.aliases.get(name) ?? found?.collections.get(name);
  }
}
