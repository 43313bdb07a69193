/**
 * Indexes that are graphs: HNSW with its kinds of codes, and DISKANN. Parameters and defaults are Milvus's.
 *
 * Over float32 and 16-bit floats HNSW keeps int8 codes beside its links where they serve; the others keep the codes that they name. All rank what they
 * find by the column itself (DISKANN by its own copy), so `refine_type` needs no memory.
 * Sources: knowhere src/index/hnsw/**, src/index/diskann/diskann_config.h; milvus configs/milvus.yaml (common.DiskIndex).
 */
import { DataType } from "../shared/proto/generated/messages.js";
import type { CoreIndex, CoreIndexKind, CoreMetric } from "./core.js";

const FLOATS: ReadonlySet<DataType> = new Set([DataType.FloatVector, DataType.Float16Vector, DataType.BFloat16Vector]);

/** Kinds, by index type, and whether they take int8 and binary vectors. */
const KINDS: Readonly<Record<string, { readonly kind: CoreIndexKind; readonly int8: boolean; readonly binary: boolean }>> = {
  HNSW: { kind: "HNSW", int8: true, binary: true },
  HNSW_SQ: { kind: "HNSW_SQ", int8: true, binary: false },
  HNSW_PQ: { kind: "HNSW_PQ", int8: true, binary: false },
  HNSW_PRQ: { kind: "HNSW_PRQ", int8: true, binary: false },
  DISKANN: { kind: "DISKANN", int8: false, binary: false },
  AUTOINDEX: { kind: "HNSW", int8: true, binary: false },
};

const takes = (type: string, data: DataType): boolean => {
  const kind = KINDS[type];
  if (kind === undefined) return false;
  return FLOATS.has(data) || (data === DataType.Int8Vector && kind.int8) || (data === DataType.BinaryVector && kind.binary);
};

/** Few links lead nowhere, and very long lists only take time: what is given is brought into these bounds. */
const DEGREES = { low: 16, high: 512 };
const LISTS = { low: 32, high: 10_000 };

/** DISKANN takes anything for its parameters; what is no such number means the default. */
const whole = (text: string | undefined, standard: number, { low, high }: { low: number; high: number }): number =>
  text !== undefined && /^\d+$/.test(text) ? Math.min(Math.max(Number(text), low), high) : standard;
const ratio = (text: string | undefined, standard: number): number => {
  const value = Number(text);
  return value > 0 && value <= 1 ? value : standard;
};

/** The graph that serves an index of that type over such vectors; undefined when none does. `given`: a build parameter that was given a value. */
export const graphPlan = (
  type: string,
  data: DataType,
  metric: CoreMetric,
  given: (key: string) => string | undefined,
): CoreIndex | undefined => {
  const known = KINDS[type];
  if (known === undefined || !takes(type, data)) return undefined;
  const { kind } = known;
  const number = (key: string, standard: number): number => Number(given(key) ?? standard);
  if (kind === "DISKANN")
    return {
      kind,
      metric,
      maxDegree: whole(given("max_degree"), 56, DEGREES),
      searchListSize: whole(given("search_list_size"), 100, LISTS),
      pqCodeRatio: ratio(given("pq_code_budget_gb_ratio"), 0.125),
    };
  const automatic = type === "AUTOINDEX";
  const graph = { kind, metric, m: number("M", automatic ? 18 : 30), efConstruction: number("efConstruction", automatic ? 240 : 360) };
  if (kind === "HNSW_SQ") return { ...graph, sqType: (given("sq_type") ?? "SQ8").toUpperCase() };
  if (kind === "HNSW_PQ") return { ...graph, pqM: number("m", 32), nbits: number("nbits", 8) };
  if (kind === "HNSW_PRQ") return { ...graph, pqM: number("m", 2), nbits: number("nbits", 8), nrq: number("nrq", 2) };
  return graph;
};

/** Bytes a dimension of the codes of HNSW_SQ. */
const SCALAR_BYTES: Readonly<Record<string, number>> = { SQ4U: 0.5, SQ6: 0.75, SQ8: 1, FP16: 2, BF16: 2 };
/** Bytes of links on all levels, by M: twice as many links on level 0, and about one in M rows above. */
const LINK_BYTES = 8;
const ROW_BYTES = 12;

/** Links that the core uses at most. */
const M_USED_MAX = 128;

/** About how many bytes building such a graph takes, a row: its links and codes, and the int8 codes that it is built by. */
export const graphRowBytes = (plan: CoreIndex, data: DataType, dim: number): number => {
  const built = FLOATS.has(data) ? dim : 0;
  const { pqM = 0, nbits = 8, nrq = 1 } = plan;
  const m = Math.min(plan.m ?? 0, M_USED_MAX);
  switch (plan.kind) {
    case "HNSW_SQ":
      return m * LINK_BYTES + ROW_BYTES + built + (plan.sqType === "SQ8" ? 0 : dim * (SCALAR_BYTES[plan.sqType ?? ""] ?? 1));
    case "HNSW_PQ":
    case "HNSW_PRQ":
      return m * LINK_BYTES + ROW_BYTES + built + pqM * nrq * Math.ceil(nbits / 8);
    case "DISKANN": {
      const width = dim * (data === DataType.FloatVector ? 4 : 2);
      // The links twice: as the graph and within the sectors.
      return (plan.maxDegree ?? 0) * 8 + built + width * (1 + (plan.pqCodeRatio ?? 0)) + ROW_BYTES;
    }
    default:
      return m * LINK_BYTES + ROW_BYTES + built;
  }
};
