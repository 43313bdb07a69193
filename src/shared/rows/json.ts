/**
 * JSON that keeps 64-bit integers.
 *
 * Model: an integer literal outside ±(2^53 - 1) is a `bigint`; everything else is what `JSON.parse` makes of it. A `bigint` is printed as its
 * digits, typed arrays as arrays, NaN and infinities as null. Text that `JSON.parse` refuses is refused with its error; the fast path for both
 * directions is the native one.
 */
import { invalid } from "../errors.js";
import { type Row, setKey } from "./fields.js";

/** An integer literal of 16 or more digits that stands where a value may stand. */
const LONG_INTEGER = /(?:^|[[,:\s])-?\d{16,}(?=[\s,\]}]|$)/;

/** @throws SyntaxError as `JSON.parse` does. */
export const parseJson = (text: string): unknown => {
  const plain: unknown = JSON.parse(text);
  return LONG_INTEGER.test(text) ? new ExactParser(text).value() : plain;
};

/** Reads text that is known to be valid JSON. */
class ExactParser {
  private position = 0;
  constructor(private readonly text: string) {}

  value(): unknown {
    this.match(/\s*/y);
    const first = this.text[this.position];
    if (first === "{") return this.object();
    if (first === "[") return this.array();
    if (first === '"') return this.string();
    const word = this.match(/[^\s,\]}]+/y);
    if (!/^-?\d+$/.test(word)) return JSON.parse(word);
    const number = Number(word);
    return Number.isSafeInteger(number) ? number : BigInt(word);
  }

  private object(): Row {
    const made: Row = {};
    this.match(/\{\s*/y);
    while (this.text[this.position] !== "}") {
      const key = this.string();
      this.match(/\s*:/y);
      setKey(made, key, this.value());
      this.match(/\s*,?\s*/y);
    }
    this.position++;
    return made;
  }

  private array(): unknown[] {
    const made: unknown[] = [];
    this.match(/\[\s*/y);
    while (this.text[this.position] !== "]") {
      made.push(this.value());
      this.match(/\s*,?\s*/y);
    }
    this.position++;
    return made;
  }

  private string(): string {
    return JSON.parse(this.match(/"[^"\\]*(?:\\.[^"\\]*)*"/sy)) as string;
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.position += found.length;
    return found;
  }
}

type Numbers = ArrayLike<number | bigint> & Iterable<number | bigint>;

const isTypedArray = (value: object): value is Numbers => ArrayBuffer.isView(value) && !(value instanceof DataView);

/**
 * The JSON text of a value, or undefined when it has none (undefined, functions, symbols).
 * @throws MilvusError 1100 for a value that contains itself or is nested deeper than 1000.
 */
export const toJsonText = (value: unknown): string | undefined => {
  if (!needsOwnPrinter(value, 0)) return JSON.stringify(value);
  return printed(value);
};

const DEPTH_MAX = 1000;

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
