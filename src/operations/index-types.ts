/**
 * The index types of Milvus: which data types each serves, and what its build parameters may be. All of the vector types are accepted for what they
 * say; which structure serves each is the engine's to choose (`src/engine/index-plan.ts`).
 * Sources: milvus internal/util/indexparamcheck, knowhere include/knowhere/index/index_table.h and src/index/**.
 */
import { DataType, type FieldSchema } from "../shared/proto/generated/messages.js";
import { isOfTerms } from "../shared/schema.js";

const FLOATS = [DataType.FloatVector, DataType.Float16Vector, DataType.BFloat16Vector];
const BINARY = [DataType.BinaryVector];
const SPARSE = [DataType.SparseFloatVector];

/** Data types that a vector index can be built on. */
export const VECTOR_INDEXES: ReadonlyMap<string, readonly DataType[]> = new Map([
  ...["FLAT", "IVF_FLAT", "IVF_SQ8", "IVF_SQ", "IVF_PQ", "IVF_RABITQ", "IVF_RABITQ_FASTSCAN", "SCANN"].map(
    (name): [string, readonly DataType[]] => [name, FLOATS],
  ),
  ...["IVF_FLAT_CC", "IVF_SQ_CC", "SCANN_DVR", "DISKANN", "AISAQ"].map((name): [string, readonly DataType[]] => [name, FLOATS]),
  ["HNSW", [...FLOATS, DataType.Int8Vector, ...BINARY]],
  ...["HNSW_SQ", "HNSW_PQ", "HNSW_PRQ"].map((name): [string, readonly DataType[]] => [name, [...FLOATS, DataType.Int8Vector]]),
  ["BIN_FLAT", BINARY],
  ["BIN_IVF_FLAT", BINARY],
  ["MINHASH_LSH", BINARY],
  ["FAISS", [DataType.FloatVector, ...BINARY]],
  ["SPARSE_INVERTED_INDEX", SPARSE],
  ["SPARSE_WAND", SPARSE],
]);

export const AUTOINDEX = "AUTOINDEX";

export const SCALAR_INDEXES: ReadonlySet<string> = new Set([
  "INVERTED",
  "BITMAP",
  "STL_SORT",
  "Asceneding",
  "Trie",
  "TRIE",
  "marisa-trie",
  "NGRAM",
  "RTREE",
]);

/** Vector types that cannot be mapped, and the scalar types that can (the rest of the vector types can). */
const UNMAPPED = new Set(["DISKANN", "AISAQ", "MINHASH_LSH"]);
const MAPPED_SCALARS = new Set(["INVERTED", "BITMAP", "HYBRID", "Trie", "NGRAM"]);
export const canBeMapped = (type: string): boolean =>
  type === AUTOINDEX || (VECTOR_INDEXES.has(type) ? !UNMAPPED.has(type) : MAPPED_SCALARS.has(type));

export const METRICS: ReadonlyMap<number, readonly string[]> = new Map([
  ...FLOATS.map((type): [number, readonly string[]] => [type, ["L2", "IP", "COSINE"]]),
  [DataType.Int8Vector, ["L2", "IP", "COSINE"]],
  [DataType.BinaryVector, ["HAMMING", "JACCARD", "SUBSTRUCTURE", "SUPERSTRUCTURE", "MHJACCARD"]],
  [DataType.SparseFloatVector, ["IP", "BM25"]],
]);

const LISTS_OF_VECTORS = ["L2", "IP", "COSINE", "MAX_SIM", "MAX_SIM_COSINE", "MAX_SIM_L2", "MAX_SIM_IP"];
const LISTS_OF_BITS = ["HAMMING", "JACCARD", "SUBSTRUCTURE", "SUPERSTRUCTURE", "MAX_SIM_HAMMING", "MAX_SIM_JACCARD"];

/** Metrics of lists of vectors: of one element, or of one list to another; and Milvus's word for the elements. */
export const listMetrics = (element: DataType): readonly [word: string, metrics: readonly string[]] => {
  if (element === DataType.BinaryVector) return ["binary", LISTS_OF_BITS];
  return [element === DataType.Int8Vector ? "int" : "float", LISTS_OF_VECTORS];
};

/** The metric of an index that names none. */
export const defaultMetric = (field: Pick<FieldSchema, "dataType" | "elementType" | "isFunctionOutput">): string => {
  if (field.dataType === DataType.ArrayOfVector) return field.elementType === DataType.BinaryVector ? "MAX_SIM_HAMMING" : "MAX_SIM_COSINE";
  if (field.dataType === DataType.BinaryVector) return "HAMMING";
  if (field.dataType !== DataType.SparseFloatVector) return "COSINE";
  return isOfTerms(field) ? "BM25" : "IP";
};

/** Indexes of binary vectors that know fewer metrics than the data type has. */
export const INDEX_METRICS: ReadonlyMap<string, readonly string[]> = new Map([
  ["HNSW", ["HAMMING", "JACCARD"]],
  ["BIN_FLAT", ["HAMMING", "JACCARD", "SUBSTRUCTURE", "SUPERSTRUCTURE"]],
  ["BIN_IVF_FLAT", ["HAMMING", "JACCARD"]],
  ["FAISS", ["HAMMING", "JACCARD"]],
]);

export type Rule =
  | { readonly kind: "integer"; readonly low: number; readonly high: number }
  | { readonly kind: "ratio"; readonly low: number; readonly below: number }
  | { readonly kind: "number"; readonly low: number; readonly high: number }
  | { readonly kind: "byMetric"; readonly options: Readonly<Record<string, readonly string[]>> }
  | { readonly kind: "word"; readonly noun: string; readonly options: readonly string[] }
  | { readonly kind: "flag" }
  | { readonly kind: "scalarQuantizer"; readonly options: readonly string[] }
  | { readonly kind: "refineType"; readonly options: readonly string[] };

const integer = (low: number, high: number): Rule => ({ kind: "integer", low, high });
const flag: Rule = { kind: "flag" };
const nlist = integer(1, 65536);
const graph = { M: integer(2, 2048), efConstruction: integer(1, 2147483647) };
const refine = {
  refine: flag,
  refine_type: { kind: "refineType", options: ["sq4u", "sq6", "sq8", "fp16", "bf16", "fp32", "flat"] } as Rule,
};
const ivfRefine = { refine: flag, refine_type: { kind: "refineType", options: ["sq6", "sq8", "fp16", "bf16", "fp32", "flat"] } as Rule };
const quantizer = { m: integer(1, 65536), nbits: integer(1, 24) };

const sparse: Readonly<Record<string, Rule>> = {
  inverted_index_algo: {
    kind: "word",
    noun: "sparse inverted index algo",
    options: ["TAAT_NAIVE", "DAAT_WAND", "DAAT_MAXSCORE", "BLOCK_MAX_MAXSCORE", "BLOCK_MAX_WAND", "SINDI"],
  },
  inverted_index_codec: { kind: "word", noun: "inverted_index_codec", options: ["block_streamvbyte", "block_maskedvbyte"] },
  drop_ratio_build: { kind: "ratio", low: 0, below: 1 },
  block_max_block_size: integer(1, 2147483647),
  sindi_window_size: integer(1024, 65535),
  quant_type: { kind: "byMetric", options: { IP: ["fp16", "fp32"], BM25: ["u16", "u32"] } },
  bm25_k1: { kind: "number", low: 0, high: 3 },
  bm25_b: { kind: "number", low: 0, high: 1 },
  bm25_avgdl: { kind: "number", low: 0, high: 3.4028234663852886e38 },
};

/** Rules of the build parameters that are checked; other keys are kept as they are. */
export const BUILD_RULES: ReadonlyMap<string, Readonly<Record<string, Rule>>> = new Map<string, Readonly<Record<string, Rule>>>([
  ["IVF_FLAT", { nlist }],
  ["IVF_SQ8", { nlist, ...ivfRefine }],
  ["IVF_SQ", { nlist, sq_type: { kind: "scalarQuantizer", options: ["sq4", "sq6", "sq8"] }, ...ivfRefine }],
  ["IVF_PQ", { nlist, ...quantizer, ...ivfRefine }],
  ["IVF_RABITQ", { nlist, rbq_bits: integer(1, 9), ...ivfRefine }],
  ["IVF_RABITQ_FASTSCAN", { nlist, ...ivfRefine }],
  ["SCANN", { nlist, sub_dim: integer(1, 65536), with_raw_data: flag }],
  ["BIN_IVF_FLAT", { nlist }],
  ["HNSW", graph],
  ["HNSW_SQ", { ...graph, sq_type: { kind: "scalarQuantizer", options: ["sq4u", "sq6", "sq8", "fp16", "bf16"] }, ...refine }],
  ["HNSW_PQ", { ...graph, ...quantizer, ...refine }],
  ["SPARSE_INVERTED_INDEX", sparse],
  ["SPARSE_WAND", sparse],
  ["HNSW_PRQ", { ...graph, ...quantizer, nrq: integer(1, 16), ...refine }],
]);
