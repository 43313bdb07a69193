/**
 * From text to tokens.
 *
 * The longest match wins, and among equals the keyword: `android` is an identifier, `in["a"]` a JSON path, `in [1]` the keyword and a list, `[ ]` one
 * token, `is null` one token with exactly one space. Blanks are space, tab, CR and LF. Nothing is decoded here (see literals.ts), but what is not a
 * token is refused: `line L:C token recognition error at: 'x'`. One pass, no backtracking further than one token.
 */
import { planFailed } from "./errors.js";
import {
  code,
  isBlank,
  isDigit,
  isLetter,
  isQuote,
  keyEnd,
  literalEnd,
  matchEnd,
  pathEnd,
  rawPrefixes,
  stringEnd,
  subFieldEnd,
} from "./scan.js";
import { KEYWORD_LENGTH_MAX, keywords, position, TokenKind, Tokens } from "./tokens.js";

const DOT = code(".");
const DOLLAR = code("$");
const SPACE = code(" ");
const ONE = code("1");
const LOWER_E = code("e");
const UPPER_E = code("E");
const LEFT_BRACKET = code("[");
const RIGHT_BRACKET = code("]");

const operators: readonly (readonly [string, TokenKind])[] = [
  ["<=", TokenKind.LessEqual],
  ["<<", TokenKind.ShiftLeft],
  [">=", TokenKind.GreaterEqual],
  [">>", TokenKind.ShiftRight],
  ["==", TokenKind.Equal],
  ["=~", TokenKind.RegexMatch],
  ["!=", TokenKind.NotEqual],
  ["!~", TokenKind.RegexNotMatch],
  ["**", TokenKind.Power],
  ["&&", TokenKind.And],
  ["||", TokenKind.Or],
  ["<", TokenKind.Less],
  [">", TokenKind.Greater],
  ["=", TokenKind.Assign],
  ["!", TokenKind.Not],
  ["*", TokenKind.Multiply],
  ["&", TokenKind.BitAnd],
  ["|", TokenKind.BitOr],
  ["+", TokenKind.Add],
  ["-", TokenKind.Subtract],
  ["/", TokenKind.Divide],
  ["%", TokenKind.Modulo],
  ["^", TokenKind.BitXor],
  ["~", TokenKind.BitNot],
  ["(", TokenKind.LeftParen],
  [")", TokenKind.RightParen],
  ["]", TokenKind.RightBracket],
  [",", TokenKind.Comma],
  ["{", TokenKind.LeftBrace],
  ["}", TokenKind.RightBrace],
];
const longOperators = new Map(operators.filter(([text]) => text.length === 2));
/** What a second character can be: most operators are told apart from longer ones by looking at one number. */
const secondUnits: ReadonlySet<number> = new Set([...longOperators.keys()].map((text) => text.charCodeAt(1)));
const shortOperators = new Map(operators.filter(([text]) => text.length === 1).map(([text, kind]) => [code(text), kind]));

const FLOAT =
  /0[xX](?:[0-9a-fA-F]*\.[0-9a-fA-F]+|[0-9a-fA-F]+\.?)[pP][+-]?[0-9]+|(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+/y;
const INTEGER = /0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*/y;
class Lexer {
  readonly tokens: Tokens;
  #at = 0;
  constructor(readonly text: string) {
    this.tokens = new Tokens(text);
  }

  run(): Tokens {
    const { text } = this;
    for (;;) {
      while (isBlank(text.charCodeAt(this.#at))) this.#at += 1;
      if (this.#at >= text.length) break;
      const unit = text.charCodeAt(this.#at);
      if (isDigit(unit) || unit === DOT) this.#number(unit);
      else if (isLetter(unit)) this.#word();
      else if (isQuote(unit)) this.#string();
      else if (unit === DOLLAR) this.#dollar();
      else if (unit === LEFT_BRACKET) this.#bracket();
      else this.#operator(unit);
    }
    this.tokens.add(TokenKind.End, text.length, text.length);
    return this.tokens;
  }

  #add(kind: TokenKind, end: number): void {
    this.tokens.add(kind, this.#at, end);
    this.#at = end;
  }

  /** Refuses the text from the beginning of this token to `end`. */
  #refuse(end: number): never {
    throw planFailed(`${position(this.text, this.#at)} token recognition error at: '${this.text.slice(this.#at, end)}'`);
  }

  #number(unit: number): void {
    const { text } = this;
    if (unit >= ONE) {
      let end = this.#at + 1;
      while (isDigit(text.charCodeAt(end))) end += 1;
      const next = text.charCodeAt(end);
      if (next !== DOT && next !== LOWER_E && next !== UPPER_E) {
        this.#add(TokenKind.Integer, end);
        return;
      }
    }
    const float = matchEnd(FLOAT, text, this.#at);
    const integer = matchEnd(INTEGER, text, this.#at);
    if (float > integer) this.#add(TokenKind.Float, float);
    else if (integer !== -1) this.#add(TokenKind.Integer, integer);
    else this.#refuse(this.#at + 2);
  }

  #string(): void {
    const end = stringEnd(this.text, this.#at, false);
    if (end === -1) this.#refuse(this.text.length);
    this.#add(TokenKind.String, end);
  }

  #word(): void {
    const { text } = this;
    let end = this.#at + 1;
    while (isLetter(text.charCodeAt(end)) || isDigit(text.charCodeAt(end))) end += 1;
    const next = text.charCodeAt(end);
    if (next === LEFT_BRACKET && this.#access(end)) return;
    if (isQuote(next)) {
      const closing = literalEnd(text, this.#at);
      const kind = rawPrefixes.has(text.slice(this.#at, end)) ? TokenKind.RawString : TokenKind.String;
      if (closing !== -1) {
        this.#add(kind, closing);
        return;
      }
    }
    if (next === SPACE && end - this.#at === 2 && this.#nullTest(end)) return;
    const kind = end - this.#at <= KEYWORD_LENGTH_MAX ? keywords.get(text.slice(this.#at, end)) : undefined;
    this.#add(kind ?? TokenKind.Identifier, end);
  }

  /** A name with brackets at `end` directly behind it. */
  #access(end: number): boolean {
    const { text } = this;
    const path = pathEnd(text, end);
    const element = path !== -1 && isDigit(text.charCodeAt(end + 1)) ? subFieldEnd(text, keyEnd(text, end)) : -1;
    const sub = subFieldEnd(text, end);
    if (element !== -1) this.#add(TokenKind.StructIndexField, element);
    else if (path !== -1) this.#add(TokenKind.JsonIdentifier, path);
    else if (sub !== -1) this.#add(TokenKind.StructField, sub);
    else return false;
    return true;
  }

  /** `is null` and `is not null` need no blank behind them. */
  #nullTest(end: number): boolean {
    const word = this.text.slice(this.#at, end);
    if (word !== "is" && word !== "IS") return false;
    const upper = word === "IS";
    if (this.text.startsWith(upper ? " NULL" : " null", end)) this.#add(TokenKind.IsNull, end + " null".length);
    else if (this.text.startsWith(upper ? " NOT NULL" : " not null", end)) this.#add(TokenKind.IsNotNull, end + " not null".length);
    else return false;
    return true;
  }

  #dollar(): void {
    const { text } = this;
    const sub = subFieldEnd(text, this.#at + 1);
    if (text.startsWith("$meta", this.#at)) {
      const end = this.#at + "$meta".length;
      const path = pathEnd(text, end);
      this.#add(path === -1 ? TokenKind.Meta : TokenKind.JsonIdentifier, path === -1 ? end : path);
    } else if (sub !== -1) this.#add(TokenKind.StructSubField, sub);
    else this.#refuse(this.#at + 2);
  }

  #bracket(): void {
    let end = this.#at + 1;
    while (isBlank(this.text.charCodeAt(end))) end += 1;
    if (this.text.charCodeAt(end) === RIGHT_BRACKET) this.#add(TokenKind.EmptyArray, end + 1);
    else this.#add(TokenKind.LeftBracket, this.#at + 1);
  }

  #operator(unit: number): void {
    const doubled = secondUnits.has(this.text.charCodeAt(this.#at + 1));
    const long = doubled ? longOperators.get(this.text.slice(this.#at, this.#at + 2)) : undefined;
    const short = shortOperators.get(unit);
    if (long !== undefined) this.#add(long, this.#at + 2);
    else if (short !== undefined) this.#add(short, this.#at + 1);
    else this.#refuse(this.#at + String.fromCodePoint(this.text.codePointAt(this.#at) ?? 0).length);
  }
}

/** The tokens of a filter's text. Throws FilterError. */
export const tokenize = (text: string): Tokens => new Lexer(text).run();
