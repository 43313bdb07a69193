/**
 * Which structure of the core serves an index that a user asked for.
 *
 * FLAT and BIN_FLAT are the exact scan (no structure); graphs are planned in `graph-plan`, lists around centroids in `list-plan`, inverted lists of sparse
 * vectors in `sparse-plan`; the HNSW graph stands for the other types of float32 vectors. Scalar indexes are accepted and need none: filters run over the
 * columns. Parameters come flattened or as JSON in `params`.
 */
import { propertyOf } from "../catalog/properties.js";
import type { IndexDefinition } from "../catalog/types.js";
import type { FieldSchema } from "../shared/proto/generated/messages.js";
import { DataType } from "../shared/proto/generated/messages.js";
import type { CoreIndex, CoreMetric } from "./core.js";
import { faissIndex } from "./faiss-name.js";
import { graphPlan, graphRowBytes } from "./graph-plan.js";
import { listsBytes, listsOf } from "./list-plan.js";
import { sparseListsBytes, sparseListsOf } from "./sparse-plan.js";

/** What stands for the types that have no structure of their own: the usual M=16. */
const OTHER_GRAPH = { m: 16, efConstruction: 200 };

/** Rows below which a segment is searched by a scan whatever its index (indexCoord.segment.minSegmentNumRowsToEnableIndex). */
export const INDEXED_ROWS_MIN = 1024;

/** A parameter of the index, looked up flattened first, then in the `params` JSON. */
export const indexParameter = (index: IndexDefinition, key: string): string | undefined => {
  const flat = index.params.find((pair) => pair.key === key)?.value;
  if (flat !== undefined) return flat;
  const nested = index.params.find((pair) => pair.key === "params")?.value;
  if (nested === undefined) return undefined;
  try {
    const value = (JSON.parse(nested) as Record<string, unknown>)[key];
    return value === undefined || value === null ? undefined : String(value);
  } catch {
    // Checked when the index was created; text that is no JSON holds no parameters.
    return undefined;
  }
};

export const indexType = (index: IndexDefinition): string => indexParameter(index, "index_type") ?? "AUTOINDEX";

export const higherIsBetter = (metric: CoreMetric): boolean => metric === "IP" || metric === "COSINE" || metric === "BM25";

const METRICS: readonly CoreMetric[] = ["L2", "IP", "COSINE", "HAMMING", "JACCARD"];

/** The index's metric; undefined when the core builds nothing for it. */
const metricOf = (index: IndexDefinition, field: FieldSchema): CoreMetric | undefined => {
  const standard = field.dataType === DataType.BinaryVector ? "HAMMING" : "COSINE";
  const metric = (indexParameter(index, "metric_type") ?? standard).toUpperCase();
  return METRICS.find((known) => known === metric);
};

/** A parameter that was given a value: Python clients send a missing one as `None`, JSON ones as null. */
const givenParameter = (index: IndexDefinition, key: string): string | undefined => {
  const value = indexParameter(index, key);
  return value === "None" || value === "null" ? undefined : value;
};

/** Kinds that keep rows in lists around centroids. */
const LISTS: ReadonlySet<CoreIndex["kind"]> = new Set(["IVF_FLAT", "IVF_SQ", "IVF_PQ", "IVF_RABITQ", "SCANN", "BIN_IVF_FLAT"]);

/** The index type, in capitals, that stands for the one asked for, and its parameters. */
const servedAs = (index: IndexDefinition): { readonly type: string; readonly given: (key: string) => string | undefined } => {
  const type = indexType(index).toUpperCase();
  const faiss = type === "FAISS" ? faissIndex(givenParameter(index, "faiss_index_name") ?? "") : undefined;
  if (faiss !== undefined) return { type: faiss.type, given: (key) => faiss.params[key] };
  return { type, given: (key) => givenParameter(index, key) };
};

/** About how many bytes building an index over so many rows takes. */
export const graphBytes = (index: CoreIndex, rows: number, field: FieldSchema): number => {
  if (index.kind === "SPARSE_INVERTED") return sparseListsBytes(rows);
  const dim = Number(propertyOf(field.typeParams, "dim") ?? 0);
  return LISTS.has(index.kind) ? listsBytes(index, rows, dim) : rows * graphRowBytes(index, field.dataType, dim);
};

/** The structure to build for this index, or undefined when a scan serves it. */
export const graphOf = (index: IndexDefinition, field: FieldSchema): CoreIndex | undefined => {
  // Lists of vectors have no structure of their own.
  if (field.dataType === DataType.ArrayOfVector) return undefined;
  const { type, given } = servedAs(index);
  const sparse = sparseListsOf(type, field.dataType, given);
  if (sparse !== undefined) return sparse;
  const metric = metricOf(index, field);
  if (metric === undefined) return undefined;
  const planned = listsOf(type, field.dataType, metric, given) ?? graphPlan(type, field.dataType, metric, given);
  if (planned !== undefined) return planned;
  if (field.dataType !== DataType.FloatVector || type === "FLAT" || type === "FAISS") return undefined;
  return { kind: "HNSW", metric, ...OTHER_GRAPH };
};
