import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Pace } from "../../src/engine/pace.js";

const settled = async (): Promise<void> => {
  await turn();
  await turn();
};

describe("the pace of searches", () => {
  it("lets a search that comes alone be done at once, time and again", async () => {
    const pace = new Pace();
    for (let round = 0; round < 3; round++) {
      expect(pace.begin()).toBe(true);
      await settled();
    }
  });

  it("sends searches that come together to the threads, and those of the turn after", async () => {
    const pace = new Pace();
    expect([pace.begin(), pace.begin(), pace.begin()]).toEqual([true, false, false]);
    await settled();
    expect(pace.begin()).toBe(false);
    await settled();
    expect(pace.begin()).toBe(true);
  });

  it("sends a search to the threads while another runs there, whether that succeeds or not", async () => {
    const pace = new Pace();
    let fail: (error: Error) => void = () => {};
    const running = pace.whileRunning(
      new Promise((_, reject) => {
        fail = reject;
      }),
    );
    expect(pace.begin()).toBe(false);
    fail(new Error("lost"));
    await expect(running).rejects.toThrow("lost");
    await settled();
    expect(pace.begin()).toBe(true);
  });
});
