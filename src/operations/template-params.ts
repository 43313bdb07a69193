/** The values of `exprParams` in REST bodies. */
import { httpFailure } from "../shared/errors.js";
import { TemplateArrayValue, TemplateValue } from "../shared/proto/generated/messages.js";
import { type Body, objectIn } from "./support.js";

const mismatch = (member: string) => httpFailure("httpNotJson", `json: cannot unmarshal ${member} into a template value`);

/** The values of `exprParams` for the variables of a filter. */
export const templatesOf = (body: Body): Map<string, TemplateValue> =>
  new Map(Object.entries(objectIn(body, "exprParams")).map(([name, value]) => [name, templateOf(name, value)]));

const templateOf = (name: string, value: unknown): TemplateValue => {
  if (typeof value === "boolean") return TemplateValue.create({ boolVal: value });
  if (typeof value === "string") return TemplateValue.create({ stringVal: value });
  if (typeof value === "bigint") return TemplateValue.create({ int64Val: value });
  if (typeof value === "number") {
    return TemplateValue.create(Number.isSafeInteger(value) ? { int64Val: BigInt(value) } : { floatVal: value });
  }
  if (Array.isArray(value)) return TemplateValue.create({ arrayVal: arrayOf(name, value) });
  throw mismatch(`exprParams.${name}`);
};

const arrayOf = (name: string, list: readonly unknown[]): TemplateArrayValue => {
  const isInteger = (value: unknown) => typeof value === "bigint" || Number.isSafeInteger(value);
  if (list.every(isInteger)) return TemplateArrayValue.create({ longData: { data: list.map((value) => BigInt(value as number)) } });
  if (list.every((value) => typeof value === "number" || typeof value === "bigint")) {
    return TemplateArrayValue.create({ doubleData: { data: list.map(Number) } });
  }
  if (list.every((value) => typeof value === "string")) return TemplateArrayValue.create({ stringData: { data: list as string[] } });
  if (list.every((value) => typeof value === "boolean")) return TemplateArrayValue.create({ boolData: { data: list as boolean[] } });
  throw mismatch(`exprParams.${name}`);
};
