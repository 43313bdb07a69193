/** Calls about snapshots: what each refuses, in Milvus's order, codes and words; and what databases, aliases, renames and drops do to them. */
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { MemoryClient } from "../support/memory-engine.js";
import { createRequest } from "../support/schemas.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

let folder: string;
let engine: EngineApi;
let client: MemoryClient;
/** A client with another database in its metadata. */
let elsewhere: MemoryClient;

const done = async (rpc: string, request: Record<string, unknown>, by: MemoryClient = client): Promise<Record<string, unknown>> => {
  const outcome = await by.call(rpc, request);
  expect(outcome, `${rpc} ${outcome.reason}`).toMatchObject({ code: 0 });
  return outcome.reply;
};

/** Collections `c` (alias `a`, snapshot `s`) and `d` in the default database, an empty database `other`. */
beforeEach(async () => {
  folder = temporaryFolder();
  engine = await openEngine({ folder });
  const recorded = Object.assign(engine, { records: [] });
  client = new MemoryClient(recorded);
  elsewhere = new MemoryClient(recorded, "other");
  for (const name of ["c", "d"]) await done("CreateCollection", createRequest(name));
  await done("CreateAlias", { collectionName: "c", alias: "a" });
  await done("CreateDatabase", { dbName: "other" });
  await done("CreateSnapshot", { name: "s", collectionName: "c", description: "first" });
});
afterEach(async () => {
  await engine.close();
  removeFolder(folder);
});

const in_ = (name: string, collectionName: string, more: Record<string, unknown> = {}) => ({ name, collectionName, ...more });
const into = (targetCollectionName: string, more: Record<string, unknown> = {}) => in_("s", "c", { targetCollectionName, ...more });
const emptyName = "snapshot name should be not empty: invalid parameter[expected=not empty][actual=]";
const required = (what: string) => `collection_name is required for ${what}: missing parameter`;
const requiredValue = (what: string) => `${what}: invalid parameter`;
const noCollection = (name: string, database = "default") => `collection not found[database=${database}][collection=${name}]`;
const noDatabase = "database not found[database=nowhere]";
const noSnapshot = /^collection \d+: snapshot not found\[snapshot=none\]$/;

test.each<[string, Record<string, unknown>, number, string | RegExp]>([
  // The snapshot's name comes first, then numbers, then the collection, then what the collection has.
  ["CreateSnapshot", in_("", "", { compactionProtectionSeconds: -1n }), 1100, emptyName],
  ["CreateSnapshot", in_(" ", "c"), 1100, emptyName],
  ["CreateSnapshot", in_("1a", "c"), 1100, /^the first character of snapshot name must be an underscore or letter: invalid parameter/],
  ["CreateSnapshot", in_("a.b", "c"), 1100, /^snapshot name can only contain numbers, letters, underscores.* found \. at 1/],
  [
    "CreateSnapshot",
    in_("x".repeat(256), "c"),
    1100,
    "the length of snapshot name must be not greater than limit: invalid parameter[256 out of range 0 <= value <= 255]",
  ],
  [
    "CreateSnapshot",
    in_("t", "none", { compactionProtectionSeconds: -1n }),
    1100,
    requiredValue("compaction_protection_seconds must be non-negative"),
  ],
  [
    "CreateSnapshot",
    in_("t", "none", { compactionProtectionSeconds: 604801n }),
    1100,
    requiredValue("compaction_protection_seconds must not exceed 604800"),
  ],
  ["CreateSnapshot", in_("t", "none"), 100, noCollection("none")],
  ["CreateSnapshot", in_("t", "c", { dbName: "nowhere" }), 800, noDatabase],
  ["CreateSnapshot", in_("s", "a"), 1100, /^snapshot name s already exists in collection \d+: invalid parameter$/],
  ["DropSnapshot", in_("", ""), 1100, emptyName],
  ["DropSnapshot", in_("s", ""), 1101, required("drop snapshot")],
  ["DropSnapshot", in_("s", "none"), 100, noCollection("none")],
  ["DescribeSnapshot", in_("", ""), 1100, emptyName],
  ["DescribeSnapshot", in_("s", ""), 1101, required("describe snapshot")],
  ["DescribeSnapshot", in_("none", "c"), 2600, noSnapshot],
  ["DescribeSnapshot", in_("s", "c", { dbName: "other" }), 100, noCollection("c", "other")],
  ["ListSnapshots", { collectionName: "", dbName: "nowhere" }, 800, noDatabase],
  ["ListSnapshots", { collectionName: "" }, 1101, required("ListSnapshots")],
  ["ListSnapshots", { collectionName: "none" }, 100, noCollection("none")],
  ["PinSnapshotData", in_("", ""), 1100, emptyName],
  ["PinSnapshotData", in_("s", "", { ttlSeconds: -1n }), 1101, required("pin snapshot data")],
  ["PinSnapshotData", in_("s", "none", { ttlSeconds: -1n }), 1100, requiredValue("ttl_seconds must be non-negative")],
  ["PinSnapshotData", in_("s", "none", { ttlSeconds: 2592001n }), 1100, requiredValue("ttl_seconds exceeds maximum of 2592000 (30 days)")],
  ["PinSnapshotData", in_("none", "c"), 2600, noSnapshot],
  ["UnpinSnapshotData", { pinId: 0n }, 1101, "pin_id is required for unpin snapshot data: missing parameter"],
  ["RestoreSnapshot", into("t", { name: "" }), 1100, emptyName],
  ["RestoreSnapshot", into("", { collectionName: "" }), 1101, required("restore snapshot")],
  ["RestoreSnapshot", into(""), 1101, "target_collection_name is required for restore snapshot: missing parameter"],
  ["RestoreSnapshot", into("1t", { collectionName: "none" }), 1100, /^Invalid collection name: 1t\./],
  ["RestoreSnapshot", into("t", { collectionName: "none" }), 100, noCollection("none")],
  ["RestoreSnapshot", into("t", { name: "none" }), 2600, noSnapshot],
  ["RestoreSnapshot", into("t", { targetDbName: "nowhere" }), 800, noDatabase],
  ["RestoreSnapshot", into("d"), 1100, /duplicate collection.*: d: invalid parameter$/],
  ["RestoreSnapshot", into("a"), 1601, /alias and collection name conflict/],
  ["GetRestoreSnapshotState", { jobId: 5n }, 2101, "restore job not found: jobID=5: importing data failed"],
  ["ListRestoreSnapshotJobs", { dbName: "nowhere" }, 800, noDatabase],
  ["ListRestoreSnapshotJobs", { collectionName: "none" }, 100, noCollection("none")],
  ["ExportSnapshot", in_("", ""), 1100, emptyName],
  ["ExportSnapshot", in_("s", ""), 1100, requiredValue("collection_name is required for export snapshot")],
  ["ExportSnapshot", in_("s", "none"), 1100, requiredValue("target_s3_path is required for export snapshot")],
  ["ExportSnapshot", in_("s", "none", { targetS3Path: "s3://b" }), 100, noCollection("none")],
  ["ExportSnapshot", in_("s", "c", { targetS3Path: "s3://b" }), 10, "service unimplemented: ExportSnapshot is not implemented"],
  ["RestoreExternalSnapshot", {}, 1100, requiredValue("snapshot_metadata_uri is required for restore external snapshot")],
  ["RestoreExternalSnapshot", { snapshotMetadataUri: "s3://b/m" }, 10, "service unimplemented: RestoreExternalSnapshot is not implemented"],
])("%s refuses %o", async (rpc, request, code, reason) => {
  const before = engine.catalog;
  const outcome = await client.call(rpc, request);
  expect(outcome.code, outcome.reason).toBe(code);
  if (typeof reason === "string") expect(outcome.reason).toBe(reason);
  else expect(outcome.reason).toMatch(reason);
  expect(engine.catalog).toBe(before);
});

describe("a snapshot", () => {
  it("is reached by an alias, is told by the collection's own name, and follows a renamed collection", async () => {
    await done("CreateSnapshot", in_("t", "a"));
    expect(await done("ListSnapshots", { collectionName: "c" })).toMatchObject({ snapshots: ["s", "t"] });
    const told = await done("DescribeSnapshot", in_("s", "a"));
    expect(told).toMatchObject({ name: "s", collectionName: "c", description: "first", partitionNames: ["_default"], s3Location: "" });
    await done("RenameCollection", { oldName: "d", newName: "e" });
    await done("CreateSnapshot", in_("s", "e"));
    await done("RenameCollection", { oldName: "e", newName: "f" });
    expect(await done("DescribeSnapshot", in_("s", "f"))).toMatchObject({ collectionName: "f" });
    await done("AlterAlias", { collectionName: "f", alias: "a" });
    expect(await done("ListSnapshots", { collectionName: "a" })).toMatchObject({ snapshots: ["s"] });
  });

  it("is dropped without complaint when there is none", async () => {
    const before = engine.catalog;
    await done("DropSnapshot", in_("none", "c"));
    expect(engine.catalog).toBe(before);
  });

  it("goes with its collection, pinned or not", async () => {
    await done("PinSnapshotData", in_("s", "c", { ttlSeconds: 0n }));
    await done("DropAlias", { alias: "a" });
    await done("DropCollection", { collectionName: "c" });
    expect((await client.call("DescribeSnapshot", in_("s", "c"))).code).toBe(100);
    await done("CreateCollection", createRequest("c"));
    expect(await done("ListSnapshots", { collectionName: "c" })).toMatchObject({ snapshots: [] });
  });

  it("can be pinned more than once; each pin keeps it", async () => {
    const first = await done("PinSnapshotData", in_("s", "a", { ttlSeconds: 60n }));
    const second = await done("PinSnapshotData", in_("s", "c"));
    expect(first.pinId).not.toBe(second.pinId);
    for (const { pinId } of [first, second]) {
      const refused = await client.call("DropSnapshot", in_("s", "c"));
      expect(refused).toMatchObject({
        code: 2601,
        reason: "active pins exist, unpin before dropping: snapshot is pinned[snapshot=s]",
        retriable: false,
      });
      await done("UnpinSnapshotData", { pinId });
      await done("UnpinSnapshotData", { pinId });
    }
    await done("DropSnapshot", in_("s", "c"));
  });
});

describe("a restore", () => {
  const names = (database: string): string[] =>
    [...engine.catalog.collections.values()]
      .filter(({ databaseName }) => databaseName === database)
      .map(({ name }) => name)
      .sort();
  const jobs = async (request: Record<string, unknown>, by = client) =>
    ((await done("ListRestoreSnapshotJobs", request, by)).jobs as { jobId: bigint }[]).map(({ jobId }) => jobId);

  it("goes to the database named, or the default one, whatever the connection's is", async () => {
    await done("RestoreSnapshot", into("t", { targetDbName: "other" }));
    await done("CreateSnapshot", in_("s", "t"), elsewhere);
    await done("RestoreSnapshot", in_("s", "t", { targetCollectionName: "u" }), elsewhere);
    expect(names("other")).toEqual(["t"]);
    expect(names("default")).toEqual(["c", "d", "u"]);
  });

  it("is told by its job: complete, with the collection's names of now", async () => {
    const { jobId } = await done("RestoreSnapshot", into("t"));
    const info = async () => (await done("GetRestoreSnapshotState", { jobId })).info as Record<string, unknown>;
    expect(await info()).toMatchObject({
      jobId,
      snapshotName: "s",
      dbName: "default",
      collectionName: "t",
      state: 3,
      progress: 100,
      reason: "",
    });
    expect((await info()).startTime).toBeGreaterThan(1_700_000_000_000n);
    await done("RenameCollection", { oldName: "t", newName: "u", newDBName: "other" });
    expect(await info()).toMatchObject({ dbName: "other", collectionName: "u" });
    await done("DropCollection", { collectionName: "u", dbName: "other" });
    expect(await info()).toMatchObject({ jobId, dbName: "", collectionName: "", state: 3 });
  });

  it("is listed by database, and by the collection that it made or an alias of that", async () => {
    const { jobId: here } = await done("RestoreSnapshot", into("t"));
    const { jobId: there } = await done("RestoreSnapshot", into("t", { targetDbName: "other" }));
    await done("CreateAlias", { collectionName: "t", alias: "made" });
    expect(await jobs({})).toEqual([here]);
    expect(await jobs({ dbName: "other" })).toEqual([there]);
    expect(await jobs({}, elsewhere)).toEqual([there]);
    expect(await jobs({ collectionName: "made" })).toEqual([here]);
    expect(await jobs({ collectionName: "c" })).toEqual([]);
    await done("DropCollection", { collectionName: "t", dbName: "other" });
    expect(await jobs({ dbName: "other" })).toEqual([]);
  });

  it("that is refused makes no job", async () => {
    expect((await client.call("RestoreSnapshot", into("d"))).code).toBe(1100);
    expect(await jobs({})).toEqual([]);
  });

  it("over REST: jobs are described and listed, the rest is refused", async () => {
    const { jobId } = await done("RestoreSnapshot", into("t"));
    const job = { jobId, snapshotName: "s", dbName: "default", collectionName: "t", state: "RestoreSnapshotCompleted", progress: 100 };
    expect(await client.post("jobs/snapshot/describe", { jobId: String(jobId) })).toMatchObject({ data: { ...job, reason: "" } });
    expect(await client.post("jobs/snapshot/list", { collectionName: "t" })).toMatchObject({ data: { records: [job] } });
    expect(await client.post("jobs/snapshot/list", { dbName: "other" })).toEqual({ data: { records: [] } });
    expect(await client.post("jobs/snapshot/describe", { jobId: "5" })).toMatchObject({ code: 2101 });
    expect(await client.post("jobs/snapshot/describe", { jobId: "five" })).toMatchObject({
      code: 1100,
      message: 'strconv.ParseInt: parsing "five": invalid syntax: invalid parameter[expected=int64 jobId][actual=five]',
    });
    expect(await client.post("jobs/snapshot/describe", { jobId: String(2n ** 63n) })).toMatchObject({
      code: 1100,
      message: expect.stringContaining("value out of range"),
    });
    const exported = { collectionName: "c", snapshotName: "s", targetS3Path: "s3://b" };
    expect(await client.post("jobs/snapshot/export", exported)).toMatchObject({ code: 10 });
    expect(await client.post("jobs/snapshot/export", { ...exported, snapshotName: "1" })).toMatchObject({ code: 1100 });
    const external = { targetCollectionName: "x", snapshotMetadataURI: "s3://b/m" };
    expect(await client.post("jobs/snapshot/restore_external", external)).toMatchObject({ code: 10 });
  });
});
