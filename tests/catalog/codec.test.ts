import { expect, test } from "vitest";
import { decodeCatalog, decodeRecord, encodeCatalog, encodeRecord } from "../../src/catalog/codec.js";
import { applyRecord, emptyCatalog } from "../../src/catalog/reducer.js";
import type { CatalogRecord, CreateCollectionRecord } from "../../src/catalog/types.js";
import { decodeExact, type Exact, encodeExact } from "../../src/shared/json.js";
import { CollectionSchema, DataType, FieldSchema, ValueField } from "../../src/shared/proto/generated/messages.js";
import { forSeeds, type Pick } from "../support/seeds.js";

const texts = ["", "a", "über", "$meta", "$int", "$$bytes", '"quoted"\n', "\u0000", "日本", "__proto__"];
const ints = [0n, 1n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
const doubles = [0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e-310, Number.MAX_VALUE];

const one = <T>(pick: Pick, list: readonly T[]): T => list[pick(list.length)] as T;

const randomExact = (pick: Pick, depth: number): Exact => {
  switch (pick(depth > 3 ? 6 : 8)) {
    case 0:
      return null;
    case 1:
      return pick(2) === 0;
    case 2:
      return one(pick, [0, 1, -7, 1.25, 2 ** 40]);
    case 3:
      return one(pick, texts);
    case 4:
      return one(pick, ints);
    case 5:
      return Buffer.from(Array.from({ length: pick(5) }, () => pick(256)));
    case 6:
      return Array.from({ length: pick(4) }, () => randomExact(pick, depth + 1));
    default:
      return Object.fromEntries(Array.from({ length: pick(4) }, () => [one(pick, texts), randomExact(pick, depth + 1)]));
  }
};

test("exact JSON gives back what was written", () => {
  forSeeds(300, (pick) => {
    const value = randomExact(pick, 0);
    expect(decodeExact(encodeExact(value))).toStrictEqual(value);
  });
});

test("exact JSON refuses what JSON cannot hold", () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) expect(() => encodeExact([value])).toThrow(TypeError);
});

const randomDefault = (pick: Pick): ValueField | undefined => {
  switch (pick(6)) {
    case 0:
      return ValueField.create({ boolData: pick(2) === 0 });
    case 1:
      return ValueField.create({ longData: one(pick, ints) });
    case 2:
      return ValueField.create({ floatData: Math.fround(one(pick, doubles.slice(0, 5))) });
    case 3:
      return ValueField.create({ doubleData: one(pick, doubles) });
    case 4:
      return ValueField.create({ stringData: one(pick, texts) });
    default:
      return undefined;
  }
};

const randomSchema = (pick: Pick): CollectionSchema =>
  CollectionSchema.create({
    name: one(pick, texts),
    description: one(pick, texts),
    enableDynamicField: pick(2) === 0,
    version: pick(3),
    fields: Array.from({ length: pick(6) }, (_, index) =>
      FieldSchema.create({
        fieldID: 100n + BigInt(index),
        name: one(pick, texts),
        isPrimaryKey: pick(2) === 0,
        dataType: one(pick, [DataType.Int64, DataType.VarChar, DataType.FloatVector]),
        typeParams: [{ key: "dim", value: one(pick, texts) }],
        defaultValue: randomDefault(pick),
        nullable: pick(2) === 0,
      }),
    ),
  });

let nextId = 1000n;

const randomCreate = (pick: Pick): CreateCollectionRecord => ({
  kind: "createCollection",
  timestamp: one(pick, ints),
  id: nextId++,
  database: "default",
  schema: { ...randomSchema(pick), name: `c${pick(20)}` },
  properties: [{ key: one(pick, texts), value: one(pick, texts) }],
  partitions: [{ id: one(pick, ints), name: "_default", createdTimestamp: 0n }],
  shardsNum: 1,
  consistencyLevel: pick(5),
  numPartitions: 1n,
});

const randomRecord = (pick: Pick): CatalogRecord => {
  const timestamp = one(pick, ints);
  const name = `c${pick(20)}`;
  switch (pick(7)) {
    case 0:
      return { kind: "dropCollection", timestamp, database: "default", name };
    case 1:
      return {
        kind: "changeAliases",
        timestamp,
        database: "default",
        changes: [{ action: "create", alias: `a${pick(9)}`, collectionName: name }],
      };
    case 2:
      return { kind: "createDatabase", timestamp, id: BigInt(pick(99)) + 2n, name: `d${pick(5)}`, properties: [] };
    case 3:
      return {
        kind: "renameCollection",
        timestamp,
        database: "default",
        name,
        newDatabase: `d${pick(5)}`,
        newName: `c${pick(20)}`,
      };
    case 4:
      return { kind: "release", timestamp, collectionId: BigInt(pick(1000)) + 1000n, partitionIds: [one(pick, ints)] };
    default:
      return randomCreate(pick);
  }
};

test("a record gives back what was written", () => {
  forSeeds(300, (pick) => {
    const record = randomRecord(pick);
    expect(decodeRecord(encodeRecord(record))).toStrictEqual(record);
  });
});

test("a catalog made of random records gives back what was written", () => {
  forSeeds(60, (pick) => {
    let catalog = emptyCatalog();
    for (let i = 0; i < 60; i++) {
      try {
        catalog = applyRecord(catalog, randomRecord(pick));
      } catch {
        // Refused records change nothing; which ones are refused is not this test's matter.
      }
    }
    const back = decodeCatalog(encodeCatalog(catalog));
    expect(back.databases.toJS()).toStrictEqual(catalog.databases.toJS());
    expect([...back.collections.values()].sort(byId)).toStrictEqual([...catalog.collections.values()].sort(byId));
    expect(lists(back)).toStrictEqual(lists(catalog));
  });
});

const byId = (left: { id: bigint }, right: { id: bigint }): number => (left.id < right.id ? -1 : 1);
const lists = (catalog: ReturnType<typeof emptyCatalog>) => ({
  names: [...catalog.collectionNames].flatMap(([id, names]) => [...names].map(([name, of]) => `${id} ${name} ${of}`)).sort(),
  aliases: [...catalog.aliases]
    .flatMap(([id, list]) => [...list.values()].map((alias) => `${id} ${alias.name} ${alias.collectionId}`))
    .sort(),
  aliasNames: [...catalog.aliasNames].map(([id, names]) => `${id} ${[...names].sort()}`).sort(),
});

test("bytes that are not a record or catalog are refused", () => {
  for (const text of ["", "{", "[]", '{"kind":1}', "null"]) expect(() => decodeRecord(Buffer.from(text))).toThrow();
  expect(() => decodeCatalog(Buffer.from('{"format":9}'))).toThrow("catalog format 9 is not known");
});
