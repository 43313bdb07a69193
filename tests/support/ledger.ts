/**
 * What clients of a server that is killed sent, and what of it was acknowledged.
 *
 * Rows come in batches: the rows of one batch are written by one request each time, and no two requests for a batch are under way at once. So of each batch
 * two states are possible after a kill: the one acknowledged last (`stable`) and the one that a request still on its way would make (`pending`). Anything
 * else is a fault: a lost or invented row, half a request, a change that came back. The same holds for names of collections, snapshots and targets of aliases.
 */
import { MilvusError } from "../../src/client/index.js";

export const BATCH_ROWS = 5;

/** What all rows of a batch hold. `label` is also changed by requests that leave the rest as it is. */
export interface BatchState {
  readonly version: number;
  readonly label: number;
}

/** undefined: not there. */
export type State<T> = T | undefined;

export class Entry<T> {
  pending: { readonly state: State<T> } | undefined;
  constructor(public stable: State<T>) {}

  /** Runs a request that makes `state`; returns whether it was acknowledged. If it was not, nobody may try another before a restart has told what became of it. */
  async change(state: State<T>, work: () => Promise<unknown>): Promise<boolean> {
    if (this.pending !== undefined) throw new Error("a request was not acknowledged, and what became of it is not known yet");
    this.pending = { state };
    if (!(await isAcknowledged(work()))) return false;
    this.stable = state;
    this.pending = undefined;
    return true;
  }

  allows(found: State<T>, isSame: (one: State<T>, other: State<T>) => boolean): boolean {
    return isSame(found, this.stable) || (this.pending !== undefined && isSame(found, this.pending.state));
  }

  /** What is there now is what counts from here on. */
  settle(found: State<T>): void {
    this.stable = found;
    this.pending = undefined;
  }
}

/** How the client tells that the server went away, or that it was closed itself. */
const GONE = /\(gRPC |the client is closed|did not finish within|no answer within/;

/** Whether a call was acknowledged; one that the killed server did not answer was not. @throws a refusal */
export const isAcknowledged = async (work: Promise<unknown>): Promise<boolean> => {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof MilvusError && GONE.test(error.message)) return false;
    throw error;
  }
};

export interface LedgerRow {
  readonly id: number;
  readonly vector: ArrayLike<number>;
  readonly version: number;
  readonly label: number;
  readonly batch: number;
}

const vectorOf = (id: number, version: number): number[] => [id % 97, version, 1, 0.5];

export const idsOf = (batch: number): number[] => Array.from({ length: BATCH_ROWS }, (_, at) => batch * BATCH_ROWS + at);

export const rowsOf = (batch: number, { version, label }: BatchState): LedgerRow[] =>
  idsOf(batch).map((id) => ({ id, vector: vectorOf(id, version), version, label, batch }));

export const isSameState = (one: State<BatchState>, other: State<BatchState>): boolean =>
  one?.version === other?.version && one?.label === other?.label;

/** Faults of rows that are there by themselves, whatever was acknowledged; and the states of the batches. */
export const readBatches = (rows: Iterable<LedgerRow>): { faults: string[]; states: Map<number, BatchState> } => {
  const faults: string[] = [];
  const batches = new Map<number, LedgerRow[]>();
  for (const row of rows) {
    const { id, version, batch } = row;
    const expected = vectorOf(id, version).map(Math.fround);
    if (Math.floor(id / BATCH_ROWS) !== batch || expected.some((value, at) => value !== row.vector[at]))
      faults.push(`row ${id} is not as it was sent`);
    batches.set(batch, [...(batches.get(batch) ?? []), row]);
  }
  const states = new Map<number, BatchState>();
  for (const [batch, members] of batches) {
    const [{ version, label }] = members as [LedgerRow];
    const whole = members.length === BATCH_ROWS && new Set(members.map(({ id }) => id)).size === BATCH_ROWS;
    if (!whole || members.some((row) => row.version !== version || row.label !== label))
      faults.push(`batch ${batch} is half there: ${members.map((row) => `${row.id}:${row.version}/${row.label}`)}`);
    states.set(batch, { version, label });
  }
  return { faults, states };
};

const printed = (state: State<BatchState>): string => (state === undefined ? "absent" : `${state.version}/${state.label}`);

export class Ledger {
  readonly batches = new Map<number, Entry<BatchState>>();
  next = 0;

  begin(): { readonly number: number; readonly entry: Entry<BatchState> } {
    const number = this.next++;
    const entry = new Entry<BatchState>(undefined);
    this.batches.set(number, entry);
    return { number, entry };
  }

  /** What is wrong with the rows found. */
  faults(rows: Iterable<LedgerRow>): string[] {
    const { faults, states } = readBatches(rows);
    for (const [number, entry] of this.batches) {
      const found = states.get(number);
      if (entry.allows(found, isSameState)) continue;
      const possible = entry.pending === undefined ? "" : ` or ${printed(entry.pending.state)}`;
      faults.push(`batch ${number} is ${printed(found)}, should be ${printed(entry.stable)}${possible}`);
    }
    for (const number of states.keys())
      if (!this.batches.has(number)) faults.push(`batch ${number} is there, and was never sent or was deleted`);
    return faults;
  }

  /** Takes what is there for acknowledged; forgets what is not. */
  settle(rows: Iterable<LedgerRow>): void {
    const { states } = readBatches(rows);
    for (const [number, entry] of this.batches) {
      const found = states.get(number);
      if (found === undefined) this.batches.delete(number);
      else entry.settle(found);
    }
  }
}
