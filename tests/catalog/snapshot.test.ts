/** Snapshots in the catalog: what records about them do to it, and that bytes of both come back as they were. */
import { describe, expect, it } from "vitest";
import { requireSnapshot, snapshotsOf } from "../../src/catalog/apply-snapshot.js";
import { decodeCatalog, decodeRecord, encodeCatalog, encodeRecord } from "../../src/catalog/codec.js";
import { applyRecord, emptyCatalog, hasEffect } from "../../src/catalog/reducer.js";
import type { Catalog, CatalogRecord, Collection, RestoreSnapshotRecord } from "../../src/catalog/types.js";
import { CollectionSchema, DataType, FieldSchema } from "../../src/shared/proto/generated/messages.js";
import { timestampOf } from "../../src/shared/types.js";

const MINUTE = 60_000;
/** Timestamp of a minute of the test. */
const at = (minute: number): bigint => timestampOf(1_700_000_000_000 + minute * MINUTE);
const endOf = (minute: number): number => 1_700_000_000_000 + minute * MINUTE;

const schema = (name: string) =>
  CollectionSchema.create({
    name,
    fields: [FieldSchema.create({ fieldID: 100n, name: "id", dataType: DataType.Int64, isPrimaryKey: true })],
  });
const definition = (id: bigint, name: string) =>
  ({
    kind: "createCollection",
    id,
    database: "default",
    schema: schema(name),
    properties: [{ key: "collection.ttl.seconds", value: "9" }],
    partitions: [{ id: id + 1n, name: "_default", createdTimestamp: 0n }],
    shardsNum: 2,
    consistencyLevel: 1,
    numPartitions: 1n,
  }) as const;
const segment = {
  partitionId: 11n,
  file: "segments/1.seg",
  deletesFile: "segments/1-2.del",
  level: 2,
  indexes: [{ indexId: 2n ** 60n, fieldId: 101n, file: "indexes/1-3.idx" }],
} as const;
const create = (name: string, collectionId = 10n): CatalogRecord => ({
  kind: "createSnapshot",
  collectionId,
  timestamp: at(1),
  snapshot: {
    id: 77n,
    name,
    description: "über",
    moment: at(1) - 1n,
    protectionSeconds: 5n,
    schema: CollectionSchema.encode(schema("rows")),
    properties: [],
    partitions: [],
    indexes: [],
    shardsNum: 2,
    consistencyLevel: 1,
    numPartitions: 1n,
    segments: [segment, { ...segment, deletesFile: undefined, level: 1, indexes: [] }],
  },
});
const drop = (name: string, minute: number): CatalogRecord => ({
  kind: "dropSnapshot",
  collectionId: 10n,
  name,
  timestamp: at(minute),
});
const pin = (id: bigint, minute: number, endMs: number): CatalogRecord => ({
  kind: "pinSnapshot",
  collectionId: 10n,
  name: "s",
  id,
  endMs,
  timestamp: at(minute),
});
const restore = (id: bigint, name: string): RestoreSnapshotRecord => ({
  kind: "restoreSnapshot",
  definition: definition(id, name),
  indexes: [{ id: 5n, name: "vector", fieldId: 101n, params: [{ key: "index_type", value: "HNSW" }] }],
  segments: [{ ...segment, id: 99n, partitionId: id + 1n }],
  moment: at(1),
  timestamp: at(4),
});

const applied = (catalog: Catalog, ...records: readonly CatalogRecord[]): Catalog => records.reduce(applyRecord, catalog);
const base = applied(emptyCatalog(), { ...definition(10n, "rows"), timestamp: at(0) });
const rows = (catalog: Catalog): Collection => catalog.collections.get(10n) as Collection;
const names = (catalog: Catalog): string[] => snapshotsOf(rows(catalog)).map(({ name }) => name);

describe("snapshots in the catalog", () => {
  it("are listed in the order they were made, each name once in its collection", () => {
    const other = applied(base, { ...definition(20n, "others"), timestamp: at(0) });
    const catalog = applied(other, create("b"), create("a"), create("b", 20n));
    expect(names(catalog)).toEqual(["b", "a"]);
    expect(requireSnapshot(rows(catalog), "b")).toMatchObject({ createdTimestamp: at(1), pins: [], description: "über" });
    expect(() => applyRecord(catalog, create("a"))).toThrow("snapshot name a already exists in collection 10: invalid parameter");
    expect(() => requireSnapshot(rows(catalog), "c")).toThrow("collection 10: snapshot not found[snapshot=c]");
    expect(() => applyRecord(catalog, create("a", 30n))).toThrow("collection not found");
  });

  it("are dropped once, and again without effect", () => {
    const catalog = applied(base, create("s"), create("t"));
    expect(names(applied(catalog, drop("s", 2)))).toEqual(["t"]);
    expect(hasEffect(catalog, drop("none", 2))).toBe(false);
  });

  it("stay while a pin of theirs lasts, by the time of the record", () => {
    const pinned = applied(base, create("s"), pin(1n, 2, endOf(5)), pin(2n, 2, endOf(9)));
    expect(() => applyRecord(pinned, drop("s", 4))).toThrow("active pins exist, unpin before dropping: snapshot is pinned[snapshot=s]");
    expect(() => applyRecord(pinned, drop("s", 9))).toThrow("snapshot is pinned");
    expect(names(applied(pinned, drop("s", 10)))).toEqual([]);
    const left = applied(pinned, { kind: "unpinSnapshot", id: 2n, timestamp: at(3) });
    expect(() => applyRecord(left, drop("s", 4))).toThrow("snapshot is pinned");
    expect(names(applied(left, drop("s", 6)))).toEqual([]);
    expect(hasEffect(left, { kind: "unpinSnapshot", id: 2n, timestamp: at(3) })).toBe(false);
  });

  it("stay for ever with a pin without an end; a new pin clears those that ended", () => {
    const pinned = applied(base, create("s"), pin(1n, 2, endOf(3)), pin(2n, 4, 0));
    expect(requireSnapshot(rows(pinned), "s").pins).toEqual([{ id: 2n, endMs: 0 }]);
    expect(() => applyRecord(pinned, drop("s", 1_000_000))).toThrow("snapshot is pinned");
    expect(() => applyRecord(base, pin(1n, 2, 0))).toThrow("snapshot not found");
  });

  it("follow a renamed collection and go with a dropped one", () => {
    const renamed = applied(base, create("s"), pin(1n, 2, 0), {
      kind: "renameCollection",
      database: "default",
      name: "rows",
      newDatabase: "default",
      newName: "moved",
      timestamp: at(3),
    });
    expect(names(renamed)).toEqual(["s"]);
    const gone = applied(renamed, { kind: "dropCollection", database: "default", name: "moved", timestamp: at(4) });
    expect(gone.collections.size).toBe(0);
  });

  it("make a new collection with indexes, not loaded and without snapshots", () => {
    const catalog = applied(base, create("s"), restore(30n, "restored"));
    const made = catalog.collections.get(30n) as Collection;
    expect(made).toMatchObject({ name: "restored", load: undefined, createdTimestamp: at(4), shardsNum: 2, consistencyLevel: 1 });
    expect(made.properties).toEqual(definition(30n, "restored").properties);
    expect(made.partitions).toEqual([{ id: 31n, name: "_default", createdTimestamp: at(4) }]);
    expect(made.indexes).toEqual([{ ...restore(30n, "restored").indexes[0], createdTimestamp: at(4) }]);
    expect(snapshotsOf(made)).toEqual([]);
  });

  it.each([
    ["rows", "create duplicate collection with different parameters, collection: rows"],
    ["alias", "alias and collection name conflict[database=default][alias=alias]"],
  ])("make none with the taken name %s", (name, words) => {
    const catalog = applied(base, {
      kind: "changeAliases",
      database: "default",
      changes: [{ action: "create", alias: "alias", collectionName: "rows" }],
      timestamp: at(1),
    });
    expect(() => applyRecord(catalog, restore(30n, name))).toThrow(words);
  });

  it("come back from bytes as they were, in records and in catalogs", () => {
    const records: readonly CatalogRecord[] = [
      create("s"),
      pin(1n, 2, endOf(5)),
      drop("s", 9),
      { kind: "unpinSnapshot", id: 1n, timestamp: at(3) },
      restore(30n, "r"),
    ];
    // JSON has no undefined: a missing delete set is an absent member.
    for (const record of records) expect(decodeRecord(encodeRecord(record))).toEqual(record);
    const catalog = applied(base, create("s"), pin(1n, 2, endOf(5)), restore(30n, "r"));
    const back = decodeCatalog(encodeCatalog(catalog));
    for (const id of [10n, 30n]) expect(back.collections.get(id)).toEqual(catalog.collections.get(id));
  });
});
