/**
 * Bytes of large requests that are being received or handled, over all connections of a server.
 *
 * Who finds no room waits, in the order of arrival, until others gave theirs back, for a moment at most; meanwhile its stream is not read, so the client is held
 * back by the flow control of its connection. Then it is refused with a code that clients retry. One request alone always finds room.
 */
import { failure, type MilvusError } from "../shared/errors.js";

const WAIT_MS = 5000;

interface Waiter {
  readonly bytes: number;
  readonly settle: (taken: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

export class ReceiveBudget {
  private used = 0;
  private readonly waiting: Waiter[] = [];

  constructor(
    readonly bytesMax: number,
    private readonly waitMs = WAIT_MS,
  ) {}

  /** Takes them if they are there at once and nobody waits. */
  tryTake(bytes: number): boolean {
    if (this.waiting.length > 0 || !this.hasRoom(bytes)) return false;
    this.used += bytes;
    return true;
  }

  /** Whether they came in time; if so they are taken. */
  take(bytes: number): Promise<boolean> {
    if (this.tryTake(bytes)) return Promise.resolve(true);
    return new Promise((settle) => {
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(waiter), 1);
        settle(false);
        this.admit();
      }, this.waitMs);
      const waiter: Waiter = { bytes, settle, timer };
      this.waiting.push(waiter);
    });
  }

  give(bytes: number): void {
    this.used -= bytes;
    this.admit();
  }

  /** What a request is refused with that found no room. Words: milvus internal/util/ratelimitutil. */
  refusal(): MilvusError {
    return failure("rateLimit", { rate: this.bytesMax }, "request is rejected by grpc RateLimiter middleware, please retry later");
  }

  private hasRoom(bytes: number): boolean {
    return this.used === 0 || this.used + bytes <= this.bytesMax;
  }

  private admit(): void {
    for (let first = this.waiting[0]; first !== undefined && this.hasRoom(first.bytes); first = this.waiting[0]) {
      this.waiting.shift();
      clearTimeout(first.timer);
      this.used += first.bytes;
      first.settle(true);
    }
  }
}
