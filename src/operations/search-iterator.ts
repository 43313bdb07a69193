/**
 * Search iterators of the second kind: each page has the hits that come after a bound, the score of the last hit before.
 *
 * Clients carry the bound; the token leads to what is remembered (`search-ahead.ts`). Hits with equal scores stay together, so that none is lost behind a bound: a
 * page is cut before a run of equal scores that does not fit, and holds all of it when it begins with one. Pages are exact.
 * Source: milvus internal/proxy/{search_util,task_search}.go.
 */
import type { EngineApi, SearchRows } from "../engine/api.js";
import type { CoreMetric, CoreSearchResult } from "../engine/core.js";
import { higherIsBetter } from "../engine/index-plan.js";
import { parseBool } from "../shared/booleans.js";
import { failure, invalid, MilvusError, missing } from "../shared/errors.js";
import { IDs, type KeyValuePair, type SearchIteratorV2Results, SearchRequest } from "../shared/proto/generated/messages.js";
import type { Timestamp } from "../shared/types.js";
import { encodeKeys, keyFilter, keysIn } from "./by-keys.js";
import { parameter, parseInteger } from "./reading.js";
import { outOfTopK } from "./result-window.js";
import { type Ahead, AheadMemory } from "./search-ahead.js";

export interface IteratorPage {
  readonly token: string;
  readonly batchSize: number;
  /** Only hits that are worse than this, a float32. */
  readonly lastBound?: number;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const newToken = (id: bigint): string => {
  const digits = id.toString(16).padStart(16, "0");
  return `00000000-0000-8000-8${digits.slice(0, 3)}-${digits.slice(3).slice(-12)}`;
};

interface PageRequest {
  readonly params: readonly KeyValuePair[];
  readonly isIterator: boolean;
  readonly offset: number;
  readonly isGrouped: boolean;
  /** Hits that a page may have. */
  readonly most: number;
  /** An id for the token of a first page. */
  readonly newId: () => bigint;
}

const parsePage = ({ params, isIterator, offset, isGrouped, most, newId }: PageRequest): IteratorPage => {
  if (!isIterator) throw missing("both iterator and search_iter_v2 must be set in the SDK");
  const nothing = { expected: "", actual: "" };
  if (isGrouped) throw invalid("GroupBy is not permitted when using a search iterator", nothing);
  if (offset > 0) throw invalid("Setting an offset is not permitted when using a search iterator v2", nothing);
  const token = parameter(params, "search_iter_id") ?? "";
  if (token !== "" && !UUID.test(token)) throw invalid("invalid token format");
  const sizeText = parameter(params, "search_iter_batch_size") ?? "";
  if (sizeText === "") throw missing("batch size is required");
  const batchSize = parseInteger(sizeText);
  if (batchSize === undefined)
    throw invalid(`batch size is invalid, strconv.ParseInt: parsing ${JSON.stringify(sizeText)}: invalid syntax`);
  const why = outOfTopK(batchSize, most);
  if (why !== undefined) throw invalid(`batch size is invalid, ${why}`);
  const page = { token: token === "" ? newToken(newId()) : token, batchSize };
  const boundText = parameter(params, "search_iter_last_bound") ?? "";
  if (boundText === "") return page;
  const bound = Number(boundText);
  if (boundText.trim() === "" || Number.isNaN(bound))
    throw invalid(`failed to parse input last bound, strconv.ParseFloat: parsing ${JSON.stringify(boundText)}: invalid syntax`);
  return { ...page, lastBound: Math.fround(bound) };
};

/** The page that a search asks for; undefined when it is no such iterator. @throws 1100 `parse iterator v2 info failed: …` */
export const iteratorPage = (request: PageRequest): IteratorPage | undefined => {
  if (parseBool(parameter(request.params, "search_iter_v2") ?? "false") !== true) return undefined;
  try {
    return parsePage(request);
  } catch (error) {
    if (error instanceof MilvusError) throw invalid(`parse iterator v2 info failed: ${error.message}`);
    throw error;
  }
};

/** The float32 next to a finite one. */
const next = (value: number, up: boolean): number => {
  const float = Float32Array.of(value === 0 ? 0 : value);
  const bits = new Int32Array(float.buffer);
  if (value === 0) return up ? 1.401298464324817e-45 : -1.401298464324817e-45;
  bits[0] = (bits[0] as number) + (up === value > 0 ? 1 : -1);
  return float[0] as number;
};

/** The better end of a page's range, which a user's own may narrow. It is always set, so that pages are never walked but scanned. */
const pageRange = (page: IteratorPage, metric: CoreMetric, given: number | undefined): number => {
  const higher = higherIsBetter(metric);
  const open = higher ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const own = page.lastBound === undefined ? open : next(page.lastBound, !higher);
  if (given === undefined) return own;
  return higher ? Math.min(own, given) : Math.max(own, given);
};

/** Where the run of equal scores begins that hit number `at` is of; `at` itself when it begins one. */
const runStart = (scores: Float32Array, at: number, first: number): number => {
  let start = at;
  while (start > first && scores[start - 1] === scores[at]) start--;
  return start;
};

const runEnd = (scores: Float32Array, at: number): number => {
  let end = at;
  while (end < scores.length && scores[end] === scores[at]) end++;
  return end;
};

/** How many hits the page has that begins with hit `first`; undefined when more hits must be known to tell. */
const pageSize = (scores: Float32Array, first: number, batchSize: number, isWhole: boolean): number | undefined => {
  const after = first + batchSize;
  if (scores.length <= after) return isWhole ? scores.length - first : undefined;
  const start = runStart(scores, after, first);
  if (start > first) return start - first;
  const end = runEnd(scores, after);
  return end < scores.length || isWhole ? end - first : undefined;
};

/** The first hit that is worse than the bound. */
const firstAfter = (scores: Float32Array, bound: number | undefined, higher: boolean): number => {
  if (bound === undefined) return 0;
  const first = scores.findIndex((score) => (higher ? score < bound : score > bound));
  return first < 0 ? scores.length : first;
};

const scoresOf = (result: CoreSearchResult): Float32Array =>
  Float32Array.from({ length: result.scores.length / 4 }, (_, at) => result.scores.readFloatLE(4 * at));

/** Pages that the first look at the rows is meant for; each further look is for four times as many, as far as there is room. */
const PAGES_FIRST = 4;
const PAGES_GROWTH = 4;
const HITS_AHEAD_MAX = 65536;

const memories = new WeakMap<object, AheadMemory>();

const memoryOf = (engine: object): AheadMemory => {
  const memory = memories.get(engine) ?? new AheadMemory();
  memories.set(engine, memory);
  return memory;
};

const OF_A_PAGE: ReadonlySet<string> = new Set(["search_iter_id", "search_iter_last_bound", "search_iter_batch_size", "topk", "limit"]);

/** What stays the same from page to page. */
const lasting = (request: SearchRequest, collectionId: bigint): Buffer =>
  SearchRequest.encode({
    ...request,
    base: undefined,
    collectionName: collectionId.toString(),
    outputFields: [],
    guaranteeTimestamp: 0n,
    searchParams: request.searchParams.filter(({ key }) => !OF_A_PAGE.has(key)),
  });

interface PageSearch {
  readonly engine: Pick<EngineApi, "search">;
  readonly request: SearchRequest;
  /** The search without its page. */
  readonly asked: SearchRows;
  readonly page: IteratorPage;
}

/** Looks at all rows for the hits after the page's bound. */
const look = async ({ engine, asked, page }: PageSearch, request: Buffer, pages: number, least: number): Promise<Ahead> => {
  const limit = Math.max(least, Math.min(page.batchSize * pages, HITS_AHEAD_MAX));
  const rangeFilter = pageRange(page, asked.metric, asked.rangeFilter);
  const found = await engine.search({ ...asked, rangeFilter, limit, offset: 0, outputs: [] });
  const scores = scoresOf(found);
  const hits = { keys: keysIn(IDs.decode(found.ids)), scores, isWhole: scores.length < limit };
  return { request, moment: found.readTimestamp, pages, ...(page.lastBound === undefined ? {} : { after: page.lastBound }), ...hits };
};

/** The hits of a page, all at one moment, and what the reply says of it. */
export const searchPage = async (
  search: PageSearch,
): Promise<CoreSearchResult & { readonly readTimestamp: Timestamp; readonly iterator: SearchIteratorV2Results }> => {
  const { engine, asked, page } = search;
  const memory = memoryOf(engine);
  const request = lasting(search.request, asked.collection.id);
  const higher = higherIsBetter(asked.metric);
  const { lastBound } = page;
  const begins = ({ after }: Ahead): boolean =>
    after === undefined || (lastBound !== undefined && (higher ? lastBound <= after : lastBound >= after));
  const isOurs = (known: Ahead): boolean =>
    known.request.equals(request) && begins(known) && (asked.guaranteeTimestamp === undefined || known.moment === asked.guaranteeTimestamp);
  const known = lastBound === undefined ? undefined : memory.get(page.token);
  let ahead = known !== undefined && isOurs(known) ? known : undefined;
  let pages = ahead === undefined ? PAGES_FIRST : ahead.pages * PAGES_GROWTH;
  let moment = ahead?.moment ?? asked.guaranteeTimestamp;
  let first = ahead === undefined ? 0 : firstAfter(ahead.scores, lastBound, higher);
  let size = ahead === undefined ? undefined : pageSize(ahead.scores, first, page.batchSize, ahead.isWhole);
  for (let least = page.batchSize + 1; size === undefined || ahead === undefined; least *= 2) {
    const at = moment === undefined ? asked : { ...asked, guaranteeTimestamp: moment };
    ahead = await look({ ...search, asked: at }, request, pages, least);
    moment = ahead.moment;
    first = 0;
    size = pageSize(ahead.scores, first, page.batchSize, ahead.isWhole);
    pages *= PAGES_GROWTH;
  }
  if (ahead !== known) memory.put(page.token, ahead);
  const scores = ahead.scores.slice(first, first + size);
  const none = lastBound ?? (higher ? FLOAT_MAX : -FLOAT_MAX);
  const iterator = { token: page.token, lastBound: scores.at(-1) ?? none };
  const rows = await rowsOf(search, ahead, first, scores);
  return { ...rows, readTimestamp: ahead.moment, iterator };
};

/** The rows of the hits `first` and following that have these scores. */
const rowsOf = async (
  { engine, request, asked }: PageSearch,
  ahead: Ahead,
  first: number,
  scores: Float32Array,
): Promise<CoreSearchResult> => {
  const keys = ahead.keys.slice(first, first + scores.length);
  const { collection, outputs } = asked;
  if (outputs.length === 0) {
    return {
      topks: [keys.length],
      ids: encodeKeys(collection, keys),
      scores: Buffer.from(Float32Array.from(scores).buffer),
      fields: [],
      groups: [],
    };
  }
  const { rangeFilter: _range, radius: _radius, ...all } = asked;
  const { program } = keyFilter(collection, keys, request);
  const of = { ...all, guaranteeTimestamp: ahead.moment, limit: Math.max(keys.length, 1), offset: 0 };
  const found = await engine.search(program === undefined ? of : { ...of, filter: program });
  if (found.scores.length !== 4 * keys.length) throw failure("inconsistentRequery", {}, "rows went while they were read");
  return found;
};

const FLOAT_MAX = 3.4028234663852886e38;
