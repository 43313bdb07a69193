/** 16-bit floats: every value of theirs comes back, every other number becomes the nearest one. */
import { describe, expect, test } from "vitest";
import { bfloat16, float16, fromHalfBytes, type HalfFormat, toHalfBytes } from "../../src/shared/rows/half.js";
import { withSeeds } from "./random.js";

const bitsOf = (value: number, format: HalfFormat): number => {
  const [low, high] = toHalfBytes([value], format) as unknown as [number, number];
  return low | (high << 8);
};
const numberOf = (bits: number, format: HalfFormat): number => fromHalfBytes(Uint8Array.of(bits & 0xff, bits >>> 8), format)[0] as number;

describe.each([
  ["float16", float16],
  ["bfloat16", bfloat16],
])("%s", (_name, format) => {
  test("every bit pattern comes back", () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = numberOf(bits, format);
      if (Number.isNaN(value)) expect(bits & 0x7fff).toBeGreaterThan(format.infinity);
      else if (bitsOf(value, format) !== bits)
        throw new Error(`${bits.toString(16)} is ${value}, which is ${bitsOf(value, format).toString(16)}`);
    }
  });

  test("a number becomes the nearest value, of two the even one", () => {
    withSeeds(20_000, (random) => {
      const exact = (random.next() - 0.5) * 2 ** random.int(-30, 16);
      const tie = (numberOf(random.int(0, format.infinity - 2), format) * 3) / 2;
      for (const number of [exact, tie]) {
        const bits = bitsOf(number, format);
        const distance = (candidate: number): number => Math.abs(numberOf(candidate, format) - number);
        for (const other of [bits - 1, bits + 1]) {
          if (other < 0 || (other & 0x7fff) >= format.infinity || (bits & 0x7fff) >= format.infinity) continue;
          const even = distance(other) === distance(bits) && other % 2 === 0 && bits % 2 === 1;
          if (distance(other) < distance(bits) || even) throw new Error(`${number} became ${bits.toString(16)}, not ${other.toString(16)}`);
        }
      }
    });
  });

  test("what is too large, and NaN", () => {
    const largest = numberOf(format.infinity - 1, format);
    const step = largest - numberOf(format.infinity - 2, format);
    expect(bitsOf(largest + step / 2, format)).toBe(format.infinity);
    expect(bitsOf(largest + step * 0.49, format)).toBe(format.infinity - 1);
    expect(bitsOf(Number.NEGATIVE_INFINITY, format)).toBe(format.infinity | 0x8000);
    expect(numberOf(bitsOf(Number.NaN, format), format)).toBeNaN();
  });
});

test.each([
  [float16, 1, 0x3c00],
  [float16, -2, 0xc000],
  [float16, 65504, 0x7bff],
  [float16, 65520, 0x7c00],
  [float16, 2 ** -24, 1],
  [float16, 2 ** -25, 0],
  [float16, 0.1, 0x2e66],
  [float16, 1 + 2 ** -11, 0x3c00],
  [float16, 1 + 2 ** -11 + 2 ** -40, 0x3c01],
  [float16, -0, 0x8000],
  [bfloat16, 1, 0x3f80],
  [bfloat16, 0.1, 0x3dcd],
  [bfloat16, 1 + 2 ** -8, 0x3f80],
  [bfloat16, 1 + 3 * 2 ** -8, 0x3f82],
  [bfloat16, 2 ** -133, 1],
])("%o: %d is %d", (format, value, bits) => {
  expect(bitsOf(value, format)).toBe(bits);
});
