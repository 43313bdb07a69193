/** Indexes of sparse vectors: every kind and algorithm answers as a scan of all rows does. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import {
  DataType,
  type DescribeIndexResponse,
  IDs,
  PlaceholderGroup,
  PlaceholderType,
  SearchResultData,
} from "../../src/shared/proto/generated/messages.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { Driver } from "../support/driver.js";
import { createRequest, idField } from "../support/schemas.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

type Sparse = Readonly<Record<number, number>>;

const ROWS = 3000;
let folder: string;
let engine: EngineApi;
let driver: Driver;

/** Whole numbers that are spread out, the same each time. */
const spread = (seed: number): number => (Math.imul(Math.imul(seed, 0x9e3779b1) ^ (seed >>> 7), 0x85ebca6b) >>> 8) % 65536;

/** Values are multiples of 1/64, so that sums are exact. */
const vectorOf = (seed: number): Sparse =>
  Object.fromEntries(
    Array.from({ length: 12 }, (_, at) => {
      const drawn = spread(seed * 31 + at);
      return [drawn % ([7, 90, 4000][at % 3] ?? 1), 1 + (spread(seed * 17 + at) % 1000) / 64];
    }),
  );

const rows = Array.from({ length: ROWS }, (_, id) => ({ id, sparse: vectorOf(id) }));
const queries = Array.from({ length: 5 }, (_, at) => vectorOf(100_000 + at));

const bytesOf = (sparse: Sparse): Buffer =>
  Buffer.concat(
    Object.entries(sparse).map(([index, value]) => {
      const pair = Buffer.alloc(8);
      pair.writeUInt32LE(Number(index), 0);
      pair.writeFloatLE(value, 4);
      return pair;
    }),
  );

/** Ids and scores of the best rows by their definition; equal scores by id. */
const exact = (query: Sparse, keeps: (id: number) => boolean = () => true): [bigint, number][] => {
  const scored = rows
    .filter(({ id }) => keeps(id))
    .map(({ id, sparse }): [bigint, number] => [
      BigInt(id),
      Object.entries(query).reduce((sum, [index, value]) => sum + value * (sparse[Number(index)] ?? 0), 0),
    ]);
  const hits = scored.filter(([, score]) => score > 0);
  return hits.sort((left, right) => right[1] - left[1] || Number(left[0] - right[0])).slice(0, 10);
};

const search = async (collectionName: string, params: object = {}, dsl = ""): Promise<[bigint, number][][]> => {
  const values = queries.map(bytesOf);
  const reply = await driver.call<{ results: Buffer }>("Search", {
    collectionName,
    dsl,
    nq: BigInt(values.length),
    placeholderGroup: PlaceholderGroup.encode({ placeholders: [{ tag: "$0", type: PlaceholderType.SparseFloatVector, values }] }),
    searchParams: Object.entries({ anns_field: "sparse", topk: "10", params: JSON.stringify(params) }).map(([key, value]) => ({
      key,
      value,
    })),
  });
  const results = SearchResultData.decode(reply.results);
  const ids = IDs.decode(results.ids).intId?.data ?? [];
  let at = 0;
  return results.topks.map((count) => Array.from({ length: Number(count) }, () => [ids[at] as bigint, results.scores[at++] as number]));
};

const extra = (params: Readonly<Record<string, string>>) => Object.entries(params).map(([key, value]) => ({ key, value }));

/** A loaded collection of all rows whose index is built. */
const indexed = async (collectionName: string, params: Readonly<Record<string, string>>): Promise<void> => {
  await loaded(collectionName, params, rows, true);
  for (;;) {
    const { indexDescriptions } = await driver.call<DescribeIndexResponse>("DescribeIndex", { collectionName });
    if (indexDescriptions[0]?.indexedRows === BigInt(ROWS)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** A loaded collection of some rows. */
const loaded = async (
  collectionName: string,
  params: Readonly<Record<string, string>>,
  some: typeof rows,
  isFlushed: boolean,
): Promise<void> => {
  const fields = [idField, { name: "sparse", dataType: DataType.SparseFloatVector }];
  await driver.call("CreateCollection", createRequest(collectionName, { fields }));
  const schema = [...engine.catalog.collections.values()].find((collection) => collection.schema.name === collectionName)?.schema;
  if (schema === undefined) throw new Error("no collection");
  const fieldsData = rowsToFields(schema, some).map(({ data }) => data);
  await driver.call("Insert", { collectionName, fieldsData, numRows: some.length });
  if (isFlushed) await driver.call("Flush", { collectionNames: [collectionName] });
  await driver.call("CreateIndex", { collectionName, fieldName: "sparse", extraParams: extra(params) });
  await driver.call("LoadCollection", { collectionName });
};

beforeAll(async () => {
  folder = temporaryFolder();
  engine = await openEngine({ folder });
  driver = new Driver(engine);
});
afterAll(async () => {
  await engine.close();
  removeFolder(folder);
});

const algorithms = ["DAAT_MAXSCORE", "DAAT_WAND", "TAAT_NAIVE", "BLOCK_MAX_MAXSCORE", "BLOCK_MAX_WAND", "SINDI"];

describe("the best rows are those of a scan", () => {
  it.each([
    ["AUTOINDEX", {}],
    ["SPARSE_WAND", { drop_ratio_build: "0.5" }],
    ...algorithms.map((name): [string, object] => ["SPARSE_INVERTED_INDEX", { inverted_index_algo: name }]),
  ])("of %s with %o", async (type, params) => {
    const name = `rows_${type}_${Object.values(params).join("_").replace(".", "_")}`;
    await indexed(name, { index_type: type, metric_type: "IP", ...params });
    expect(await search(name)).toEqual(queries.map((query) => exact(query)));
    expect(await search(name, {}, "id % 3 == 0")).toEqual(queries.map((query) => exact(query, (id) => id % 3 === 0)));
    expect(await search(name, {}, "id in [5, 7, 11]")).toEqual(queries.map((query) => exact(query, (id) => [5, 7, 11].includes(id))));
    await driver.call("DropCollection", { collectionName: name });
  });

  it("when the smallest values of the query are left out", async () => {
    await indexed("dropped", { index_type: "SPARSE_INVERTED_INDEX", metric_type: "IP" });
    const kept = (query: Sparse): Sparse => {
      const sizes = Object.values(query).sort((left, right) => left - right);
      const least = sizes[Math.floor(0.4 * sizes.length)] ?? 0;
      return Object.fromEntries(Object.entries(query).filter(([, value]) => value >= least));
    };
    expect(await search("dropped", { drop_ratio_search: 0.4 })).toEqual(queries.map((query) => exact(kept(query))));
  });

  it("whatever is to be left out, where rows have no index yet", async () => {
    await loaded("growing", { index_type: "SPARSE_INVERTED_INDEX", metric_type: "IP" }, rows, false);
    expect(await search("growing", { drop_ratio_search: 0.4 })).toEqual(queries.map((query) => exact(query)));
  });
});

describe("parameters that are refused", () => {
  const fields = [idField, { name: "sparse", dataType: DataType.SparseFloatVector }];
  it.each([
    [{ inverted_index_algo: "BEST" }, "sparse inverted index algo BEST not found or not supported, supported: [TAAT_NAIVE"],
    [
      { inverted_index_codec: "zip" },
      "inverted_index_codec zip not found or not supported, supported: [block_streamvbyte block_maskedvbyte]",
    ],
    [{ drop_ratio_build: "1" }, "Out of range in json: param 'drop_ratio_build' (1.0) should be in range [0.000000, 1.000000)"],
    [{ block_max_block_size: "0" }, "Out of range in json: param 'block_max_block_size' (0) should be in range [1, 2147483647]"],
    [{ sindi_window_size: "512" }, "Out of range in json: param 'sindi_window_size' (512) should be in range [1024, 65535]"],
    [{ quant_type: "u16" }, "quant_type u16 not found or not supported, supported: [fp16 fp32]"],
    [{ bm25_k1: "3.5" }, "Out of range in json: param 'bm25_k1' (3.5) should be in range [0.000000, 3.000000]"],
    [{ bm25_b: "-1" }, "Out of range in json: param 'bm25_b' (-1.0) should be in range [0.000000, 1.000000]"],
    [{ bm25_b: "much" }, "invalid float value, key: 'bm25_b', value: 'much'"],
    [{ metric_type: "L2" }, "only IP&BM25 is the supported metric type for sparse index"],
  ])("%o", async (params: Readonly<Record<string, string>>, words) => {
    const collectionName = `refused_${Object.values(params)[0]?.replace(/\W/g, "_")}_${Object.keys(params)[0]}`;
    await driver.call("CreateCollection", createRequest(collectionName, { fields }));
    const extraParams = extra({ index_type: "SPARSE_INVERTED_INDEX", metric_type: "IP", ...params });
    await expect(driver.call("CreateIndex", { collectionName, fieldName: "sparse", extraParams })).rejects.toThrow(words);
  });
});
