/**
 * Where short searches are done: on the event loop, which saves waking a thread, or on the core's threads, which lets several run side by side.
 *
 * A search that comes alone is done at once. Where searches come together (several in one turn of the event loop, or one while another runs on the
 * threads) they all go to the threads: the event loop only takes them in and sends their answers.
 */
export class Pace {
  private running = 0;
  private begunThisTurn = 0;
  private begunLastTurn = 0;

  /** Called once for each search that begins; whether it may be done at once. */
  begin(): boolean {
    this.begunThisTurn++;
    if (this.begunThisTurn === 1) setImmediate(this.turn);
    return this.begunThisTurn === 1 && this.begunLastTurn <= 1 && this.running === 0;
  }

  /** Counts a search that runs on the threads until it is settled. */
  async whileRunning<T>(search: Promise<T>): Promise<T> {
    this.running++;
    try {
      return await search;
    } finally {
      this.running--;
    }
  }

  private readonly turn = (): void => {
    this.begunLastTurn = this.begunThisTurn;
    this.begunThisTurn = 0;
  };
}
