import { beforeEach, describe, expect, test } from "vitest";
import { MemoryClient, memoryEngine } from "../support/memory-engine.js";
import { createRequest } from "../support/schemas.js";

let client: MemoryClient;

/** Two collections; alias `a` of c1. */
beforeEach(async () => {
  client = new MemoryClient();
  for (const name of ["c1", "c2"]) expect((await client.call("CreateCollection", createRequest(name))).code).toBe(0);
  expect((await client.call("CreateAlias", { collectionName: "c1", alias: "a" })).code).toBe(0);
});

const long = "a".repeat(256);
const notFound = (name: string) => `collection not found[database=default][collection=${name}]`;
const conflict = (alias: string) => `alias and collection name conflict[database=default][alias=${alias}]`;
const noAlias = (alias: string) => `alias not found[database=default][alias=${alias}]`;
const badName = (kind: string, value: string, why: string) => `Invalid collection ${kind}: ${value}. ${why}: invalid parameter`;
const firstOf = (kind: string) => `the first character of a collection ${kind} must be an underscore or letter`;
const othersOf = (kind: string) => `collection ${kind} can only contain numbers, letters and underscores`;
const longOf = (kind: string) => `the length of a collection ${kind} must be less than 255 characters`;

interface Row {
  readonly rpc: string;
  readonly request: Record<string, unknown>;
  readonly code: number;
  readonly reason: string;
  readonly legacy: number;
  readonly input: boolean;
}

const row = (rpc: string, request: Record<string, unknown>, code: number, reason: string, legacy: number, input: boolean): Row => ({
  rpc,
  request,
  code,
  reason,
  legacy,
  input,
});

const bound = (alias: string, collectionName: string, dbName = "") => ({ alias, collectionName, dbName });

const refused: readonly Row[] = [
  // The alias's syntax comes first, then the collection's, then the database, the conflict, the target.
  row("CreateAlias", bound("1", "2"), 1100, badName("alias", "1", firstOf("alias")), 5, true),
  row("CreateAlias", bound("ok", "12-s"), 1100, badName("name", "12-s", firstOf("name")), 5, true),
  row("CreateAlias", bound("", "c1"), 1100, "collection alias should not be empty: invalid parameter", 5, true),
  row("CreateAlias", bound("ok", ""), 1100, "collection name should not be empty: invalid parameter", 5, true),
  row("CreateAlias", bound(long, "c1"), 1100, badName("alias", long, longOf("alias")), 5, true),
  row("CreateAlias", bound("ok", long), 1100, badName("name", long, longOf("name")), 5, true),
  row("CreateAlias", bound("c1", "nothing", "nowhere"), 800, "database not found[database=nowhere]", 1, false),
  row("CreateAlias", bound("c1", "nothing"), 1601, conflict("c1"), 1, false),
  row("CreateAlias", bound("c1", "c1"), 1601, conflict("c1"), 1, false),
  row("CreateAlias", bound("ok", "nothing"), 100, notFound("nothing"), 4, false),
  row(
    "CreateAlias",
    bound("a", "c2"),
    1602,
    "a is alias to another collection: c1: alias already exist[database=default][alias=a]",
    1,
    false,
  ),
  row("AlterAlias", bound("1", "2"), 1100, badName("alias", "1", firstOf("alias")), 5, true),
  row("AlterAlias", bound("a", "12 s"), 1100, badName("name", "12 s", firstOf("name")), 5, true),
  row("AlterAlias", bound("a", "c1", "nowhere"), 800, "database not found[database=nowhere]", 1, true),
  row("AlterAlias", bound("c1", "nothing"), 1601, conflict("c1"), 1, false),
  row("AlterAlias", bound("a", "nothing"), 100, "collection not found[collection=nothing]", 4, true),
  row("AlterAlias", bound("missing", "nothing"), 100, "collection not found[collection=nothing]", 4, true),
  row("AlterAlias", bound("missing", "c1"), 1600, noAlias("missing"), 1, true),
  row("DropAlias", bound("a", "", "nowhere"), 800, "database not found[database=nowhere]", 1, true),
  row("DescribeAlias", bound("", ""), 1100, "collection alias should not be empty: invalid parameter", 5, true),
  row("DescribeAlias", bound("a b", ""), 1100, badName("alias", "a b", othersOf("alias")), 5, true),
  row("DescribeAlias", bound("a", "", "nowhere"), 800, "database not found[database=nowhere]", 1, true),
  row("DescribeAlias", bound("missing", ""), 1600, noAlias("missing"), 1, true),
  row("DescribeAlias", bound("c1", ""), 1600, noAlias("c1"), 1, true),
  row("ListAliases", bound("", "n-ame"), 1100, badName("name", "n-ame", othersOf("name")), 5, true),
  row("ListAliases", bound("", "", "nowhere"), 800, "database not found[database=nowhere]", 1, false),
  row("ListAliases", bound("", "nothing"), 100, "collection not found[collection=nothing]", 4, false),
  // Interplay with collections.
  row("CreateCollection", createRequest("a"), 1601, `please choose a unique name: ${conflict("a")}`, 1, true),
  row("DropCollection", { collectionName: "a" }, 1100, "cannot drop the collection via alias = a: invalid parameter", 5, true),
  row(
    "DropCollection",
    { collectionName: "c1" },
    1100,
    "unable to drop the collection [c1] because it has associated aliases [a], please remove all aliases before dropping the collection: invalid parameter",
    5,
    true,
  ),
  row(
    "RenameCollection",
    { oldName: "a", newName: "fresh" },
    1100,
    "unsupported use an alias to rename collection, alias:a: invalid parameter",
    5,
    true,
  ),
  row("RenameCollection", { oldName: "c2", newName: "a" }, 1601, conflict("a"), 1, true),
  row("RenameCollection", { oldName: "c1", newName: "a" }, 1601, conflict("a"), 1, true),
];

describe("a refused call answers Milvus's code and words, and changes nothing", () => {
  test.each(refused)("$rpc $request.alias $request.collectionName: $code", async ({ rpc, request, ...expected }) => {
    const { engine } = client;
    const before = engine.catalog;
    const { code, reason, legacy, input, retriable } = await client.call(rpc, request);
    expect({ code, reason, legacy, input }).toEqual(expected);
    expect(retriable).toBe(false);
    expect(engine.catalog).toBe(before);
  });
});

test("invalid aliases and collection names of Milvus's fixtures are refused", async () => {
  for (const name of ["12-s", "12 s", "(mn)", "中文", "%$#", " ", "12name", "n12 ame", "n-ame", "nam(e)", "name中文", "name%$#"]) {
    expect((await client.call("CreateAlias", bound(name, "c1"))).reason).toContain(`Invalid collection alias: ${name}. `);
    expect((await client.call("CreateAlias", bound("ok", name))).reason).toContain(`Invalid collection name: ${name}. `);
  }
  expect((await client.call("CreateAlias", bound("b".repeat(255), "c1"))).code).toBe(0);
});

const describeAlias = async (alias: string) => (await client.call("DescribeAlias", { alias })).reply;
const aliasesOf = async (collectionName = "") => (await client.call("ListAliases", { collectionName })).reply;

describe("what succeeds", () => {
  test("an alias describes as its collection's real name", async () => {
    expect(await describeAlias("a")).toMatchObject({ dbName: "default", alias: "a", collection: "c1" });
  });

  test("creating the same alias again, and altering to the same target, are no-ops that write nothing", async () => {
    const written = client.engine.records.length;
    expect((await client.call("CreateAlias", bound("a", "c1"))).code).toBe(0);
    expect((await client.call("AlterAlias", bound("a", "c1"))).code).toBe(0);
    expect(client.engine.records.length).toBe(written);
  });

  test("a target given as an alias is its collection", async () => {
    expect((await client.call("CreateAlias", bound("b", "a"))).code).toBe(0);
    expect(await describeAlias("b")).toMatchObject({ collection: "c1" });
    expect((await client.call("AlterAlias", bound("b", "c2"))).code).toBe(0);
    expect(await describeAlias("a")).toMatchObject({ collection: "c1" });
  });

  test("an alter moves the alias, and leaves the collections' update timestamps alone", async () => {
    const stamps = async () =>
      Promise.all(
        ["c1", "c2"].map(async (name) => (await client.call("DescribeCollection", { collectionName: name })).reply.updateTimestamp),
      );
    const before = await stamps();
    expect((await client.call("AlterAlias", bound("a", "c2"))).code).toBe(0);
    expect(await describeAlias("a")).toMatchObject({ collection: "c2" });
    expect((await aliasesOf("c1")).aliases).toEqual([]);
    expect((await aliasesOf("c2")).aliases).toEqual(["a"]);
    expect(await stamps()).toEqual(before);
  });

  test("dropping is idempotent, whatever the text", async () => {
    for (const alias of ["missing", "", "12-s", "c1", " a "]) expect((await client.call("DropAlias", { alias })).code).toBe(0);
    expect((await client.call("DropAlias", { alias: "a" })).code).toBe(0);
    expect((await client.call("DescribeAlias", { alias: "a" })).code).toBe(1600);
    expect((await client.call("HasCollection", { collectionName: "c1" })).reply.value).toBe(true);
  });

  test("lists: a whole database, a collection, through an alias", async () => {
    await client.call("CreateAlias", bound("z", "c2"));
    expect(await aliasesOf()).toMatchObject({ dbName: "default", collectionName: "", aliases: ["a", "z"] });
    expect(await aliasesOf("c1")).toMatchObject({ collectionName: "c1", aliases: ["a"] });
    expect(await aliasesOf("z")).toMatchObject({ collectionName: "c2", aliases: ["z"] });
  });

  test("an alias survives a rename, and shows the new name", async () => {
    expect((await client.call("RenameCollection", { oldName: "c1", newName: "c9" })).code).toBe(0);
    expect(await describeAlias("a")).toMatchObject({ collection: "c9" });
    expect((await client.call("RenameCollection", { oldName: "c9", newName: "c1" })).code).toBe(0);
    expect((await aliasesOf("c1")).aliases).toEqual(["a"]);
  });

  test("a dropped alias's name is free for a rename, a collection and another alias", async () => {
    await client.call("DropAlias", { alias: "a" });
    expect((await client.call("RenameCollection", { oldName: "c2", newName: "a" })).code).toBe(0);
    expect((await client.call("DropCollection", { collectionName: "c1" })).code).toBe(0);
    expect((await client.call("CreateAlias", bound("c1", "a"))).code).toBe(0);
  });

  test("databases have their own aliases; a collection with aliases does not change its database", async () => {
    await client.call("CreateDatabase", { dbName: "other" });
    await client.call("CreateCollection", createRequest("c1", { dbName: "other" }));
    expect((await client.call("CreateAlias", bound("a", "c1", "other"))).code).toBe(0);
    expect((await client.call("ListAliases", { dbName: "other" })).reply.aliases).toEqual(["a"]);
    expect(await client.call("RenameCollection", { oldName: "c1", newName: "c5", newDBName: "other" })).toMatchObject({
      code: 1100,
      reason: "fail to rename db name, must drop all aliases of this collection before rename: invalid parameter",
    });
    await client.call("DropAlias", { alias: "a" });
    expect((await client.call("RenameCollection", { oldName: "c1", newName: "c5", newDBName: "other" })).code).toBe(0);
    expect((await client.call("DescribeCollection", { dbName: "other", collectionName: "c5" })).reply.dbName).toBe("other");
  });

  test("the database of the metadata is used when the request names none", async () => {
    await client.call("CreateDatabase", { dbName: "other" });
    await client.call("CreateCollection", createRequest("mine", { dbName: "other" }));
    const inOther = new MemoryClient(client.engine, "other");
    expect((await inOther.call("CreateAlias", bound("b", "mine"))).code).toBe(0);
    expect((await inOther.call("DescribeAlias", { alias: "b" })).reply).toMatchObject({ dbName: "other", collection: "mine" });
    expect((await client.call("DescribeAlias", { alias: "b" })).code).toBe(1600);
  });
});

describe("every call takes an alias for its collection", () => {
  test("describe: the alias is echoed, the schema has the real name", async () => {
    const { reply } = await client.call("DescribeCollection", { collectionName: "a" });
    expect(reply).toMatchObject({ collectionName: "a", aliases: ["a"], schema: { name: "c1" } });
    const { reply: many } = await client.call("BatchDescribeCollection", { collectionName: ["a", "missing", "c1"] });
    expect(many.responses).toMatchObject([
      { collectionName: "a", schema: { name: "c1" }, status: { code: 0 } },
      { status: { code: 100, errorCode: 4, reason: "can't find collection[database=default][collection=missing]" } },
      { collectionName: "c1", status: { code: 0 } },
    ]);
  });

  test("has, statistics, partitions, indexes, loads, properties, truncate", async () => {
    const calls: readonly [string, Record<string, unknown>][] = [
      ["HasCollection", {}],
      ["GetCollectionStatistics", {}],
      ["CreatePartition", { partitionName: "p" }],
      ["HasPartition", { partitionName: "p" }],
      ["GetPartitionStatistics", { partitionName: "p" }],
      ["ShowPartitions", {}],
      ["CreateIndex", { fieldName: "vector", extraParams: [{ key: "metric_type", value: "L2" }] }],
      ["DescribeIndex", {}],
      ["GetIndexState", {}],
      ["GetIndexBuildProgress", {}],
      ["GetIndexStatistics", {}],
      ["AlterCollection", { properties: [{ key: "mmap.enabled", value: "True" }] }],
      ["AlterIndex", { indexName: "vector", extraParams: [{ key: "mmap.enabled", value: "true" }] }],
      ["LoadPartitions", { partitionNames: ["p"], replicaNumber: 1 }],
      ["LoadCollection", {}],
      ["GetLoadState", {}],
      ["GetLoadingProgress", {}],
      ["GetReplicas", {}],
      ["ReleasePartitions", { partitionNames: ["p"] }],
      ["ReleaseCollection", {}],
      ["DropIndex", { indexName: "vector" }],
      ["DropPartition", { partitionName: "p" }],
      ["TruncateCollection", {}],
    ];
    for (const [rpc, request] of calls) {
      const { code, reason } = await client.call(rpc, { collectionName: "a", ...request });
      expect({ rpc, code, reason }).toEqual({ rpc, code: 0, reason: "" });
    }
    const { reply } = await client.call("DescribeCollection", { collectionName: "c1" });
    expect(reply.properties).toContainEqual({ key: "mmap.enabled", value: "True" });
    expect((await client.call("DescribeIndex", { collectionName: "a" })).reason).toBe("index not found[collection=a]");
  });

  test("lists of collections name no alias; a dropped alias cannot be found", async () => {
    expect((await client.call("ShowCollections")).reply.collectionNames).toEqual(["c1", "c2"]);
    await client.call("DropAlias", { alias: "a" });
    expect(await client.call("DescribeCollection", { collectionName: "a" })).toMatchObject({
      code: 100,
      legacy: 4,
      input: true,
      reason: "can't find collection[database=default][collection=a]",
    });
  });
});

describe("many changes are one record", () => {
  const Create = 0;
  const Alter = 1;
  const Drop = 2;

  test("a swap, a create and a drop are applied together", async () => {
    await client.call("CreateAlias", bound("b", "c2"));
    const written = client.engine.records.length;
    const actions = [
      { action: Alter, alias: "a", collectionName: "c2" },
      { action: Drop, alias: "b", collectionName: "" },
      { action: Create, alias: "b", collectionName: "c1" },
      { action: Create, alias: "n", collectionName: "a" },
    ];
    expect((await client.call("AlterAliases", { actions })).code).toBe(0);
    expect(client.engine.records.length).toBe(written + 1);
    expect((await aliasesOf("c1")).aliases).toEqual(["b"]);
    // `n` is made after `a` has moved.
    expect((await aliasesOf("c2")).aliases).toEqual(["a", "n"]);
  });

  test("one refusal refuses them all", async () => {
    const before = client.engine.catalog;
    const actions = [
      { action: Alter, alias: "a", collectionName: "c2" },
      { action: Create, alias: "n", collectionName: "missing" },
    ];
    expect(await client.call("AlterAliases", { actions })).toMatchObject({ code: 100, reason: notFound("missing") });
    expect(client.engine.catalog).toBe(before);
    expect(await client.call("AlterAliases", { actions: [] })).toMatchObject({
      code: 1101,
      reason: "alias actions cannot be empty: missing parameter",
    });
    expect((await client.call("AlterAliases", { actions: [{ action: 7, alias: "x", collectionName: "c1" }] })).code).toBe(1100);
  });
});

test("of two racing proposals one wins and the other gets the words it would have got alone", async () => {
  const waiting: (() => void)[] = [];
  const engine = memoryEngine(() => new Promise((resolve) => waiting.push(resolve)));
  const racing = new MemoryClient(engine);
  const settle = async <T>(pending: Promise<T>): Promise<T> => {
    let done = false;
    const watched = pending.finally(() => {
      done = true;
    });
    while (!done) {
      for (const next of waiting.splice(0)) next();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return watched;
  };
  for (const name of ["c1", "c2"]) await settle(racing.call("CreateCollection", createRequest(name)));
  const [first, second] = await settle(
    Promise.all([racing.call("CreateAlias", bound("swap", "c1")), racing.call("CreateAlias", bound("swap", "c2"))]),
  );
  expect(first.code).toBe(0);
  expect(second).toMatchObject({
    code: 1602,
    reason: "swap is alias to another collection: c1: alias already exist[database=default][alias=swap]",
  });
  const [drop, create] = await settle(
    Promise.all([racing.call("DropCollection", { collectionName: "c2" }), racing.call("CreateAlias", bound("late", "c2"))]),
  );
  expect(drop.code).toBe(0);
  expect(create).toMatchObject({ code: 100, reason: notFound("c2") });
  expect(engine.records.filter((record) => record.kind === "changeAliases")).toHaveLength(1);
});

test("REST: list, describe, create, alter, drop, many at once", async () => {
  expect(await client.post("aliases/list", {})).toEqual({ data: ["a"] });
  expect(await client.post("aliases/list", { collectionName: "c2" })).toEqual({ data: [] });
  expect(await client.post("aliases/create", { collectionName: "c2", aliasName: "r" })).toEqual({ data: {} });
  expect(await client.post("aliases/describe", { aliasName: "r" })).toEqual({
    data: { dbName: "default", collectionName: "c2", aliasName: "r" },
  });
  expect(await client.post("aliases/alter", { collectionName: "c1", aliasName: "r" })).toEqual({ data: {} });
  const actions = [
    { action: "drop", aliasName: "a" },
    { action: "create", aliasName: "q", collectionName: "c2" },
  ];
  expect(await client.post("aliases/alter_many", { actions })).toEqual({ data: {} });
  expect(await client.post("aliases/list", { collectionName: "c2" })).toEqual({ data: ["q"] });
  expect(await client.post("aliases/drop", { aliasName: "r" })).toEqual({ data: {} });
  expect(await client.post("aliases/describe", { aliasName: "r" })).toEqual({ code: 1600, message: noAlias("r") });
  expect(await client.post("aliases/list", { dbName: "nowhere" })).toMatchObject({ code: 800 });
  expect(await client.post("aliases/create", { collectionName: 7, aliasName: "x" })).toMatchObject({ code: 1801 });
  expect(await client.post("aliases/alter_many", { actions: [{ action: "toString" }] })).toMatchObject({ code: 1801 });
});
