/**
 * Time to live: which rows of a collection are past their time at a moment.
 *
 * `collection.ttl.seconds` counts from the time of writing; `ttl_field` names a Timestamptz column that holds each row's end. Expired rows are not seen
 * by reads; compactions leave them out.
 */
import type { Collection } from "../catalog/types.js";
import { physicalMs, type Timestamp, timestampOf } from "../shared/types.js";
import type { CoreExpiry } from "./core.js";
import type { SegmentEntry } from "./shard.js";
import type { EngineState } from "./state.js";

const propertyOf = (collection: Collection, key: string): string | undefined =>
  collection.properties.find((pair) => pair.key === key)?.value;

/** What is expired at `nowMs` (milliseconds since 1970); undefined when rows of the collection live for ever. */
export const expiryAt = (collection: Collection, nowMs: number): CoreExpiry | undefined => {
  const seconds = Number(propertyOf(collection, "collection.ttl.seconds") ?? "0");
  const fieldName = propertyOf(collection, "ttl_field");
  const field = fieldName === undefined ? undefined : collection.schema.fields.find((candidate) => candidate.name === fieldName);
  if (!(seconds > 0) && field === undefined) return undefined;
  return {
    ...(seconds > 0 ? { writtenUpTo: timestampOf(Math.max(0, nowMs - seconds * 1000)) } : {}),
    ...(field === undefined ? {} : { field: { id: Number(field.fieldID), now: BigInt(Math.floor(nowMs)) * 1000n } }),
  };
};

/** The time at which a reader judges rows: that of the moment it comes back to, else the present. */
export const readerMs = (state: Pick<EngineState, "env">, pinned: Timestamp | undefined): number =>
  pinned === undefined ? state.env.now() : Number(physicalMs(pinned));

/** Expired rows of sealed segments; none of a collection whose rows live for ever. */
export const expiredRows = async (
  state: EngineState,
  collection: Collection,
  entries: readonly SegmentEntry[],
): Promise<Map<SegmentEntry, number>> => {
  const expiry = expiryAt(collection, state.env.now());
  const found = new Map<SegmentEntry, number>();
  if (expiry === undefined) return found;
  for (const entry of entries) {
    // It may have gone while others were counted.
    if (entry.state !== "sealed" || !state.shards.get(collection.id)?.holds(entry)) continue;
    const readTimestamp = state.appliedTimestamp;
    const counts = [state.core.count([entry.core], { readTimestamp }), state.core.count([entry.core], { readTimestamp, expiry })];
    const [alive = 0, fresh = 0] = await Promise.all(counts);
    found.set(entry, alive - fresh);
  }
  return found;
};
