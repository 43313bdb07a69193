/**
 * A lane of background work: jobs run one after another, in the order asked. A job that fails rejects its own promise and does not stop the lane.
 */
export class Lane {
  private tail: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  /** Runs `job` after all jobs asked before. */
  run<T>(job: () => Promise<T>): Promise<T> {
    this.waiting++;
    const result = this.tail.then(job);
    this.tail = result
      .catch(() => {
        // The caller of `run` holds `result` and sees the failure; the lane only has to go on.
      })
      .finally(() => {
        this.waiting--;
      });
    return result;
  }

  get idle(): boolean {
    return this.waiting === 0;
  }

  /** Resolves when every job asked so far has ended. */
  async drained(): Promise<void> {
    await this.tail;
  }
}
