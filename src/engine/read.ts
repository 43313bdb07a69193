/**
 * The read path: one list of segments, one read timestamp, one call into the core.
 *
 * A write is acknowledged only after it was applied, so reading at the last applied timestamp shows every acknowledged write: all consistency levels
 * are served as Strong. An older `guaranteeTimestamp` that the caller pinned (an iterator's) reads the rows alive then,
 * or is refused when a compaction dropped some of them.
 */
import type { Collection } from "../catalog/types.js";
import { invalid } from "../shared/errors.js";
import { physicalMs, type Timestamp } from "../shared/types.js";
import type { PreparedSearch, QueryRows, ReadScope, SearchRows } from "./api.js";
import type { CoreChannels, CoreExpiry, CoreQueryResult, CoreSearch, CoreSearchResult, CoreSegment } from "./core.js";
import { coreError } from "./core-errors.js";
import { fieldNames } from "./core-schema.js";
import { expiryAt, readerMs } from "./expiry.js";
import { Shard } from "./shard.js";
import type { EngineState } from "./state.js";

interface View {
  readonly segments: CoreSegment[];
  readonly readTimestamp: Timestamp;
  readonly filter?: Buffer;
  readonly expiry?: CoreExpiry;
}

/** A collection without rows has no shard, one that was dropped meanwhile none any more: it is read as empty. */
const shardToRead = (state: EngineState, collection: Collection): Shard =>
  state.shards.get(collection.id) ?? new Shard(state.core, collection.id, collection);

/** Whether a moment is one that may have been given out: nothing is read in the future. */
const isPast = (state: EngineState, moment: Timestamp): boolean =>
  moment <= state.clock.latest || Number(physicalMs(moment)) <= state.env.now();

/**
 * Whether a moment is to be chosen for an iterator that begins: where rows expire, its pages need one by which all of them can be judged, as late as the
 * clock. Elsewhere the last applied timestamp will do.
 */
const beginsAmongExpiring = ({ collection, lease, guaranteeTimestamp }: ReadScope): boolean =>
  lease === true && guaranteeTimestamp === undefined && expiryAt(collection, 0) !== undefined;

/** Taken while nobody writes the collection, so that no earlier write is still to be applied. */
const chooseMoment = <T extends ReadScope>(state: EngineState, scope: T): Promise<T> =>
  state.gates.alone(scope.collection.id, async () => ({ ...scope, guaranteeTimestamp: state.clock.tick() }));

const view = (state: EngineState, scope: ReadScope): View => {
  const asked = scope.guaranteeTimestamp;
  const pinned = asked !== undefined && isPast(state, asked) ? asked : undefined;
  const readTimestamp = pinned ?? state.appliedTimestamp;
  const shard = shardToRead(state, scope.collection);
  if (pinned !== undefined && pinned < shard.horizon)
    throw invalid(`rows as of timestamp ${pinned} are not kept any more, the oldest are of ${shard.horizon}`);
  if (scope.lease) state.leases.use(scope.collection.id, readTimestamp);
  const expiry = expiryAt(scope.collection, readerMs(state, pinned));
  return {
    segments: shard.readable(scope.partitionIds, scope.ignoreGrowing),
    readTimestamp,
    ...(scope.filter === undefined ? {} : { filter: scope.filter }),
    ...(expiry === undefined ? {} : { expiry }),
  };
};

const inWords = async <T>(scope: ReadScope, work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    throw coreError(error, fieldNames(scope.collection));
  }
};

/** Partitions that are loaded; empty: all. */
const loadedPartitions = ({ load }: Collection): readonly bigint[] => (load === undefined || load.all ? [] : load.partitionIds);

/** Texts as query vectors, and how rows are ranked by them in each channel. */
type Weighed = Required<Pick<CoreSearch, "vectors" | "lengths">> & Pick<CoreChannels, "bm25">;

/**
 * Texts as query vectors, for each channel by what all of its loaded rows hold, whichever partitions are searched (as in Milvus). Rows that come before the
 * search itself looks count for the next one.
 */
const weighTexts = async (
  state: EngineState,
  { collection, fieldId }: SearchRows,
  texts: NonNullable<SearchRows["texts"]>,
): Promise<Weighed> => {
  const { values, k1, b } = texts;
  const channels = shardToRead(state, collection).byChannel(loadedPartitions(collection));
  const weigh = (segments: CoreSegment[]) =>
    inWords({ collection, partitionIds: [] }, state.core.weighTexts(segments, Number(fieldId), [...values]));
  const weighed = await Promise.all(channels.map(weigh));
  return {
    vectors: Buffer.concat(weighed.map(({ vectors }) => vectors)),
    lengths: weighed.flatMap(({ lengths }) => lengths),
    bm25: weighed.map(({ averageLength }) => ({ k1, b, averageLength })),
  };
};

/** The part of a search of these segments that texts make. */
const byChannels = (
  state: EngineState,
  { collection }: SearchRows,
  segments: readonly CoreSegment[],
  { vectors, lengths, bm25 }: Weighed,
): Required<Pick<CoreSearch, "vectors" | "lengths" | "channels">> => ({
  vectors,
  lengths,
  channels: { ofSegments: shardToRead(state, collection).channelsOf(segments), bm25 },
});

const coreSearch = (request: SearchRows, at: Omit<View, "segments">): CoreSearch => {
  const { metric, vectors, lengths, limit, offset, look, radius, rangeFilter, roundDecimal, outputs, groupBy, bytesMax } = request;
  return {
    fieldId: Number(request.fieldId),
    metric,
    vectors,
    limit,
    offset,
    ...at,
    roundDecimal,
    outputs,
    ...(look === undefined ? {} : { look }),
    ...(groupBy === undefined ? {} : { groupBy }),
    ...(bytesMax === undefined ? {} : { bytesMax }),
    ...(lengths === undefined ? {} : { lengths }),
    ...(radius === undefined ? {} : { radius }),
    ...(rangeFilter === undefined ? {} : { rangeFilter }),
  };
};

export const searchRows = async (state: EngineState, request: SearchRows): Promise<CoreSearchResult & { readTimestamp: Timestamp }> => {
  if (beginsAmongExpiring(request)) return searchRows(state, await chooseMoment(state, request));
  const weighed = request.texts === undefined ? undefined : await weighTexts(state, request, request.texts);
  const { segments, ...at } = view(state, request);
  const asked = coreSearch(request, at);
  const work = state.core.search(segments, weighed === undefined ? asked : { ...asked, ...byChannels(state, request, segments, weighed) });
  return { ...(await inWords(request, work)), readTimestamp: at.readTimestamp };
};

/** The same search again and again, with other vectors. */
export const prepareSearch = (state: EngineState, request: SearchRows): PreparedSearch => {
  const { filter } = request;
  const prepared = state.core.prepareSearch(coreSearch(request, { readTimestamp: 0n, ...(filter === undefined ? {} : { filter }) }));
  const inItsWords = (error: unknown) => coreError(error, fieldNames(request.collection));
  return (vectors, lengths) => {
    const { segments, readTimestamp, expiry } = view(state, request);
    const atOnce = state.pace.begin();
    let found: Buffer | Promise<Buffer>;
    try {
      const more = { ...(lengths === undefined ? {} : { lengths }), ...(expiry === undefined ? {} : { expiry }) };
      found = prepared.run(segments, vectors, readTimestamp, atOnce, lengths === undefined && expiry === undefined ? undefined : more);
    } catch (error) {
      throw inItsWords(error);
    }
    if (Buffer.isBuffer(found)) return { data: found, readTimestamp };
    return state.pace.whileRunning(found).then(
      (data) => ({ data, readTimestamp }),
      (error) => {
        throw inItsWords(error);
      },
    );
  };
};

export const queryRows = async (state: EngineState, request: QueryRows): Promise<CoreQueryResult & { readTimestamp: Timestamp }> => {
  if (beginsAmongExpiring(request)) return queryRows(state, await chooseMoment(state, request));
  const { segments, ...at } = view(state, request);
  const { limit, offset, outputs, bytesMax } = request;
  const work = state.core.query(segments, { ...at, limit, offset, outputs, ...(bytesMax === undefined ? {} : { bytesMax }) });
  return { ...(await inWords(request, work)), readTimestamp: at.readTimestamp };
};

export const countRows = async (state: EngineState, scope: ReadScope): Promise<{ count: number; readTimestamp: Timestamp }> => {
  const { segments, ...at } = view(state, scope);
  return { count: await inWords(scope, state.core.count(segments, at)), readTimestamp: at.readTimestamp };
};

/** Keys of the rows that match, as an encoded `schema.IDs`. */
export const matchingKeys = (state: EngineState, scope: ReadScope): Promise<Buffer> => {
  const { segments, ...at } = view(state, scope);
  return inWords(scope, state.core.keys(segments, at));
};
