/** Filters that name values of the partition key look into few partitions, and find the same rows. */
import { afterEach, describe, expect, it } from "vitest";
import type { Collection } from "../../src/catalog/types.js";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { partitionOrdinal, routed } from "../../src/operations/partition-routing.js";
import { compile } from "../../src/operations/reading.js";
import {
  CollectionSchema,
  DataType,
  type FieldSchema,
  type MutationResult,
  type QueryResults,
} from "../../src/shared/proto/generated/messages.js";
import { fieldsToRows } from "../../src/shared/rows/decode.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { Driver } from "../support/driver.js";
import { runSeed, SeededRandom } from "../support/random.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const PARTITIONS = 5;
const KEYS = 12;

const folders: string[] = [];
afterEach(() => {
  for (const each of folders.splice(0)) removeFolder(each);
});

interface KeyType {
  readonly field: Partial<FieldSchema>;
  readonly key: (number: number) => bigint | string;
  readonly literal: (number: number) => string;
}

const longKey = (number: number): string => `${"é".repeat(60)}${number}`;

const types: Record<string, KeyType> = {
  Int64: {
    field: { dataType: DataType.Int64 },
    key: (number) => BigInt(number) * -1_234_567_890_123n,
    literal: (number) => String(BigInt(number) * -1_234_567_890_123n),
  },
  VarChar: {
    field: { dataType: DataType.VarChar, typeParams: [{ key: "max_length", value: "256" }] },
    key: (number) => (number % 3 === 0 ? longKey(number) : `tenant ${number}`),
    literal: (number) => (number % 3 === 0 ? `'${longKey(number)}'` : `'tenant ${number}'`),
  },
};

const schemaOf = (type: KeyType): CollectionSchema =>
  CollectionSchema.decode(
    CollectionSchema.encode({
      name: "tenants",
      fields: [
        { name: "id", dataType: DataType.Int64, isPrimaryKey: true },
        { name: "key", isPartitionKey: true, ...type.field },
        { name: "half", dataType: DataType.Bool },
        { name: "vector", dataType: DataType.FloatVector, typeParams: [{ key: "dim", value: "2" }] },
      ],
    }),
  );

/** Row `id` has key `id % KEYS` and is of the first half or not. */
const half = (id: number): boolean => id % 7 < 3;

const filled = async (engine: EngineApi, type: KeyType, rowCount: number): Promise<Collection> => {
  const driver = new Driver(engine);
  const schema = CollectionSchema.encode(schemaOf(type));
  await driver.call("CreateCollection", { collectionName: "tenants", schema, shardsNum: 1, numPartitions: PARTITIONS });
  const extraParams = [
    { key: "index_type", value: "FLAT" },
    { key: "metric_type", value: "L2" },
  ];
  await driver.call("CreateIndex", { collectionName: "tenants", fieldName: "vector", extraParams });
  await driver.call("LoadCollection", { collectionName: "tenants" });
  const data = Array.from({ length: rowCount }, (_, id) => ({ id, key: type.key(id % KEYS), half: half(id), vector: [id, 0] }));
  const fieldsData = rowsToFields(schemaOf(type), data).map((field) => field.data);
  await driver.call("Insert", { collectionName: "tenants", fieldsData, numRows: rowCount });
  return [...engine.catalog.collections.values()][0] as Collection;
};

interface Case {
  readonly text: string;
  readonly matches: (id: number) => boolean;
}

/** A random filter and what it means. */
const randomCase = (random: SeededRandom, type: KeyType, depth: number): Case => {
  if (depth > 0 && random.chance(0.6)) {
    const [left, right] = [randomCase(random, type, depth - 1), randomCase(random, type, depth - 1)];
    if (random.chance(0.2)) return { text: `not (${left.text})`, matches: (id) => !left.matches(id) };
    if (random.chance(0.5)) return { text: `(${left.text} and ${right.text})`, matches: (id) => left.matches(id) && right.matches(id) };
    return { text: `(${left.text} or ${right.text})`, matches: (id) => left.matches(id) || right.matches(id) };
  }
  const number = random.below(KEYS + 3);
  const choice = random.below(4);
  if (choice === 0) return { text: `key == ${type.literal(number)}`, matches: (id) => id % KEYS === number };
  if (choice === 1) return { text: `key != ${type.literal(number)}`, matches: (id) => id % KEYS !== number };
  if (choice === 2) return { text: "half == true", matches: half };
  const numbers = Array.from({ length: random.below(3) }, () => random.below(KEYS + 3));
  return { text: `key in [${numbers.map(type.literal).join(", ")}]`, matches: (id) => numbers.includes(id % KEYS) };
};

for (const [name, type] of Object.entries(types))
  describe(`a partition key of ${name}`, () => {
    it("random filters find the rows that they mean, and delete them", async () => {
      const seed = runSeed();
      const random = new SeededRandom(seed);
      const folder = temporaryFolder();
      folders.push(folder);
      const engine = await openEngine({ folder });
      const collection = await filled(engine, type, 500);
      const driver = new Driver(engine);
      let alive = Array.from({ length: 500 }, (_, id) => id);
      let pruned = 0;
      for (let round = 0; round < 150; round++) {
        const { text, matches } = randomCase(random, type, 3);
        const scope = routed(collection, compile(collection, text, new Map()), []);
        if (scope.length > 0 && scope.length < PARTITIONS) pruned += 1;
        const request = { collectionName: "tenants", expr: text, outputFields: ["id"] };
        const reply = await driver.call<QueryResults>("Query", request);
        const ids = fieldsToRows(reply.fieldsData).map(({ id }) => Number(id));
        expect(ids, `ELANUS_SEED=${seed}: ${text}`).toEqual(alive.filter(matches));
        if (round % 30 === 29) {
          const { deleteCnt } = await driver.call<MutationResult>("Delete", { collectionName: "tenants", expr: text });
          expect(Number(deleteCnt), `ELANUS_SEED=${seed}: ${text}`).toBe(alive.filter(matches).length);
          alive = alive.filter((id) => !matches(id));
        }
      }
      expect(pruned).toBeGreaterThan(20);
      await engine.close();
    });

    it("one value is looked for in the partition that it hashes to", async () => {
      const folder = temporaryFolder();
      folders.push(folder);
      const engine = await openEngine({ folder });
      const collection = await filled(engine, type, 10);
      for (let number = 0; number < KEYS; number++) {
        const filter = compile(collection, `half == true and key == ${type.literal(number)}`, new Map());
        const partition = collection.partitions[partitionOrdinal(type.key(number), PARTITIONS)];
        expect(routed(collection, filter, [])).toEqual([partition?.id]);
      }
      expect(routed(collection, compile(collection, "half == true", new Map()), [])).toEqual([]);
      await engine.close();
    });
  });
