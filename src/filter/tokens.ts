/**
 * The words of the filter language: kinds of tokens, keywords, and the list of tokens of one text.
 *
 * A keyword is written all-lower or ALL-UPPER; `And` is an identifier. Tokens are kept as three number columns, so a list literal of a megabyte costs
 * no object a token.
 */

export const TokenKind = {
  End: 0,
  // Integer to RawString: literals.
  Integer: 1,
  Float: 2,
  Boolean: 3,
  String: 4,
  RawString: 5,
  Identifier: 6,
  /** `$meta`, the dynamic field. */
  Meta: 7,
  /** `name["key"][0]`. */
  JsonIdentifier: 8,
  /** `name[sub]`. */
  StructField: 9,
  /** `name[0][sub]`. */
  StructIndexField: 10,
  /** `$[sub]`. */
  StructSubField: 11,
  LeftParen: 12,
  RightParen: 13,
  LeftBracket: 14,
  RightBracket: 15,
  EmptyArray: 16,
  Comma: 17,
  LeftBrace: 18,
  RightBrace: 19,
  Less: 20,
  LessEqual: 21,
  Greater: 22,
  GreaterEqual: 23,
  Equal: 24,
  NotEqual: 25,
  Like: 26,
  Exists: 27,
  RegexMatch: 28,
  RegexNotMatch: 29,
  Assign: 30,
  Add: 31,
  Subtract: 32,
  Multiply: 33,
  Divide: 34,
  Modulo: 35,
  Power: 36,
  ShiftLeft: 37,
  ShiftRight: 38,
  BitAnd: 39,
  BitOr: 40,
  BitXor: 41,
  BitNot: 42,
  And: 43,
  Or: 44,
  Not: 45,
  In: 46,
  IsNull: 47,
  IsNotNull: 48,
  /** A word of the language that begins an expression this server cannot run yet. */
  Feature: 49,
  /** `minimum_should_match`, `threshold`: legal only inside the calls of features. */
  Option: 50,
  /** `json_contains`, `array_contains`. */
  Contains: 51,
  ContainsAll: 52,
  ContainsAny: 53,
  ArrayLength: 54,
} as const;
export type TokenKind = (typeof TokenKind)[keyof typeof TokenKind];

const features = [
  ..."text_match text_match_fuzzy phrase_match random_sample match_all match_any match_least match_most match_exact interval iso".split(
    " ",
  ),
  ..."element_filter st_equals st_touches st_overlaps st_crosses st_contains st_intersects st_within st_dwithin st_isvalid".split(" "),
];

const lowerKeywords: [string, TokenKind][] = [
  ["like", TokenKind.Like],
  ["exists", TokenKind.Exists],
  ["and", TokenKind.And],
  ["or", TokenKind.Or],
  ["not", TokenKind.Not],
  ["in", TokenKind.In],
  ["true", TokenKind.Boolean],
  ["false", TokenKind.Boolean],
  ["minimum_should_match", TokenKind.Option],
  ["threshold", TokenKind.Option],
  ["json_contains", TokenKind.Contains],
  ["array_contains", TokenKind.Contains],
  ["json_contains_all", TokenKind.ContainsAll],
  ["array_contains_all", TokenKind.ContainsAll],
  ["json_contains_any", TokenKind.ContainsAny],
  ["array_contains_any", TokenKind.ContainsAny],
  ["array_length", TokenKind.ArrayLength],
  ...features.map((word): [string, TokenKind] => [word, TokenKind.Feature]),
];

/** Keyword as written to its kind. */
export const keywords: ReadonlyMap<string, TokenKind> = new Map([
  ...lowerKeywords,
  ...lowerKeywords.map(([word, kind]): [string, TokenKind] => [word.toUpperCase(), kind]),
  ["True", TokenKind.Boolean],
  ["False", TokenKind.Boolean],
]);

/** How many letters the longest keyword has: longer words need no look-up. */
export const KEYWORD_LENGTH_MAX = Math.max(...lowerKeywords.map(([word]) => word.length));

/** The tokens of one text; the last one is End. Offsets are in UTF-16 units. */
export class Tokens {
  readonly #kinds: TokenKind[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  constructor(readonly source: string) {}

  add(kind: TokenKind, start: number, end: number): void {
    this.#kinds.push(kind);
    this.#starts.push(start);
    this.#ends.push(end);
  }

  /** Past the last token: End. */
  kind(index: number): TokenKind {
    return this.#kinds[index] ?? TokenKind.End;
  }

  start(index: number): number {
    return this.#starts[index] ?? this.source.length;
  }

  text(index: number): string {
    return this.source.slice(this.#starts[index], this.#ends[index]);
  }

  /** The tokens from `first` to `last` without the blanks between them: how Milvus quotes a part of an expression. */
  textOf(first: number, last: number): string {
    let text = "";
    for (let index = first; index <= last; index += 1) text += this.text(index);
    return text;
  }
}

/** `line L:C`, lines from 1, columns from 0. */
export const position = (source: string, offset: number): string => {
  let line = 1;
  let lineStart = 0;
  for (let at = source.indexOf("\n"); at !== -1 && at < offset; at = source.indexOf("\n", at + 1)) {
    line += 1;
    lineStart = at + 1;
  }
  return `line ${line}:${offset - lineStart}`;
};
