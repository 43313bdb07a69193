/**
 * From nodes to a typed plan.
 *
 * Walks the postorder once with a stack of items, so it sees and refuses things in the order Milvus's visitor does and never recurses.
 * A bool constant alone is a predicate, a Bool field alone is not. Source: milvus planparserv2 parser_visitor.go, operators.go.
 */
import { DataType } from "../shared/proto/generated/messages.js";
import { arithmetic, isArithmetic, refuseWholeArray } from "./arithmetic.js";
import { type Node, NodeKind, RangeBounds } from "./ast.js";
import { type Columns, requireScalar } from "./columns.js";
import { booleanItem, compare, comparisonOf, range } from "./comparison.js";
import { arrayLength, contains } from "./contains.js";
import { badExpression, badLiteral, FilterError, planFailed } from "./errors.js";
import { floatValue, integerValue, rawStringValue, stringValue } from "./literals.js";
import { type Column, constantPlan, type Item, inverted, joined, type Plan, valueType } from "./plan.js";
import { RangeInclusive } from "./program.js";
import { TokenKind, type Tokens } from "./tokens.js";
import { isStringType, isVectorType, typeName } from "./types.js";
import { arrayOf, type Constant, constantText, constantType, negated, tryCast } from "./values.js";

/** The one literal that is too large and still legal, behind a minus. */
const INT64_MIN_DIGITS = "9223372036854775808";
const INT64_MIN: Constant = { kind: "int", value: -(2n ** 63n) };

interface Checked {
  readonly item: Item;
  readonly node: Node;
}

const constant = (value: Constant): Item => ({ kind: "constant", type: constantType(value), value });
const predicate = (plan: Plan): Item => ({ kind: "predicate", type: DataType.Bool, plan });

class Checker {
  readonly #stack: Checked[] = [];
  constructor(
    readonly tokens: Tokens,
    readonly nodes: readonly Node[],
    readonly columns: Columns,
  ) {}

  run(): Plan {
    const { nodes } = this;
    for (let index = 0; index < nodes.length; index += 1) {
      const node = nodes[index] as Node;
      if (this.#isSmallestInteger(node, nodes[index + 1])) {
        index += 1;
        this.#push(nodes[index] as Node, constant(INT64_MIN));
      } else this.#push(node, this.#item(node));
    }
    const { item } = this.#pop();
    if (item.kind === "predicate") return item.plan;
    if (item.kind === "constant" && item.value.kind === "bool") return constantPlan(item.value.value);
    throw new FilterError(
      `predicate is not a boolean expression: ${this.tokens.source}, data type: ${typeName(item.type)}`,
      "query plan failed",
      "plan",
    );
  }

  #push(node: Node, item: Item): void {
    this.#stack.push({ item, node });
  }

  #pop(): Checked {
    const top = this.#stack.pop();
    if (top === undefined) throw new Error("a filter's operator has no operand");
    return top;
  }

  #text(node: Node): string {
    return this.tokens.textOf(node.first, node.last);
  }

  #outerText(node: Node): string {
    return this.tokens.textOf(node.outerFirst, node.outerLast);
  }

  #isSmallestInteger(node: Node, next: Node | undefined): boolean {
    if (node.kind !== NodeKind.Integer || this.tokens.text(node.token) !== INT64_MIN_DIGITS) return false;
    if (next?.kind === NodeKind.Prefix && next.operator === TokenKind.Subtract) return true;
    throw badLiteral(`int64 overflow: ${INT64_MIN_DIGITS}`);
  }

  #item(node: Node): Item {
    const text = (): string => this.tokens.text(node.token);
    switch (node.kind) {
      case NodeKind.Integer:
      case NodeKind.Float:
      case NodeKind.Boolean:
      case NodeKind.String:
      case NodeKind.RawString:
        return constant(this.#literal(node.token));
      case NodeKind.LiteralList:
        return this.#literalList(node);
      case NodeKind.Template:
        return { kind: "template", type: DataType.None, name: text() };
      case NodeKind.Name:
      case NodeKind.Path: {
        const column = this.columns.resolve(text());
        return { kind: "column", type: column.field.dataType as DataType, column };
      }
      case NodeKind.List:
        return this.#list(node);
      case NodeKind.NullTest:
        return this.#nullTest(node, this.columns.resolve(text()));
      case NodeKind.Prefix:
        return this.#prefix(node);
      case NodeKind.In:
        return this.#in(node);
      case NodeKind.Range:
        return this.#range(node, this.columns.resolve(text()));
      case NodeKind.Contains:
        return this.#contains(node);
      case NodeKind.Length:
        return arrayLength(this.columns.resolve(text()), () => this.#text(node));
      default:
        return this.#binary(node);
    }
  }

  #literal(token: number): Constant {
    const text = this.tokens.text(token);
    switch (this.tokens.kind(token)) {
      case TokenKind.Integer:
        return { kind: "int", value: integerValue(text) };
      case TokenKind.Float:
        return { kind: "float", value: floatValue(text) };
      case TokenKind.Boolean:
        return { kind: "bool", value: text.toLowerCase() === "true" };
      case TokenKind.String:
        return { kind: "string", value: stringValue(text) };
      default:
        return { kind: "string", value: rawStringValue(text) };
    }
  }

  #literalList({ first, last }: Node): Item {
    const { tokens } = this;
    const values: Constant[] = [];
    for (let token = first + 1; token < last; token += 2) {
      if (tokens.kind(token) !== TokenKind.Subtract) values.push(this.#literal(token));
      else {
        token += 1;
        values.push(tokens.text(token) === INT64_MIN_DIGITS ? INT64_MIN : this.#negated(this.#literal(token)));
      }
    }
    return constant(arrayOf(values));
  }

  #list(node: Node): Item {
    const elements = this.#stack.splice(this.#stack.length - node.count);
    return constant(
      arrayOf(
        elements.map((element) => {
          if (element.item.kind === "constant") return element.item.value;
          throw badExpression(`array element type must be generic value, but got: ${this.#outerText(element.node)}`);
        }),
      ),
    );
  }

  #nullTest(node: Node, column: Column): Item {
    if (isVectorType(column.field.dataType) && column.field.dataType !== DataType.ArrayOfVector)
      throw badExpression("IsNull/IsNotNull operations are not supported on vector fields");
    if (column.element !== undefined)
      throw badExpression(`IsNull/IsNotNull operations are not supported on array element access, got: ${this.#text(node)}`);
    const isNull = node.operator === TokenKind.IsNull;
    const plan: Plan = { op: column.path === undefined ? "isNull" : "exists", column };
    return predicate(isNull === (column.path === undefined) ? plan : inverted(plan));
  }

  #prefix(node: Node): Item {
    const operand = this.#pop();
    if (node.operator === TokenKind.Exists) return this.#exists(operand);
    const { item } = operand;
    const unexpected = (): FilterError => badExpression(`unexpected op: ${this.tokens.text(node.token)}`);
    if (item.kind === "constant") {
      if (node.operator === TokenKind.Add) return item;
      if (node.operator === TokenKind.Subtract) return constant(this.#negated(item.value));
      if (node.operator !== TokenKind.Not) throw unexpected();
      if (item.value.kind !== "bool") throw planFailed("not can only apply on boolean");
      return constant({ kind: "bool", value: !item.value.value });
    }
    refuseWholeArray(item);
    if (node.operator === TokenKind.Add) return item;
    if (node.operator !== TokenKind.Not) throw unexpected();
    if (item.kind !== "predicate") throw badExpression("not op can only be applied on boolean expression");
    return predicate(inverted(item.plan));
  }

  #negated(value: Constant): Constant {
    return negated(value) ?? this.#unsupported();
  }

  /** Milvus's words where it panics. */
  #unsupported(): never {
    throw planFailed(`unsupported expression: ${this.tokens.source}`);
  }

  #exists({ item, node }: Checked): Item {
    if (item.kind !== "column")
      throw badExpression(`exists operations are only supported on single fields now, got: ${this.#outerText(node)}`);
    if (item.type !== DataType.JSON) throw badExpression(`exists operations are only supportted on json field, got:${typeName(item.type)}`);
    if (item.column.path === undefined) throw badExpression("exists operations are only supportted on json key");
    return predicate({ op: "exists", column: item.column });
  }

  #in(node: Node): Item {
    const right = this.#pop();
    const left = this.#pop();
    const quoted = (checked: Checked): string => this.#outerText(checked.node);
    if (left.item.kind === "constant") throw badExpression(`'term' can only be used on non-const expression, but got: ${quoted(left)}`);
    if (left.item.kind !== "column") throw badExpression(`'term' can only be used on single field, but got: ${quoted(left)}`);
    const { column } = left.item;
    const plan = this.#membership(column, right.item, () => quoted(right));
    if (valueType(column) !== DataType.Array) requireScalar(column, "'in'");
    return predicate(node.count === 1 ? inverted(plan) : plan);
  }

  #membership(column: Column, list: Item, text: () => string): Plan {
    if (list.kind === "template") return { op: "in", column, values: { kind: "template", name: list.name } };
    if (list.kind !== "constant") throw badExpression(`value '${text()}' in list cannot be a non-const expression`);
    if (list.value.kind !== "array") throw badExpression(`the right-hand side of 'in' must be a list, but got: ${text()}`);
    const type = valueType(column) as DataType;
    const values = list.value.values.map((value) => {
      const cast = tryCast(type, value);
      if (cast === undefined) throw badExpression(`value '${constantText(value)}' in list cannot be casted to ${typeName(type)}`);
      return cast;
    });
    return { op: "in", column, values: arrayOf(values) };
  }

  #contains(node: Node): Item {
    const wanted = this.#pop();
    const array = this.#pop();
    const texts = [array, wanted].map((checked) => () => this.#outerText(checked.node)) as [() => string, () => string];
    return predicate(contains(node.operator, array.item, wanted.item, texts));
  }

  /** `node.count` says which written bounds are included, the plan's `inclusive` which of low and high. */
  #range(node: Node, column: Column): Item {
    const second = this.#pop();
    const first = this.#pop();
    const ascending = node.operator === TokenKind.Less;
    const [low, high] = ascending ? [first, second] : [second, first];
    const left = (node.count & RangeBounds.LeftInclusive) !== 0;
    const right = (node.count & RangeBounds.RightInclusive) !== 0;
    const inclusive = ((ascending ? left : right) ? RangeInclusive.Low : 0) | ((ascending ? right : left) ? RangeInclusive.High : 0);
    return range(column, low.item, high.item, inclusive, () => [this.#outerText(first.node), this.#outerText(second.node)]);
  }

  #binary(node: Node): Item {
    const right = this.#pop();
    const left = this.#pop();
    const { operator } = node;
    if (operator === TokenKind.And) return this.#logical("and", left.item, right.item);
    if (operator === TokenKind.Or) return this.#logical("or", left.item, right.item);
    if (operator === TokenKind.Like) return this.#like(left.item, right);
    const sign = this.tokens.text(node.token);
    const comparison = comparisonOf(operator);
    const text = (): string => this.#text(node);
    if (comparison !== undefined) return compare(comparison, sign, left.item, right.item, text);
    if (!isArithmetic(operator)) throw badExpression(`shift is not supported: ${text()}`);
    return arithmetic(operator, sign, left.item, right.item, text) ?? this.#unsupported();
  }

  #logical(op: "and" | "or", left: Item, right: Item): Item {
    const refused = (): FilterError => planFailed(`'${op}' can only be used between boolean expressions`);
    if (left.kind === "constant" && right.kind === "constant") {
      if (left.value.kind !== "bool" || right.value.kind !== "bool") throw planFailed(`${op} can only apply on boolean`);
      const value = op === "and" ? left.value.value && right.value.value : left.value.value || right.value.value;
      return constant({ kind: "bool", value });
    }
    const [known, other] = left.kind === "constant" ? [left, right] : [right, left];
    if (known.kind === "constant") {
      if (known.value.kind !== "bool") throw refused();
      if (known.value.value === (op === "or")) return booleanItem(known.value.value);
      if (other.kind !== "predicate") throw refused();
      return other;
    }
    if (left.kind !== "predicate" || right.kind !== "predicate") throw refused();
    return predicate(joined(op, left.plan, right.plan));
  }

  #like(operand: Item, pattern: Checked): Item {
    if (operand.kind !== "column") throw planFailed("like operation on complicated expr is unsupported");
    refuseWholeArray(operand);
    const type = valueType(operand.column);
    if (!isStringType(type) && type !== DataType.JSON) throw planFailed("like operation on non-string or no-json field is unsupported");
    const { item } = pattern;
    const { column } = operand;
    if (item.kind === "template") return predicate({ op: "like", column, pattern: { kind: "template", name: item.name } });
    if (item.kind !== "constant" || item.value.kind !== "string")
      throw badExpression(`like pattern should be a string literal or template variable, got: ${this.#outerText(pattern.node)}`);
    return predicate({ op: "like", column, pattern: item.value });
  }
}

/** The plan of a parsed filter. Throws FilterError. */
export const check = (tokens: Tokens, nodes: readonly Node[], columns: Columns): Plan => new Checker(tokens, nodes, columns).run();
