/** JSON of REST bodies: no digit of a 64-bit integer is lost, in either direction. */
import { expect, test } from "vitest";
import { formatJson, parseJson } from "../../src/wire/json.js";

test("integers outside the safe range keep their digits", () => {
  const text = '{"id":9223372036854775807,"low":-9223372036854775808,"n":[9007199254740993,1],"safe":9007199254740991}';
  expect(parseJson(text)).toEqual({
    id: 9223372036854775807n,
    low: -9223372036854775808n,
    n: [9007199254740993n, 1],
    safe: 9007199254740991,
  });
  expect(formatJson(parseJson(text))).toBe(text);
});

test("integers beside other tokens, and spaced, keep their digits", () => {
  expect(parseJson("[12345678901234567890 , 12345678901234567891\n,-12345678901234567892]")).toEqual([
    12345678901234567890n,
    12345678901234567891n,
    -12345678901234567892n,
  ]);
  expect(parseJson("12345678901234567890")).toBe(12345678901234567890n);
});

test("fractions and exponents stay numbers however many digits they have", () => {
  expect(
    parseJson("[0.12345678901234567890,12345678901234567890.5,12345678901234567e3,1e-12345678901234567,12345678901234567890]"),
  ).toEqual([0.12345678901234568, Number("12345678901234567890.5"), 12345678901234567e3, 0, 12345678901234567890n]);
});

test("digits inside of strings and keys are not touched", () => {
  const value = { "12345678901234567890": 'say \\"12345678901234567891\\" \\\\', list: ["12345678901234567892"] };
  const text = JSON.stringify(value).replace(/}$/, ',"id":12345678901234567893}');
  expect(parseJson(text)).toEqual({ ...value, id: 12345678901234567893n });
});

test("random documents come back as JSON.parse gives them, with every long integer exact", () => {
  let seed = 7;
  const next = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed % below;
  };
  const make = (depth: number): [string, unknown] => {
    switch (next(depth > 3 ? 4 : 6)) {
      case 0: {
        const digits = `${next(2) ? "-" : ""}${1 + next(9)}${Array.from({ length: 14 + next(10) }, () => next(10)).join("")}`;
        return [digits, Number.isSafeInteger(Number(digits)) ? Number(digits) : BigInt(digits)];
      }
      case 1: {
        const value = (next(2_000_000) - 1_000_000) / 7;
        return [String(value), value];
      }
      case 2: {
        const value = ['"', "\\", "1234567890123456789", ":-", "é", "\n"].filter(() => next(2)).join("");
        return [JSON.stringify(value), value];
      }
      case 3:
        return ["null", null];
      case 4: {
        const parts = Array.from({ length: next(5) }, () => make(depth + 1));
        return [`[${parts.map(([text]) => text).join(" ,")}]`, parts.map(([, value]) => value)];
      }
      default: {
        const parts = Array.from({ length: next(5) }, (_, i) => [`k${i}"\\1234567890123456789`, make(depth + 1)] as const);
        return [
          `{${parts.map(([key, [text]]) => `${JSON.stringify(key)}: ${text}`).join(",")}}`,
          Object.fromEntries(parts.map(([key, [, value]]) => [key, value])),
        ];
      }
    }
  };
  for (let i = 0; i < 2000; i++) {
    const [text, value] = make(0);
    expect(parseJson(text), `seed 7, document ${i}: ${text}`).toEqual(value);
  }
});

test("faults are told in Go's words and quote nothing of ours", () => {
  expect(() => parseJson("{")).toThrow(/JSON|EOF/);
  expect(() => parseJson("abc")).toThrow("invalid character 'a' looking for beginning of value");
  expect(() => parseJson('{"id":12345678901234567890,"b":}')).toThrow(/^(?!.*int:).*$/);
  expect(() => parseJson("[01234567890123456789]")).toThrow(SyntaxError);
  expect(() => parseJson(`${"[".repeat(5000)}12345678901234567890${"]".repeat(5000)}`)).toThrow("exceeded max depth");
});

test("replies: bigint as digits, floats of 32 bits as short as they are, bytes as base64", () => {
  const value = {
    id: 9223372036854775807n,
    vector: new Float32Array([0.1, 1, 1e-7, 16777217, Number.NaN]),
    raw: Buffer.from([1, 2]),
    gone: undefined,
  };
  expect(formatJson(value)).toBe('{"id":9223372036854775807,"vector":[0.1,1,1e-7,16777216,null],"raw":"AQI="}');
  expect(formatJson({ a: Number.NaN, b: "ä\n", c: [null, true] })).toBe('{"a":null,"b":"ä\\n","c":[null,true]}');
});

test("any 32-bit float reads back as itself", () => {
  let bits = 1;
  const view = new DataView(new ArrayBuffer(4));
  for (let i = 0; i < 20_000; i++) {
    bits = (Math.imul(bits, 1_664_525) + 1_013_904_223) >>> 0;
    view.setUint32(0, bits);
    const value = view.getFloat32(0);
    if (!Number.isFinite(value)) continue;
    const [back] = JSON.parse(formatJson(new Float32Array([value]))) as [number];
    expect(Math.fround(back), `bits ${bits}`).toBe(value === 0 ? 0 : value);
  }
});
