/** JSON for the interpreter: integers of int64 are bigints, other numbers are float64, objects are maps. */

export type Json = null | boolean | bigint | number | string | readonly Json[] | ReadonlyMap<string, Json>;

const TOKEN = /\s*("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[[\]{}:,])\s*/y;

const scalar = (token: string): Json => {
  if (token.startsWith('"')) return JSON.parse(token) as string;
  if (token === "null") return null;
  if (token === "true" || token === "false") return token === "true";
  if (/^-?\d+$/.test(token) && BigInt.asIntN(64, BigInt(token)) === BigInt(token)) return BigInt(token);
  return Number(token);
};

/** Reads JSON text; throws when it is none. */
export const parseJson = (text: string): Json => {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) tokens.push(match[1] ?? "");
  let at = 0;
  const value = (): Json => {
    const token = tokens[at++];
    if (token === undefined) throw new SyntaxError(`JSON ends early: ${text}`);
    if (token !== "[" && token !== "{") return scalar(token);
    const close = token === "[" ? "]" : "}";
    const list: Json[] = [];
    const members = new Map<string, Json>();
    while (tokens[at] !== close) {
      if (token === "[") list.push(value());
      else {
        const key = value() as string;
        at += 1;
        members.set(key, value());
      }
      if (tokens[at] === ",") at += 1;
      else if (tokens[at] !== close) throw new SyntaxError(`not JSON: ${text}`);
    }
    at += 1;
    return token === "[" ? list : members;
  };
  const whole = value();
  if (at !== tokens.length) throw new SyntaxError(`not JSON: ${text}`);
  return whole;
};

/** Whether something that is not null is in it; empty lists and objects hold nothing. */
export const hasLeaf = (value: Json): boolean => {
  if (value === null) return false;
  if (value instanceof Map) return [...value.values()].some(hasLeaf);
  return Array.isArray(value) ? value.some(hasLeaf) : true;
};

const isNumber = (value: Json): value is bigint | number => typeof value === "bigint" || typeof value === "number";

export const equalJson = (left: Json, right: Json): boolean => {
  if (isNumber(left) && isNumber(right)) return typeof left === typeof right ? left === right : Number(left) === Number(right);
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((element: Json, index) => equalJson(element, right[index] as Json));
  if (left instanceof Map && right instanceof Map)
    return left.size === right.size && [...left].every(([key, member]) => right.has(key) && equalJson(member, right.get(key) as Json));
  return left === right;
};

/** A step fits lists and objects, as in a JSON pointer; undefined: nothing there. */
export const follow = (value: Json, path: readonly (string | number)[]): Json | undefined => {
  let at: Json | undefined = value;
  for (const step of path) {
    if (at instanceof Map) at = at.get(String(step));
    else if (Array.isArray(at) && /^(0|[1-9]\d*)$/.test(String(step))) at = at[Number(step)] as Json | undefined;
    else return undefined;
  }
  return at;
};
