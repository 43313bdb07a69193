/**
 * The two 16-bit floats of vectors, as little-endian bytes.
 *
 * | format | bits of sign, exponent, fraction | largest |
 * | --- | --- | --- |
 * | float16 (IEEE 754 binary16) | 1, 5, 10 | 65504 |
 * | bfloat16 (upper half of a binary32) | 1, 8, 7 | 3.39e38 |
 *
 * A number is rounded once, to the nearest value, ties to the even one; what is too large becomes an infinity.
 */

export interface HalfFormat {
  readonly fractionBits: number;
  readonly bias: number;
  /** The bits of the positive infinity. */
  readonly infinity: number;
}

export const float16: HalfFormat = { fractionBits: 10, bias: 15, infinity: 0x7c00 };
export const bfloat16: HalfFormat = { fractionBits: 7, bias: 127, infinity: 0x7f80 };

const double = new DataView(new ArrayBuffer(8));

/** Exponent and sign as the double holds them; -1023 for subnormal doubles and zero. */
const partsOf = (value: number): { negative: boolean; exponent: number } => {
  double.setFloat64(0, value);
  const upper = double.getUint16(0);
  return { negative: upper >>> 15 === 1, exponent: ((upper >>> 4) & 0x7ff) - 1023 };
};

const roundHalfEven = (value: number): number => {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
};

const bitsOf = (value: number, { fractionBits, bias, infinity }: HalfFormat): number => {
  if (Number.isNaN(value)) return infinity | (1 << (fractionBits - 1));
  const { negative, exponent } = partsOf(value);
  const scale = Math.max(exponent, 1 - bias);
  // Scaling by a power of two is exact. The significand has its leading bit, which adds the last one to the exponent; a carry of the rounding does the same.
  const significand = roundHalfEven(Math.abs(value) * 2 ** (fractionBits - scale));
  const bits = Math.min((scale + bias - 1) * 2 ** fractionBits + significand, infinity);
  return negative ? bits | 0x8000 : bits;
};

const numberOf = (bits: number, { fractionBits, bias, infinity }: HalfFormat): number => {
  const magnitude = bits & 0x7fff;
  const sign = bits >>> 15 === 1 ? -1 : 1;
  if (magnitude >= infinity) return magnitude === infinity ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  const exponent = magnitude >>> fractionBits;
  const fraction = magnitude & (2 ** fractionBits - 1);
  const significand = exponent === 0 ? fraction : fraction + 2 ** fractionBits;
  return sign * significand * 2 ** (Math.max(exponent, 1) - bias - fractionBits);
};

/** Two bytes a number. */
export const toHalfBytes = (values: ArrayLike<number>, format: HalfFormat): Uint8Array => {
  const bytes = new Uint8Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    const bits = bitsOf(values[i] as number, format);
    bytes[2 * i] = bits & 0xff;
    bytes[2 * i + 1] = bits >>> 8;
  }
  return bytes;
};

/** Every value of both formats is a 32-bit float. */
export const fromHalfBytes = (bytes: Uint8Array, format: HalfFormat): Float32Array =>
  Float32Array.from({ length: bytes.length >>> 1 }, (_, i) =>
    numberOf((bytes[2 * i] as number) | ((bytes[2 * i + 1] as number) << 8), format),
  );
