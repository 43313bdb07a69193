/**
 * Which structure of the core serves an index that a user asked for.
 *
 * Vector indexes: FLAT and BIN_FLAT are the exact scan (no structure); those of lists have lists (`list-plan`); every other name is served by the HNSW
 * graph with the parameters given, or with ones that stand for the type. Scalar indexes are accepted and need none: filters run over the columns. Parameters come flattened or as JSON in `params`.
 */
import { propertyOf } from "../catalog/properties.js";
import type { IndexDefinition } from "../catalog/types.js";
import type { FieldSchema } from "../shared/proto/generated/messages.js";
import { DataType } from "../shared/proto/generated/messages.js";
import type { CoreIndex, CoreMetric } from "./core.js";
import { listsBytes, listsOf } from "./list-plan.js";

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

export const higherIsBetter = (metric: CoreMetric): boolean => metric === "IP" || metric === "COSINE";

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

/** About how many bytes an index over so many rows takes; a graph: a code of a byte a dimension, and the links. */
export const graphBytes = (index: CoreIndex, rows: number, field: FieldSchema): number => {
  const dim = Number(propertyOf(field.typeParams, "dim") ?? 0);
  return index.kind === "HNSW" ? rows * (dim + 8 * (index.m ?? OTHER_GRAPH.m) + 8) : listsBytes(index, rows, dim);
};

/** The structure to build for this index, or undefined when a scan serves it. */
export const graphOf = (index: IndexDefinition, field: FieldSchema): CoreIndex | undefined => {
  const type = indexType(index).toUpperCase();
  const metric = metricOf(index, field);
  if (metric === undefined) return undefined;
  const lists = listsOf(type, field.dataType, metric, (key) => givenParameter(index, key));
  if (lists !== undefined) return lists;
  if (field.dataType !== DataType.FloatVector || type === "FLAT") return undefined;
  const defaults = GRAPHS[type] ?? OTHER_GRAPH;
  return {
    kind: "HNSW",
    metric,
    m: Number(givenParameter(index, "M") ?? defaults.m),
    efConstruction: Number(givenParameter(index, "efConstruction") ?? defaults.efConstruction),
  };
};
