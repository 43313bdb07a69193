/** The client's methods that read rows. */
import { invalid } from "../shared/errors.js";
import {
  ConsistencyLevel,
  DslType,
  type KeyValuePair,
  PlaceholderGroup,
  PlaceholderType,
  type QueryResults,
  SearchResultData,
} from "../shared/proto/generated/messages.js";
import { fieldsToRows, resultsToHits } from "../shared/rows/decode.js";
import { primaryField } from "../shared/schema.js";
import { type CollectionOptions, milvus } from "./connection.js";
import { type ConsistencyLevelName, consistencyOf, type Properties, pairsOf } from "./names.js";
import { asList, type Id, idFilter, RowMethods } from "./rows.js";
import { type FilterParams, templateValues } from "./template.js";

/**
 * A row of a result: int64 as number when safe, else bigint; JSON parsed; dynamic keys beside the fields; null where a field has no value.
 * FloatVector, Float16Vector and BFloat16Vector are Float32Array, BinaryVector Uint8Array, Int8Vector Int8Array, SparseFloatVector `{ [index]: value }`.
 */
export type ResultRow = Record<string, unknown>;

interface ReadOptions extends CollectionOptions {
  readonly outputFields?: readonly string[];
  /** Default: all. */
  readonly partitionNames?: readonly string[];
  /** Default: the collection's. */
  readonly consistencyLevel?: ConsistencyLevelName | number;
}

export interface QueryOptions extends ReadOptions {
  /** Required unless `limit` is given. */
  readonly filter?: string;
  readonly filterParams?: FilterParams;
  /** At most 16384 with `offset`. */
  readonly limit?: number;
  readonly offset?: number;
}

export interface GetOptions extends ReadOptions {
  readonly ids: Id | readonly Id[];
}

export interface QueryIteratorOptions extends Omit<QueryOptions, "offset"> {
  /** Rows of a page, at most 16384. Default 1000. */
  readonly batchSize?: number;
}

/** A text is searched for in a field that a BM25 function makes. */
export type QueryVector = readonly number[] | Float32Array | string;

export interface SearchOptions extends ReadOptions {
  /** One vector or text, or many. */
  readonly data: QueryVector | readonly QueryVector[];
  /** Vector field; may be left out when there is one. */
  readonly annsField?: string;
  readonly filter?: string;
  readonly filterParams?: FilterParams;
  /** Hits of each vector, at most 16384. Default 10. */
  readonly limit?: number;
  readonly offset?: number;
  /** Must be the index's. Default: it. */
  readonly metricType?: string;
  /** Parameters of the search: `ef`, `radius`, `rangeFilter`, …, plainly or under `params`. */
  readonly searchParams?: Properties & { readonly params?: Properties };
  /** Decimals of distances, 0 to 6. Default: all. */
  readonly roundDecimal?: number;
}

export interface SearchHit<T = ResultRow> {
  readonly id: Id;
  /** In the metric's own scale: COSINE and IP larger is nearer, L2 (squared) smaller is nearer. */
  readonly distance: number;
  /** The output fields. */
  readonly entity: T;
}

/** Guarantee timestamps of levels, as servers read them. */
const NOW = 0n;
const AT_ONCE = 1n;
const BOUNDED = 2n;

export abstract class ReadMethods extends RowMethods {
  /** Rows that match a filter; all fields and dynamic keys unless `outputFields` says less. The primary key is always there. */
  async query<T extends object = ResultRow>(options: QueryOptions): Promise<T[]> {
    return rowsOf<T>(await this.queryOnce(options, options.filter ?? "", pairsOf({ limit: options.limit, offset: options.offset })));
  }

  /** Rows by key, in the server's order; keys that do not exist have none. */
  async get<T extends object = ResultRow>(options: GetOptions): Promise<T[]> {
    const ids = asList<Id>(options.ids);
    if (ids.length === 0) return [];
    return this.withSchema(options, async (known) => rowsOf<T>(await this.queryOnce(options, idFilter(known, ids), [])));
  }

  /** Number of rows that match, exactly. */
  async count(options: Omit<QueryOptions, "limit" | "offset" | "outputFields">): Promise<number> {
    const reply = await this.queryOnce({ ...options, outputFields: ["count(*)"] }, options.filter ?? "", []);
    const [row] = rowsOf<ResultRow>(reply);
    return Number(Object.values(row ?? {})[0] ?? 0);
  }

  /**
   * All rows that match, page by page in the order of their keys, as they were when the first page was read.
   * An alias that is re-pointed meanwhile makes the next page fail.
   */
  async *queryIterator<T extends object = ResultRow>(options: QueryIteratorOptions): AsyncGenerator<T[], void, undefined> {
    const { batchSize = 1000, limit = Number.POSITIVE_INFINITY } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) throw invalid(`batch size should be a positive integer, but got ${batchSize}`);
    // Not a remembered one: the pages name the collection's id, and an alias may have been re-pointed since.
    const known = await this.fetchSchema(options);
    const key = primaryField(known.schema).name;
    const fixed = { iterator: true, reduce_stop_for_best: true, collection_id: known.collectionId.toString() };
    let last: Id | undefined;
    // Of an iterator the server takes any other number for the moment to read at, also those that name consistency levels.
    let snapshot = NOW;
    for (let left = limit; left > 0; ) {
      const page = Math.min(batchSize, left);
      const reply = await this.queryOnce(options, after(options.filter, key, last), pairsOf({ ...fixed, limit: page }), snapshot);
      snapshot ||= reply.sessionTs;
      const rows = rowsOf<T & ResultRow>(reply);
      if (rows.length > 0) yield rows;
      if (rows.length < page) return;
      left -= rows.length;
      last = rows.at(-1)?.[key] as Id;
    }
  }

  /** The nearest rows of each vector, best first: one list a vector, in the order of `data`. */
  async search<T extends object = ResultRow>(options: SearchOptions): Promise<SearchHit<T>[][]> {
    const vectors = vectorsOf(options.data);
    const reply = await this.call(
      milvus.Search,
      {
        ...this.reading(options, options.outputFields ?? []),
        dsl: options.filter ?? "",
        dslType: DslType.BoolExprV1,
        exprTemplateValues: templateValues(options.filterParams),
        placeholderGroup: placeholders(vectors),
        nq: BigInt(vectors.length),
        searchParams: searchPairs(options),
      },
      options,
    );
    const results = SearchResultData.decode(reply.results);
    const hits = resultsToHits(results) as SearchHit<T>[][];
    return hits.length > 0 ? hits : vectors.map(() => []);
  }

  private queryOnce(
    options: QueryOptions | GetOptions,
    expr: string,
    queryParams: KeyValuePair[],
    snapshot?: bigint,
  ): Promise<QueryResults> {
    const { filterParams } = options as QueryOptions;
    const asked = options.outputFields === undefined || options.outputFields.length === 0 ? ["*"] : options.outputFields;
    const request = { ...this.reading(options, asked), expr, queryParams, exprTemplateValues: templateValues(filterParams) };
    return this.call(milvus.Query, snapshot === undefined ? request : { ...request, guaranteeTimestamp: snapshot }, options);
  }

  private reading(options: ReadOptions, outputFields: readonly string[]) {
    const level = options.consistencyLevel === undefined ? undefined : consistencyOf(options.consistencyLevel);
    return {
      ...this.named(options),
      partitionNames: options.partitionNames ?? [],
      outputFields,
      useDefaultConsistency: level === undefined,
      consistencyLevel: level ?? ConsistencyLevel.Strong,
      guaranteeTimestamp: this.guarantee(options, level),
    };
  }

  private guarantee(options: ReadOptions, level: ConsistencyLevel | undefined): bigint {
    if (level === ConsistencyLevel.Strong) return NOW;
    if (level === ConsistencyLevel.Bounded) return BOUNDED;
    if (level === undefined || level === ConsistencyLevel.Session) return this.lastWrite(options) ?? AT_ONCE;
    return AT_ONCE;
  }
}

const rowsOf = <T>(reply: QueryResults): T[] => fieldsToRows(reply.fieldsData, undefined, reply.outputFields) as T[];

/** The filter of the page after the row with key `last`. */
const after = (filter: string | undefined, key: string, last: Id | undefined): string => {
  if (last === undefined) return filter ?? "";
  const next = `${key} > ${typeof last === "string" ? JSON.stringify(last) : last}`;
  return filter ? `(${filter}) and ${next}` : next;
};

const vectorsOf = (data: SearchOptions["data"]): QueryVector[] => {
  if (data instanceof Float32Array || typeof data === "string") return [data];
  if (!Array.isArray(data) || data.length === 0) throw invalid("search data should be a vector or an array of vectors, but it is empty");
  return typeof data[0] === "number" ? [data as number[]] : (data as QueryVector[]);
};

const placeholders = (vectors: readonly QueryVector[]): Buffer => {
  const texts = vectors.filter((vector) => typeof vector === "string");
  if (texts.length === 0)
    return PlaceholderGroup.encode({ placeholders: [{ tag: "$0", type: PlaceholderType.FloatVector, values: vectors.map(bytesOf) }] });
  if (texts.length < vectors.length) throw invalid("search data should be vectors or texts, not both");
  const values = texts.map((text) => Buffer.from(text));
  return PlaceholderGroup.encode({ placeholders: [{ tag: "$0", type: PlaceholderType.VarChar, values }] });
};

const bytesOf = (vector: QueryVector, index: number): Buffer => {
  if (vector instanceof Float32Array) return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
  if (!Array.isArray(vector) || !vector.every((element) => typeof element === "number"))
    throw invalid(`vector ${index} of the search data should be an array of numbers or a Float32Array`);
  return Buffer.from(Float32Array.from(vector).buffer);
};

/** Parameters that stand beside `params` on the wire. */
const BESIDE: ReadonlySet<string> = new Set([
  "metric_type",
  "offset",
  "ignore_growing",
  "hints",
  "group_by_field",
  "group_size",
  "strict_group_size",
]);

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Names whose case is part of them stay as they are. */
const searchName = (name: string): string => (["rangeFilter", "metricType", "ignoreGrowing"].includes(name) ? snakeCase(name) : name);

const searchPairs = (options: SearchOptions): KeyValuePair[] => {
  const { params: nested = {}, ...plain } = options.searchParams ?? {};
  const given = Object.fromEntries([...Object.entries(plain), ...Object.entries(nested)].map(([name, value]) => [searchName(name), value]));
  const params = Object.fromEntries(Object.entries(given).filter(([name]) => !BESIDE.has(name)));
  const beside = Object.fromEntries(Object.entries(given).filter(([name]) => BESIDE.has(name)));
  return pairsOf({
    ...beside,
    anns_field: options.annsField,
    metric_type: options.metricType ?? beside.metric_type,
    topk: options.limit ?? 10,
    offset: options.offset ?? beside.offset,
    round_decimal: options.roundDecimal ?? -1,
    params,
  });
};
