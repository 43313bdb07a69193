/** Runs a property over many seeds, and names the one that failed. */
import { runSeed, SeededRandom } from "./random.js";

/** A uniform integer in [0, below). */
export type Pick = (below: number) => number;

export const forSeeds = (count: number, check: (pick: Pick, seed: number) => void): void => {
  const first = runSeed();
  for (let seed = first; seed < first + count; seed++) {
    const random = new SeededRandom(seed);
    try {
      check((below) => random.below(below), seed);
    } catch (error) {
      throw new Error(`ELANUS_SEED=${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
};
