/** Bytes of large requests in flight: who finds no room waits in order, one alone always fits, who waits too long is refused. */
import { expect, test } from "vitest";
import { framed, MessageReader } from "../../src/wire/framing.js";
import { ReceiveBudget } from "../../src/wire/receive-budget.js";

const MIB = 1024 * 1024;

test("room is given in the order of arrival", async () => {
  const budget = new ReceiveBudget(10);
  expect(budget.tryTake(6)).toBe(true);
  const order: string[] = [];
  const large = budget.take(8).then((taken) => order.push(`large ${taken}`));
  const small = budget.take(1).then((taken) => order.push(`small ${taken}`));
  // Nobody overtakes one that waits.
  expect(budget.tryTake(1)).toBe(false);
  budget.give(6);
  await Promise.all([large, small]);
  expect(order).toEqual(["large true", "small true"]);
});

test("one request alone fits whatever its size, and one that waits too long does not", async () => {
  const budget = new ReceiveBudget(10, 1);
  expect(budget.tryTake(100)).toBe(true);
  expect(await budget.take(1)).toBe(false);
  budget.give(100);
  expect(await budget.take(1)).toBe(true);
});

test("a reader that wants room keeps what came and goes on when it is granted", () => {
  const budget = new ReceiveBudget(2 * MIB);
  budget.tryTake(2 * MIB);
  const reader = new MessageReader(8 * MIB, budget);
  const message = Buffer.alloc(MIB, 7);
  const small = framed([Buffer.from("next")]);
  const bytes = Buffer.concat([...framed([message]), ...small]);
  expect(reader.push(bytes.subarray(0, 400_000))).toEqual([]);
  expect(reader.wants).toBe(MIB);
  expect(reader.push(bytes.subarray(400_000))).toEqual([]);
  const got = reader.grant();
  expect(got.map((each) => each.bytes.length)).toEqual([MIB, 4]);
  expect(got[0]?.bytes.equals(message)).toBe(true);
  expect(reader.wants).toBe(0);
});
