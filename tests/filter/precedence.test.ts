/** How an expression is grouped: each row says the same as its fully bracketed form, and not the same as the other grouping. */
import { describe, expect, it } from "vitest";
import { NodeKind } from "../../src/filter/ast.js";
import { tokenize } from "../../src/filter/lexer.js";
import { parse } from "../../src/filter/parser.js";

/** The text with brackets around every operator and its operands. */
const grouped = (text: string): string => {
  const tokens = tokenize(text);
  const stack: string[] = [];
  for (const node of parse(tokens)) {
    const word = tokens.text(node.token);
    const take = (count: number): string[] => stack.splice(stack.length - count);
    if (node.kind === NodeKind.List) stack.push(`[${take(node.count).join(",")}]`);
    else if (node.kind === NodeKind.Prefix) stack.push(`(${word} ${take(1)[0]})`);
    else if (node.kind === NodeKind.Binary) stack.push(`(${take(2).join(` ${word} `)})`);
    else if (node.kind === NodeKind.In) stack.push(`(${take(2).join(node.count === 1 ? " not in " : " in ")})`);
    else if (node.kind === NodeKind.Range) stack.push(`(${take(2).join(` ..${word}.. `)})`);
    else if (node.kind === NodeKind.Template) stack.push(`{${word}}`);
    else stack.push(tokens.textOf(node.first, node.last));
  }
  expect(stack).toHaveLength(1);
  return stack[0] ?? "";
};

const cases: readonly (readonly [string, string])[] = [
  ["a like b ** c", "((a like b) ** c)"],
  ["exists a like b", "((exists a) like b)"],
  ["-a ** b", "(- (a ** b))"],
  ["a ** -b ** c", "(a ** (- (b ** c)))"],
  ["a ** b ** c", "((a ** b) ** c)"],
  ["a ** -b * c", "((a ** (- b)) * c)"],
  ["not a > 5", "((not a) > 5)"],
  ["not a like b", "(not (a like b))"],
  ["not not a", "(not (not a))"],
  ["-a * b + c", "(((- a) * b) + c)"],
  ["a + b * c", "(a + (b * c))"],
  ["a - b - c", "((a - b) - c)"],
  ["a % b / c * d", "(((a % b) / c) * d)"],
  ["a << b + c", "(a << (b + c))"],
  ["a in b << c", "(a in (b << c))"],
  ["a + 1 in [1]", "((a + 1) in [1])"],
  ["a not in [1] and b", "((a not in [1]) and b)"],
  ["a in not b", "(a in (not b))"],
  ["1 < a < 2", "(1 ..a.. 2)"],
  ["1 + 2 <= a < 2 * 3", "((1 + 2) ..a.. (2 * 3))"],
  ["3 > a >= 1 == b", "((3 ..a.. 1) == b)"],
  ["1 < a > 2", "((1 < a) > 2)"],
  ["1 < a + 1 < 2", "((1 < (a + 1)) < 2)"],
  ["1 < (a) < 2", "((1 < a) < 2)"],
  ["1 < a['k'] < 2", "(1 ..a['k'].. 2)"],
  ["a < b == c < d", "((a < b) == (c < d))"],
  ["a == b != c", "((a == b) != c)"],
  ["a & 1 == 0", "(a & (1 == 0))"],
  ["a | b ^ c & d", "(a | (b ^ (c & d)))"],
  ["a & b and c | d", "((a & b) and (c | d))"],
  ["a or b and c", "(a or (b and c))"],
  ["a and b or c and d", "((a and b) or (c and d))"],
  ["a && b || c", "((a && b) || c)"],
  ["(a or b) and c", "((a or b) and c)"],
  ["a is null and b is not null", "(ais null and bis not null)"],
  ["[1, [2,], a + 1,]", "[1,[2,],(a + 1)]"],
  ["{x} + 1 == {y}", "(({x} + 1) == {y})"],
  ["+-~!a", "(+ (- (~ (! a))))"],
];

describe("grouping", () => {
  for (const [text, expected] of cases) it(text, () => expect(grouped(text)).toBe(expected));
});
