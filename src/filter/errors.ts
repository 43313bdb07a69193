/**
 * What is wrong with a filter, and how a client hears of it.
 *
 * Model: a `FilterError` is the reason alone. Milvus closes each reason with the sentinel of the error that carried it (`query plan failed`,
 * `invalid parameter`, or none for errors of Go's own libraries), and says `cannot parse expression: EXPR` only before those found while the text was
 * read and typed, not before those found while the plan was made (not a predicate, template values). `planError` composes the whole.
 * Sources: milvus internal/parser/planparserv2/plan_parser_v2.go, internal/proxy/task_{query,search,delete}.go.
 */
import { invalid, type MilvusError } from "../shared/errors.js";

export type Sentinel = "query plan failed" | "invalid parameter" | "";

export class FilterError extends Error {
  override name = "FilterError";
  constructor(
    reason: string,
    readonly sentinel: Sentinel = "query plan failed",
    /** Where it was found: in the text, or after that, when the plan was made. */
    readonly stage: "expression" | "plan" = "expression",
  ) {
    super(reason);
  }
}

/** Milvus's WrapErrQueryPlanMsg. */
export const planFailed = (reason: string): FilterError => new FilterError(reason);
/** Milvus's WrapErrParameterInvalidMsg. */
export const badExpression = (reason: string): FilterError => new FilterError(reason, "invalid parameter");
/** An error of Go's strconv, which carries no sentinel. */
export const badLiteral = (reason: string): FilterError => new FilterError(reason, "");
/** The text is right, the plan is not: a template value is missing or of a wrong kind. */
export const badPlan = (reason: string): FilterError => new FilterError(reason, "query plan failed", "plan");
export const notSupported = (feature: string): FilterError => new FilterError(`${feature} is not supported yet`);

/** 1100 `failed to create {kind} plan: cannot parse expression: {text}: {reason}: query plan failed: invalid parameter`. */
export const planError = (kind: "query" | "delete", text: string, error: FilterError): MilvusError => {
  const reason = error.sentinel === "" ? error.message : `${error.message}: ${error.sentinel}`;
  const context = error.stage === "expression" ? `cannot parse expression: ${text}: ` : "";
  return invalid(`failed to create ${kind} plan: ${context}${reason}`);
};
