/**
 * JSON that keeps 64-bit integers and bytes.
 *
 * Model: a `bigint` is written as `{"$int":"123"}`, bytes as `{"$bytes":"<base64>"}`; a key of the caller's own that begins with `$` gets one more `$`,
 * so nothing a caller writes is taken for a tag. Plain objects, arrays, strings, booleans, null and finite numbers are as in JSON (`-0` becomes 0, and
 * members that are undefined are left out). What JSON cannot hold (NaN, infinities, functions) is an error, not a silent null.
 */

export type Exact =
  | null
  | boolean
  | number
  | string
  | bigint
  | Uint8Array
  | readonly Exact[]
  | { readonly [key: string]: Exact | undefined };

const tagged = (value: Exact | undefined): unknown => {
  if (typeof value === "bigint") return { $int: value.toString() };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`JSON cannot hold ${value}`);
  if (typeof value === "function" || typeof value === "symbol") throw new TypeError(`JSON cannot hold a ${typeof value}`);
  if (Array.isArray(value)) return value.map(tagged);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key.startsWith("$") ? `$${key}` : key, tagged(member as Exact | undefined)]),
  );
};

const untagged = (value: unknown): Exact => {
  if (Array.isArray(value)) return value.map(untagged);
  if (typeof value !== "object" || value === null) return value as Exact;
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first !== undefined) {
    if (first[0] === "$int") return BigInt(first[1] as string);
    if (first[0] === "$bytes") return Buffer.from(first[1] as string, "base64");
  }
  return Object.fromEntries(entries.map(([key, member]) => [key.startsWith("$$") ? key.slice(1) : key, untagged(member)]));
};

export const encodeExact = (value: Exact): string => JSON.stringify(tagged(value));
/** The value that `encodeExact` wrote; throws SyntaxError for text that is not JSON. */
export const decodeExact = (text: string): Exact => untagged(JSON.parse(text));
