/**
 * Search iterators of the second kind: each page has the hits that come after a bound, the score of the last hit before.
 *
 * The server keeps nothing between pages; the token only tells clients that it knows the protocol. Hits with equal scores stay together, so that none is
 * lost behind a bound: a page is cut before a run of equal scores that does not fit, and holds all of it when it begins with one. Pages are exact.
 * Source: milvus internal/proxy/{search_util,task_search}.go.
 */
import type { CoreMetric, CoreSearchResult } from "../engine/core.js";
import { higherIsBetter } from "../engine/index-plan.js";
import { invalid, missing } from "../shared/errors.js";
import { TOP_K_MAX } from "../shared/limits.js";
import type { KeyValuePair, SearchIteratorV2Results } from "../shared/proto/generated/messages.js";
import { parameter, parseInteger } from "./reading.js";
import { parseBool } from "./support.js";

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

/** The page that a search asks for; undefined when it is no such iterator. @param newId makes an id for the token of a first page */
export const iteratorPage = (
  params: readonly KeyValuePair[],
  isIterator: boolean,
  offset: number,
  newId: () => bigint,
): IteratorPage | undefined => {
  if (parseBool(parameter(params, "search_iter_v2") ?? "false") !== true) return undefined;
  if (!isIterator) throw missing("both iterator and search_iter_v2 must be set in the SDK");
  if (offset > 0) throw invalid("Setting an offset is not permitted when using a search iterator v2", { expected: "", actual: "" });
  const token = parameter(params, "search_iter_id") ?? "";
  if (token !== "" && !UUID.test(token)) throw invalid("invalid token format");
  const sizeText = parameter(params, "search_iter_batch_size") ?? "";
  if (sizeText === "") throw missing("batch size is required");
  const batchSize = parseInteger(sizeText);
  if (batchSize === undefined)
    throw invalid(`batch size is invalid, strconv.ParseInt: parsing ${JSON.stringify(sizeText)}: invalid syntax`);
  if (batchSize <= 0 || batchSize > TOP_K_MAX)
    throw invalid(`batch size is invalid, it should be in range [1, ${TOP_K_MAX}], but got ${batchSize}`);
  const page = { token: token === "" ? newToken(newId()) : token, batchSize };
  const boundText = parameter(params, "search_iter_last_bound") ?? "";
  if (boundText === "") return page;
  const bound = Number(boundText);
  if (boundText.trim() === "" || Number.isNaN(bound))
    throw invalid(`failed to parse input last bound, strconv.ParseFloat: parsing ${JSON.stringify(boundText)}: invalid syntax`);
  return { ...page, lastBound: Math.fround(bound) };
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
export const pageRange = (page: IteratorPage, metric: CoreMetric, given: number | undefined): number => {
  const higher = higherIsBetter(metric);
  const open = higher ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const own = page.lastBound === undefined ? open : next(page.lastBound, !higher);
  if (given === undefined) return own;
  return higher ? Math.min(own, given) : Math.max(own, given);
};

const scoreAt = (result: CoreSearchResult, at: number): number => result.scores.readFloatLE(4 * at);

/**
 * How many hits the page has.
 * @param find the best `limit` hits of the page's range, without output
 */
export const pageSize = async (page: IteratorPage, find: (limit: number) => Promise<CoreSearchResult>): Promise<number> => {
  for (let limit = page.batchSize + 1; ; limit *= 2) {
    const result = await find(limit);
    const count = result.scores.length / 4;
    if (count < limit) {
      if (count <= page.batchSize) return count;
      return runStart(result, page.batchSize) || runEnd(result, page.batchSize, count);
    }
    const whole = runStart(result, page.batchSize);
    if (whole > 0) return whole;
    const end = runEnd(result, page.batchSize, count);
    if (end < count) return end;
  }
};

/** Where the run of equal scores begins that hit number `at` is of; `at` itself when it begins one. */
const runStart = (result: CoreSearchResult, at: number): number => {
  let start = at;
  while (start > 0 && scoreAt(result, start - 1) === scoreAt(result, at)) start--;
  return start;
};

const runEnd = (result: CoreSearchResult, at: number, count: number): number => {
  let end = at;
  while (end < count && scoreAt(result, end) === scoreAt(result, at)) end++;
  return end;
};

/** What the reply says of the page: the bound of the next one. */
export const pageReply = (page: IteratorPage, metric: CoreMetric, result: CoreSearchResult): SearchIteratorV2Results => {
  const count = result.scores.length / 4;
  const none = page.lastBound ?? (higherIsBetter(metric) ? FLOAT_MAX : -FLOAT_MAX);
  return { token: page.token, lastBound: count > 0 ? scoreAt(result, count - 1) : none };
};

const FLOAT_MAX = 3.4028234663852886e38;
