/**
 * The inverted lists that serve indexes of sparse vectors: SPARSE_INVERTED_INDEX, SPARSE_WAND (the same by another default algorithm) and AUTOINDEX.
 *
 * All algorithms answer alike; which one is asked for decides how the core looks for the best rows. `drop_ratio_build`, codecs, window and block sizes
 * and quantised values say how Milvus keeps its lists; ours keep every value exactly, so they change nothing here.
 */
import { DataType } from "../shared/proto/generated/messages.js";
import type { CoreIndex } from "./core.js";

/** Bytes of a row's values in the lists, of 165 values: how many there are is not known before the build. */
const ROW_BYTES = 1024;

/** The lists for an index of type `type` in capitals; undefined when none serve it. `parameter`: one of the index's. */
export const sparseListsOf = (type: string, dataType: DataType, parameter: (key: string) => string | undefined): CoreIndex | undefined => {
  if (dataType !== DataType.SparseFloatVector) return undefined;
  const algorithm = parameter("inverted_index_algo");
  return {
    kind: "SPARSE_INVERTED",
    metric: (parameter("metric_type") ?? "IP").toUpperCase() === "BM25" ? "BM25" : "IP",
    invertedIndexAlgo: algorithm ?? (type === "SPARSE_WAND" ? "DAAT_WAND" : "DAAT_MAXSCORE"),
  };
};

/** About how many bytes the lists of so many rows take. */
export const sparseListsBytes = (rows: number): number => rows * ROW_BYTES;
