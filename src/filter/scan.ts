/**
 * Where things end: string literals, the keys of a path. Offsets are in UTF-16 units; -1 means that there is none at the offset.
 *
 * These are loops, not patterns: a pattern with an alternative in a loop keeps a state a character, and a literal may have millions.
 */

export const code = (character: string): number => character.charCodeAt(0);
const BACKSLASH = code("\\");
const NEWLINE = code("\n");
const RETURN = code("\r");
const DOUBLE_QUOTE = code('"');
const SINGLE_QUOTE = code("'");
const LEFT_BRACKET = code("[");
const RIGHT_BRACKET = code("]");

export const isBlank = (unit: number): boolean => unit === 32 || unit === 9 || unit === NEWLINE || unit === RETURN;
export const isDigit = (unit: number): boolean => unit >= 48 && unit <= 57;
export const isLetter = (unit: number): boolean => (unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90) || unit === 95;
export const isQuote = (unit: number): boolean => unit === DOUBLE_QUOTE || unit === SINGLE_QUOTE;

const DECIMAL = /0|[1-9][0-9]*/y;
const IDENTIFIER = /[a-zA-Z_][a-zA-Z0-9_]*/y;

/** Where the match of a sticky pattern at `offset` ends, or -1. */
export const matchEnd = (pattern: RegExp, text: string, offset: number): number => {
  pattern.lastIndex = offset;
  return pattern.test(text) ? pattern.lastIndex : -1;
};

/** The end of the string literal whose opening quote is at `offset`, or -1. A backslash takes the next character with it. */
export const stringEnd = (text: string, offset: number, raw: boolean): number => {
  const quote = text.charCodeAt(offset);
  for (let at = offset + 1; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === quote) return at + 1;
    if (unit === NEWLINE || unit === RETURN) return -1;
    if (unit !== BACKSLASH) continue;
    at += 1;
    const escaped = text.charCodeAt(at);
    if (raw && (escaped === NEWLINE || escaped === RETURN)) return -1;
    if (escaped !== RETURN) continue;
    if (text.charCodeAt(at + 1) !== NEWLINE) return -1;
    at += 1;
  }
  return -1;
};

const stringPrefixes: ReadonlySet<string> = new Set(["u8", "u", "U", "L"]);
export const rawPrefixes: ReadonlySet<string> = new Set(["r", "R"]);

/** The end of a string literal with or without prefix at `offset`, or -1. */
export const literalEnd = (text: string, offset: number): number => {
  if (isQuote(text.charCodeAt(offset))) return stringEnd(text, offset, false);
  for (const length of [1, 2]) {
    const prefix = text.slice(offset, offset + length);
    if (!isQuote(text.charCodeAt(offset + length))) continue;
    if (stringPrefixes.has(prefix)) return stringEnd(text, offset + length, false);
    if (rawPrefixes.has(prefix)) return stringEnd(text, offset + length, true);
  }
  return -1;
};

/** The end of `["key"]` or `[0]` at `offset`, or -1. */
export const keyEnd = (text: string, offset: number): number => {
  if (text.charCodeAt(offset) !== LEFT_BRACKET) return -1;
  const inner = isDigit(text.charCodeAt(offset + 1)) ? matchEnd(DECIMAL, text, offset + 1) : literalEnd(text, offset + 1);
  return inner !== -1 && text.charCodeAt(inner) === RIGHT_BRACKET ? inner + 1 : -1;
};

/** The end of one or more keys at `offset`, or -1. */
export const pathEnd = (text: string, offset: number): number => {
  let end = -1;
  for (let next = keyEnd(text, offset); next !== -1; next = keyEnd(text, next)) end = next;
  return end;
};

/** The end of `[name]` at `offset`, or -1. */
export const subFieldEnd = (text: string, offset: number): number => {
  if (text.charCodeAt(offset) !== LEFT_BRACKET) return -1;
  const inner = matchEnd(IDENTIFIER, text, offset + 1);
  return inner !== -1 && text.charCodeAt(inner) === RIGHT_BRACKET ? inner + 1 : -1;
};
