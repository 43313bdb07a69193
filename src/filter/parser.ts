/**
 * From tokens to nodes in postorder.
 *
 * Model: operator precedence with three explicit stacks: operators that wait for their right operand, finished operands, and open brackets. Nothing
 * recurses, so depth costs memory only. Between two steps the parser either wants an operand or has one and wants an operator. All binary operators
 * are left-associative; a prefix operator takes what binds tighter than itself (`not a > 5` is `(not a) > 5`). `a < f <= b` is one operator whose
 * middle is a field. Tokens left over at the end make the expression invalid; a wrong token inside is a syntax error in the words of ANTLR.
 * What belongs to the language and is not built is refused by name, wherever it begins.
 */
import { type Node, NodeKind, RangeBounds } from "./ast.js";
import { notSupported, planFailed } from "./errors.js";
import { position, TokenKind, type Tokens } from "./tokens.js";

const UNARY = 14;
const EXISTS = 19;
const RANGE_ASCENDING = 9;
const RANGE_DESCENDING = 8;

/** Binary operators; the higher binds tighter. */
const precedences: ReadonlyMap<TokenKind, number> = new Map([
  [TokenKind.Like, 18],
  [TokenKind.Power, 15],
  [TokenKind.Multiply, 13],
  [TokenKind.Divide, 13],
  [TokenKind.Modulo, 13],
  [TokenKind.Add, 12],
  [TokenKind.Subtract, 12],
  [TokenKind.ShiftLeft, 11],
  [TokenKind.ShiftRight, 11],
  [TokenKind.In, 10],
  [TokenKind.Less, 7],
  [TokenKind.LessEqual, 7],
  [TokenKind.Greater, 7],
  [TokenKind.GreaterEqual, 7],
  [TokenKind.Equal, 6],
  [TokenKind.NotEqual, 6],
  [TokenKind.BitAnd, 5],
  [TokenKind.BitXor, 4],
  [TokenKind.BitOr, 3],
  [TokenKind.And, 2],
  [TokenKind.Or, 1],
]);

const literals: ReadonlyMap<TokenKind, NodeKind> = new Map([
  [TokenKind.Integer, NodeKind.Integer],
  [TokenKind.Float, NodeKind.Float],
  [TokenKind.Boolean, NodeKind.Boolean],
  [TokenKind.String, NodeKind.String],
  [TokenKind.RawString, NodeKind.RawString],
  [TokenKind.Meta, NodeKind.Name],
  [TokenKind.EmptyArray, NodeKind.List],
] as const);

const calls: ReadonlySet<TokenKind> = new Set([TokenKind.Contains, TokenKind.ContainsAll, TokenKind.ContainsAny]);
const CALL_ARGUMENTS = 2;

const prefixes: ReadonlySet<TokenKind> = new Set([TokenKind.Add, TokenKind.Subtract, TokenKind.BitNot, TokenKind.Not]);
const ascending: ReadonlySet<TokenKind> = new Set([TokenKind.Less, TokenKind.LessEqual]);
const descending: ReadonlySet<TokenKind> = new Set([TokenKind.Greater, TokenKind.GreaterEqual]);

const OPERAND_EXPECTED =
  "{'(', '[', '{', EXISTS, '+', '-', '~', NOT, EmptyArray, BooleanConstant, IntegerConstant, FloatingConstant, Identifier, '$meta', " +
  "StringLiteral, RawStringLiteral, JSONIdentifier}";

/** An operator that waits for its right operand. */
interface Pending {
  readonly kind: NodeKind;
  readonly operator: TokenKind;
  readonly precedence: number;
  readonly token: number;
  readonly count: number;
}

/** What stands between brackets: one expression, the elements of a list, or the two arguments of a call. */
type Inside = "parens" | "list" | "call";

interface Bracket {
  readonly inside: Inside;
  readonly token: number;
  /** How many operators waited when it was opened. */
  readonly waiting: number;
  count: number;
}

class Parser {
  readonly #output: Node[] = [];
  readonly #operands: Node[] = [];
  readonly #pending: Pending[] = [];
  readonly #brackets: Bracket[] = [];
  #at = 0;
  #wantsOperand = true;
  constructor(readonly tokens: Tokens) {}

  run(): Node[] {
    for (;;) {
      if (this.#wantsOperand) this.#operand();
      else if (this.#operator()) break;
    }
    this.#reduce(0, 0);
    return this.#output;
  }

  #operand(): void {
    const { tokens } = this;
    const kind = tokens.kind(this.#at);
    const literal = literals.get(kind);
    if (literal !== undefined) this.#leaf(literal, TokenKind.End, this.#at);
    else if (kind === TokenKind.Identifier || kind === TokenKind.JsonIdentifier) this.#name(kind);
    else if (kind === TokenKind.LeftParen) this.#open("parens", this.#at);
    else if (kind === TokenKind.LeftBracket) this.#openList();
    else if (calls.has(kind)) this.#openCall();
    else if (kind === TokenKind.ArrayLength) this.#length();
    else if (kind === TokenKind.LeftBrace) this.#template();
    else if (kind === TokenKind.Exists || prefixes.has(kind)) {
      const precedence = kind === TokenKind.Exists ? EXISTS : UNARY;
      this.#pending.push({ kind: NodeKind.Prefix, operator: kind, precedence, token: this.#at, count: 0 });
      this.#at += 1;
    } else if (kind === TokenKind.RightBracket && this.#afterComma()) this.#closeList();
    else {
      this.#refuseFeature(kind, this.#at);
      this.#mismatch(OPERAND_EXPECTED);
    }
  }

  /** `token` is what the brackets belong to; they open at the token at hand. */
  #open(inside: Inside, token: number): void {
    this.#brackets.push({ inside, token, waiting: this.#pending.length, count: 0 });
    this.#at += 1;
  }

  /** Lists of literals alone, which may be very long, become one node. */
  #openList(): void {
    const end = this.#literalsEnd();
    if (end === -1) this.#open("list", this.#at);
    else this.#leaf(NodeKind.LiteralList, TokenKind.End, end);
  }

  #openCall(): void {
    const token = this.#at;
    this.#at += 1;
    if (this.tokens.kind(this.#at) !== TokenKind.LeftParen) this.#mismatch("'('");
    this.#open("call", token);
  }

  /** `array_length(name)`, whose argument is no expression. */
  #length(): void {
    const first = this.#at;
    this.#at += 1;
    if (this.tokens.kind(this.#at) !== TokenKind.LeftParen) this.#mismatch("'('");
    this.#at += 1;
    const token = this.#at;
    const kind = this.tokens.kind(token);
    if (kind !== TokenKind.Identifier && kind !== TokenKind.JsonIdentifier) {
      this.#refuseFeature(kind, token);
      this.#mismatch("{Identifier, JSONIdentifier, StructFieldIdentifier}");
    }
    this.#at += 1;
    const last = this.#at;
    if (this.tokens.kind(last) !== TokenKind.RightParen) this.#mismatch("')'");
    this.#push({ kind: NodeKind.Length, operator: TokenKind.End, token, count: 0, first, last, outerFirst: first, outerLast: last });
    this.#at += 1;
    this.#wantsOperand = false;
  }

  /** The token that closes the list which opens here, if it holds literals alone; else -1, found out at the first other token. */
  #literalsEnd(): number {
    const { tokens } = this;
    for (let at = this.#at + 1; ; at += 1) {
      if (tokens.kind(at) === TokenKind.RightBracket && at > this.#at + 1) return at;
      const signed = tokens.kind(at) === TokenKind.Subtract;
      if (signed) at += 1;
      const kind = tokens.kind(at);
      if (signed ? kind !== TokenKind.Integer && kind !== TokenKind.Float : kind < TokenKind.Integer || kind > TokenKind.RawString)
        return -1;
      at += 1;
      if (tokens.kind(at) === TokenKind.RightBracket) return at;
      if (tokens.kind(at) !== TokenKind.Comma) return -1;
    }
  }

  /** A trailing comma: the list ends where another element could begin. */
  #afterComma(): boolean {
    const bracket = this.#brackets.at(-1);
    return bracket?.inside === "list" && bracket.count > 0 && this.tokens.kind(this.#at - 1) === TokenKind.Comma;
  }

  /** What this server knows of the language and cannot run. */
  #refuseFeature(kind: TokenKind, token: number): void {
    const text = this.tokens.text(token);
    if (kind === TokenKind.Feature) throw notSupported(text.toLowerCase());
    if (kind === TokenKind.StructField || kind === TokenKind.StructIndexField) throw notSupported(`struct field access ${text}`);
    if (kind === TokenKind.StructSubField) throw planFailed(`${text} syntax can only be used inside ElementFilter or MATCH_*`);
    if (kind === TokenKind.RegexMatch || kind === TokenKind.RegexNotMatch) throw notSupported(`regex match ${text}`);
  }

  #leaf(kind: NodeKind, operator: TokenKind, last: number): void {
    this.#push({ kind, operator, token: this.#at, count: 0, first: this.#at, last, outerFirst: this.#at, outerLast: last });
    this.#at = last + 1;
    this.#wantsOperand = false;
  }

  #push(node: Node): void {
    this.#output.push(node);
    this.#operands.push(node);
  }

  #name(kind: TokenKind): void {
    const next = this.tokens.kind(this.#at + 1);
    if (kind === TokenKind.Identifier && next === TokenKind.LeftParen) throw notSupported(`function ${this.tokens.text(this.#at)}`);
    if (next === TokenKind.IsNull || next === TokenKind.IsNotNull) this.#leaf(NodeKind.NullTest, next, this.#at + 1);
    else this.#leaf(kind === TokenKind.Identifier ? NodeKind.Name : NodeKind.Path, TokenKind.End, this.#at);
  }

  #template(): void {
    const first = this.#at;
    this.#at += 1;
    if (this.tokens.kind(this.#at) !== TokenKind.Identifier) this.#mismatch("Identifier");
    this.#at += 1;
    if (this.tokens.kind(this.#at) !== TokenKind.RightBrace) this.#mismatch("'}'");
    this.#push({
      kind: NodeKind.Template,
      operator: TokenKind.End,
      token: first + 1,
      count: 0,
      first,
      last: this.#at,
      outerFirst: first,
      outerLast: this.#at,
    });
    this.#at += 1;
    this.#wantsOperand = false;
  }

  /** Takes one token behind an operand; true when the expression has ended. */
  #operator(): boolean {
    const kind = this.tokens.kind(this.#at);
    const bracket = this.#brackets.at(-1);
    if (kind === TokenKind.End && bracket === undefined) return true;
    if (this.#binary(kind)) return false;
    const inside = bracket?.inside;
    const moreArguments = bracket !== undefined && inside === "call" && bracket.count + 1 < CALL_ARGUMENTS;
    if (bracket !== undefined && kind === TokenKind.Comma && (inside === "list" || moreArguments)) {
      this.#finishElement(bracket);
      this.#at += 1;
      this.#wantsOperand = true;
    } else if (bracket !== undefined && inside === "list" && kind === TokenKind.RightBracket) {
      this.#finishElement(bracket);
      this.#closeList();
    } else if (bracket !== undefined && inside === "call" && kind === TokenKind.RightParen && !moreArguments) {
      this.#finishElement(bracket);
      this.#closeCall();
    } else if (bracket !== undefined && inside === "parens" && kind === TokenKind.RightParen) this.#closeParens(bracket);
    else {
      this.#refuseFeature(kind, this.#at);
      this.#leftOver(bracket);
    }
    return false;
  }

  #binary(kind: TokenKind): boolean {
    if (kind === TokenKind.Not && this.tokens.kind(this.#at + 1) === TokenKind.In) {
      this.#wait({ kind: NodeKind.In, operator: TokenKind.In, precedence: 10, token: this.#at, count: 1 }, 2);
      return true;
    }
    if (this.#range(kind)) return true;
    const precedence = precedences.get(kind);
    if (precedence === undefined) return false;
    this.#wait({ kind: kind === TokenKind.In ? NodeKind.In : NodeKind.Binary, operator: kind, precedence, token: this.#at, count: 0 }, 1);
    return true;
  }

  /** `< name <=`: the operator of a range, if two comparisons in one direction hold a bare name or path. */
  #range(kind: TokenKind): boolean {
    const side = ascending.has(kind) ? ascending : descending.has(kind) ? descending : undefined;
    const middle = this.tokens.kind(this.#at + 1);
    const second = this.tokens.kind(this.#at + 2);
    if (side === undefined || !side.has(second)) return false;
    if (middle !== TokenKind.Identifier && middle !== TokenKind.JsonIdentifier) return false;
    const inclusive = (operator: TokenKind): boolean => operator === TokenKind.LessEqual || operator === TokenKind.GreaterEqual;
    const isAscending = side === ascending;
    this.#wait(
      {
        kind: NodeKind.Range,
        operator: isAscending ? TokenKind.Less : TokenKind.Greater,
        precedence: isAscending ? RANGE_ASCENDING : RANGE_DESCENDING,
        token: this.#at + 1,
        count: (inclusive(kind) ? RangeBounds.LeftInclusive : 0) | (inclusive(second) ? RangeBounds.RightInclusive : 0),
      },
      3,
    );
    return true;
  }

  #wait(operator: Pending, width: number): void {
    this.#reduce(this.#brackets.at(-1)?.waiting ?? 0, operator.precedence);
    this.#pending.push(operator);
    this.#at += width;
    this.#wantsOperand = true;
  }

  /** Applies the operators above the first `waiting` that bind at least as tightly as `precedence`. */
  #reduce(waiting: number, precedence: number): void {
    for (let top = this.#pending.at(-1); this.#pending.length > waiting && top !== undefined; top = this.#pending.at(-1)) {
      if (top.precedence < precedence) return;
      this.#pending.pop();
      const right = this.#take();
      const first = top.kind === NodeKind.Prefix ? top.token : this.#take().outerFirst;
      const { kind, operator, token, count } = top;
      this.#push({ kind, operator, token, count, first, last: right.outerLast, outerFirst: first, outerLast: right.outerLast });
    }
  }

  #take(): Node {
    const node = this.#operands.pop();
    if (node === undefined) throw new Error("the parser applied an operator without its operands");
    return node;
  }

  #finishElement(bracket: Bracket): void {
    this.#reduce(bracket.waiting, 0);
    bracket.count += 1;
  }

  #closeList(): void {
    this.#closeGroup(NodeKind.List, TokenKind.End);
  }

  #closeCall(): void {
    this.#closeGroup(NodeKind.Contains, this.tokens.kind(this.#brackets.at(-1)?.token ?? 0));
  }

  /** Makes the finished operands of the innermost brackets one node, which ends at the token at hand. */
  #closeGroup(kind: NodeKind, operator: TokenKind): void {
    const bracket = this.#brackets.pop();
    if (bracket === undefined) throw new Error("the parser closed brackets that were not open");
    this.#operands.length -= bracket.count;
    const { token: first, count } = bracket;
    const last = this.#at;
    this.#push({ kind, operator, token: first, count, first, last, outerFirst: first, outerLast: last });
    this.#at += 1;
    this.#wantsOperand = false;
  }

  #closeParens(bracket: Bracket): void {
    this.#reduce(bracket.waiting, 0);
    this.#brackets.pop();
    const inner = this.#operands.at(-1);
    if (inner === undefined) throw new Error("the parser closed parentheses around nothing");
    inner.outerFirst = bracket.token;
    inner.outerLast = this.#at;
    this.#at += 1;
  }

  #leftOver(bracket: Bracket | undefined): never {
    if (bracket === undefined) throw planFailed(`invalid expression: ${this.tokens.source}`);
    if (bracket.inside === "list") this.#mismatch("{',', ']'}");
    if (bracket.inside === "call" && bracket.count + 1 < CALL_ARGUMENTS) this.#mismatch("','");
    const { tokens } = this;
    const where = position(tokens.source, tokens.start(this.#at));
    if (tokens.kind(this.#at) === TokenKind.End) throw planFailed(`${where} missing ')' at '<EOF>'`);
    this.#mismatch("')'");
  }

  /** Refuses the token at hand; `extraneous input` when the next one would have been right. */
  #mismatch(expected: string): never {
    const { tokens } = this;
    const end = tokens.kind(this.#at) === TokenKind.End;
    const text = end ? "<EOF>" : tokens.text(this.#at);
    const next = tokens.kind(this.#at + 1);
    const extraneous = !end && (expected === OPERAND_EXPECTED ? literals.has(next) : expected === "')'" && next === TokenKind.RightParen);
    throw planFailed(
      `${position(tokens.source, tokens.start(this.#at))} ${extraneous ? "extraneous" : "mismatched"} input '${text}' expecting ${expected}`,
    );
  }
}

/** The nodes of a filter in postorder; the last one is the whole. Throws FilterError. */
export const parse = (tokens: Tokens): Node[] => new Parser(tokens).run();
