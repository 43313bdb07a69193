/**
 * Header fields to header blocks that need no state: indexes of the static table and literals that are not to be indexed. A block can be encoded once and sent
 * on any connection; the peer's dynamic table stays empty.
 * Source: RFC 7541, sections 5 and 6.
 */
import { staticFields } from "./hpack-table.js";

/** What a decoder must be told first when its peer allows a smaller dynamic table than the default: none is used. */
export const EMPTY_TABLE = Buffer.from([0x20]);

const indexOfName = new Map<string, number>();
const indexOfField = new Map<string, number>();
for (const [at, { name, value }] of staticFields.entries()) {
  if (!indexOfName.has(name)) indexOfName.set(name, at + 1);
  indexOfField.set(`${name}\n${value}`, at + 1);
}

const integer = (value: number, prefixBits: number, mark: number): number[] => {
  const most = (1 << prefixBits) - 1;
  if (value < most) return [mark | value];
  const bytes = [mark | most];
  let rest = value - most;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
};

const text = (value: string): Buffer[] => [Buffer.from(integer(value.length, 7, 0)), Buffer.from(value, "latin1")];

/** Names in lower case, values in Latin-1; pseudo-header fields first. */
export const encodeHeaders = (fields: Iterable<readonly [string, string]>): Buffer => {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) {
    const whole = indexOfField.get(`${name}\n${value}`);
    if (whole !== undefined && value !== "") {
      parts.push(Buffer.from(integer(whole, 7, 0x80)));
      continue;
    }
    const known = indexOfName.get(name) ?? 0;
    parts.push(Buffer.from(integer(known, 4, 0)), ...(known === 0 ? text(name) : []), ...text(value));
  }
  return Buffer.concat(parts);
};
