/** Which graph serves an index, with Milvus's defaults, and what building it takes. */
import { describe, expect, it } from "vitest";
import type { IndexDefinition } from "../../src/catalog/types.js";
import { graphBytes, graphOf } from "../../src/engine/index-plan.js";
import { DataType, type FieldSchema } from "../../src/shared/proto/generated/messages.js";

const fieldOf = (dataType: DataType) => ({ dataType, typeParams: [{ key: "dim", value: "64" }] }) as unknown as FieldSchema;
const indexOf = (params: Record<string, string>) =>
  ({ params: Object.entries(params).map(([key, value]) => ({ key, value })) }) as unknown as IndexDefinition;
const plan = (type: string, dataType: DataType, params: Record<string, string> = {}) =>
  graphOf(indexOf({ index_type: type, metric_type: dataType === DataType.BinaryVector ? "JACCARD" : "IP", ...params }), fieldOf(dataType));

const { FloatVector, Float16Vector, BFloat16Vector, Int8Vector, BinaryVector } = DataType;
const graph = { metric: "IP", m: 30, efConstruction: 360 };

describe("the graph of an index", () => {
  it("has Milvus's defaults", () => {
    expect(plan("HNSW", FloatVector)).toEqual({ kind: "HNSW", ...graph });
    expect(plan("AUTOINDEX", Float16Vector)).toEqual({ kind: "HNSW", metric: "IP", m: 18, efConstruction: 240 });
    expect(plan("HNSW_SQ", BFloat16Vector)).toEqual({ kind: "HNSW_SQ", ...graph, sqType: "SQ8" });
    expect(plan("HNSW_PQ", FloatVector)).toEqual({ kind: "HNSW_PQ", ...graph, pqM: 32, nbits: 8 });
    expect(plan("HNSW_PRQ", Int8Vector)).toEqual({ kind: "HNSW_PRQ", ...graph, pqM: 2, nbits: 8, nrq: 2 });
    expect(plan("HNSW", BinaryVector)).toEqual({ kind: "HNSW", ...graph, metric: "JACCARD" });
    const disk = { kind: "DISKANN", metric: "IP", maxDegree: 56, searchListSize: 100, pqCodeRatio: 0.125 };
    expect(plan("DISKANN", FloatVector)).toEqual(disk);
    const odd = { max_degree: "True", search_list_size: "100.0", pq_code_budget_gb_ratio: "-0.1" };
    expect(plan("DISKANN", FloatVector, odd)).toEqual(disk);
  });

  it("has what was given, flattened or nested; None is not given", () => {
    expect(plan("HNSW_SQ", FloatVector, { M: "8", efConstruction: "None", sq_type: "sq4u" })).toMatchObject({
      m: 8,
      efConstruction: 360,
      sqType: "SQ4U",
    });
    const nested = indexOf({ index_type: "HNSW_PRQ", metric_type: "L2", params: '{"m": 16, "nrq": 3, "nbits": 6}' });
    expect(graphOf(nested, fieldOf(FloatVector))).toMatchObject({ pqM: 16, nrq: 3, nbits: 6 });
    expect(plan("DISKANN", Float16Vector, { max_degree: "1", search_list_size: "20000" })).toMatchObject({
      maxDegree: 16,
      searchListSize: 10_000,
    });
  });

  it("is not of vectors that its type does not take", () => {
    for (const [type, data] of [
      ["DISKANN", Int8Vector],
      ["HNSW_SQ", BinaryVector],
      ["FLAT", FloatVector],
      ["BIN_FLAT", BinaryVector],
    ] as const)
      expect(plan(type, data), type).toBeUndefined();
  });

  it("takes about its links and its codes", () => {
    const bytes = (type: string, data: DataType, params: Record<string, string> = {}) => {
      const index = plan(type, data, { M: "16", ...params });
      return index === undefined ? 0 : graphBytes(index, 1000, fieldOf(data)) / 1000;
    };
    const links = 16 * 8 + 12;
    expect(bytes("HNSW", FloatVector)).toBe(links + 64);
    expect(bytes("HNSW", BinaryVector)).toBe(links);
    expect(bytes("HNSW_SQ", FloatVector, { sq_type: "SQ4U" })).toBe(links + 64 + 32);
    expect(bytes("HNSW_PQ", Int8Vector)).toBe(links + 32);
    expect(bytes("HNSW_PRQ", FloatVector, { m: "8", nbits: "12" })).toBe(links + 64 + 8 * 2 * 2);
    expect(bytes("DISKANN", FloatVector)).toBe(56 * 8 + 64 + 256 * 1.125 + 12);
  });
});
