/**
 * A search like one before, with other vectors, is not read and prepared again.
 *
 * Two searches are alike when their encoded requests are the same but for the vectors, their number and the guarantee timestamp (no search but an iterator's
 * reads at it). What was prepared holds as long as the catalog object does: any change of names, schema, indexes or loads makes another one, whose searches
 * are prepared anew; users and grants are in the catalog too, so what a user was permitted is permitted as long. Searches that need more than hits in their reply are not kept.
 */
import type { Catalog } from "../catalog/types.js";
import type { PreparedSearch } from "../engine/api.js";
import {
  DataType,
  type FieldSchema,
  type SearchRequest,
  SearchResultData,
  type SearchResults,
} from "../shared/proto/generated/messages.js";
import { Reader, WireError, WireType } from "../shared/proto/reader.js";
import type { Init } from "../shared/proto/wire.js";
import type { Answer, Call } from "./operation.js";
import { checkVectors, convertedVectors, givenVectors } from "./search-vectors.js";

/** Fields of SearchRequest that differ between searches that are alike. */
const PLACEHOLDER_GROUP = 6;
const GUARANTEE_TIMESTAMP = 11;
const NQ = 12;
const VARYING: ReadonlySet<number> = new Set([PLACEHOLDER_GROUP, GUARANTEE_TIMESTAMP, NQ]);

/** Longer keys are not kept: filters with thousands of values are seldom asked twice. */
const KEY_LENGTH_MAX = 4096;
const KEPT_MAX = 1000;

interface Split {
  /** What searches that are alike have in common. */
  readonly key: string;
  readonly request: Pick<SearchRequest, "placeholderGroup" | "nq">;
}

/** undefined: the bytes are no message, or too long to be kept. */
const split = (call: Call, encoded: Buffer): Split | undefined => {
  const reader = new Reader(encoded);
  let key = `${call.principal.unlimited ? "" : call.principal.user}\0${call.databaseName}\0`;
  let placeholderGroup: Buffer | undefined;
  let nq = 0n;
  let begin = 0;
  try {
    while (reader.position < reader.end) {
      const at = reader.position;
      const tag = reader.uint32();
      const number = tag >>> 3;
      if (!VARYING.has(number)) {
        reader.skip(tag & 7);
        continue;
      }
      key += encoded.toString("latin1", begin, at);
      if (number === PLACEHOLDER_GROUP && (tag & 7) === WireType.Bytes) placeholderGroup = reader.bytes();
      else if (number === NQ && (tag & 7) === WireType.Varint) nq = reader.varint();
      else reader.skip(tag & 7);
      begin = reader.position;
    }
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
  if (key.length + reader.end - begin > KEY_LENGTH_MAX) return undefined;
  return { key: key + encoded.toString("latin1", begin, reader.end), request: { placeholderGroup, nq } };
};

/** What a search is when it is asked again. */
export interface Again {
  readonly field: FieldSchema;
  readonly run: PreparedSearch;
  /** Encoded fields of SearchResultData that are the same each time. */
  readonly names: Buffer;
  readonly collectionName: string;
}

const kept = new WeakMap<Catalog, Map<string, Again>>();

const answer = async (again: Again, request: Split["request"]): Promise<Init<SearchResults>> => {
  const vectors = convertedVectors(again.field, givenVectors(request));
  checkVectors(again.field, vectors);
  const { values } = vectors;
  const bytes = values.length === 1 ? (values[0] as Buffer) : Buffer.concat(values);
  const lengths = again.field.dataType === DataType.SparseFloatVector ? values.map((value) => value.length) : undefined;
  const { data, readTimestamp } = await again.run(bytes, lengths);
  return { results: Buffer.concat([data, again.names]), collectionName: again.collectionName, sessionTs: readTimestamp };
};

/** The answer to a search that is like one kept. */
export const searchAgain = (call: Call, encoded: Buffer): Answer<SearchResults> | undefined => {
  const known = kept.get(call.engine.catalog);
  const found = known && split(call, encoded);
  const again = found && known.get(found.key);
  return again && (() => answer(again, found.request));
};

const keptOf = (catalog: Catalog): Map<string, Again> => {
  const known = kept.get(catalog) ?? new Map<string, Again>();
  kept.set(catalog, known);
  return known;
};

/** Keeps a search that succeeded. `catalog`: what it was prepared by. */
export const keepSearch = (catalog: Catalog, call: Call, encoded: Buffer, again: () => Again): void => {
  const known = keptOf(catalog);
  const key = split(call, encoded)?.key;
  if (key === undefined || known.has(key)) return;
  known.set(key, again());
  for (const oldest of known.keys()) {
    if (known.size <= KEPT_MAX) return;
    known.delete(oldest);
  }
};

/** Fields of the results that searches that are alike have in common. */
export const encodeNames = (outputFields: readonly string[], primaryFieldName: string): Buffer =>
  SearchResultData.encode({ outputFields: [...outputFields], primaryFieldName });
