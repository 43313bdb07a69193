/** Hybrid search on a real engine: several searches, one ranking. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { FieldData, IDs, SearchRequest, SearchResultData, type SearchResults } from "../../src/shared/proto/generated/messages.js";
import { Driver } from "../support/driver.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const folder = temporaryFolder();
let engine: EngineApi;
let driver: Driver;
beforeAll(async () => {
  engine = await openEngine({ folder });
  driver = new Driver(engine);
  await driver.createCollection("rows", 2);
  await driver.insert("rows", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3);
});
afterAll(async () => {
  await engine.close();
  removeFolder(folder);
});

const placeholder = (vector: readonly number[]): Buffer => {
  const value = Buffer.from(Float32Array.from(vector).buffer);
  const inner = Buffer.concat([Buffer.from([0x0a, 2]), Buffer.from("$0"), Buffer.from([0x10, 101, 0x1a, value.length]), value]);
  return Buffer.concat([Buffer.from([0x0a, inner.length]), inner]);
};

/** Vectors of the rows are (id, id + 1). */
const near = (id: number, topk: number) =>
  SearchRequest.create({
    collectionName: "rows",
    placeholderGroup: placeholder([id, id + 1]),
    nq: 1n,
    searchParams: [
      { key: "anns_field", value: "vector" },
      { key: "topk", value: String(topk) },
      { key: "params", value: "{}" },
      { key: "metric_type", value: "L2" },
    ],
  });

const hybrid = async (requests: readonly object[], rank: Record<string, string>) => {
  const rankParams = Object.entries(rank).map(([key, value]) => ({ key, value }));
  const reply = await driver.call<SearchResults>("HybridSearch", {
    collectionName: "rows",
    requests,
    rankParams,
    outputFields: ["version", "vector"],
  });
  const results = SearchResultData.decode(reply.results as Buffer);
  const columns = results.fieldsData.map((data) => FieldData.decode(data));
  return { ids: IDs.decode(results.ids).intId?.data.map(Number), scores: [...results.scores], columns };
};

it("fuses ranks: a row that both searches find is before those that one finds", async () => {
  const { ids, scores, columns } = await hybrid([near(2, 3), near(4, 3)], { strategy: "rrf", params: '{"k":60}', limit: "3" });
  // Ranks of 3: 3 (as far as 1, which comes first) and 2; of 2 and of 4: 1.
  expect(ids).toEqual([3, 2, 4]);
  expect(scores[0]).toBeCloseTo(1 / 63 + 1 / 62, 5);
  const vectors = columns.find(({ fieldName }) => fieldName === "vector")?.vectors?.floatVector?.data;
  expect([...(vectors ?? [])]).toEqual([3, 4, 2, 3, 4, 5]);
  expect(columns.find(({ fieldName }) => fieldName === "version")?.scalars?.intData?.data).toEqual([3, 3, 3]);
});

it("weighs scores; distances rank ascending", async () => {
  const { ids, scores } = await hybrid([near(2, 10), near(4, 10)], {
    strategy: "weighted",
    params: '{"weights":[0.5,0.5]}',
    limit: "2",
    offset: "1",
  });
  // Squared distances: of 3: 2 and 2, of 2 and of 4: 0 and 8.
  expect([ids, scores]).toEqual([
    [2, 4],
    [4, 4],
  ]);
});

it.each([
  [[near(1, 2)], {}, 1100, "limit not found in rank_params"],
  [[near(1, 2)], { limit: "20000" }, 1100, "invalid max query result window"],
  [[near(1, 2)], { limit: "1", strategy: "best" }, 1100, "unsupported rank type best"],
  [[near(1, 2)], { limit: "1", params: '{"k":0}' }, 1100, "The rank params k should be in range (0, 16384)"],
  [
    [near(1, 2)],
    { limit: "1", strategy: "weighted", params: '{"weights":[0.1,0.2]}' },
    1100,
    "the length of weights param mismatch with ann search requests",
  ],
  [[near(1, 2)], { limit: "1", strategy: "weighted", params: '{"weights":[2]}' }, 1100, "rank param weight should be in range [0, 1]"],
])("refuses %#", async (requests, rank, code, words) => {
  await expect(hybrid(requests, rank as Record<string, string>)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
});
