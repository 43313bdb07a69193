/** Which lists serve an index: Milvus's names and defaults, and the names of faiss's factory. */
import { describe, expect, it } from "vitest";
import type { IndexDefinition } from "../../src/catalog/types.js";
import { faissIndex } from "../../src/engine/faiss-name.js";
import { graphBytes, graphOf } from "../../src/engine/index-plan.js";
import { DataType, FieldSchema } from "../../src/shared/proto/generated/messages.js";

const field = (dataType: DataType): FieldSchema =>
  FieldSchema.create({ name: "vector", dataType, typeParams: [{ key: "dim", value: "64" }] });
const planOf = (dataType: DataType, given: Record<string, string>) => {
  const params = Object.entries(given).map(([key, value]) => ({ key, value }));
  return graphOf({ params } as unknown as IndexDefinition, field(dataType));
};

describe("lists", () => {
  it("have Milvus's defaults", () => {
    const plan = (index_type: string, more: Record<string, string> = {}) =>
      planOf(DataType.BFloat16Vector, { index_type, metric_type: "IP", ...more });
    const lists = { metric: "IP", nlist: 128 };
    expect(plan("IVF_FLAT")).toEqual({ kind: "IVF_FLAT", ...lists });
    expect(plan("IVF_SQ8")).toEqual({ kind: "IVF_SQ", ...lists, sqType: "SQ8" });
    expect(plan("IVF_SQ", { sq_type: "sq4" })).toEqual({ kind: "IVF_SQ", ...lists, sqType: "SQ4" });
    expect(plan("IVF_PQ", { m: "16" })).toEqual({ kind: "IVF_PQ", ...lists, pqM: 16, nbits: 8 });
    expect(plan("IVF_RABITQ", { nlist: "None" })).toEqual({ kind: "IVF_RABITQ", ...lists, rbqBits: 1 });
    expect(plan("SCANN", { params: '{"nlist": 7, "sub_dim": 4}' })).toEqual({ kind: "SCANN", metric: "IP", nlist: 7, subDim: 4 });
  });

  it("serve binary vectors by HAMMING and JACCARD; the other metrics are scanned for", () => {
    const plan = (index_type: string, metric_type: string) => planOf(DataType.BinaryVector, { index_type, metric_type });
    expect(plan("BIN_IVF_FLAT", "JACCARD")).toEqual({ kind: "BIN_IVF_FLAT", metric: "JACCARD", nlist: 128 });
    expect(plan("AUTOINDEX", "HAMMING")).toEqual({ kind: "BIN_IVF_FLAT", metric: "HAMMING", nlist: 1024 });
    expect([plan("BIN_FLAT", "HAMMING"), plan("AUTOINDEX", "SUBSTRUCTURE")]).toEqual([undefined, undefined]);
  });

  it("take less memory the smaller their codes are", () => {
    const bytes = ["IVF_FLAT", "IVF_RABITQ", "SCANN", "IVF_SQ8"].map((index_type) => {
      const plan = planOf(DataType.FloatVector, { index_type, metric_type: "L2" });
      return plan === undefined ? Number.NaN : graphBytes(plan, 100_000, field(DataType.FloatVector));
    });
    expect(bytes.every((value) => value > 100_000 * 4)).toBe(true);
    expect(bytes[1]).toBeLessThan(bytes[2] as number);
    expect(bytes[2]).toBeLessThan(bytes[3] as number);
  });
});

describe("a name of faiss's factory", () => {
  it("is served by the same type of ours", () => {
    const served = (name: string) => {
      const index = faissIndex(name);
      return index && [index.type, index.params, index.searchParams];
    };
    expect(served("Flat")).toEqual(["FLAT", {}, []]);
    expect(served("BFlat")).toEqual(["BIN_FLAT", {}, []]);
    expect(served("BIVF32")).toEqual(["BIN_IVF_FLAT", { nlist: "32" }, ["nprobe"]]);
    expect(served("IVF64,Flat")).toEqual(["IVF_FLAT", { nlist: "64" }, ["nprobe"]]);
    expect(served("IVF64,SQ8")).toEqual(["IVF_SQ", { nlist: "64", sq_type: "SQ8" }, ["nprobe"]]);
    expect(served("OPQ16,IVF64,PQ16x4")).toEqual(["IVF_PQ", { nlist: "64", m: "16", nbits: "4" }, ["nprobe"]]);
    expect(served("IVF64,PQ8x4,RFlat")).toEqual(["IVF_PQ", { nlist: "64", m: "8", nbits: "4" }, ["nprobe", "k_factor"]]);
    expect(served("PQ8")).toEqual(["IVF_PQ", { nlist: "1", m: "8", nbits: "8" }, []]);
    expect(served("HNSW16,Flat")).toEqual(["HNSW", { M: "16" }, ["efSearch"]]);
  });

  it("that is not known is none", () => {
    for (const name of ["", "IVF", "IVF64", "IVF0,Flat", "IVF64,Flat,Flat", "Flat,Flat", "PQ0", "PQ8x25", "HNSW1", "LSH", "IVF64,PQ8,x"])
      expect(faissIndex(name), name).toBeUndefined();
  });

  it("makes the structure of that type", () => {
    const given = { index_type: "FAISS", metric_type: "L2", faiss_index_name: "IVF64,PQ8x4" };
    expect(planOf(DataType.FloatVector, given)).toEqual({ kind: "IVF_PQ", metric: "L2", nlist: 64, pqM: 8, nbits: 4 });
    expect(planOf(DataType.FloatVector, { ...given, faiss_index_name: "Flat" })).toBeUndefined();
    expect(planOf(DataType.FloatVector, { ...given, faiss_index_name: "HNSW16" })).toMatchObject({ kind: "HNSW", m: 16 });
  });
});
