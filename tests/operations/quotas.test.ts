/** Quotas: what is let in, what is refused with which words, on every level; a clock of the test's own. */
import { expect, test } from "vitest";
import type { Call } from "../../src/operations/operation.js";
import { type QuotaSettings, Quotas } from "../../src/operations/quotas.js";
import { MilvusError } from "../../src/shared/errors.js";
import { quotaSettings, rateRows } from "../../src/shared/quota-settings.js";
import { readSettings } from "../../src/shared/read-settings.js";
import type { Settings } from "../../src/shared/settings.js";

type Properties = readonly { readonly key: string; readonly value: string }[];

/** Database `default` (1) and `other` (2), each with collection `c` of partition `p`, in the first also `d`. */
const call = (properties: { readonly database?: Properties; readonly collection?: Properties } = {}): Call => {
  const collection = (id: bigint, name: string) => ({
    id,
    name,
    properties: properties.collection ?? [],
    partitions: [{ id: id * 10n, name: "p" }],
  });
  const collections = new Map([11n, 12n, 21n].map((id) => [id, collection(id, id === 12n ? "d" : "c")]));
  const catalog = {
    databases: new Map([
      ["default", { id: 1n, name: "default", properties: properties.database ?? [] }],
      ["other", { id: 2n, name: "other", properties: [] }],
    ]),
    aliases: new Map([[1n, new Map([["alias", { name: "alias", collectionId: 11n }]])]]),
    collectionNames: new Map([
      [
        1n,
        new Map([
          ["c", 11n],
          ["d", 12n],
        ]),
      ],
      [2n, new Map([["c", 21n]])],
    ]),
    collections,
  };
  return { engine: { catalog }, databaseName: "" } as unknown as Call;
};

const quotas = (flags: Record<string, string>) => {
  const clock = { ms: 0 };
  const made = new Quotas(readSettings({ flags }) as Settings & QuotaSettings, () => clock.ms);
  const ask = (rpc: string, request: object, bytes = 100, on = call()): string => {
    try {
      made.check(rpc, on, request, bytes);
      return "let in";
    } catch (error) {
      if (!(error instanceof MilvusError)) throw error;
      return `${error.code}${error.retriable ? " retriable" : ""} ${error.message}`;
    }
  };
  return { clock, made, ask };
};

const refused = (rate: number) =>
  `8 retriable request is rejected by grpc RateLimiter middleware, please retry later: rate limit exceeded[rate=${rate}]`;
const query = (collectionName = "c", dbName = "") => ({ dbName, collectionName, partitionNames: [] });

test("without settings nothing is counted", () => {
  const { ask } = quotas({});
  for (let i = 0; i < 1000; i++) expect(ask("Query", query())).toBe("let in");
});

test("a rate is let in, more is refused with Milvus's words, and let in again when time has passed", () => {
  const { ask, clock } = quotas({ quotaQueryRate: "2" });
  expect([1, 2, 3, 4].map(() => ask("Query", query()))).toEqual(["let in", "let in", "let in", refused(2)]);
  clock.ms += 499;
  expect(ask("Query", query())).toBe(refused(2));
  clock.ms += 2;
  expect(ask("Query", query())).toBe("let in");
  expect(ask("Search", query())).toBe("let in");
});

test("searches count their vectors; a large one is let in and those after it wait", () => {
  const { ask, clock } = quotas({ quotaSearchRate: "10" });
  expect(ask("Search", { ...query(), nq: 30n })).toBe("let in");
  expect(ask("HybridSearch", { ...query(), requests: [{ nq: 1n }, { nq: 2n }] })).toBe(refused(10));
  clock.ms += 1999;
  expect(ask("Search", { ...query(), nq: 1n })).toBe(refused(10));
  clock.ms += 2;
  expect(ask("Search", { ...query(), data: [[1], [2]] })).toBe("let in");
});

test("inserts and deletes count megabytes of their requests", () => {
  const { ask } = quotas({ quotaInsertRate: "1", quotaDeleteRate: "0.5" });
  expect(ask("Insert", query(), 2 ** 20)).toBe("let in");
  expect(ask("Upsert", query(), 1)).toBe("let in");
  expect(ask("Insert", query(), 1)).toBe(refused(2 ** 20));
  expect(ask("Delete", query(), 2 ** 20)).toBe("let in");
  expect(ask("Delete", query(), 1)).toBe(refused(2 ** 19));
});

test("each database, collection (by name or alias) and partition has a bucket of its own", () => {
  const { ask } = quotas({ quotaQueryRatePerDatabase: "2", quotaQueryRatePerCollection: "1", quotaQueryRatePerPartition: "0.5" });
  const inPartition = (collection: string, database = "") => ({ ...query(collection, database), partitionNames: ["p"] });
  expect([ask("Query", inPartition("c")), ask("Query", inPartition("alias"))]).toEqual(["let in", refused(0.5)]);
  expect([ask("Query", query("alias")), ask("Query", query("c"))]).toEqual(["let in", refused(1)]);
  expect([ask("Query", query("d")), ask("Query", query("d"))]).toEqual(["let in", refused(2)]);
  expect(ask("Query", inPartition("c", "other"))).toBe("let in");
});

test("what a lower level refuses costs the levels above nothing", () => {
  const { ask } = quotas({ quotaQueryRate: "3", quotaQueryRatePerCollection: "0.5" });
  expect(ask("Query", query("c"))).toBe("let in");
  for (let i = 0; i < 20; i++) expect(ask("Query", query("c"))).toBe(refused(0.5));
  expect([ask("Query", query("d")), ask("Query", query("nobody"))]).toEqual(["let in", "let in"]);
});

test("a property of the collection wins over the setting", () => {
  const slow = call({ collection: [{ key: "collection.queryRate.max.qps", value: "1" }] });
  const { ask } = quotas({ quotaQueryRatePerCollection: "1000" });
  expect([1, 2, 3].map(() => ask("Query", query(), 1, slow))).toEqual(["let in", "let in", refused(1)]);
});

test("a rate of zero, a denial by a setting, and one by a property of the database are code 9", () => {
  expect(quotas({ quotaInsertRate: "0" }).ask("Insert", query())).toBe("9 quota exceeded[reason=rate type: DMLInsert]");
  const denied = quotas({ denyReading: "true" });
  expect(denied.ask("Search", query())).toBe(
    "9 quota exceeded[reason=access has been disabled by the administrator: config force deny reading]",
  );
  expect(denied.ask("Insert", query())).toBe("let in");
  expect(denied.made.denials().map(({ group }) => group)).toEqual(["dql"]);
  const closed = call({ database: [{ key: "database.force.deny.writing", value: "true" }] });
  const words = "9 quota exceeded[reason=access has been disabled by the administrator: force deny writing in database properties]";
  expect(quotas({}).ask("Delete", query(), 1, closed)).toBe(words);
  expect(quotas({}).ask("Delete", query("c", "other"), 1, closed)).toBe("let in");
  const fixed = call({ database: [{ key: "database.force.deny.index", value: "true" }] });
  expect(quotas({}).ask("CreateIndex", query(), 1, fixed)).toMatch(/^9 .*force deny DDL in database properties\]$/);
  expect(quotas({}).ask("Flush", { collectionNames: ["c"] }, 1, fixed)).toBe("let in");
});

test("a switch that is off, and quotas altogether, let everything in", () => {
  for (const off of ["quotaDql", "quotas"]) {
    const { ask } = quotas({ quotaQueryRate: "0", [off]: "false" });
    expect(ask("Query", query())).toBe("let in");
  }
});

test("every rate row has a setting with Milvus's key, and bounds what it says", () => {
  const rpcs = {
    collection: "LoadCollection",
    partition: "CreatePartition",
    index: "DropIndex",
    flush: "Flush",
    compaction: "ManualCompaction",
  };
  const rest = { database: "CreateDatabase", insert: "Insert", delete: "Delete", search: "Search", query: "Query" };
  for (const [name, { kind, milvus }] of Object.entries(rateRows)) {
    expect(quotaSettings[name as keyof typeof quotaSettings].milvus).toBe(`quotaAndLimits.${milvus}`);
    const request = { collectionName: "c", partitionName: "p", nq: 1n };
    expect(quotas({ [name]: "0" }).ask({ ...rpcs, ...rest }[kind], request), name).toMatch(/^9 /);
  }
});
