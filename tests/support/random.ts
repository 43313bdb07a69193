/** Seeded random values for property tests: the same seed gives the same values. */

/** A uniform integer in [0, below). */
export type Pick = (below: number) => number;

/** Mulberry32 (public domain, Tommy Ettinger). */
export const seeded = (seed: number): Pick => {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
};

/** Runs `check` with `count` seeds (the first is `SEED` or 1) and names the seed that failed. */
export const forSeeds = (count: number, check: (pick: Pick, seed: number) => void): void => {
  const first = Number(process.env.SEED ?? 1);
  for (let seed = first; seed < first + count; seed++) {
    try {
      check(seeded(seed), seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
};
