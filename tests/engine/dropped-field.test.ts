/** Rows on their way while their fields come and go: nothing is lost, nothing that was dropped comes back, before a restart and after it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { MilvusClient, MilvusError } from "../../src/client/index.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const folder = temporaryFolder();
const collectionName = "c";
let client: MilvusClient;
beforeAll(async () => {
  client = new MilvusClient({ uri: folder });
});
afterAll(async () => {
  await client.close();
  removeFolder(folder);
});

const SCHEMA_MISMATCH = 109;

/** Rows that race with a change of the schema are written whole or refused, never half. */
const written = (work: Promise<{ insertCount: number }>): Promise<number> =>
  work.then(
    ({ insertCount }) => insertCount,
    (error: unknown) => {
      if (error instanceof MilvusError && (error.code === SCHEMA_MISMATCH || /not exist|unexpected field/.test(error.message))) return 0;
      throw error;
    },
  );

const all = () => client.query({ collectionName, filter: "id >= 0", outputFields: ["*"], limit: 10_000 });

test("inserts race with drops and adds of the same names", async () => {
  const fields = [
    { name: "id", dataType: "Int64", isPrimary: true },
    { name: "vector", dataType: "FloatVector", dim: 2 },
  ] as const;
  await client.createCollection({ collectionName, schema: { fields }, indexParams: { fieldName: "vector", metricType: "L2" } });
  const pair = {
    name: "pair",
    maxCapacity: 4,
    nullable: true,
    fields: [
      { name: "a", dataType: "Int64" },
      { name: "v", dataType: "FloatVector", dim: 2 },
    ],
  } as const;
  let next = 0;
  let count = 0;
  for (let round = 0; round < 12; round++) {
    await client.addCollectionField({ collectionName, field: { name: "note", dataType: "VarChar", maxLength: 9, nullable: true } });
    await client.addCollectionStructField({ collectionName, struct: pair });
    const row = (): object => ({ id: next++, vector: [1, 2], note: `r${round}`, pair: [{ a: round, v: [0, 1] }] });
    const inserts = Array.from({ length: 6 }, () => written(client.insert({ collectionName, data: [row(), row()] })));
    const drops = [
      client.dropCollectionField({ collectionName, fieldName: "note" }),
      client.dropCollectionField({ collectionName, fieldName: "pair" }),
    ];
    const more = Array.from({ length: 3 }, () => written(client.insert({ collectionName, data: [{ id: next++, vector: [3, 4] }] })));
    for (const inserted of await Promise.all([...inserts, ...more])) count += inserted;
    await Promise.all(drops);
    if (round % 4 === 3) await client.flush({ collectionName });
  }
  const rows = await all();
  expect(rows).toHaveLength(count);
  expect(new Set(rows.flatMap((row) => Object.keys(row)))).toEqual(new Set(["id", "vector"]));
  await client.close();
  client = new MilvusClient({ uri: folder });
  expect(await all()).toEqual(rows);
  await client.addCollectionField({ collectionName, field: { name: "note", dataType: "VarChar", maxLength: 9, nullable: true } });
  expect((await all()).every((row) => row.note === null)).toBe(true);
});

test("an update of some columns keeps a struct, and replaces it whole", async () => {
  const struct = {
    name: "kept",
    maxCapacity: 4,
    nullable: true,
    fields: [
      { name: "a", dataType: "Int64" },
      { name: "v", dataType: "FloatVector", dim: 2 },
    ],
  } as const;
  await client.addCollectionStructField({ collectionName, struct });
  const element = (a: number) => ({ a, v: Float32Array.of(a, a) });
  await client.upsert({ collectionName, data: [{ id: 1, vector: [1, 1], kept: [element(1), element(2)] }] });
  await client.upsert({ collectionName, data: [{ id: 1, note: "x" }], partialUpdate: true });
  const one = async () => (await client.query({ collectionName, filter: "id == 1", outputFields: ["kept", "note"] }))[0];
  expect(await one()).toMatchObject({ note: "x", kept: [element(1), element(2)] });
  await client.upsert({ collectionName, data: [{ id: 1, kept: [element(7)] }], partialUpdate: true });
  expect(await one()).toMatchObject({ note: "x", kept: [element(7)] });
  await client.upsert({ collectionName, data: [{ id: 1, kept: null }], partialUpdate: true });
  expect(await one()).toMatchObject({ note: "x", kept: null });
});
