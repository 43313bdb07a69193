/** One story through both transports: a server's port, and the engine inside the process. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MilvusClient, MilvusError } from "../../src/client/index.js";
import { removeFolder, startServer, type TestServer, temporaryFolder } from "../support/server.js";

interface Place {
  readonly uri: string;
  end(): Promise<void>;
}

const remote = async (): Promise<Place> => {
  const server: TestServer = await startServer();
  return {
    uri: server.uri,
    end: async () => {
      expect(await server.stop()).toBe(0);
      removeFolder(server.folder);
    },
  };
};

const embedded = async (): Promise<Place> => {
  const folder = temporaryFolder();
  return { uri: folder, end: async () => removeFolder(folder) };
};

const failureOf = async (work: Promise<unknown>): Promise<MilvusError> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MilvusError);
  return error as MilvusError;
};

const collectionName = "kites";

const rows = [
  { id: 1, vector: [1, 0, 0], color: "red", wings: 2 },
  { id: 2, vector: [0, 1, 0], color: "green", wings: 4 },
  { id: 3, vector: [0, 0, 1], color: "blue", nested: { deep: [1, "two", null] } },
];

describe.each([
  ["a server", remote],
  ["a folder", embedded],
])("%s", (_name, open) => {
  let place: Place;
  let client: MilvusClient;

  beforeAll(async () => {
    place = await open();
    client = new MilvusClient({ uri: place.uri, token: "user:password" });
  });
  afterAll(async () => {
    await client?.close();
    await place?.end();
  });

  test("it is there and well", async () => {
    expect(await client.getServerVersion()).toMatch(/^v?\d+\.\d+/);
    expect(await client.checkHealth()).toMatchObject({ isHealthy: true });
    expect(await client.listCollections()).toEqual([]);
    expect(await client.hasCollection({ collectionName })).toBe(false);
  });

  test("a fast collection is made, indexed and loaded", async () => {
    await client.createCollection({ collectionName, dimension: 3 });
    expect(await client.listCollections()).toEqual([collectionName]);
    expect(await client.hasCollection({ collectionName })).toBe(true);
    expect(await client.getLoadState({ collectionName })).toEqual({ state: "Loaded" });
    expect(await client.listIndexes({ collectionName })).toEqual(["vector"]);
    expect(await client.describeIndex({ collectionName, indexName: "vector" })).toMatchObject({
      fieldName: "vector",
      indexType: "AUTOINDEX",
      metricType: "COSINE",
      state: "Finished",
    });
    const described = await client.describeCollection({ collectionName });
    expect(described).toMatchObject({
      collectionName,
      databaseName: "default",
      enableDynamicField: true,
      consistencyLevel: "Bounded",
      aliases: [],
    });
    expect(described.fields).toMatchObject([
      { name: "id", dataType: "Int64", isPrimary: true },
      { name: "vector", dataType: "FloatVector", dim: 3 },
    ]);
  });

  test("rows go in and come back", async () => {
    expect(await client.insert({ collectionName, data: rows })).toEqual({ insertCount: 3, ids: [1, 2, 3] });
    expect(await client.insert({ collectionName, data: [] })).toEqual({ insertCount: 0, ids: [] });
    const back = await client.query({ collectionName, filter: "id > 0", consistencyLevel: "Strong" });
    expect(back).toEqual(rows.map((row) => ({ ...row, vector: Float32Array.from(row.vector) })));
    expect(await client.count({ collectionName })).toBe(3);
  });

  test("search, with filters, templates and chosen fields", async () => {
    const [hits] = await client.search<{ color: string }>({
      collectionName,
      data: [0.9, 0.1, 0],
      limit: 2,
      outputFields: ["color"],
    });
    expect(hits?.map((hit) => [hit.id, hit.entity.color])).toEqual([
      [1, "red"],
      [2, "green"],
    ]);
    expect(hits?.[0]?.distance).toBeCloseTo(0.9 / Math.hypot(0.9, 0.1), 5);
    const both = await client.search({
      collectionName,
      data: [Float32Array.of(1, 0, 0), Float32Array.of(0, 0, 1)],
      filter: "color in {colors}",
      filterParams: { colors: ["green", "blue"] },
      limit: 1,
    });
    expect(both.map((list) => list.map((hit) => hit.id))).toEqual([[expect.toBeOneOf([2, 3])], [3]]);
    const none = await client.search({ collectionName, data: [1, 0, 0], filter: "id == 99" });
    expect(none).toEqual([[]]);
  });

  test("get, upsert and delete", async () => {
    expect(await client.get({ collectionName, ids: 2, outputFields: ["color"] })).toEqual([{ id: 2, color: "green" }]);
    expect(await client.get({ collectionName, ids: [2, 77] })).toHaveLength(1);
    expect(await client.upsert({ collectionName, data: { id: 2, vector: [0, 1, 0], color: "pink" } })).toEqual({
      upsertCount: 1,
      ids: [2],
    });
    expect(await client.get({ collectionName, ids: 2, outputFields: ["color", "wings"] })).toEqual([{ id: 2, color: "pink" }]);
    expect(await client.delete({ collectionName, ids: [3] })).toEqual({ deleteCount: 1 });
    expect(await client.delete({ collectionName, filter: 'color == "pink"' })).toEqual({ deleteCount: 1 });
    expect(await client.query({ collectionName, filter: "id > 0", outputFields: ["id"] })).toEqual([{ id: 1 }]);
    await client.flush({ collectionName });
    expect(await client.count({ collectionName, filter: "wings == 2" })).toBe(1);
    expect((await client.getCollectionStats({ collectionName })).rowCount).toBeGreaterThanOrEqual(1);
  });

  test("aliases: second names that can be re-pointed", async () => {
    const other = "kites_2";
    await client.createCollection({ collectionName: other, dimension: 2, primaryFieldName: "key", idType: "VarChar", maxLength: 16 });
    await client.createAlias({ collectionName, alias: "current", timeout: 10 });
    await client.createAlias({ collectionName, alias: "current" });
    expect(await client.describeAlias({ alias: "current" })).toEqual({ alias: "current", collectionName, databaseName: "default" });
    expect(await client.listAliases({ collectionName })).toEqual(["current"]);
    expect(await client.hasCollection({ collectionName: "current" })).toBe(true);
    expect(await client.query({ collectionName: "current", filter: "id > 0", outputFields: ["id"] })).toEqual([{ id: 1 }]);
    await client.insert({ collectionName: "current", data: { id: 9, vector: [1, 1, 1] } });

    await client.alterAlias({ collectionName: other, alias: "current" });
    expect((await client.describeCollection({ collectionName: "current" })).collectionName).toBe(other);
    // The schema that the client knows for this name is another collection's now.
    expect(await client.insert({ collectionName: "current", data: { key: "a", vector: [1, 0] } })).toEqual({ insertCount: 1, ids: ["a"] });
    expect(await client.get({ collectionName: "current", ids: "a", outputFields: ["key"], consistencyLevel: "Strong" })).toEqual([
      { key: "a" },
    ]);
    await client.alterAlias({ collectionName, alias: "current" });
    expect(await client.get({ collectionName: "current", ids: 9, outputFields: ["id"] })).toEqual([{ id: 9 }]);

    expect(await failureOf(client.createAlias({ collectionName: other, alias: "current" }))).toMatchObject({
      code: 1602,
      message: expect.stringContaining("current is alias to another collection: kites"),
    });
    expect(await failureOf(client.alterAlias({ collectionName, alias: "nobody" }))).toMatchObject({
      code: 1600,
      message: "alias not found[database=default][alias=nobody]",
    });
    expect((await failureOf(client.dropCollection({ collectionName: "current" }))).message).toContain(
      "cannot drop the collection via alias",
    );
    await client.dropAlias({ alias: "current" });
    await client.dropAlias({ alias: "current" });
    expect(await client.listAliases()).toEqual([]);
    expect((await failureOf(client.query({ collectionName: "current", filter: "id > 0" }))).code).toBe(100);
  });

  test("many changes of aliases are one", async () => {
    await client.alterAliases({
      actions: [
        { action: "create", alias: "blue", collectionName },
        { action: "create", alias: "green", collectionName: "kites_2" },
      ],
    });
    const swap = client.alterAliases({
      actions: [
        { action: "alter", alias: "blue", collectionName: "kites_2" },
        { action: "alter", alias: "nobody", collectionName },
      ],
    });
    expect((await failureOf(swap)).code).toBe(1600);
    expect((await client.describeAlias({ alias: "blue" })).collectionName).toBe(collectionName);
    await client.alterAliases({
      actions: [
        { action: "alter", alias: "blue", collectionName: "kites_2" },
        { action: "drop", alias: "green" },
      ],
    });
    expect((await client.listAliases({ collectionName: "kites_2" })).sort()).toEqual(["blue"]);
    await client.dropAlias({ alias: "blue" });
  });

  test("snapshots: a collection as it was, made into another", async () => {
    const name = "kept";
    const named = { collectionName: name, snapshotName: "monday" };
    await client.createCollection({ collectionName: name, dimension: 2 });
    await client.createPartition({ collectionName: name, partitionName: "north" });
    const rowsOf = (ids: number[]) => ids.map((id) => ({ id, vector: [id, 1] }));
    await client.insert({ collectionName: name, data: rowsOf([1, 2, 3]) });
    const before = BigInt(Date.now()) << 18n;
    await client.createSnapshot({ ...named, description: "before the move", compactionProtectionSeconds: 60 });
    expect(await failureOf(client.createSnapshot(named))).toMatchObject({ code: 1100 });
    expect(await client.listSnapshots({ collectionName: name })).toEqual(["monday"]);
    const info = await client.describeSnapshot(named);
    expect(info).toMatchObject({ name: "monday", description: "before the move", collectionName: name });
    expect(info.partitionNames.sort()).toEqual(["_default", "north"]);
    expect(info.createTimestamp).toBeGreaterThanOrEqual(before);
    await client.delete({ collectionName: name, ids: [1] });
    await client.insert({ collectionName: name, data: rowsOf([4]) });

    const targetCollectionName = "kept_monday";
    const jobId = await client.restoreSnapshot({ ...named, targetCollectionName });
    expect(await client.getRestoreState(jobId)).toMatchObject({
      jobId,
      snapshotName: "monday",
      databaseName: "default",
      collectionName: targetCollectionName,
      state: "Completed",
      progress: 100,
      reason: "",
    });
    expect((await client.listRestoreJobs({ collectionName: targetCollectionName })).map((job) => job.jobId)).toEqual([jobId]);
    expect(await client.listPartitions({ collectionName: targetCollectionName })).toEqual(["_default", "north"]);
    await client.loadCollection({ collectionName: targetCollectionName });
    const ids = async (collectionName: string) =>
      (await client.query({ collectionName, filter: "id > 0", outputFields: ["id"], consistencyLevel: "Strong" })).map(({ id }) => id);
    expect(await ids(targetCollectionName)).toEqual([1, 2, 3]);
    expect(await ids(name)).toEqual([2, 3, 4]);
    expect(await failureOf(client.restoreSnapshot({ ...named, targetCollectionName }))).toMatchObject({ code: 1100 });

    const pinId = await client.pinSnapshot({ ...named, ttlSeconds: 60 });
    expect(await failureOf(client.dropSnapshot(named))).toMatchObject({ code: 2601 });
    await client.unpinSnapshot(pinId);
    await client.dropSnapshot(named);
    await client.dropSnapshot(named);
    expect(await failureOf(client.describeSnapshot(named))).toMatchObject({ code: 2600 });
    expect(await failureOf(client.getRestoreState(1n))).toMatchObject({ code: 2101 });
    await client.dropCollection({ collectionName: targetCollectionName });
    await client.dropCollection({ collectionName: name });
  });

  test("a collection by its schema: every type, nulls and defaults, 64-bit integers", async () => {
    const name = "every_type";
    await client.createCollection({
      collectionName: name,
      consistencyLevel: "Strong",
      schema: {
        description: "one of each",
        fields: [
          { name: "key", dataType: "VarChar", isPrimary: true, maxLength: 32 },
          { name: "big", dataType: "Int64" },
          { name: "tiny", dataType: "Int8", nullable: true },
          { name: "flag", dataType: "Bool", defaultValue: true },
          { name: "ratio", dataType: "Double" },
          { name: "weight", dataType: "Float", nullable: true },
          { name: "doc", dataType: "JSON", nullable: true },
          { name: "vector", dataType: "FloatVector", dim: 2 },
        ],
      },
      indexParams: [{ fieldName: "vector", indexType: "HNSW", metricType: "L2", params: { M: 16, efConstruction: 100 } }],
    });
    const data = [
      { key: "a", big: 2n ** 62n, tiny: -128, flag: false, ratio: 1.5, weight: 0.5, doc: { a: [1, 2n ** 60n] }, vector: [0, 0] },
      { key: "b", big: -5, ratio: -1e300, weight: null, vector: [3, 4] },
    ];
    await client.insert({ collectionName: name, data });
    const back = await client.query({ collectionName: name, filter: 'key != ""' });
    expect(back).toEqual([
      { ...data[0], vector: Float32Array.of(0, 0) },
      { ...data[1], tiny: null, flag: true, doc: null, vector: Float32Array.of(3, 4) },
    ]);
    const [hits] = await client.search({ collectionName: name, data: [0, 0], limit: 5, searchParams: { ef: 16 } });
    expect(hits?.map((hit) => [hit.id, hit.distance])).toEqual([
      ["a", 0],
      ["b", 25],
    ]);
    expect(await client.describeIndex({ collectionName: name, indexName: "vector" })).toMatchObject({
      indexType: "HNSW",
      metricType: "L2",
    });
    await client.dropCollection({ collectionName: name });
  });

  test("arrays and vectors of every type are kept, without values too", async () => {
    const name = "lists";
    const dim = 8;
    await client.createCollection({
      collectionName: name,
      consistencyLevel: "Strong",
      schema: {
        fields: [
          { name: "id", dataType: "Int64", isPrimary: true },
          { name: "vector", dataType: "FloatVector", dim: 2 },
          { name: "tags", dataType: "Array", elementType: "VarChar", maxCapacity: 4, maxLength: 8, nullable: true },
          { name: "counts", dataType: "Array", elementType: "Int64", maxCapacity: 4 },
          { name: "bits", dataType: "BinaryVector", dim: 16, nullable: true },
          { name: "half", dataType: "Float16Vector", dim, nullable: true },
          { name: "brain", dataType: "BFloat16Vector", dim, nullable: true },
          { name: "small", dataType: "Int8Vector", dim, nullable: true },
          { name: "sparse", dataType: "SparseFloatVector", nullable: true },
        ],
      },
      indexParams: [
        { fieldName: "vector", indexType: "FLAT", metricType: "L2" },
        ...["bits", "half", "brain", "small", "sparse"].map((fieldName) => ({ fieldName, indexType: "AUTOINDEX" })),
      ],
    });
    const numbers = Array.from({ length: dim }, (_, i) => i / 4);
    const full = {
      ...{ id: 1, vector: Float32Array.of(1, 2), tags: ["a", "b"], counts: [1, 2n ** 60n], bits: Uint8Array.of(1, 254) },
      ...{ half: Float32Array.from(numbers), brain: Float32Array.from(numbers), small: Int8Array.from({ length: dim }, (_, i) => -i) },
      sparse: { 3: 0.5, 70000: 0.25 },
    };
    const without = {
      id: 2,
      vector: Float32Array.of(3, 4),
      counts: [],
      tags: null,
      bits: null,
      half: null,
      brain: null,
      small: null,
      sparse: null,
    };
    await client.insert({
      collectionName: name,
      data: [
        { ...full, half: numbers },
        { id: 2, vector: [3, 4], counts: [] },
      ],
    });
    const back = () => client.query({ collectionName: name, filter: "id > 0" });
    expect(await back()).toEqual([full, without]);
    const [hits] = await client.search({
      collectionName: name,
      data: [1, 2],
      annsField: "vector",
      limit: 2,
      outputFields: ["tags", "sparse", "small"],
    });
    expect(hits?.map((hit) => hit.entity)).toEqual([
      { tags: full.tags, sparse: full.sparse, small: full.small },
      { tags: null, sparse: null, small: null },
    ]);
    await client.flush({ collectionName: name });
    expect(await back()).toEqual([full, without]);

    const refused = async (change: Record<string, unknown>) =>
      (await failureOf(client.insert({ collectionName: name, data: { ...full, id: 9, ...change } }))).message;
    expect(await refused({ counts: [1, 2, 3, 4, 5] })).toContain("the length (5) of 0th array exceeds max capacity (4)");
    expect(await refused({ tags: ["123456789"] })).toContain('length of Array array field "tags" exceeds max length');
    expect(await refused({ half: new Array(dim).fill(1e6) })).toContain("float16 vector contain nan or infinity value.");
    expect(await refused({ sparse: { 1: -1 } })).toContain("negative value in sparse float vector");
    expect(await back()).toEqual([full, without]);
    const described = await client.describeCollection({ collectionName: name });
    expect(described.fields.slice(2, 5)).toMatchObject([
      { name: "tags", dataType: "Array", elementType: "VarChar", maxCapacity: 4, maxLength: 8, nullable: true },
      { name: "counts", dataType: "Array", elementType: "Int64", maxCapacity: 4 },
      { name: "bits", dataType: "BinaryVector", dim: 16, nullable: true },
    ]);
    await client.dropCollection({ collectionName: name });
  });

  test("a field is added to rows that are there", async () => {
    const name = "growing";
    await client.createCollection({ collectionName: name, dimension: 2, enableDynamicField: false, consistencyLevel: "Strong" });
    await client.insert({ collectionName: name, data: { id: 1, vector: [1, 2] } });
    await client.addCollectionField({ collectionName: name, field: { name: "count", dataType: "Int64", nullable: true, defaultValue: 7 } });
    await client.addCollectionField({
      collectionName: name,
      field: { name: "tags", dataType: "Array", elementType: "Int32", maxCapacity: 4, nullable: true },
    });
    await client.insert({ collectionName: name, data: { id: 2, vector: [3, 4], count: 1, tags: [5] } });
    expect(await client.query({ collectionName: name, filter: "id > 0", outputFields: ["count", "tags"] })).toEqual([
      { id: 1, count: 7, tags: null },
      { id: 2, count: 1, tags: [5] },
    ]);
    expect(await client.count({ collectionName: name, filter: "count == 7" })).toBe(1);
    expect((await client.describeCollection({ collectionName: name })).fields.slice(2)).toMatchObject([
      { name: "count", dataType: "Int64", nullable: true, defaultValue: 7 },
      { name: "tags", dataType: "Array", elementType: "Int32", maxCapacity: 4, nullable: true },
    ]);
    expect(await failureOf(client.addCollectionField({ collectionName: name, field: { name: "x", dataType: "Int8" } }))).toMatchObject({
      code: 1100,
      message: "added field must be nullable, please check it, field name = x: invalid parameter",
    });
    await client.dropCollection({ collectionName: name });
  });

  test("a partition key", async () => {
    const name = "tenants";
    await client.createCollection({
      collectionName: name,
      consistencyLevel: "Strong",
      numPartitions: 4,
      schema: {
        fields: [
          { name: "id", dataType: "Int64", isPrimary: true },
          { name: "tenant", dataType: "VarChar", maxLength: 32, isPartitionKey: true },
          { name: "vector", dataType: "FloatVector", dim: 2 },
        ],
      },
      indexParams: { fieldName: "vector", indexType: "FLAT", metricType: "L2" },
    });
    expect(await client.listPartitions({ collectionName: name })).toEqual(["_default_0", "_default_1", "_default_2", "_default_3"]);
    const data = Array.from({ length: 40 }, (_, id) => ({ id, tenant: `tenant ${id % 8}`, vector: [id, 0] }));
    await client.insert({ collectionName: name, data });
    const ids = async (tenant: string) =>
      (await client.query({ collectionName: name, filter: "tenant == {tenant}", filterParams: { tenant }, outputFields: ["id"] })).map(
        (row) => row.id,
      );
    expect(await ids("tenant 3")).toEqual([3, 11, 19, 27, 35]);
    const [hits] = await client.search({ collectionName: name, data: [0, 0], limit: 2, filter: 'tenant == "tenant 5"' });
    expect(hits?.map((hit) => hit.id)).toEqual([5, 13]);
    await client.upsert({ collectionName: name, data: { id: 3, tenant: "another", vector: [0, 0] } });
    await client.delete({ collectionName: name, ids: [11] });
    expect(await ids("tenant 3")).toEqual([19, 27, 35]);
    expect(await ids("another")).toEqual([3]);
    expect(await client.count({ collectionName: name })).toBe(39);
    const named = client.insert({ collectionName: name, partitionName: "_default_0", data: data[0] ?? {} });
    expect((await failureOf(named)).message).toContain("not support manually specifying the partition names");
    await client.dropCollection({ collectionName: name });
  });

  test("a described schema makes the same collection again", async () => {
    const made = await client.describeCollection({ collectionName: "kites_2" });
    await client.createCollection({ collectionName: "copy", schema: made });
    const copy = await client.describeCollection({ collectionName: "copy" });
    expect(copy.fields).toEqual(made.fields);
    expect(copy.enableDynamicField).toBe(made.enableDynamicField);
    await client.renameCollection({ collectionName: "copy", newName: "copied" });
    expect(await client.hasCollection({ collectionName: "copy" })).toBe(false);
    expect(await client.getLoadState({ collectionName: "copied" })).toEqual({ state: "NotLoad" });
    await client.dropCollection({ collectionName: "copied" });
  });

  test("partitions", async () => {
    const partitionName = "north";
    await client.createPartition({ collectionName, partitionName });
    expect((await client.listPartitions({ collectionName })).sort()).toEqual(["_default", partitionName]);
    expect(await client.hasPartition({ collectionName, partitionName })).toBe(true);
    await client.insert({ collectionName, partitionName, data: { id: 50, vector: [0, 0, 1] } });
    expect(await client.count({ collectionName, partitionNames: [partitionName], consistencyLevel: "Strong" })).toBe(1);
    await client.releasePartitions({ collectionName, partitionNames: [partitionName] });
    await client.dropPartition({ collectionName, partitionName });
    expect(await client.hasPartition({ collectionName, partitionName })).toBe(false);
  });

  test("release, load, drop of an index", async () => {
    await client.releaseCollection({ collectionName });
    expect((await failureOf(client.query({ collectionName, filter: "id > 0" }))).code).toBe(101);
    await client.dropIndex({ collectionName, indexName: "vector" });
    expect(await client.listIndexes({ collectionName })).toEqual([]);
    expect((await failureOf(client.describeIndex({ collectionName, indexName: "vector" }))).code).toBe(700);
    await client.createIndex({ collectionName, indexParams: { fieldName: "vector", indexType: "FLAT", metricType: "IP" } });
    await client.loadCollection({ collectionName });
    const [hits] = await client.search({ collectionName, data: [2, 0, 0], limit: 1 });
    expect(hits?.[0]?.distance).toBe(2);
  });

  test("all rows, page by page", async () => {
    const data = Array.from({ length: 250 }, (_, id) => ({ id: 1000 + id, vector: [id, 1, 1] }));
    await client.insert({ collectionName, data });
    const seen: unknown[] = [];
    const sizes: number[] = [];
    for await (const page of client.queryIterator({ collectionName, filter: "id >= 1000", outputFields: ["id"], batchSize: 100 })) {
      sizes.push(page.length);
      seen.push(...page.map((row) => row.id));
    }
    expect(sizes).toEqual([100, 100, 50]);
    expect(seen).toEqual(data.map((row) => row.id));
  });

  test("truncated, a collection is empty and works on", async () => {
    await client.truncateCollection({ collectionName });
    expect(await client.count({ collectionName, consistencyLevel: "Strong" })).toBe(0);
    await client.insert({ collectionName, data: { id: 1, vector: [1, 2, 3] } });
    expect(await client.count({ collectionName, consistencyLevel: "Strong" })).toBe(1);
  });

  test("databases", async () => {
    await client.createDatabase({ databaseName: "second" });
    expect((await client.listDatabases()).sort()).toEqual(["default", "second"]);
    await client.useDatabase({ databaseName: "second" });
    expect(await client.listCollections()).toEqual([]);
    await client.createCollection({ collectionName, dimension: 4 });
    expect((await client.describeCollection({ collectionName })).databaseName).toBe("second");
    await client.dropCollection({ collectionName });
    await client.useDatabase({ databaseName: "default" });
    await client.dropDatabase({ databaseName: "second" });
    expect((await failureOf(client.useDatabase({ databaseName: "second" }))).code).toBe(800);
    expect(client.databaseName).toBe("default");
  });

  test("refusals have codes and words, and change nothing", async () => {
    expect((await failureOf(client.insert({ collectionName, data: { id: 1, vector: [1, 2] } }))).message).toContain("dim");
    expect((await failureOf(client.search({ collectionName, data: [1, 2] }))).code).toBeGreaterThan(0);
    expect((await failureOf(client.query({ collectionName, filter: "id >" }))).code).toBe(1100);
    expect((await failureOf(client.describeCollection({ collectionName: "nobody" }))).message).toContain("nobody");
    expect((await failureOf(client.createCollection({ collectionName: "1st", dimension: 3 }))).code).toBe(1100);
    expect(await client.count({ collectionName, consistencyLevel: "Strong" })).toBe(1);
  });

  test("a closed client says so", async () => {
    const other = new MilvusClient(place.uri);
    expect(await other.listCollections()).toContain(collectionName);
    await other.close();
    await other.close();
    expect((await failureOf(other.listCollections())).message).toContain("the client is closed");
    expect(await client.listCollections()).toContain(collectionName);
  });
});

test("a folder's rows are there when it is opened again; its clients share one engine", async () => {
  const folder = temporaryFolder();
  {
    await using first = new MilvusClient(folder);
    await using second = new MilvusClient({ uri: folder });
    await first.createCollection({ collectionName, dimension: 2 });
    await second.insert({ collectionName, data: { id: 1, vector: [1, 2] } });
  }
  await using again = new MilvusClient(folder);
  expect(await again.get({ collectionName, ids: 1 })).toEqual([{ id: 1, vector: Float32Array.of(1, 2) }]);
  await again.close();
  removeFolder(folder);
});
