/**
 * JSON that keeps 64-bit integers.
 *
 * Model: an integer literal outside ±(2^53 - 1) is a `bigint`; everything else is what `JSON.parse` makes of it. Such literals are rare, so the
 * text is first searched for one; only then are they marked (with random text that nobody can guess), parsed as strings and turned back.
 * A `bigint` is printed as its digits, typed arrays as arrays, NaN and infinities as null. Text that `JSON.parse` refuses is refused with its
 * error.
 */
import { realEnv } from "../env.js";
import { invalid } from "../errors.js";
import type { Row } from "./fields.js";

/** An integer of 16 or more digits that is no part of a fraction, an exponent or a longer number. */
const LONG_INTEGER = /(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/;
/** A string, or a long integer outside of one. */
const STRING_OR_LONG_INTEGER = /"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/gs;
const MARK = `int:${realEnv.random(12).toString("hex")}:`;
const DEPTH_MAX = 1000;

/** @throws SyntaxError as `JSON.parse` does; also for text with long integers that is nested deeper than 1000. */
export const parseJson = (text: string): unknown => {
  // The text as it came goes first: an error must quote it, not the marked one.
  const plain: unknown = JSON.parse(text);
  if (!LONG_INTEGER.test(text)) return plain;
  const marked = text.replace(STRING_OR_LONG_INTEGER, (match) => (match.startsWith('"') ? match : `"${MARK}${match}"`));
  return restore(JSON.parse(marked), 0);
};

const restore = (value: unknown, depth: number): unknown => {
  if (typeof value === "string") return value.startsWith(MARK) ? exactInteger(value.slice(MARK.length)) : value;
  if (typeof value !== "object" || value === null) return value;
  if (depth > DEPTH_MAX) throw new SyntaxError("exceeded max depth");
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (typeof value[i] !== "number") value[i] = restore(value[i], depth + 1);
    return value;
  }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, restore(member, depth + 1)]));
};

const exactInteger = (digits: string): number | bigint => {
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : BigInt(digits);
};

type Numbers = ArrayLike<number | bigint> & Iterable<number | bigint>;

export const isTypedArray = (value: unknown): value is Numbers => ArrayBuffer.isView(value) && !(value instanceof DataView);

/**
 * The JSON text of a value, or undefined when it has none (undefined, functions, symbols).
 * @throws MilvusError 1100 for a value that contains itself or is nested deeper than 1000.
 */
export const toJsonText = (value: unknown): string | undefined => {
  if (!needsOwnPrinter(value, 0)) return JSON.stringify(value);
  return printed(value);
};

const needsOwnPrinter = (value: unknown, depth: number): boolean => {
  if (typeof value === "bigint") return true;
  if (typeof value !== "object" || value === null) return false;
  if (ArrayBuffer.isView(value)) return true;
  if (depth > DEPTH_MAX) throw invalid("the value contains itself or is nested too deeply");
  if (Array.isArray(value)) return value.some((item) => needsOwnPrinter(item, depth + 1));
  for (const key of Object.keys(value)) if (needsOwnPrinter((value as Row)[key], depth + 1)) return true;
  return false;
};

const printed = (value: unknown): string | undefined => {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isTypedArray(value)) return `[${Array.from(value, (item) => printed(item)).join(",")}]`;
  if (Array.isArray(value)) return `[${value.map((item) => printed(item) ?? "null").join(",")}]`;
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") return JSON.stringify(value);
  const parts: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    const text = printed(member);
    if (text !== undefined) parts.push(`${JSON.stringify(key)}:${text}`);
  }
  return `{${parts.join(",")}}`;
};

/** The number with the fewest digits that is this 32-bit float: 0.1, not 0.10000000149011612. */
export const shortFloat = (value: number): number => {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
};
