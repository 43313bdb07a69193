/**
 * The log: the one order of all changes, durable.
 *
 * A record is a kind (a number the writer gives meaning to) and a body. It gets the next sequence number when it is written; numbers start at 1 and
 * have no gaps. A file implements it on one machine (file-log.ts); a replicated log can, with the same promises.
 */

/** Sequence number of a record, from 1, without gaps. */
export type Lsn = number;

export interface LogRecord {
  readonly lsn: Lsn;
  readonly kind: number;
  readonly body: Buffer;
}

export interface Log {
  /**
   * Resolves with what `apply` returns. `apply` runs synchronously, in log order, when the record is durable and before any later record's; what it
   * throws rejects this append alone. The bytes of `parts` (joined: the body) must not change until then; under `interval`, until `sync` resolves.
   *
   * @throws MilvusError 1001 when writing fails: the record is then gone for good, unless the message says that this is not known; 2 when closed;
   *   1102 when the body is larger than BODY_BYTES_MAX.
   */
  append<T>(kind: number, parts: readonly Uint8Array[], apply: (lsn: Lsn) => T): Promise<T>;
  /** The number of the record after the last one applied. */
  readonly nextLsn: Lsn;
  /** Bytes of live log files. */
  readonly byteSize: number;
  /** Resolves when all that is applied now is durable. Call it before something durable is built on applied records; under `always` it costs nothing. */
  sync(): Promise<void>;
  /** Removes whole files all of whose records are before `before`. */
  cut(before: Lsn): Promise<void>;
  /** Waits for what is queued, makes it durable and refuses what comes after. */
  close(): Promise<void>;
}

export interface LogOptions {
  /** `always`: applied when durable. `interval`: applied when written, durable within `intervalMs`. */
  readonly fsync: "always" | "interval";
  /** Milliseconds between two syncs under `interval`; 100 when absent. */
  readonly intervalMs?: number;
  /** Bytes at which the next record begins a new file; 64 MiB when absent. */
  readonly segmentBytes?: number;
  /** The records before this one are known to have been durable: a log that opens without them is damaged. */
  readonly reached?: Lsn;
}
