/**
 * Indexes whose rows are divided into lists (IVF): the structure for each of Milvus's names, with Milvus's defaults, and about what it takes.
 *
 * SCANN and the names of growing segments (IVF_FLAT_CC, IVF_SQ_CC, SCANN_DVR) are lists, too, and so is AUTOINDEX of binary vectors.
 * Sources: knowhere src/index/ivf/ivf_config.h, milvus pkg/util/paramtable/autoindex_param.go.
 */
import { DataType } from "../shared/proto/generated/messages.js";
import type { CoreIndex, CoreIndexKind, CoreMetric } from "./core.js";

/** Reads a parameter of the index; undefined where it was not given. */
export type ReadParameter = (key: string) => string | undefined;

const NLIST_DEFAULT = 128;
const NLIST_OF_AUTOINDEX = 1024;
const NBITS_DEFAULT = 8;
/** Dimensions of a part of SCANN. */
export const SUB_DIM_DEFAULT = 2;
const FLOATS: ReadonlySet<DataType> = new Set([DataType.FloatVector, DataType.Float16Vector, DataType.BFloat16Vector]);

const KINDS: ReadonlyMap<string, CoreIndexKind> = new Map([
  ["IVF_FLAT", "IVF_FLAT"],
  ["IVF_FLAT_CC", "IVF_FLAT"],
  ["IVF_SQ8", "IVF_SQ"],
  ["IVF_SQ", "IVF_SQ"],
  ["IVF_SQ_CC", "IVF_SQ"],
  ["IVF_PQ", "IVF_PQ"],
  ["IVF_RABITQ", "IVF_RABITQ"],
  ["IVF_RABITQ_FASTSCAN", "IVF_RABITQ"],
  ["SCANN", "SCANN"],
  ["SCANN_DVR", "SCANN"],
]);

/** What the kind needs besides the number of lists. */
const codesOf = (kind: CoreIndexKind, read: ReadParameter): Partial<CoreIndex> => {
  switch (kind) {
    case "IVF_SQ":
      return { sqType: (read("sq_type") ?? "SQ8").toUpperCase() };
    case "IVF_PQ":
      return { pqM: Number(read("m") ?? 1), nbits: Number(read("nbits") ?? NBITS_DEFAULT) };
    case "IVF_RABITQ":
      return { rbqBits: Number(read("rbq_bits") ?? 1) };
    case "SCANN":
      return { subDim: Number(read("sub_dim") ?? SUB_DIM_DEFAULT) };
    default:
      return {};
  }
};

/** The lists to build for an index of this type (in capitals), or undefined when it is not one of lists. */
export const listsOf = (type: string, dataType: DataType, metric: CoreMetric, read: ReadParameter): CoreIndex | undefined => {
  if (dataType === DataType.BinaryVector) {
    const isList = type === "BIN_IVF_FLAT" || type === "AUTOINDEX";
    if (!isList || (metric !== "HAMMING" && metric !== "JACCARD")) return undefined;
    return { kind: "BIN_IVF_FLAT", metric, nlist: type === "AUTOINDEX" ? NLIST_OF_AUTOINDEX : Number(read("nlist") ?? NLIST_DEFAULT) };
  }
  const kind = KINDS.get(type);
  if (kind === undefined || !FLOATS.has(dataType)) return undefined;
  return { kind, metric, nlist: Number(read("nlist") ?? NLIST_DEFAULT), ...codesOf(kind, read) };
};

/** Bytes of a row's code. */
const codeBytes = (index: CoreIndex, dim: number): number => {
  switch (index.kind) {
    case "IVF_FLAT":
      return 0;
    case "IVF_SQ":
      return dim;
    case "IVF_PQ":
      return ((index.pqM ?? 1) * Math.max(index.nbits ?? NBITS_DEFAULT, 4)) / 8;
    case "IVF_RABITQ":
      return (dim * (index.rbqBits ?? 1)) / 8;
    case "SCANN":
      return dim / (2 * (index.subDim ?? SUB_DIM_DEFAULT));
    default:
      return dim / 8;
  }
};

/** What stands beside a row's code: its number, a bias and a factor. */
const BYTES_BESIDE = 12;

/** About how many bytes lists over so many rows take. */
export const listsBytes = (index: CoreIndex, rows: number, dim: number): number =>
  Math.ceil(rows * (codeBytes(index, dim) + BYTES_BESIDE) + (index.nlist ?? NLIST_DEFAULT) * dim * 4);
