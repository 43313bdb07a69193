/**
 * Whatever the text, it compiles to a whole program or is refused with a FilterError; depth and length cost memory and no stack.
 *
 * The large texts are of a size at which work that grows with the square of the length would not end within the runner's limit.
 */
import { expect, it } from "vitest";
import { FilterError } from "../../src/filter/index.js";
import { runSeed, SeededRandom } from "../support/random.js";
import { compile, rows, truths } from "./fixture.js";
import { randomFilter } from "./generate.js";
import { evaluate } from "./interpreter.js";

const words = [
  ..."id i8 i64 f d b s t j vec arr text ts geo x null NULL $meta j['a'] j['l'][0] x['y'][0] arr[0] st[sub] st[0][sub] $[sub] {v} {w}".split(
    " ",
  ),
  ..."== != < <= > >= and or not AND OR NOT && || ! in like LIKE exists + - * / % ** & | ^ ~ << >> = =~ !~ ( ) ( ) [ ] , { }".split(" "),
  ..."0 1 -1 10 1.5 .5 1e3 0x1F 017 0b11 08 0x1.8p3 9223372036854775807 9223372036854775808 1e999 true false 'a' \"b%\" r'\\' u8'x'".split(
    " ",
  ),
  ..."[] [1] [1,] ['a','b'] [1,2.5] [[1]] '\\x41' '\\q' '\\u4e2d' '中' 中 # \" ' \\ $ . \n \t is iso interval text_match threshold".split(
    " ",
  ),
  "is null",
  "is not null",
  "not in",
  ..."json_contains( array_contains_all( ARRAY_CONTAINS_ANY( array_length( array_length(arr) arr[1] as[0] af[9] array_contains(arr,1)".split(
    " ",
  ),
  "\u0000",
  "\ud800",
];

const mutated = (random: SeededRandom, text: string): string => {
  const at = random.below(text.length + 1);
  const rest = random.chance(0.5) ? at : at + random.below(4);
  return text.slice(0, at) + (random.chance(0.3) ? "" : random.pick(words)) + text.slice(rest);
};

const soup = (random: SeededRandom): string =>
  Array.from({ length: random.below(14) }, () => random.pick(words)).join(random.chance(0.7) ? " " : "");

const templates = new Map([
  ["v", { int64Val: 1n }],
  ["w", { arrayVal: { stringData: { data: ["a"] } } }],
]);

/** Whether it compiled; throws for anything but a whole program or a refusal. */
const survives = (text: string): boolean => {
  let program: Buffer | undefined;
  try {
    ({ program } = compile(text, templates));
  } catch (error) {
    if (error instanceof FilterError) return false;
    throw error;
  }
  // A pattern that ends in its escape character is refused when it runs.
  if (!/like/i.test(text)) evaluate(program, rows);
  return true;
};

it("random and mutated texts compile or are refused", () => {
  const seed = runSeed();
  const random = new SeededRandom(seed);
  let compiled = 0;
  for (let round = 0; round < 20_000; round++) {
    let text = random.chance(0.4) ? soup(random) : randomFilter(random, 3);
    for (let count = random.below(4); count > 0 && round % 4 !== 0; count--) text = mutated(random, text);
    try {
      if (survives(text)) compiled += 1;
    } catch (error) {
      throw new Error(`ELANUS_SEED=${seed}: ${JSON.stringify(text)}: ${error}`, { cause: error });
    }
  }
  expect(compiled).toBeGreaterThan(4_000);
  expect(compiled).toBeLessThan(19_000);
});

it("right filters compile, and a pair of brackets or a double not changes nothing", () => {
  const seed = runSeed();
  const random = new SeededRandom(seed);
  for (let round = 0; round < 2_000; round++) {
    const text = randomFilter(random, 4);
    const { program } = compile(text);
    expect(compile(`((${text}))`).program, `ELANUS_SEED=${seed}: ${text}`).toEqual(program);
    expect(compile(`not (not (${text}))`).program, `ELANUS_SEED=${seed}: ${text}`).toEqual(program);
  }
});

const repeated = (text: string, count: number): string => text.repeat(count);

it("brackets, prefixes and runs as deep as the text is long", () => {
  const deep = 100_000;
  expect(truths(`${repeated("(", deep)}i64 == 10${repeated(")", deep)}`)).toBe("1000-");
  expect(truths(`${repeated("not (", deep)}i64 == 10${repeated(")", deep)}`)).toBe("1000-");
  expect(truths(`i64 == ${repeated("- ", deep)}10`)).toBe("1000-");
  expect(truths(`i64 == 10${repeated(" or i64 == 0", deep)}`)).toBe("1001-");
  expect(truths(`${repeated("(i64 == 10 or ", deep)}i64 == 0${repeated(")", deep)}`)).toBe("1001-");
  expect(truths(`i64 == 10${repeated(" + 0", deep)}`)).toBe("1000-");
  expect(() => compile(`${repeated("json_contains(j, ", deep)}1${repeated(")", deep)}`)).toThrow(
    "only supported explicitly specified element",
  );
  expect(truths(`array_contains_all(arr, [${repeated("1, 2,", deep)}])`)).toBe("1000-");
});

it("what nests deeper than a program may is refused", () => {
  const alternating = (levels: number): string => `${repeated("i8 > -9 and (i64 == 10 or (", levels)}i64 == 0${repeated("))", levels)}`;
  expect(truths(alternating(4_990))).toBe("1001-");
  expect(() => compile(alternating(5_010))).toThrow("the expression is nested more than 10000 deep");
  expect(() => compile(`j['a'] in ${repeated("[", 10_000)}1${repeated("]", 10_000)}`)).toThrow("lists are nested more than 100 deep");
  expect(compile(`j['a'] == ${repeated("[", 100)}1${repeated("]", 100)}`).program).toBeDefined();
});

it("broken nesting is refused at any depth", () => {
  for (const text of [
    "(",
    "[",
    "not ",
    "- ",
    "exists ",
    "{",
    "1 +",
    "((i64 == 1) and ",
    "1 < i64 < ",
    "i64 in [",
    "array_contains(arr, ",
    "json_contains(",
    "array_length(",
    "j['",
    "'\\",
  ])
    expect(() => compile(repeated(text, 100_000)), text).toThrow(FilterError);
});

it("literals and lists of a megabyte and more", () => {
  const size = 1_000_000;
  const text = repeated("abcdefghij", size / 10);
  expect(compile(`s == '${text}'`).program?.length).toBe(1 + 1 + 1 + 1 + 4 + 1 + 1 + 4 + size);
  expect(compile(`s == '${repeated("\\n", size)}'`).program?.length).toBe(1 + 1 + 1 + 1 + 4 + 1 + 1 + 4 + size);
  expect(compile(`s like r'${repeated("\\%", size)}'`).program).toBeDefined();
  expect(compile(`j["${text}"][0] == 1`).program).toBeDefined();
  const numbers = Array.from({ length: 300_000 }, (_, index) => index);
  expect(compile(`i64 in [${numbers.join(", ")}]`).program?.length).toBe(12 + numbers.length * 9);
  expect(compile(`d == 0.${repeated("3", size)}`).program).toEqual(compile("d == 0.3333333333333333333").program);
  expect(compile(`d == 0x${repeated("f", size)}p-${size * 4}`).program).toEqual(compile("d == 1.0").program);
  expect(() => compile(`i64 == ${repeated("7", size)}`)).toThrow("value out of range");
  expect(() => compile(repeated("x", size) + repeated("['a']", size / 5))).toThrow("predicate is not a boolean expression");
});
