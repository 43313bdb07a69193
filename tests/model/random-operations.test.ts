/**
 * Random operations of all kinds, with restarts and kills between them, against a plain model in memory: every answer is compared.
 *
 * | variable | |
 * | --- | --- |
 * | `ELANUS_OPERATIONS` | operations in all: 20,000, in `npm run test:long` 2,000,000 |
 * | `ELANUS_SEED` | seed of the first life; the following lives have the following seeds |
 * | `ELANUS_LIFE_OPERATIONS` | operations of one life: 2,000 |
 *
 * Seeds that failed once are in `seeds.json` and come first.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runSeed } from "../support/random.js";
import { type Counts, kinds, live } from "./life.js";
import { saboteurs } from "./saboteurs.js";

const OPERATIONS = Number(process.env.ELANUS_OPERATIONS ?? (process.env.ELANUS_LONG ? 2_000_000 : 20_000));
const LIFE_OPERATIONS = Number(process.env.ELANUS_LIFE_OPERATIONS ?? 2000);
const KINDS_MIN = 40;
const known = JSON.parse(readFileSync(join(import.meta.dirname, "seeds.json"), "utf8")) as readonly number[];
const first = runSeed();

describe("random operations against a model", () => {
  it.each([...known])("the seed %i, which failed once", { timeout: 300_000 }, async (seed) => {
    await live({ seed, operations: 2000 });
  });

  it(`${OPERATIONS} operations (seed ${first})`, { timeout: 600_000 + OPERATIONS * 60 }, async () => {
    process.stdout.write(`ELANUS_SEED=${first}\n`);
    const counts: Counts = new Map();
    for (let life = 0, left = OPERATIONS; left > 0; life++, left -= LIFE_OPERATIONS) {
      const lived = await live({ seed: first + life, operations: Math.min(left, LIFE_OPERATIONS) });
      for (const [kind, count] of lived) counts.set(kind, (counts.get(kind) ?? 0) + count);
    }
    if (OPERATIONS < 20_000) return;
    expect(counts.size).toBeGreaterThanOrEqual(KINDS_MIN);
    expect(kinds.map(({ name }) => name).filter((name) => !counts.has(name))).toEqual([]);
  });

  it(`over a port (seed ${first})`, { timeout: 600_000 }, async () => {
    await live({ seed: first, operations: Math.min(LIFE_OPERATIONS, OPERATIONS / 20), overPort: true });
  });

  describe("the comparison notices", () => {
    it.each(Object.entries(saboteurs))("%s", { timeout: 300_000 }, async (_, sabotage) => {
      const lives = async (): Promise<void> => {
        for (let seed = 1; seed < 8; seed++) await live({ seed, operations: 1000, sabotage: sabotage() });
      };
      await expect(lives()).rejects.toThrow(/^ELANUS_SEED=/);
    });
  });
});
