/**
 * From a token's text to its value, as Go reads it.
 *
 * Strings are Go's: `\a \b \f \n \r \t \v \\ \' \"`, three octal digits, `\xHH`, `\uXXXX`, `\UXXXXXXXX`; anything else after a backslash is `invalid
 * syntax`. Octal and `\x` give bytes, which together must be UTF-8. Raw strings are taken as written. The keys of a path are taken as written too,
 * but for `\uXXXX` in keys that are not raw. Source: milvus planparserv2 utils.go (convertEscapeSingle, decodeUnicode), Go strconv.
 */
import { isUtf8 } from "node:buffer";
import { badExpression, badLiteral } from "./errors.js";
import { keyEnd } from "./scan.js";

const INT64_MAX = 2n ** 63n - 1n;
/** Digits of the longest int64, written in binary. */
const INTEGER_DIGITS_MAX = 64;

const outOfRange = (kind: "Int" | "Float", text: string) => badLiteral(`strconv.Parse${kind}: parsing "${text}": value out of range`);

/** Decimal, octal (leading 0), hexadecimal or binary. Throws when above the largest int64. */
export const integerValue = (text: string): bigint => {
  if (text.length <= 18 && !text.startsWith("0")) return BigInt(text);
  const based = /^0[xXbB]/.test(text);
  const digits = text.slice(based ? 2 : 0).replace(/^0+/, "");
  if (digits.length > INTEGER_DIGITS_MAX) throw outOfRange("Int", text);
  const prefix = based ? text.slice(0, 2) : text.startsWith("0") ? "0o" : "";
  const value = BigInt(digits === "" ? "0" : prefix + digits);
  if (value > INT64_MAX) throw outOfRange("Int", text);
  return value;
};

const hexFloatValue = (text: string): number => {
  const [mantissa = "", exponent = "0"] = text.slice(2).split(/[pP]/);
  const [whole = "", fraction = ""] = mantissa.split(".");
  const digits = (whole + fraction).replace(/^0+/, "");
  // More digits than a float64 holds only move the exponent; one that is cut off still decides how a half is rounded.
  const kept = digits.length > 20 ? `${digits.slice(0, 20)}1` : digits;
  const scale = Number(exponent) + 4 * (digits.length - kept.length) - 4 * fraction.length;
  const value = Number(BigInt(`0x${kept === "" ? "0" : kept}`));
  if (value === 0) return 0;
  const half = Math.trunc(scale / 2);
  return value * 2 ** half * 2 ** (scale - half);
};

export const floatValue = (text: string): number => {
  const value = /^0[xX]/.test(text) ? hexFloatValue(text) : Number(text);
  if (!Number.isFinite(value)) throw outOfRange("Float", text);
  return value;
};

const simpleEscapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  "\\": 92,
  "'": 39,
  '"': 34,
};

const ESCAPE = /\\(?:([abfnrtv\\'"])|([0-3][0-7]{2})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y;

const invalidSyntax = () => badLiteral("invalid syntax");

/** The character of `\u` or `\U`; surrogates and numbers beyond Unicode are none. */
const character = (hex: string): string => {
  const point = Number.parseInt(hex, 16);
  if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) throw invalidSyntax();
  return String.fromCodePoint(point);
};

const unescaped = (body: string): string => {
  const bytes = Buffer.allocUnsafe(body.length * 3);
  let length = 0;
  let at = 0;
  for (let next = body.indexOf("\\"); next !== -1; next = body.indexOf("\\", at)) {
    if (next > at) length += bytes.write(body.slice(at, next), length);
    ESCAPE.lastIndex = next;
    const match = ESCAPE.exec(body);
    if (match === null) throw invalidSyntax();
    const [, simple, octal, hex, short, long] = match;
    if (simple !== undefined) bytes[length++] = simpleEscapes[simple] ?? 0;
    else if (octal !== undefined) bytes[length++] = Number.parseInt(octal, 8);
    else if (hex !== undefined) bytes[length++] = Number.parseInt(hex, 16);
    else length += bytes.write(character(short ?? long ?? ""), length);
    at = ESCAPE.lastIndex;
  }
  length += bytes.write(body.slice(at), length);
  const value = bytes.subarray(0, length);
  if (!isUtf8(value)) throw badLiteral("string literal is not valid UTF-8");
  return value.toString("utf8");
};

/** The value of a string literal with its quotes and prefix. */
export const stringValue = (text: string): string => {
  const body = text.slice(text.search(/["']/) + 1, -1);
  return body.includes("\\") ? unescaped(body) : body;
};

/** The value of `r"..."`: what stands between the quotes. */
export const rawStringValue = (text: string): string => text.slice(2, -1);

export interface JsonPath {
  readonly name: string;
  /** A key, or an index. */
  readonly steps: readonly (string | number)[];
}

/** One key of a path: the token's text from its opening bracket to its closing one, both left out. */
const stepValue = (text: string, identifier: string): string | number => {
  const raw = /^[rR]["']/.test(text);
  const key = raw ? text.slice(1) : text;
  if (/^["']/.test(key)) {
    const body = key.slice(1, -1);
    if (body === "") throw badExpression(`invalid identifier: ${identifier}`);
    return raw ? body : body.replace(/\\u([0-9a-fA-F]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  if (!/^[0-9]+$/.test(key) || key.length > 19 || BigInt(key) > INT64_MAX)
    throw badExpression(`json key must be enclosed in double quotes or single quotes: "${key}"`);
  const index = Number(key);
  return index <= 0xffffffff ? index : key;
};

/** The parts of a path token `name["key"][0]`. An index that no array can have stays text: it may be a key. */
export const jsonPath = (text: string): JsonPath => {
  const name = text.slice(0, text.indexOf("["));
  const steps: (string | number)[] = [];
  let at = name.length;
  for (let end = keyEnd(text, at); end !== -1; end = keyEnd(text, at)) {
    steps.push(stepValue(text.slice(at + 1, end - 1), text));
    at = end;
  }
  return { name, steps };
};
