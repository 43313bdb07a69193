/** Something a peer may do so many times at once, and so many times a second for long. What work it pays for gives back. */
export class Allowance {
  private left: number;
  private countedMs: number;

  /** `elapsed`: monotonic milliseconds. */
  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
    private readonly elapsed: () => number,
  ) {
    this.left = burst;
    this.countedMs = elapsed();
  }

  /** Whether it may be done once more. */
  take(): boolean {
    if (this.left < 1) {
      const ms = this.elapsed();
      this.give(((ms - this.countedMs) * this.perSecond) / 1000);
      this.countedMs = ms;
      if (this.left < 1) return false;
    }
    this.left--;
    return true;
  }

  give(count: number): void {
    this.left = Math.min(this.burst, this.left + count);
  }
}
