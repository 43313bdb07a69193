/** Exact searches of vectors that are no float32, through the same request as any search. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { DataType, IDs, PlaceholderGroup, type PlaceholderType, SearchResultData } from "../../src/shared/proto/generated/messages.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { Driver } from "../support/driver.js";
import { createRequest, idField } from "../support/schemas.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const collectionName = "vectors";
let folder: string;
let engine: EngineApi;
let driver: Driver;

const dim = (value: number) => ({ typeParams: [{ key: "dim", value: String(value) }] });
const fields = [
  idField,
  { name: "bits", dataType: DataType.BinaryVector, ...dim(16) },
  { name: "half", dataType: DataType.Float16Vector, ...dim(2) },
  { name: "brain", dataType: DataType.BFloat16Vector, ...dim(2), nullable: true },
  { name: "sparse", dataType: DataType.SparseFloatVector },
];
const indexes = [
  ["bits", "BIN_FLAT", "JACCARD"],
  ["half", "FLAT", "L2"],
  ["brain", "HNSW", "COSINE"],
  ["sparse", "SPARSE_INVERTED_INDEX", "IP"],
];
const rows = [
  { id: 1, bits: [0b1111, 0], half: [1, 0], brain: [1, 1], sparse: { 1: 1, 70000: 2 } },
  { id: 2, bits: [0b0011, 0], half: [2, 0], brain: null, sparse: { 5: 1 } },
  { id: 3, bits: [0, 0b11], half: [-1, 0.5], brain: [-1, 0], sparse: { 70000: 1 } },
];

beforeAll(async () => {
  folder = temporaryFolder();
  engine = await openEngine({ folder });
  driver = new Driver(engine);
  await driver.call("CreateCollection", createRequest(collectionName, { fields }));
  for (const [fieldName, type, metric] of indexes) {
    const extraParams = [
      { key: "index_type", value: type },
      { key: "metric_type", value: metric },
    ];
    await driver.call("CreateIndex", { collectionName, fieldName, extraParams });
  }
  await driver.call("LoadCollection", { collectionName });
  const schema = engine.catalog.collections.values().next().value?.schema;
  if (schema === undefined) throw new Error("no collection");
  const insert = async (some: typeof rows) => {
    const columns = rowsToFields(schema, some);
    await driver.call("Insert", { collectionName, fieldsData: columns.map(({ data }) => data), numRows: some.length });
  };
  await insert(rows.slice(0, 2));
  await driver.call("Flush", { collectionNames: [collectionName] });
  await insert(rows.slice(2));
});
afterAll(async () => {
  await engine.close();
  removeFolder(folder);
});

const search = async (
  field: string,
  type: DataType,
  values: Buffer[],
  more: Record<string, string> = {},
): Promise<[bigint, number][][]> => {
  const searchParams = Object.entries({ anns_field: field, topk: "10", ...more }).map(([key, value]) => ({ key, value }));
  const placeholderGroup = PlaceholderGroup.encode({ placeholders: [{ tag: "$0", type: type as number as PlaceholderType, values }] });
  const reply = await driver.call<{ results: Buffer }>("Search", {
    collectionName,
    nq: BigInt(values.length),
    placeholderGroup,
    searchParams,
  });
  const results = SearchResultData.decode(reply.results);
  const ids = IDs.decode(results.ids).intId?.data ?? [];
  let at = 0;
  return results.topks.map((count) => Array.from({ length: Number(count) }, () => [ids[at] as bigint, results.scores[at++] as number]));
};
const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
const brains = (...values: number[]): Buffer => Buffer.concat(values.map((value) => floats(value).subarray(2)));
const sparse = (pairs: Record<number, number>): Buffer =>
  Buffer.concat(
    Object.entries(pairs).map(([index, value]) => Buffer.concat([Buffer.from(Uint32Array.of(Number(index)).buffer), floats(value)])),
  );

describe("the nearest rows", () => {
  it("of bits, by the share of those in common", async () => {
    const hits = await search("bits", DataType.BinaryVector, [Buffer.of(0b0111, 0), Buffer.of(0, 0)]);
    expect(hits[0]?.map(([id]) => id)).toEqual([1n, 2n, 3n]);
    const third = expect.closeTo(1 / 3, 6);
    expect(hits[0]?.map(([, score]) => score)).toEqual([0.25, third, 1]);
    expect(hits[1]).toHaveLength(3);
  });

  it("of float16", async () => {
    expect(await search("half", DataType.Float16Vector, [Buffer.of(0, 0x3c, 0, 0)])).toEqual([
      [
        [1n, 0],
        [2n, 1],
        [3n, 4.25],
      ],
    ]);
  });

  it("of bfloat16; a row without a vector is no hit", async () => {
    const [hits] = await search("brain", DataType.BFloat16Vector, [brains(2, 2)]);
    expect(hits?.map(([id]) => id)).toEqual([1n, 3n]);
    expect(hits?.[0]?.[1]).toBeCloseTo(1, 5);
    expect(hits?.[1]?.[1]).toBeCloseTo(-Math.SQRT1_2, 5);
  });

  it("of sparse vectors; what shares no index is no hit", async () => {
    const [first, second, third] = await search("sparse", DataType.SparseFloatVector, [
      sparse({ 1: 3, 70000: 1 }),
      sparse({ 5: 2 }),
      sparse({ 6: 1 }),
    ]);
    expect(first).toEqual([
      [1n, 5],
      [3n, 1],
    ]);
    expect(second).toEqual([[2n, 2]]);
    expect(third).toEqual([]);
  });

  it("in a range", async () => {
    const params = JSON.stringify({ radius: 4, range_filter: 1 });
    expect(await search("half", DataType.Float16Vector, [Buffer.of(0, 0x3c, 0, 0)], { params })).toEqual([[[2n, 1]]]);
  });
});

it("queries that do not fit are refused", async () => {
  await expect(search("bits", DataType.BinaryVector, [Buffer.of(1)])).rejects.toThrow("expected vector size(byte) 2, actual 1");
  await expect(search("bits", DataType.FloatVector, [floats(1, 2)])).rejects.toThrow("vector type must be the same");
  await expect(search("bits", DataType.BinaryVector, [Buffer.of(1, 2)], { metric_type: "HAMMING" })).rejects.toThrow(
    "metric type not match",
  );
  await expect(search("sparse", DataType.SparseFloatVector, [Buffer.of(1, 2, 3)])).rejects.toMatchObject({ code: 1100 });
});
