/**
 * JSON for REST bodies: no digit of a 64-bit integer is lost, in or out.
 *
 * In: an integer literal outside the safe range becomes a `bigint`, everything else is as `JSON.parse` makes it; faults in Go's words.
 * Out: `bigint` as digits, `Float32Array` with the shortest digits that give the same 32-bit value,
 * bytes as base64, what JSON cannot say (NaN, infinities) as null.
 */
import { parseJson as parseExact, shortFloat } from "../shared/rows/json.js";

/** The words of Go's decoder for the commonest faults; V8's for the rest. */
const inGoWords = (message: string, text: string): string => {
  if (/Unexpected end|Unterminated/.test(message)) return "unexpected EOF";
  const token = /^Unexpected token '?(.+?)'?(,|$)/su.exec(message)?.[1];
  if (token === undefined) return message;
  return `invalid character '${token}'${text.trimStart().startsWith(token) ? " looking for beginning of value" : ""}`;
};

/** @throws SyntaxError */
export const parseJson = (text: string): unknown => {
  try {
    return parseExact(text);
  } catch (error) {
    throw new SyntaxError(inGoWords((error as Error).message, text));
  }
};

const float32 = (value: number): string => (Number.isFinite(value) ? String(shortFloat(value)) : "null");

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
