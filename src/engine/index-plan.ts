/**
 * Which structure of the core serves an index that a user asked for.
 *
 * Vector indexes: FLAT is the exact scan (no structure); sparse vectors have inverted lists (`sparse-plan`); every other name is served by the
 * HNSW graph with the parameters given, or with ones that stand for the type. Scalar indexes are accepted and need none: filters run over the columns. Parameters come flattened or as JSON in `params`.
 */
import { propertyOf } from "../catalog/properties.js";
import type { IndexDefinition } from "../catalog/types.js";
import type { FieldSchema } from "../shared/proto/generated/messages.js";
import { DataType } from "../shared/proto/generated/messages.js";
import type { CoreIndex, CoreMetric } from "./core.js";
import { sparseListsBytes, sparseListsOf } from "./sparse-plan.js";

/** Links a node and breadth of the build, by index type: Milvus's defaults for HNSW and AUTOINDEX, the usual M=16 for the rest. */
const GRAPHS: Record<string, { m: number; efConstruction: number }> = {
  HNSW: { m: 30, efConstruction: 360 },
  HNSW_SQ: { m: 30, efConstruction: 360 },
  HNSW_PQ: { m: 30, efConstruction: 360 },
  HNSW_PRQ: { m: 30, efConstruction: 360 },
  AUTOINDEX: { m: 18, efConstruction: 240 },
};
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

/** Metric of a graph over float vectors. */
const graphMetric = (index: IndexDefinition): CoreMetric => {
  const metric = (indexParameter(index, "metric_type") ?? "COSINE").toUpperCase();
  return metric === "L2" || metric === "IP" ? metric : "COSINE";
};

/** About how many bytes a graph over so many rows takes: a code of a byte a dimension, and the links. */
export const graphBytes = ({ kind, m = 16 }: CoreIndex, rows: number, field: FieldSchema): number =>
  kind === "SPARSE_INVERTED" ? sparseListsBytes(rows) : rows * (Number(propertyOf(field.typeParams, "dim") ?? 0) + 8 * m + 8);

/** The graph to build for this index, or undefined when a scan serves it. */
export const graphOf = (index: IndexDefinition, field: FieldSchema): CoreIndex | undefined => {
  const type = indexType(index).toUpperCase();
  const lists = sparseListsOf(type, field.dataType, (key) => indexParameter(index, key));
  if (lists !== undefined) return lists;
  if (field.dataType !== DataType.FloatVector) return undefined;
  if (type === "FLAT") return undefined;
  const defaults = GRAPHS[type] ?? OTHER_GRAPH;
  return {
    kind: "HNSW",
    metric: graphMetric(index),
    m: Number(indexParameter(index, "M") ?? defaults.m),
    efConstruction: Number(indexParameter(index, "efConstruction") ?? defaults.efConstruction),
  };
};
