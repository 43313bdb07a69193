/**
 * Whether a filter keeps to one partition key, as a collection whose keys are isolated asks of every search.
 *
 * One `key == value`, alone or joined by `and` to what does not name the key. The walk keeps a stack and does not recurse.
 * Source: milvus internal/util/exprutil/expr_checker.go.
 */
import type { FilterField, Plan } from "./plan.js";
import { Comparison } from "./program.js";

/** What is found below a node: whether the key is named, and the words for what is refused. */
type Found = { readonly named: boolean; readonly fault?: string };

const NAMES: ReadonlyMap<number, string> = new Map([
  [Comparison.NotEqual, "NotEqual"],
  [Comparison.Less, "LessThan"],
  [Comparison.LessEqual, "LessEqual"],
  [Comparison.Greater, "GreaterThan"],
  [Comparison.GreaterEqual, "GreaterEqual"],
]);

const refused = (what: string): Found => ({ named: true, fault: `partition key isolation does not support ${what}` });

const leaf = (plan: Plan, key: FilterField): Found => {
  if (!("column" in plan) || plan.column.field !== key) return { named: false };
  if (plan.op === "in") return refused("IN");
  if (plan.op === "range") return refused("BinaryRange");
  if (plan.op === "like") return refused("Match");
  if (plan.op !== "compare" || plan.calculation !== undefined) return { named: false };
  const name = NAMES.get(plan.comparison);
  return name === undefined ? { named: true } : refused(name);
};

const joined = (op: "and" | "or", left: Found, right: Found): Found => {
  if (left.fault !== undefined) return left;
  if (right.fault !== undefined) return right;
  const named = left.named || right.named;
  return named && op === "or" ? refused("OR") : { named };
};

const negated = (found: Found): Found => (found.fault === undefined && found.named ? refused("NOT") : found);

/** The words for a filter that is not about exactly one value of the key; undefined when it is. */
export const isolationFault = (root: Plan, key: FilterField): string | undefined => {
  const waiting: { plan: Plan; joins: boolean }[] = [{ plan: root, joins: false }];
  const found: Found[] = [];
  const take = (): Found => found.pop() ?? { named: false };
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { plan, joins } = next;
    if (plan.op === "not") {
      if (joins) found.push(negated(take()));
      else waiting.push({ plan, joins: true }, { plan: plan.operand, joins: false });
    } else if (plan.op === "and" || plan.op === "or") {
      if (joins) {
        const right = take();
        found.push(joined(plan.op, take(), right));
      } else waiting.push({ plan, joins: true }, { plan: plan.right, joins: false }, { plan: plan.left, joins: false });
    } else found.push(leaf(plan, key));
  }
  const { named, fault } = take();
  if (fault !== undefined) return fault;
  return named ? undefined : "partition key not found in expr or the expr is invalid when validating partition key isolation";
};
