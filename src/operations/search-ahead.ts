/**
 * What is known beforehand of the pages of search iterators.
 *
 * A look at all rows in the scope of an iterator finds the hits of many pages; their keys and scores are remembered under the iterator's token, so that most
 * pages read no more than their own rows. Nothing depends on it: what was forgotten, or does not belong to the request that comes with a token, is looked for
 * again from the bound that the request gives.
 */
import type { Timestamp } from "../shared/types.js";
import type { Key } from "./by-keys.js";

export interface Ahead {
  /** The request without what differs from page to page. */
  readonly request: Buffer;
  readonly moment: Timestamp;
  /** The bound behind which the hits lie; absent: none. */
  readonly after?: number;
  /** Best first. */
  readonly keys: readonly Key[];
  readonly scores: Float32Array;
  /** Whether there are no more. */
  readonly isWhole: boolean;
  /** How many pages it was meant for. */
  readonly pages: number;
}

/** Bytes that remembered hits may take, and iterators that are remembered. */
const BYTES_MAX = 64 * 1024 * 1024;
const ITERATORS_MAX = 1024;

const bytesOf = ({ request, keys, scores }: Ahead): number => {
  let bytes = request.length + scores.byteLength + 256;
  for (const key of keys) bytes += typeof key === "string" ? 2 * key.length + 32 : 24;
  return bytes;
};

export class AheadMemory {
  /** In order of use, the longest unused first. */
  readonly #known = new Map<string, { readonly ahead: Ahead; readonly bytes: number }>();
  #bytes = 0;

  get(token: string): Ahead | undefined {
    const entry = this.#known.get(token);
    if (entry === undefined) return undefined;
    this.#known.delete(token);
    this.#known.set(token, entry);
    return entry.ahead;
  }

  /** Remembers this, and nothing else under the token; what is too large is not remembered. */
  put(token: string, ahead: Ahead): void {
    this.drop(token);
    const bytes = bytesOf(ahead);
    if (bytes > BYTES_MAX) return;
    this.#known.set(token, { ahead, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#known.keys()) {
      if (this.#bytes <= BYTES_MAX && this.#known.size <= ITERATORS_MAX) return;
      this.drop(oldest);
    }
  }

  drop(token: string): void {
    const entry = this.#known.get(token);
    if (entry === undefined) return;
    this.#known.delete(token);
    this.#bytes -= entry.bytes;
  }

  get byteSize(): number {
    return this.#bytes;
  }
}
