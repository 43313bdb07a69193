/**
 * Quotas, as Milvus's proxy counts them: how much of one kind may begin in a second, of the server, the database, the collection, the partition.
 *
 * Each bound is a bucket of tokens that fills by its rate and holds a second's worth. A request is let in while the bucket is not below zero, and takes what it
 * costs, so a large one is let in and those after it wait. What is refused gives back what it took from the levels above. Code 8 is what clients try again; a
 * bound of zero, and a denial by a setting or a property of the database, is code 9. Properties of a collection win over the setting for one collection.
 * Sources: milvus internal/proxy/{rate_limit_interceptor,simple_rate_limiter,util}.go, internal/util/ratelimitutil, internal/rootcoord/quota_center.go.
 */

import { propertyOf } from "../catalog/properties.js";
import { partitionNamed, resolve } from "../catalog/read.js";
import type { Collection, Database, KeyValuePair } from "../catalog/types.js";
import { parseBool } from "../shared/booleans.js";
import { failure, type MilvusError } from "../shared/errors.js";
import { isOfBytes, type RateKind, type RateLevel, rateRows, rateSwitches } from "../shared/quota-settings.js";
import type { Settings } from "../shared/settings.js";
import type { Call } from "./operation.js";
import { databaseOf } from "./support.js";

type Group = "ddl" | "dml" | "dql";
interface Kind {
  readonly group: Group;
  /** Milvus's name of the rate. */
  readonly name: string;
  /** Property of a collection that says its rate. */
  readonly property?: string;
  /** Property of a database that denies it, beside the one of its group. */
  readonly denied?: string;
}

const kinds: Readonly<Record<RateKind, Kind>> = {
  collection: { group: "ddl", name: "DDLCollection", denied: "database.force.deny.collectionDDL" },
  partition: { group: "ddl", name: "DDLPartition", denied: "database.force.deny.partitionDDL" },
  index: { group: "ddl", name: "DDLIndex", denied: "database.force.deny.index" },
  flush: { group: "ddl", name: "DDLFlush", denied: "database.force.deny.flush" },
  compaction: { group: "ddl", name: "DDLCompaction", denied: "database.force.deny.compaction" },
  database: { group: "ddl", name: "DDLDB" },
  insert: { group: "dml", name: "DMLInsert", property: "collection.insertRate.max.mb" },
  delete: { group: "dml", name: "DMLDelete", property: "collection.deleteRate.max.mb" },
  search: { group: "dql", name: "DQLSearch", property: "collection.searchRate.max.vps" },
  query: { group: "dql", name: "DQLQuery", property: "collection.queryRate.max.qps" },
};

const groups: Readonly<
  Record<Group, { readonly setting: "denyDdl" | "denyWriting" | "denyReading"; readonly property: string; readonly what: string }>
> = {
  ddl: { setting: "denyDdl", property: "database.force.deny.ddl", what: "DDL" },
  dml: { setting: "denyWriting", property: "database.force.deny.writing", what: "writing" },
  dql: { setting: "denyReading", property: "database.force.deny.reading", what: "reading" },
};

/** What each RPC counts as. */
const kindOfRpc: ReadonlyMap<string, RateKind> = new Map(
  Object.entries({
    collection: ["CreateCollection", "DropCollection", "LoadCollection", "ReleaseCollection"],
    partition: ["CreatePartition", "DropPartition", "LoadPartitions", "ReleasePartitions"],
    index: ["CreateIndex", "DropIndex"],
    flush: ["Flush"],
    compaction: ["ManualCompaction"],
    database: ["CreateDatabase", "DropDatabase", "AlterDatabase"],
    insert: ["Insert", "Upsert"],
    delete: ["Delete"],
    search: ["Search", "HybridSearch"],
    query: ["Query"],
  } satisfies Record<RateKind, readonly string[]>).flatMap(([kind, rpcs]) => rpcs.map((rpc) => [rpc, kind as RateKind] as const)),
);

/** What requests of all kinds have of it, as messages and as REST bodies. */
interface Asked {
  readonly dbName?: unknown;
  readonly collectionName?: unknown;
  readonly collectionNames?: unknown;
  readonly partitionName?: unknown;
  readonly partitionNames?: unknown;
  readonly nq?: unknown;
  readonly requests?: unknown;
  readonly data?: unknown;
  readonly search?: unknown;
}

const textsOf = (...values: readonly unknown[]): string[] =>
  values.flat().filter((value) => typeof value === "string" && value !== "") as string[];

const vectorsOf = (asked: Asked): number => {
  const several = asked.requests ?? asked.search;
  if (Array.isArray(several)) return several.reduce((sum: number, each: Asked) => sum + vectorsOf(each ?? {}), 0);
  if (typeof asked.nq === "bigint") return Number(asked.nq);
  return Array.isArray(asked.data) ? asked.data.length : 1;
};

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Of collections that are gone, buckets are forgotten when there are so many. */
const BUCKETS_MAX = 10_000;
const MEGABYTE = 2 ** 20;
const CONTEXT = "request is rejected by grpc RateLimiter middleware, please retry later";

/** A bound that applies to one request. */
interface Bound {
  readonly key: string;
  /** A second. */
  readonly rate: number;
}

const denial = (reason: string): string => `access has been disabled by the administrator: ${reason}`;

const isTrue = (properties: readonly KeyValuePair[], key: string | undefined): boolean =>
  key !== undefined && parseBool(propertyOf(properties, key) ?? "") === true;

export type QuotaSettings = Pick<Settings, Extract<keyof Settings, `quota${string}` | "denyDdl" | "denyWriting" | "denyReading">>;

export class Quotas {
  private readonly rates = new Map<string, number>();
  private readonly buckets = new Map<string, Bucket>();

  /** `elapsed`: monotonic milliseconds. */
  constructor(
    private readonly chosen: QuotaSettings,
    private readonly elapsed: () => number,
  ) {
    for (const [name, { kind, level }] of Object.entries(rateRows)) {
      const rate = chosen[name as keyof typeof rateRows];
      if (chosen[rateSwitches[kind]] && rate >= 0) this.rates.set(`${kind} ${level}`, isOfBytes(kind) ? rate * MEGABYTE : rate);
    }
  }

  /** Whether searches of the collection are counted each. */
  countsSearches(collection: Collection): boolean {
    if (!this.chosen.quotas) return false;
    return (["cluster", "database", "collection", "partition"] as const).some(
      (level) => this.rateOf("search", level, collection) !== undefined,
    );
  }

  /**
   * Counts a request, or refuses it. `bytes`: of the encoded request.
   * @throws MilvusError 8 or 9
   */
  check(rpc: string, call: Call, request: object, bytes: number): void {
    const kind = kindOfRpc.get(rpc);
    if (kind === undefined || !this.chosen.quotas) return;
    const asked = request as Asked;
    const { catalog } = call.engine;
    const name = databaseOf(call, { dbName: typeof asked.dbName === "string" ? asked.dbName : "" });
    const database = kind === "database" ? undefined : catalog.databases.get(name);
    this.checkDenied(kind, database);
    const amount = isOfBytes(kind) ? bytes : kind === "search" ? vectorsOf(asked) : 1;
    if (amount <= 0) return;
    const collections = textsOf(asked.collectionName, asked.collectionNames).flatMap((each) => resolve(catalog, name, each) ?? []);
    this.take(kind, this.bounds(kind, database, collections, textsOf(asked.partitionName, asked.partitionNames)), amount);
  }

  /** What is denied by settings, for CheckHealth. */
  denials(): { readonly group: Group; readonly reason: string }[] {
    return (Object.keys(groups) as Group[])
      .filter((group) => this.chosen.quotas && this.chosen[groups[group].setting])
      .map((group) => ({ group, reason: denial(`config force deny ${groups[group].what}`) }));
  }

  private checkDenied(kind: RateKind, database: Database | undefined): void {
    const { group, denied } = kinds[kind];
    const { setting, property, what } = groups[group];
    if (this.chosen[setting]) throw failure("quotaExceeded", { reason: denial(`config force deny ${what}`) });
    if (database === undefined || database.properties.length === 0) return;
    if (isTrue(database.properties, property) || isTrue(database.properties, denied))
      throw failure("quotaExceeded", { reason: denial(`force deny ${what} in database properties`) });
  }

  private rateOf(kind: RateKind, level: RateLevel, collection?: Collection): number | undefined {
    const { property } = kinds[kind];
    if (level === "collection" && collection !== undefined && property !== undefined) {
      const own = Number(propertyOf(collection.properties, property) ?? Number.NaN);
      if (own >= 0) return isOfBytes(kind) ? own * MEGABYTE : own;
    }
    return this.rates.get(`${kind} ${level}`);
  }

  private bounds(
    kind: RateKind,
    database: Database | undefined,
    collections: readonly Collection[],
    partitions: readonly string[],
  ): Bound[] {
    const found: Bound[] = [];
    const add = (level: RateLevel, id: string, collection?: Collection) => {
      const rate = this.rateOf(kind, level, collection);
      if (rate !== undefined) found.push({ key: `${kind} ${level} ${id}`, rate });
    };
    add("cluster", "");
    if (database !== undefined) add("database", String(database.id));
    for (const collection of collections) {
      add("collection", String(collection.id), collection);
      for (const name of partitions) {
        const partition = partitionNamed(collection, name);
        if (partition !== undefined) add("partition", String(partition.id));
      }
    }
    return found;
  }

  private take(kind: RateKind, bounds: readonly Bound[], amount: number): void {
    const taken: Bucket[] = [];
    for (const bound of bounds) {
      const bucket = this.bucketOf(bound);
      const refusal = this.refusal(kind, bound, bucket);
      if (refusal !== undefined) {
        for (const each of taken) each.tokens += amount;
        throw refusal;
      }
      bucket.tokens -= amount;
      taken.push(bucket);
    }
  }

  private refusal(kind: RateKind, { rate }: Bound, bucket: Bucket): MilvusError | undefined {
    if (rate === 0) return failure("quotaExceeded", { reason: `rate type: ${kinds[kind].name}` });
    return bucket.tokens < 0 ? failure("rateLimit", { rate }, CONTEXT) : undefined;
  }

  /** Filled up to now. */
  private bucketOf({ key, rate }: Bound): Bucket {
    const now = this.elapsed();
    const known = this.buckets.get(key);
    if (known === undefined) {
      if (this.buckets.size >= BUCKETS_MAX) this.buckets.clear();
      const bucket = { tokens: rate, atMs: now };
      this.buckets.set(key, bucket);
      return bucket;
    }
    known.tokens = Math.min(rate, known.tokens + ((now - known.atMs) / 1000) * rate);
    known.atMs = now;
    return known;
  }
}
