/**
 * What a log must hold, told by what its callers were told; `check` compares it with what a reopened log replays.
 *
 * An item is one append. `kept`: acknowledged, or replayed once, with its lsn. `refused`: rejected as gone for good. `open`: no answer, or rejected
 * with the outcome unknown; it may be there or not. Under `interval` a power loss may take kept items behind the last sync, from the end backwards.
 */
import type { Log, LogRecord, Lsn } from "../../src/log/log.js";
import { MilvusError } from "../../src/shared/errors.js";
import { SeededRandom } from "../support/random.js";

interface Item {
  readonly id: number;
  readonly session: number;
  state: "open" | "kept" | "refused";
  lsn: Lsn;
}

const bodyOf = (id: number): Buffer => {
  const random = new SeededRandom(id);
  const filler = random.bytes(random.pick([0, 3, 40, 40, 200, 600, 3000]));
  const body = Buffer.alloc(4 + filler.length);
  body.writeUInt32LE(id);
  filler.copy(body, 4);
  return body;
};

export class LogModel {
  from: Lsn = 1;
  session = 0;
  /** All records before it are promised to be durable. */
  private synced: Lsn = 1;
  private readonly items: Item[] = [];

  get acknowledged(): number {
    return this.items.filter((item) => item.state === "kept").length;
  }

  /** One append with its bookkeeping. Never rejects. */
  async append(log: Log): Promise<void> {
    const item: Item = { id: this.items.length, session: this.session, state: "open", lsn: 0 };
    this.items.push(item);
    const body = bodyOf(item.id);
    const half = body.length >> 1;
    try {
      await log.append(item.id % 7, [body.subarray(0, half), body.subarray(half)], (lsn) => {
        if (lsn !== log.nextLsn - 1) throw new Error(`record ${lsn} is applied while the next is ${log.nextLsn}`);
        item.lsn = lsn;
        item.state = "kept";
      });
    } catch (error) {
      if (!(error instanceof MilvusError) || error.code !== 1001) throw error;
      if (!error.message.includes("is not known")) item.state = "refused";
    }
  }

  async sync(log: Log): Promise<void> {
    const end = log.nextLsn;
    await log.sync();
    this.synced = Math.max(this.synced, end);
  }

  /** @throws with the first difference; otherwise takes what was replayed as kept. */
  check(records: readonly LogRecord[], nextLsn: Lsn, mayLoseUnsynced: boolean): void {
    const seen = new Map<number, Lsn>();
    let last: Item | undefined;
    for (const [index, { lsn, kind, body }] of records.entries()) {
      if (lsn !== this.from + index) throw new Error(`record ${lsn} is replayed where ${this.from + index} belongs`);
      const item = body.length < 4 ? undefined : this.items[body.readUInt32LE(0)];
      if (item === undefined || !body.equals(bodyOf(item.id)) || kind !== item.id % 7) throw new Error(`record ${lsn} was never appended`);
      if (seen.has(item.id)) throw new Error(`item ${item.id} is there twice`);
      if (item.state === "refused") throw new Error(`item ${item.id} was refused, and came back as record ${lsn}`);
      if (item.state === "kept" && item.lsn !== lsn) throw new Error(`item ${item.id} was record ${item.lsn}, now ${lsn}`);
      if (last?.session === item.session && last.id > item.id) throw new Error(`items ${last.id} and ${item.id} changed their order`);
      seen.set(item.id, lsn);
      last = item;
    }
    if (nextLsn !== this.from + records.length) throw new Error(`the next record is ${nextLsn} after ${records.length} from ${this.from}`);
    this.requireKept(seen, mayLoseUnsynced ? this.synced : Number.POSITIVE_INFINITY);
    for (const item of this.items) {
      const lsn = seen.get(item.id);
      if (lsn !== undefined) Object.assign(item, { state: "kept", lsn });
      else if (item.state === "open" || (item.state === "kept" && item.lsn >= nextLsn)) item.state = "refused";
    }
    this.synced = nextLsn;
    this.session++;
  }

  private requireKept(seen: ReadonlyMap<number, Lsn>, before: Lsn): void {
    for (const item of this.items) {
      const needed = item.state === "kept" && item.lsn >= this.from && item.lsn < before;
      if (needed && !seen.has(item.id)) throw new Error(`item ${item.id} was acknowledged as record ${item.lsn}, and is lost`);
    }
  }
}
