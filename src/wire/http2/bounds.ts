/**
 * What one connection may cost us without asking for anything that we serve.
 *
 * Streams that are opened and reset, frames that move nothing (PING, SETTINGS, empty DATA, ...) and answers that a client does not read are counted; calls that
 * are answered and content that is moved pay for them. Who goes beyond is told ENHANCE_YOUR_CALM and cut.
 */
import { Allowance } from "./allowance.js";
import { ConnectionError, ErrorCode } from "./protocol.js";

/** Streams reset by the client, or by us because of what it sent: at once, and a second. */
const RESETS = 1000;
const RESETS_PER_SECOND = 33;
/** Frames that move nothing. A client that measures its line sends a PING for each round trip with content. */
const IDLE_FRAMES = 10_000;
const IDLE_FRAMES_PER_SECOND = 500;
const IDLE_FRAMES_PER_CONTENT = 4;
/** Acknowledgements and the like that wait behind a socket that does not take them. */
const UNREAD_MAX = 1000;

export class Bounds {
  private readonly resets: Allowance;
  private readonly idleFrames: Allowance;
  private unread = 0;

  constructor(elapsed: () => number) {
    this.resets = new Allowance(RESETS, RESETS_PER_SECOND, elapsed);
    this.idleFrames = new Allowance(IDLE_FRAMES, IDLE_FRAMES_PER_SECOND, elapsed);
  }

  /** @throws ConnectionError ENHANCE_YOUR_CALM, as all of these */
  reset(): void {
    if (!this.resets.take()) throw new ConnectionError(ErrorCode.EnhanceYourCalm, "too many streams were reset");
  }

  idleFrame(): void {
    if (!this.idleFrames.take()) throw new ConnectionError(ErrorCode.EnhanceYourCalm, "too many frames that move nothing");
  }

  /** An answer to a frame is about to be sent. `blocked`: the socket has not yet sent the ones before. */
  answer(blocked: boolean): void {
    this.unread = blocked ? this.unread + 1 : 0;
    if (this.unread > UNREAD_MAX) throw new ConnectionError(ErrorCode.EnhanceYourCalm, "the client does not read what it asks for");
  }

  /** A call was answered. */
  completed(): void {
    this.resets.give(1);
  }

  /** A frame of content came or went. */
  moved(): void {
    this.idleFrames.give(IDLE_FRAMES_PER_CONTENT);
  }
}
