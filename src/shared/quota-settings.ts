/**
 * The settings of quotas, from one table: how much of what may be asked for in a second, of the whole server, of one database, collection or partition.
 * Names and units are Milvus's (quotaAndLimits of milvus.yaml), so a settings file may hold its keys. All are off: -1 is no bound.
 */
import { rate, type Setting, setting, truth } from "./setting-kinds.js";

/** What is counted; Milvus's rate types by their own names are in `rateTypes`. */
export type RateKind =
  | "collection"
  | "partition"
  | "index"
  | "flush"
  | "compaction"
  | "database"
  | "insert"
  | "delete"
  | "search"
  | "query";
export type RateLevel = "cluster" | "database" | "collection" | "partition";

interface RateRow {
  readonly kind: RateKind;
  readonly level: RateLevel;
  /** Below `quotaAndLimits.`. */
  readonly milvus: string;
}

const row = (kind: RateKind, level: RateLevel, milvus: string): RateRow => ({ kind, level, milvus });

export const rateRows = {
  quotaCollectionRate: row("collection", "cluster", "ddl.collectionRate"),
  quotaCollectionRatePerDatabase: row("collection", "database", "ddl.db.collectionRate"),
  quotaPartitionRate: row("partition", "cluster", "ddl.partitionRate"),
  quotaPartitionRatePerDatabase: row("partition", "database", "ddl.db.partitionRate"),
  quotaIndexRate: row("index", "cluster", "indexRate.max"),
  quotaIndexRatePerDatabase: row("index", "database", "indexRate.db.max"),
  quotaFlushRate: row("flush", "cluster", "flushRate.max"),
  quotaFlushRatePerDatabase: row("flush", "database", "flushRate.db.max"),
  quotaFlushRatePerCollection: row("flush", "collection", "flushRate.collection.max"),
  quotaCompactionRate: row("compaction", "cluster", "compactionRate.max"),
  quotaCompactionRatePerDatabase: row("compaction", "database", "compactionRate.db.max"),
  quotaDatabaseRate: row("database", "cluster", "dbRate.max"),
  quotaInsertRate: row("insert", "cluster", "dml.insertRate.max"),
  quotaInsertRatePerDatabase: row("insert", "database", "dml.insertRate.db.max"),
  quotaInsertRatePerCollection: row("insert", "collection", "dml.insertRate.collection.max"),
  quotaInsertRatePerPartition: row("insert", "partition", "dml.insertRate.partition.max"),
  quotaDeleteRate: row("delete", "cluster", "dml.deleteRate.max"),
  quotaDeleteRatePerDatabase: row("delete", "database", "dml.deleteRate.db.max"),
  quotaDeleteRatePerCollection: row("delete", "collection", "dml.deleteRate.collection.max"),
  quotaDeleteRatePerPartition: row("delete", "partition", "dml.deleteRate.partition.max"),
  quotaSearchRate: row("search", "cluster", "dql.searchRate.max"),
  quotaSearchRatePerDatabase: row("search", "database", "dql.searchRate.db.max"),
  quotaSearchRatePerCollection: row("search", "collection", "dql.searchRate.collection.max"),
  quotaSearchRatePerPartition: row("search", "partition", "dql.searchRate.partition.max"),
  quotaQueryRate: row("query", "cluster", "dql.queryRate.max"),
  quotaQueryRatePerDatabase: row("query", "database", "dql.queryRate.db.max"),
  quotaQueryRatePerCollection: row("query", "collection", "dql.queryRate.collection.max"),
  quotaQueryRatePerPartition: row("query", "partition", "dql.queryRate.partition.max"),
} as const satisfies Record<string, RateRow>;

/** Rates of bytes are told in megabytes. */
export const isOfBytes = (kind: RateKind): boolean => kind === "insert" || kind === "delete";

const COUNTED: Readonly<Record<RateKind, string>> = {
  collection: "creations, drops, loads and releases of collections",
  partition: "creations, drops, loads and releases of partitions",
  index: "creations and drops of indexes",
  flush: "flushes",
  compaction: "compactions that are asked for",
  database: "creations, drops and changes of databases",
  insert: "megabytes of inserts and upserts",
  delete: "megabytes of delete requests",
  search: "query vectors searched for",
  query: "queries",
};

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const rateSettings = Object.fromEntries(
  Object.entries(rateRows).map(([name, { kind, level, milvus }]) => [
    name,
    setting(
      {
        flag: kebab(name),
        group: "quotas",
        default: -1,
        rare: true,
        milvus: `quotaAndLimits.${milvus}`,
        description: `${COUNTED[kind]} a second${level === "cluster" ? "" : `, of one ${level}`}`,
      },
      rate(isOfBytes(kind) ? "megabytes" : "requests"),
    ),
  ]),
) as { readonly [Name in keyof typeof rateRows]: Setting<number> };

const yes = (flag: string, milvus: string, description: string, value = true): Setting<boolean> =>
  setting({ flag, group: "quotas", default: value, rare: true, milvus: `quotaAndLimits.${milvus}`, description }, truth);

/** A rate counts when its switch is on too. */
export const rateSwitches: Readonly<Record<RateKind, keyof typeof switches>> = {
  collection: "quotaDdl",
  partition: "quotaDdl",
  index: "quotaIndex",
  flush: "quotaFlush",
  compaction: "quotaCompaction",
  database: "quotaDatabase",
  insert: "quotaDml",
  delete: "quotaDml",
  search: "quotaDql",
  query: "quotaDql",
};

const switches = {
  quotas: yes("quotas", "enabled", "whether any quota counts"),
  quotaDdl: yes("quota-ddl", "ddl.enabled", "whether rates of collections and partitions count"),
  quotaIndex: yes("quota-index", "indexRate.enabled", "whether rates of indexes count"),
  quotaFlush: yes("quota-flush", "flushRate.enabled", "whether rates of flushes count"),
  quotaCompaction: yes("quota-compaction", "compactionRate.enabled", "whether rates of compactions count"),
  quotaDatabase: yes("quota-database", "dbRate.enabled", "whether rates of databases count"),
  quotaDml: yes("quota-dml", "dml.enabled", "whether rates of inserts and deletes count"),
  quotaDql: yes("quota-dql", "dql.enabled", "whether rates of searches and queries count"),
  denyWriting: yes("deny-writing", "limitWriting.forceDeny", "refuse every insert, upsert and delete", false),
  denyReading: yes("deny-reading", "limitReading.forceDeny", "refuse every search and query", false),
  denyDdl: yes(
    "deny-ddl",
    "forceDenyAllDDL",
    "refuse every change of databases, collections, partitions and indexes, flush and compaction",
    false,
  ),
};

export const quotaSettings = { ...switches, ...rateSettings };
