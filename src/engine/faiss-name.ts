/**
 * Milvus's index type FAISS: an index is named as faiss's factory names it ("IVF64,PQ8x4,RFlat"), and served by the type of ours that is the same.
 *
 * What is known: `Flat`, `SQ4` `SQ6` `SQ8`, `PQ<m>[x<bits>][fs]` and `RaBitQ` alone or behind `IVF<lists>`, `HNSW<links>[,Flat]`, and `BFlat`, `BIVF<lists>` for
 * bits; a leading `OPQ<m>[_<dim>]` is taken and not needed, since found rows are ranked by their vectors, as is a closing `RFlat` or `Refine(Flat)`.
 * Source: the faiss wiki, "The index factory".
 */

/** An index of ours that stands for a factory's name. */
export interface FaissIndex {
  readonly type: string;
  /** Build parameters of that type. */
  readonly params: Readonly<Record<string, string>>;
  readonly binary: boolean;
  /** Search parameters that faiss has for such an index. */
  readonly searchParams: readonly string[];
}

const match = (pattern: RegExp, part: string | undefined): RegExpExecArray | undefined => pattern.exec(part ?? "") ?? undefined;

const REFINE = /^(RFlat|Refine\(Flat\))$/;
const COUNT_MAX = 65536;
const inRange = (text: string | undefined): boolean => text === undefined || (Number(text) >= 1 && Number(text) <= COUNT_MAX);

/** The type and parameters of what stands in the lists. */
const codesOf = (part: string | undefined): Omit<FaissIndex, "binary" | "searchParams"> | undefined => {
  if (part === undefined || part === "Flat") return { type: "IVF_FLAT", params: {} };
  const scalar = match(/^SQ([468])$/, part);
  if (scalar !== undefined) return { type: "IVF_SQ", params: { sq_type: `SQ${scalar[1]}` } };
  const product = match(/^PQ(\d+)(?:x(\d+))?(fs)?$/, part);
  if (product !== undefined && inRange(product[1]) && Number(product[2] ?? 8) >= 1 && Number(product[2] ?? 8) <= 24)
    return { type: "IVF_PQ", params: { m: product[1] ?? "", nbits: product[2] ?? "8" } };
  return part === "RaBitQ" ? { type: "IVF_RABITQ", params: {} } : undefined;
};

/** The index that a factory's name stands for; undefined when it is none that is known. */
export const faissIndex = (name: string): FaissIndex | undefined => {
  const parts = name.split(",").map((part) => part.trim());
  if (match(/^OPQ\d+(_\d+)?$/, parts[0]) !== undefined) parts.shift();
  const refined = parts.length > 1 && REFINE.test(parts.at(-1) ?? "");
  if (refined) parts.pop();
  const [first, second, ...more] = parts;
  if (first === undefined || more.length > 0) return undefined;
  const rank = refined ? ["k_factor"] : [];
  if (first === "BFlat" && second === undefined) return { type: "BIN_FLAT", params: {}, binary: true, searchParams: [] };
  const bits = match(/^BIVF(\d+)$/, first);
  if (bits !== undefined && second === undefined && inRange(bits[1]))
    return { type: "BIN_IVF_FLAT", params: { nlist: bits[1] ?? "" }, binary: true, searchParams: ["nprobe"] };
  const lists = match(/^IVF(\d+)$/, first);
  if (lists !== undefined) {
    const codes = second === undefined || !inRange(lists[1]) ? undefined : codesOf(second);
    return codes && { ...codes, params: { nlist: lists[1] ?? "", ...codes.params }, binary: false, searchParams: ["nprobe", ...rank] };
  }
  const graph = match(/^HNSW(\d*)$/, first);
  if (graph !== undefined) {
    const links = graph[1] === "" ? "32" : (graph[1] ?? "");
    const known = (second === undefined || second === "Flat") && Number(links) >= 2 && Number(links) <= 2048;
    return known ? { type: "HNSW", params: { M: links }, binary: false, searchParams: ["efSearch", ...rank] } : undefined;
  }
  if (second !== undefined) return undefined;
  if (first === "Flat") return { type: "FLAT", params: {}, binary: false, searchParams: rank };
  const codes = codesOf(first);
  return codes && { ...codes, params: { nlist: "1", ...codes.params }, binary: false, searchParams: rank };
};
