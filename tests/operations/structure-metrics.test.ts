/** Searches of bits by SUBSTRUCTURE and SUPERSTRUCTURE: only matches are hits, all with the score 0. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { DataType, IDs, PlaceholderGroup, type PlaceholderType, SearchResultData } from "../../src/shared/proto/generated/messages.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { Driver } from "../support/driver.js";
import { createRequest, idField } from "../support/schemas.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const rows = [0b0011, 0b0111, 0b1000, 0b1111, 0].map((bits, id) => ({ id, bits: [bits, 0] }));
let folder: string;
let engine: EngineApi;
let driver: Driver;

beforeAll(async () => {
  folder = temporaryFolder();
  engine = await openEngine({ folder });
  driver = new Driver(engine);
  for (const metric of ["SUBSTRUCTURE", "SUPERSTRUCTURE"]) {
    const fields = [idField, { name: "bits", dataType: DataType.BinaryVector, typeParams: [{ key: "dim", value: "16" }] }];
    await driver.call("CreateCollection", createRequest(metric, { fields }));
    const extraParams = [
      { key: "index_type", value: "BIN_FLAT" },
      { key: "metric_type", value: metric },
    ];
    await driver.call("CreateIndex", { collectionName: metric, fieldName: "bits", extraParams });
    await driver.call("LoadCollection", { collectionName: metric });
    const schema = [...engine.catalog.collections.values()].find((collection) => collection.name === metric)?.schema;
    if (schema === undefined) throw new Error("no collection");
    const fieldsData = rowsToFields(schema, rows).map(({ data }) => data);
    await driver.call("Insert", { collectionName: metric, fieldsData, numRows: rows.length });
  }
});
afterAll(async () => {
  await engine.close();
  removeFolder(folder);
});

const search = async (metric: string, bits: number, more: Record<string, string> = {}): Promise<[bigint, number][]> => {
  const searchParams = Object.entries({ anns_field: "bits", topk: "10", ...more }).map(([key, value]) => ({ key, value }));
  const placeholderType = DataType.BinaryVector as number as PlaceholderType;
  const placeholderGroup = PlaceholderGroup.encode({ placeholders: [{ tag: "$0", type: placeholderType, values: [Buffer.of(bits, 0)] }] });
  const reply = await driver.call<{ results: Buffer }>("Search", { collectionName: metric, nq: 1n, placeholderGroup, searchParams });
  const { ids, scores } = SearchResultData.decode(reply.results);
  return (IDs.decode(ids).intId?.data ?? []).map((id, at) => [id, scores[at] as number]);
};
const matches = (...ids: bigint[]): [bigint, number][] => ids.map((id) => [id, 0]);

it("a query is a substructure of the rows that have all its bits", async () => {
  expect(await search("SUBSTRUCTURE", 0b0011)).toEqual(matches(0n, 1n, 3n));
  expect(await search("SUBSTRUCTURE", 0b1111, { metric_type: "SUBSTRUCTURE" })).toEqual(matches(3n));
  expect(await search("SUBSTRUCTURE", 0)).toEqual(matches(0n, 1n, 2n, 3n, 4n));
});

it("a query is a superstructure of the rows that have no other bits", async () => {
  expect(await search("SUPERSTRUCTURE", 0b0111)).toEqual(matches(0n, 1n, 4n));
  expect(await search("SUPERSTRUCTURE", 0)).toEqual(matches(4n));
});

it("without a match there are no hits", async () => {
  expect(await search("SUBSTRUCTURE", 0b10000)).toEqual([]);
  await expect(search("SUBSTRUCTURE", 1, { metric_type: "SUPERSTRUCTURE" })).rejects.toThrow("metric type not match");
});
