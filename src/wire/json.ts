/**
 * JSON for REST bodies: no digit of a 64-bit integer is lost, in or out.
 *
 * In: an integer literal outside the safe range becomes a `bigint`, everything else is as `JSON.parse` makes it. Such literals are rare, so the text is first
 * searched for one; only then are they marked (with random text that nobody can guess), parsed as strings and turned back.
 * Out: `bigint` as digits, `Float32Array` with the shortest digits that give the same 32-bit value,
 * bytes as base64, what JSON cannot say (NaN, infinities) as null.
 */
import { realEnv } from "../shared/env.js";

/** An integer of 16 or more digits that is no part of a fraction, an exponent or a longer number. */
const LONG_INTEGER = /(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/;
/** A string, or a long integer outside of one. */
const STRING_OR_LONG_INTEGER = /"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/gs;
const MARK = `int:${realEnv.random(12).toString("hex")}:`;
const DEPTH_MAX = 1000;

const restored = (text: string): unknown => {
  if (!text.startsWith(MARK)) return text;
  const digits = text.slice(MARK.length);
  if (/^-?0\d/.test(digits)) throw new SyntaxError(`invalid character '${digits.replace("-", "")[1]}' after top-level value`);
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : BigInt(digits);
};

const restore = (value: unknown, depth: number): unknown => {
  if (typeof value === "string") return restored(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth > DEPTH_MAX) throw new SyntaxError("exceeded max depth");
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (typeof value[i] !== "number") value[i] = restore(value[i], depth + 1);
    return value;
  }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, restore(member, depth + 1)]));
};

/** The words of Go's decoder for the commonest faults; V8's for the rest. */
const inGoWords = (message: string, text: string): string => {
  if (/Unexpected end|Unterminated/.test(message)) return "unexpected EOF";
  const token = /^Unexpected token '?(.+?)'?(,|$)/su.exec(message)?.[1];
  if (token === undefined) return message;
  return `invalid character '${token}'${text.trimStart().startsWith(token) ? " looking for beginning of value" : ""}`;
};

/** Throws SyntaxError. */
export const parseJson = (text: string): unknown => {
  try {
    if (LONG_INTEGER.test(text)) {
      const marked = text.replace(STRING_OR_LONG_INTEGER, (match) => (match.startsWith('"') ? match : `"${MARK}${match}"`));
      // The text as it came goes first: an error must quote it, not the marked one.
      JSON.parse(text);
      return restore(JSON.parse(marked), 0);
    }
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(inGoWords((error as Error).message, text));
  }
};

/** Shortest decimal digits that read back as the same 32-bit float. */
const float32 = (value: number): string => {
  if (!Number.isFinite(value)) return "null";
  if (Number.isInteger(value)) return JSON.stringify(value);
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
};

/** JSON text of a reply. */
export const formatJson = (part: unknown): string => {
  if (typeof part === "bigint") return part.toString();
  if (typeof part !== "object" || part === null) return JSON.stringify(part) ?? "null";
  if (Array.isArray(part)) return `[${part.map(formatJson).join(",")}]`;
  if (part instanceof Float32Array) return `[${Array.from(part, float32).join(",")}]`;
  if (part instanceof Uint8Array) return JSON.stringify(Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString("base64"));
  if (ArrayBuffer.isView(part)) return `[${Array.from(part as unknown as ArrayLike<number>).join(",")}]`;
  const entries = part instanceof Map ? [...part] : Object.entries(part);
  const members = entries.filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${JSON.stringify(String(key))}:${formatJson(member)}`).join(",")}}`;
};
