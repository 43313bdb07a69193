/** Random filters that are right for the fixture's collection. */
import type { SeededRandom } from "../support/random.js";

const numbers = ["0", "1", "-7", "10", "3 + 4", "2 ** 3", "9223372036854775807", "-9223372036854775808", "300", "127"];
const floats = ["0.5", "1.1", "-3.0", "2.5", "1e300", "9007199254740993.0", ".1"];
const strings = ["''", "'a'", "'abc'", "'中文%'", "'b'", "'1'"];
const patterns = ["'a%'", "'%'", "'_%'", "'%c'", "'中_'", "'a\\\\%'", "'%b%'", "'a_c'", "''"];
const order = ["==", "!=", "<", "<=", ">", ">="];
const paths = ["j['a']", "j['o']['k']", "j['l'][1]", "j['l']", "j[1]", "j['missing']", "x", "x['y'][0]", "$meta['x']", "j"];
const integerSigns = ["+", "-", "*", "/", "%"];

const list = (random: SeededRandom, from: readonly string[]): string =>
  `[${Array.from({ length: random.below(4) }, () => random.pick(from)).join(", ")}]`;

const onInteger = (random: SeededRandom): string => {
  const column = random.pick(["i8", "i64", "id"]);
  const choice = random.below(5);
  if (choice === 0) return `${column} ${random.pick(["in", "not in"])} ${list(random, numbers)}`;
  if (choice === 1) return `-8 ${random.pick(["<", "<="])} ${column} ${random.pick(["<", "<="])} ${random.pick(["0", "10", "300"])}`;
  if (choice === 2)
    return `${column} ${random.pick(integerSigns)} ${random.pick(["1", "3", "-2"])} ${random.pick(order)} ${random.pick(numbers)}`;
  if (choice === 3) return `(${column} ${random.pick(["&", "|", "^"])} 3) ${random.pick(order)} ${random.pick(numbers)}`;
  return `${column} ${random.pick(order)} ${random.pick([...numbers, "i8", "i64", "d", "f"])}`;
};

const onFloat = (random: SeededRandom): string => {
  const column = random.pick(["f", "d"]);
  const any = [...numbers, ...floats];
  const choice = random.below(4);
  if (choice === 0) return `${column} ${random.pick(["in", "not in"])} ${list(random, any)}`;
  if (choice === 1) return `-3 ${random.pick(["<", "<="])} ${column} ${random.pick(["<", "<="])} ${random.pick(["0.5", "2.5", "100"])}`;
  if (choice === 2)
    return `${column} ${random.pick(["+", "-", "*", "/"])} ${random.pick(["1", "0.1", "-2.5"])} ${random.pick(order)} ${random.pick(any)}`;
  return `${column} ${random.pick(order)} ${random.pick([...any, "i8", "d", "f"])}`;
};

const onText = (random: SeededRandom): string => {
  const column = random.pick(["s", "t"]);
  const choice = random.below(4);
  if (choice === 0) return `${column} ${random.pick(["in", "not in"])} ${list(random, strings)}`;
  if (choice === 1) return `${column} like ${random.pick(patterns)}`;
  if (choice === 2) return `'' <= ${column} < 'b'`;
  return `${column} ${random.pick(order)} ${random.pick([...strings, "s", "t"])}`;
};

const onPath = (random: SeededRandom): string => {
  const path = random.pick(paths);
  const choice = random.below(7);
  if (choice === 0)
    return `${path} ${random.pick(["in", "not in"])} ${list(random, random.pick([numbers, strings, floats, ["[1,2]", "[7, 8]"]]))}`;
  if (choice === 1) return `${path} like ${random.pick(patterns)}`;
  if (choice === 2) return path === "j" ? "j is null" : `exists ${path}`;
  if (choice === 3) return `0 <= ${path} < ${random.pick(["10", "1.75"])}`;
  if (choice === 4) return `${path} ${random.pick(integerSigns)} ${random.pick(["1", "2"])} ${random.pick(order)} ${random.pick(numbers)}`;
  if (choice === 5) return `${path} ${random.pick(["==", "!="])} ${random.pick(["[1, 2]", "[7, 8]", "[]", "['a']", "[1, 2.0]"])}`;
  return `${path} ${random.pick(order)} ${random.pick([...numbers, ...floats, ...strings, "true"])}`;
};

/** The arrays of the fixture with literals for their elements. */
const arrays: readonly (readonly [string, readonly string[]])[] = [
  ["ai", numbers.filter((number) => !number.includes("9223"))],
  ["arr", numbers],
  ["ab", ["true", "false"]],
  ["af", [...numbers, ...floats]],
  ["ad", [...numbers, ...floats]],
  ["as", strings],
];

const onElement = (random: SeededRandom): string => {
  const [name, literals] = random.pick(arrays);
  const element = `${name}[${random.below(4)}]`;
  const choice = random.below(5);
  if (choice === 0) return `${element} ${random.pick(["in", "not in"])} ${list(random, literals)}`;
  if (choice === 1 && name === "as") return random.chance(0.5) ? `${element} like ${random.pick(patterns)}` : `'' <= ${element} < 'b'`;
  if (name !== "as" && name !== "ab") {
    if (choice === 1) return `-3 ${random.pick(["<", "<="])} ${element} ${random.pick(["<", "<="])} ${random.pick(["0", "10", "300"])}`;
    if (choice === 2)
      return `${element} ${random.pick(["+", "-", "*", "/"])} ${random.pick(["1", "3", "-2"])} ${random.pick(order)} ${random.pick(literals)}`;
    if (choice === 3 && (name === "ai" || name === "arr"))
      return `${element} % ${random.pick(["2", "3", "-7"])} ${random.pick(order)} ${random.pick(literals)}`;
  }
  return `${element} ${random.pick(order)} ${random.pick(literals)}`;
};

const onArray = (random: SeededRandom): string => {
  const [name, literals] = random.pick(arrays);
  const path = random.pick(["j['l']", "j", "x", "x['y']", "j['o']", "j['m']"]);
  const wanted = (of: readonly string[]): string => `[${Array.from({ length: 1 + random.below(3) }, () => random.pick(of)).join(", ")}]`;
  const any = [...numbers, ...floats, ...strings, "true", "[1, 2.0]", "[]", "[7]"];
  const word = random.pick(["json_contains", "array_contains", "JSON_CONTAINS", "ARRAY_CONTAINS"]);
  const suffix = random.pick(["_all", "_any"]);
  const choice = random.below(6);
  if (choice === 0) return `${name} ${random.pick(["==", "!="])} ${wanted([random.pick(literals)])}`;
  if (choice === 1) return `array_length(${random.pick([name, path])}) ${random.pick(order)} ${random.pick(["0", "1", "2", "3"])}`;
  if (choice === 2) return `${word}(${name}, ${random.pick(name === "ai" || name === "arr" ? numbers : literals)})`;
  if (choice === 3)
    return `${word}${word.startsWith("j") || word.startsWith("a") ? suffix : suffix.toUpperCase()}(${name}, ${list(random, literals)})`;
  if (choice === 4) return `${word}(${path}, ${random.pick(any)})`;
  return `${word}${word.startsWith("j") || word.startsWith("a") ? suffix : suffix.toUpperCase()}(${path}, ${wanted(any)})`;
};

const onOther = (random: SeededRandom): string =>
  random.pick([
    `b ${random.pick(["==", "!="])} ${random.pick(["true", "false"])}`,
    "b in [true]",
    `ts ${random.pick(["in", "not in"])} ${list(random, ["0", "1735689600000000", "-1"])}`,
    `0 <= ts < 1735689600000000`,
    `${random.pick(["arr", "as", "i64", "f", "s", "j", "b", "x", "j['a']"])} ${random.pick(["is null", "is not null"])}`,
    random.pick(["true", "false", "1 == 1"]),
  ]);

/** A filter nested up to `depth`. */
export const randomFilter = (random: SeededRandom, depth: number): string => {
  if (depth > 0 && random.chance(0.6)) {
    const parts = [randomFilter(random, depth - 1), randomFilter(random, depth - 1)];
    return random.chance(0.25) ? `not (${parts[0]})` : `(${parts.join(random.pick([" and ", " or ", " && ", "||"]))})`;
  }
  return random.pick([onInteger, onFloat, onText, onPath, onOther, onElement, onArray])(random);
};
