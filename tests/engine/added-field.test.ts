/**
 * Fields added to a collection with rows: rows written before read their default or null, whether they are growing, sealed or come out of the log
 * again, after a stop and after a crash (the folder copied while it is open).
 */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { MilvusClient } from "../../src/client/index.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const folders: string[] = [];
const folder = (): string => {
  const made = temporaryFolder();
  folders.push(made);
  return made;
};
afterEach(() => {
  for (const each of folders.splice(0)) removeFolder(each);
});

const crashed = (path: string): string => {
  const copy = join(folder(), "data");
  cpSync(path, copy, { recursive: true });
  rmSync(join(copy, "LOCK"), { force: true });
  return copy;
};

const collectionName = "rows";
const vector = [1, 2];

const rowsIn = async (client: MilvusClient): Promise<unknown> => {
  const rows = await client.query({
    collectionName,
    filter: "id >= 0",
    outputFields: ["count", "name", "doc", "color"],
    consistencyLevel: "Strong",
  });
  expect(await client.query({ collectionName, filter: "count == 7", outputFields: ["id"] })).toEqual(
    rows.flatMap(({ id, count }) => (count === 7 ? [{ id }] : [])),
  );
  expect(await client.query({ collectionName, filter: "name is null", outputFields: ["id"] })).toEqual(
    rows.flatMap(({ id, name }) => (name === null ? [{ id }] : [])),
  );
  return rows;
};

it("old rows read the default or null, growing, sealed and replayed", async () => {
  const path = folder();
  const client = new MilvusClient(path);
  await client.createCollection({ collectionName, dimension: 2, enableDynamicField: false });
  await client.insert({ collectionName, data: [0, 1].map((id) => ({ id, vector })) });
  await client.flush({ collectionName });
  await client.insert({ collectionName, data: { id: 2, vector } });
  await client.addCollectionField({ collectionName, field: { name: "count", dataType: "Int64", nullable: true, defaultValue: 7 } });
  await client.addCollectionField({ collectionName, field: { name: "name", dataType: "VarChar", maxLength: 16, nullable: true } });
  await client.insert({ collectionName, data: { id: 3, vector, count: 1, name: "three" } });
  await client.addCollectionField({ collectionName, field: { name: "doc", dataType: "JSON", nullable: true } });
  await client.alterCollectionProperties({ collectionName, properties: { "dynamicfield.enabled": true } });
  await client.insert({ collectionName, data: { id: 4, vector, doc: { a: 1 }, color: "red" } });
  await client.upsert({ collectionName, data: { id: 1, vector, name: "one", count: null } });
  const expected = [
    { id: 0, count: 7, name: null, doc: null },
    { id: 1, count: 7, name: "one", doc: null },
    { id: 2, count: 7, name: null, doc: null },
    { id: 3, count: 1, name: "three", doc: null },
    { id: 4, count: 7, name: null, doc: { a: 1 }, color: "red" },
  ];
  expect(await rowsIn(client)).toEqual(expected);
  const copy = crashed(path);
  await client.flush({ collectionName });
  expect(await rowsIn(client)).toEqual(expected);
  await client.close();
  for (const each of [copy, path, copy]) {
    const again = new MilvusClient(each);
    expect(await rowsIn(again)).toEqual(expected);
    await again.flush({ collectionName });
    expect(await rowsIn(again)).toEqual(expected);
    await again.close();
  }
});
