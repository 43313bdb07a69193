/** What a client is told: each row a filter and the reason, word for word, with the sentinel behind it. */
import { describe, expect, it } from "vitest";
import { compileFilter, FilterError, planError } from "../../src/filter/index.js";
import { dynamicFields, fields } from "./fixture.js";

const refusal = (text: string, schema = fields): FilterError => {
  try {
    compileFilter(text, schema);
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  throw new Error(`not refused: ${text}`);
};

const NULL_LITERAL = "NULL literal is not supported in expressions; use '<field> is null' or '<field> is not null' instead";

const inPlan: Record<string, readonly (readonly [string, string])[]> = {
  types: [
    ["b == 1", "comparisons between Bool and Int64 are not supported"],
    ["s == 1", "comparisons between VarChar and Int64 are not supported"],
    ["1 == s", "comparisons between Int64 and VarChar are not supported"],
    ["i64 == 'a'", "comparisons between Int64 and VarChar are not supported"],
    ["i64 == true", "comparisons between Int64 and Bool are not supported"],
    ["s == i64", "comparisons between VarChar and Int64 are not supported"],
    ["vec == 1", "comparisons between FloatVector and Int64 are not supported"],
    ["ts == 1", "comparisons between Timestamptz and Int64 are not supported"],
    ["ts == 'a'", "comparisons between Timestamptz and VarChar are not supported"],
    ["arr == ['a']", "comparisons between Array[Int64] and Array[VarChar] are not supported"],
    ["i64 == ['a']", "comparisons between Int64 and Array[VarChar] are not supported"],
    ["i64 == 1.5", "cannot cast value to Int64, value: float_val:1.5"],
    [
      "i64 == [1, 2]",
      "cannot cast value to Int64, value: array_val:{array:{int64_val:1} array:{int64_val:2} same_type:true element_type:Int64}",
    ],
    ["(i64 == 1) == true", "not supported to combine multiple fields"],
    ["(i64 == 1) == (i8 == 1)", "only comparison between two fields is supported"],
    ["j == i64", "two column comparison with JSON type is not supported"],
    ["j['a'] == j['b']", "two column comparison with JSON type is not supported"],
    ["arr < [1]", "can not comparisons array fields directly"],
    ["arr == 1", "cannot cast value to Array, value: int64_val:1"],
    ["arr == [1, 'a']", "comparisons between Array[Int64] and Array[None] are not supported"],
    ["arr == []", "comparisons between Array[Int64] and Array[None] are not supported"],
    ["arr[0] == 'a'", "comparisons between Array[Int64] and VarChar are not supported"],
    ["as[0] == 1", "comparisons between Array[VarChar] and Int64 are not supported"],
    ["arr[0] == 1.5", "cannot cast value to Int64, value: float_val:1.5"],
    ["arr[0] == [1]", "cannot cast value to Int64, value: array_val:{array:{int64_val:1} same_type:true element_type:Int64}"],
    ["arr[0] == i64", "unsupported left datatype:ARRAY of compare expr"],
    ["i64 < arr[0]", "unsupported right datatype:ARRAY of compare expr"],
    ["arr['a'] == 1", "can only access array field with integer index"],
    ["arr[0][1] == 1", "elements of array field arr have no elements: arr[0][1]"],
    ["1 < arr < 2", "can not comparisons array fields directly"],
  ],
  ranges: [
    ["0 < b < 1", "invalid range operations on boolean expr"],
    ["'a' < i64 < 'b'", "invalid range operations"],
    ["0.5 < i64 < 1", "invalid range operations"],
    ["'2025-01-01' < ts < 3", "invalid range operations"],
    ["0 < s < 1", "invalid range operations"],
    ["'a' < f < 'b'", "invalid range operations"],
    ["1 < j['a'] < 'b'", "invalid range operations"],
    ["[1] < j['a'] < [2]", "invalid range operations"],
    ["3 < i64 < 1", "invalid range: lowerbound is greater than upperbound"],
    ["0.5 < arr[0] < 1", "invalid range operations"],
    ["0 < ab[0] < 1", "invalid range operations on boolean expr"],
    ["3 < arr[0] < 1", "invalid range: lowerbound is greater than upperbound"],
    ["1 <= i64 < 1", "invalid range: lowerbound is greater than upperbound"],
    ["1 >= i64 >= 2", "invalid range: lowerbound is greater than upperbound"],
    ["'b' < s < 'a'", "invalid range: lowerbound is greater than upperbound"],
    ["1 < i64 < 3 < 5", "comparisons between Bool and Int64 are not supported"],
  ],
  arithmetic: [
    ["i64 + i8 == 1", "not supported to do arithmetic operations between multiple fields"],
    ["(i64 + 1) * 2 == 1", "complicated arithmetic operations are not supported"],
    ["i64 / 0 == 1", "division or modulus by zero"],
    ["i64 % 0 == 1", "division or modulus by zero"],
    ["d / 0.0 == 1", "division or modulus by zero"],
    ["i64 == 1 / 0", "cannot divide by zero"],
    ["i64 == 1 % 0", "cannot modulo by zero"],
    ["i64 == 1.5 % 2", "modulo can only apply on integer"],
    ["i64 == (1 & 1.5)", "bitand can only apply on integer fields"],
    ["i64 == (1 | 1.5)", "bitor can only apply on integer fields"],
    ["i64 == (1 ^ 1.5)", "bitxor can only apply on integer fields"],
    ["i64 == true + 1", "add cannot apply on bool field"],
    ["i64 == 'a' - 1", "subtract cannot apply on string field"],
    ["i64 == 'a' * 1", "multiply cannot apply on string field"],
    ["i64 == true / 1", "divide cannot apply on bool field"],
    ["f % 2 == 1", "modulo can only apply on integer types"],
    ["(f & 1) == 1", "bitwise operations can only apply on integer types"],
    ["10 - i64 == 1", "module field is not yet supported"],
    ["10 / i64 == 1", "module field is not yet supported"],
    ["(3 & i64) == 1", "module field is not yet supported"],
    ["j['a'] + 1 == 1.5", "cannot cast value to Int64, value: float_val:1.5"],
    ["i64 + 1 == i8", "only comparison between two fields is supported"],
    ["i64 == -'a'", "unsupported expression: i64 == -'a'"],
    ["i64 == 'a' ** 2", "unsupported expression: i64 == 'a' ** 2"],
    ["i64 == [1] + 1", "unsupported expression: i64 == [1] + 1"],
    ["arr[0] / 0 == 2", "division or modulus by zero"],
    ["af[0] % 2 == 1", "modulo can only apply on integer types"],
    ["arr[0] + 1 == 1.5", "cannot cast value to Int64, value: float_val:1.5"],
    ["arr[0] + arr[1] == 1", "not supported to do arithmetic operations between multiple fields"],
    ["arr + 1 == 2", "can not comparisons array fields directly"],
  ],
  logic: [
    ["not 5", "not can only apply on boolean"],
    ["i64 in not [1, 2]", "not can only apply on boolean"],
    ["1 and true", "and can only apply on boolean"],
    ["true or 'a'", "or can only apply on boolean"],
    ["b and i64 == 1", "'and' can only be used between boolean expressions"],
    ["i64 == 1 or b", "'or' can only be used between boolean expressions"],
    ["true and b", "'and' can only be used between boolean expressions"],
    ["5 and i64 == 1", "'and' can only be used between boolean expressions"],
    ["i64 == 1 or 'a'", "'or' can only be used between boolean expressions"],
  ],
  like: [
    ["i64 like '1%'", "like operation on non-string or no-json field is unsupported"],
    ["'a' like 'a'", "like operation on complicated expr is unsupported"],
    ["arr like 'a'", "can not comparisons array fields directly"],
    ["arr[0] like 'a'", "like operation on non-string or no-json field is unsupported"],
    ["array_length(arr) like 'a'", "like operation on complicated expr is unsupported"],
    ["i64 + 1 like 'a'", "like operation on complicated expr is unsupported"],
  ],
};

inPlan.containment = [
  ["array_contains_all(arr, 1)", "ContainsAll operation element must be an array"],
  ["json_contains_any(j['l'], 1)", "ContainsAny operation element must be an array"],
  ["array_contains(arr, 'a')", 'cannot cast value to Int64, value: string_val:"a"'],
  ["array_contains(arr, 1.5)", "cannot cast value to Int64, value: float_val:1.5"],
  ["array_contains(arr, [1])", "cannot cast value to Int64, value: array_val:{array:{int64_val:1} same_type:true element_type:Int64}"],
  ["array_contains_all(arr, [1, 'a'])", "ContainsAll operation can't compare between array element type: Int64 and VarChar"],
  ["array_contains_any(as, [[1]])", "ContainsAny operation can't compare between array element type: VarChar and Array"],
  ["array_contains(arr[0], 1)", "contains on an element of array field arr: arr[0]"],
  ["array_length(arr) == 1.5", "cannot cast value to Int64, value: float_val:1.5"],
  ["array_length(arr) == i64", "only comparison between two fields is supported"],
  ["array_length(arr) + 1 == 2", "complicated arithmetic operations are not supported"],
  ["0 < array_length(arr) < 5", "comparisons between Bool and Int64 are not supported"],
];

const asParameter: Record<string, readonly (readonly [string, string])[]> = {
  names: [
    ["nothing == 1", "field nothing not exist"],
    ["$meta['a'] == 1", "field $meta not exist"],
    ["x['a'] == 1", "field x not exist"],
    ["i64 == NULL", NULL_LITERAL],
    ["i64 in [1, Null]", NULL_LITERAL],
    ["null['x'] == 1", NULL_LITERAL],
    ["i64['a'] == 1", "Int64 data type not supported accessed with []"],
    ["j[u8'k'] == 1", `json key must be enclosed in double quotes or single quotes: "u8'k'"`],
    ["j[99999999999999999999] == 1", 'json key must be enclosed in double quotes or single quotes: "99999999999999999999"'],
    ["j[''] == 1", "invalid identifier: j['']"],
    ["text == 'a'", "filter on text field (text) is not supported yet"],
  ],
  in: [
    ["i64 in [1.0]", "value 'float_val:1' in list cannot be casted to Int64"],
    ["i64 in [1, 'a']", `value 'string_val:"a"' in list cannot be casted to Int64`],
    ["s in [0, '1']", "value 'int64_val:0' in list cannot be casted to VarChar"],
    ["b in [0]", "value 'int64_val:0' in list cannot be casted to Bool"],
    [
      "vec in [[0.1]]",
      "value 'array_val:{array:{float_val:0.1} same_type:true element_type:Double}' in list cannot be casted to FloatVector",
    ],
    ["ts in ['a']", `value 'string_val:"a"' in list cannot be casted to Timestamptz`],
    ["i64 in 1", "the right-hand side of 'in' must be a list, but got: 1"],
    ["i64 in (1 + 2)", "the right-hand side of 'in' must be a list, but got: (1+2)"],
    ["i64 in i8", "value 'i8' in list cannot be a non-const expression"],
    ["i64 in [i8]", "array element type must be generic value, but got: i8"],
    ["1 in [1]", "'term' can only be used on non-const expression, but got: 1"],
    ["(i64 + 1) in [1]", "'term' can only be used on single field, but got: (i64+1)"],
  ],
  operators: [
    ["i64 == 1 & 1.5", "'bitand' cannot perform arithmetic between Bool field and Double: query plan failed"],
    ["-i64 == 1", "unexpected op: -"],
    ["~i64 == 1", "unexpected op: ~"],
    ["i64 == ~1", "unexpected op: ~"],
    ["not b", "not op can only be applied on boolean expression"],
    ["not i64 > 5", "not op can only be applied on boolean expression"],
    ["i64 << 1 == 1", "shift is not supported: i64<<1"],
    ["i64 ** 2 == 1", "power can only apply on constants: i64**2"],
    ["s + 1 == 2", "'add' cannot perform arithmetic between VarChar field and Int64: query plan failed"],
    ["1 - b == 2", "'subtract' cannot perform arithmetic between Bool field and Int64: query plan failed"],
    ["i64 * 1.5 == 2", "'multiply' cannot perform arithmetic between Int64 field and Double: query plan failed"],
    ["i64 / 'a' == 2", "'divide' cannot perform arithmetic between Int64 field and VarChar: query plan failed"],
    ["i64 % true == 2", "'modulo' cannot perform arithmetic between Int64 field and Bool: query plan failed"],
    ["i64 & 1 == 0", "'bitand' cannot perform arithmetic between Int64 field and Bool: query plan failed"],
    ["i64 | 1 == 0", "'bitor' cannot perform arithmetic between Int64 field and Bool: query plan failed"],
    ["i64 ^ 1 == 0", "'bitxor' cannot perform arithmetic between Int64 field and Bool: query plan failed"],
    ["1 == 'a'", "comparison operations cannot be applied to two incompatible operands: 1=='a'"],
    ["true < false", "comparison operations cannot be applied to two incompatible operands: true<false"],
    ["i64 < i8 < 1.5", "lowerbound cannot be a non-const expression: i64"],
    ["1 < i8 < i64", "upperbound cannot be a non-const expression: i64"],
    ["1 == {a}", "placeholder was not supported between two constants with operator: =="],
    ["1 + {a} == i64", "placeholder was not supported between two constants with operator: +"],
    ["s like 33", "like pattern should be a string literal or template variable, got: 33"],
    ["s like t", "like pattern should be a string literal or template variable, got: t"],
  ],
  containment: [
    ["json_contains(i64, 1)", "contains operation are only supported on json or array fields now, got: i64"],
    ["json_contains(1, 1)", "contains operation are only supported on json or array fields now, got: 1"],
    ["array_contains_all((i64), [1])", "contains_all operation are only supported on json or array fields now, got: (i64)"],
    ["array_contains_any(arr[0] + 1, [1])", "contains_any operation are only supported on json or array fields now, got: arr[0]+1"],
    ["json_contains(j['l'], i64)", "contains operation are only supported explicitly specified element, got: i64"],
    ["json_contains_all(j['l'], i64 == 1)", "contains_all operation are only supported explicitly specified element, got: i64==1"],
    ["json_contains_any(j['l'], [i64])", "array element type must be generic value, but got: i64"],
    [
      "array_length(i64) == 1",
      "array_length operation are only supported on json, array or array-of-vector fields now, got: array_length(i64)",
    ],
    [
      "array_length(arr[0]) == 1",
      "array_length operation are only supported on json, array or array-of-vector fields now, got: array_length(arr[0])",
    ],
    ["array_length(arr) in [1]", "'term' can only be used on single field, but got: array_length(arr)"],
    ["arr in [1]", "value 'int64_val:1' in list cannot be casted to Array"],
    ["arr[0] in ['a']", `value 'string_val:"a"' in list cannot be casted to Int64`],
    ["-array_length(arr) == 1", "unexpected op: -"],
  ],
  presence: [
    ["arr[0] is null", "IsNull/IsNotNull operations are not supported on array element access, got: arr[0]is null"],
    ["arr[0] IS NOT NULL", "IsNull/IsNotNull operations are not supported on array element access, got: arr[0]IS NOT NULL"],
    ["exists arr[0]", "exists operations are only supportted on json field, got:Array"],
    ["vec is null", "IsNull/IsNotNull operations are not supported on vector fields"],
    ["vec is not null", "IsNull/IsNotNull operations are not supported on vector fields"],
    ["exists i64", "exists operations are only supportted on json field, got:Int64"],
    ["exists j", "exists operations are only supportted on json key"],
    ["exists 5", "exists operations are only supported on single fields now, got: 5"],
    ["exists (i64 + 1)", "exists operations are only supported on single fields now, got: (i64+1)"],
  ],
};

const literals: readonly (readonly [string, string])[] = [
  ["i64 == 9223372036854775808", "int64 overflow: 9223372036854775808"],
  ["i64 == 99999999999999999999", 'strconv.ParseInt: parsing "99999999999999999999": value out of range'],
  ["i64 == 0x8000000000000000", 'strconv.ParseInt: parsing "0x8000000000000000": value out of range'],
  ["d == 1e400", 'strconv.ParseFloat: parsing "1e400": value out of range'],
  ["s == '\\q'", "invalid syntax"],
  ["s == '\\xg1'", "invalid syntax"],
  ["s == '\\ud800'", "invalid syntax"],
  ["s == '\\400'", "invalid syntax"],
  ["s == '\\xff'", "string literal is not valid UTF-8"],
];

const syntax: readonly (readonly [string, string])[] = [
  ["i64 inn [1, 2]", "invalid expression: i64 inn [1, 2]"],
  ["i64 In [1]", "invalid expression: i64 In [1]"],
  ["i64 == 1 And i8 == 1", "invalid expression: i64 == 1 And i8 == 1"],
  ["i64 == 1)", "invalid expression: i64 == 1)"],
  ["i64 == 1 2", "invalid expression: i64 == 1 2"],
  ["i64 in[1]", "invalid expression: i64 in[1]"],
  ["i64 = 1", "invalid expression: i64 = 1"],
  ["i64 is  null", "invalid expression: i64 is  null"],
  ["(i64) is null", "invalid expression: (i64) is null"],
  ["08 == i64", "invalid expression: 08 == i64"],
  ["i64 ==", "line 1:6 mismatched input '<EOF>' expecting {"],
  ["i64 == == 1", "line 1:7 extraneous input '==' expecting {"],
  ["i64 in [,]", "line 1:8 mismatched input ',' expecting {"],
  ["i64 in [1,,2]", "line 1:10 extraneous input ',' expecting {"],
  ["i64 in [1 2]", "line 1:10 mismatched input '2' expecting {',', ']'}"],
  ["(i64 == 1", "line 1:9 missing ')' at '<EOF>'"],
  ["(i64 == 1]", "line 1:9 mismatched input ']' expecting ')'"],
  ["\ni64 == ((1) 2)", "line 2:12 extraneous input '2' expecting ')'"],
  ["json_contains", "line 1:13 mismatched input '<EOF>' expecting '('"],
  ["json_contains(j['l'])", "line 1:20 mismatched input ')' expecting ','"],
  ["json_contains(j['l'], 1, 2)", "line 1:23 mismatched input ',' expecting ')'"],
  ["json_contains(j['l'], 1,)", "line 1:23 extraneous input ',' expecting ')'"],
  ["json_contains(j['l'], 1", "line 1:23 missing ')' at '<EOF>'"],
  ["json_contains()", "line 1:14 mismatched input ')' expecting {"],
  ["i64 json_contains(j, 1)", "invalid expression: i64 json_contains(j, 1)"],
  ["Json_Contains == 1 json_contains", "invalid expression: Json_Contains == 1 json_contains"],
  ["array_length(1) == 1", "line 1:13 mismatched input '1' expecting {Identifier, JSONIdentifier, StructFieldIdentifier}"],
  ["array_length((arr)) == 1", "line 1:13 mismatched input '(' expecting {Identifier, JSONIdentifier, StructFieldIdentifier}"],
  ["array_length(arr, 1) == 1", "line 1:16 mismatched input ',' expecting ')'"],
  ["i64 == {1}", "line 1:8 mismatched input '1' expecting Identifier"],
  ["i64 == {a", "line 1:9 mismatched input '<EOF>' expecting '}'"],
  ["i64 == #1", "line 1:7 token recognition error at: '#'"],
  ["中文", "line 1:0 token recognition error at: '中'"],
  ["s == 'abc", "line 1:5 token recognition error at: ''abc'"],
  ["s == 'a\nb'", "line 1:5 token recognition error at: ''a\nb''"],
  ["j['a == 1", "line 1:2 token recognition error at: ''a == 1'"],
  ["i64.a == 1", "line 1:3 token recognition error at: '.a'"],
  ["$a == 1", "line 1:0 token recognition error at: '$a'"],
  ["threshold == 1", "line 1:0 mismatched input 'threshold' expecting {"],
];

const notYet: readonly (readonly [string, string])[] = [
  ["text_match(s, 'a')", "text_match is not supported yet"],
  ["i64 == 1 and TEXT_MATCH(s, 'a', minimum_should_match=1)", "text_match is not supported yet"],
  ["text_match_fuzzy(s, 'a', max_edit_distance=1)", "text_match_fuzzy is not supported yet"],
  ["phrase_match(s, 'a', 2)", "phrase_match is not supported yet"],
  ["random_sample(0.1)", "random_sample is not supported yet"],
  ["s =~ 'a'", "regex match =~ is not supported yet"],
  ["s !~ 'a'", "regex match !~ is not supported yet"],
  ["st_within(geo, 'POINT(1 1)')", "st_within is not supported yet"],
  ["ST_ISVALID(geo)", "st_isvalid is not supported yet"],
  ["ts > ISO '2025-01-01T00:00:00Z'", "iso is not supported yet"],
  ["iso '2025-01-01T00:00:00Z' < ts", "iso is not supported yet"],
  ["ts + INTERVAL 'P1D' > ISO '2025-01-01T00:00:00Z'", "interval is not supported yet"],
  ["element_filter(s, $[a] > 1)", "element_filter is not supported yet"],
  ["MATCH_ANY(s, $[a] > 1)", "match_any is not supported yet"],
  ["match_least(s, $[a] > 1, threshold=1)", "match_least is not supported yet"],
  ["st[sub] == 1", "struct field access st[sub] is not supported yet"],
  ["st[0][sub] == 1", "struct field access st[0][sub] is not supported yet"],
  ["$[sub] == 1", "$[sub] syntax can only be used inside ElementFilter or MATCH_*"],
  ["starts_with(s, 'a')", "function starts_with is not supported yet"],
  ["vec in []", "'in' on FloatVector field vec is not supported"],
];

const suite = (name: string, sentinel: string, cases: readonly (readonly [string, string])[]): void => {
  describe(name, () => {
    for (const [text, reason] of cases)
      it(text, () => {
        const error = refusal(text);
        // The set of tokens that may begin an operand is long: its beginning stands for it.
        if (reason.endsWith("{")) expect(error.message.startsWith(reason), error.message).toBe(true);
        else expect(error.message).toBe(reason);
        expect([error.sentinel, error.stage]).toEqual([sentinel, "expression"]);
      });
  });
};

for (const [name, cases] of Object.entries(inPlan)) suite(name, "query plan failed", cases);
for (const [name, cases] of Object.entries(asParameter)) suite(name, "invalid parameter", cases);
suite("literals", "", literals);
suite("syntax", "query plan failed", syntax);
suite("not built", "query plan failed", notYet);

describe("not a predicate", () => {
  const cases = [
    ["i64", "Int64"],
    ["b", "Bool"],
    ["1", "Int64"],
    ["1.5 + 1", "Double"],
    ["'a'", "VarChar"],
    ["i64 + 1", "Int64"],
    ["[1]", "Array"],
    ["{x}", "None"],
    ["j['a']", "JSON"],
  ] as const;
  for (const [text, type] of cases)
    it(text, () => {
      const error = refusal(text);
      expect(error.message).toBe(`predicate is not a boolean expression: ${text}, data type: ${type}`);
      expect(planError("query", text, error).message).toBe(
        `failed to create query plan: predicate is not a boolean expression: ${text}, data type: ${type}: query plan failed: invalid parameter`,
      );
    });

  it("is a calculation with a key of the dynamic field", () => {
    expect(refusal("12-nothing", dynamicFields).message).toBe("predicate is not a boolean expression: 12-nothing, data type: Int64");
  });
});

describe("the whole message", () => {
  it("of a query", () => {
    const error = planError("query", "f == 'a'", refusal("f == 'a'"));
    expect(error.message).toBe(
      "failed to create query plan: cannot parse expression: f == 'a': comparisons between Float and VarChar are not supported: " +
        "query plan failed: invalid parameter",
    );
    expect([error.code, error.retriable, error.input]).toEqual([1100, false, true]);
  });

  it("of a delete", () => {
    expect(planError("delete", "nothing == 1", refusal("nothing == 1")).message).toBe(
      "failed to create delete plan: cannot parse expression: nothing == 1: field nothing not exist: invalid parameter: invalid parameter",
    );
  });

  it("of a literal", () => {
    expect(planError("query", "s == '\\q'", refusal("s == '\\q'")).message).toBe(
      "failed to create query plan: cannot parse expression: s == '\\q': invalid syntax: invalid parameter",
    );
  });
});
