/** Length-prefixed messages: any cut of the bytes gives the same messages; memory follows what came, not what was announced. */
import { expect, test } from "vitest";
import { framed, type Message, MessageReader } from "../../src/wire/framing.js";
import { ReceiveBudget } from "../../src/wire/receive-budget.js";

const MIB = 1024 * 1024;
const reader = (budget = new ReceiveBudget(64 * MIB)) => new MessageReader(8 * MIB, budget);

test("whatever the pieces, the messages are the same", () => {
  let seed = 99;
  const next = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed % below;
  };
  for (let round = 0; round < 60; round++) {
    const sent = Array.from({ length: 1 + next(5) }, () =>
      Buffer.alloc(next(4) === 0 ? 0 : next(round % 10 === 0 ? 900_000 : 3000), next(256)),
    );
    const bytes = Buffer.concat(sent.flatMap((message) => framed([message])));
    const one = reader();
    const got: Message[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + next(round % 3 === 0 ? 7 : 100_000);
      got.push(...one.push(bytes.subarray(at, at + size)));
      at += size;
    }
    expect(got.length, `seed 99, round ${round}`).toBe(sent.length);
    for (const [i, { bytes: message }] of got.entries())
      expect(message.equals(sent[i] as Buffer), `seed 99, round ${round}, message ${i}`).toBe(true);
    expect(one.partial).toBe(false);
  }
});

test("a message inside one chunk is not copied", () => {
  const chunk = Buffer.concat(framed([Buffer.alloc(1000, 1)]));
  const [message] = reader().push(chunk);
  expect(message?.bytes.buffer).toBe(chunk.buffer);
});

test("an announced size takes nothing from the budget until a good part has come, and release gives it back", () => {
  const budget = new ReceiveBudget(10 * MIB);
  const header = Buffer.from([0, 0, 0x70, 0, 0]);
  const readers = Array.from({ length: 100 }, () => reader(budget));
  for (const one of readers) one.push(header);
  const half = Buffer.alloc(MIB);
  readers[0]?.push(half);
  expect([readers[0]?.wants, readers[1]?.wants]).toEqual([0, 0]);
  expect(readers[1]?.push(half)).toEqual([]);
  expect(readers[1]?.wants).toBe(0x700000);
  readers[0]?.release();
  readers[2]?.push(half);
  expect(readers[2]?.wants).toBe(0);
});

test("a message over the limit is refused from its header, in grpc's words", () => {
  expect(() => reader().push(Buffer.from([0, 0, 0x80, 0, 1]))).toThrow("grpc: received message larger than max (8388609 vs. 8388608)");
});
