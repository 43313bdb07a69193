/** `filterParams`: the values of `{name}` in a filter. */
import { invalid } from "../shared/errors.js";
import { TemplateArrayValue, TemplateValue } from "../shared/proto/generated/messages.js";
import { toJsonText } from "../shared/rows/json.js";

export type FilterValue = boolean | number | bigint | string | readonly FilterValue[];
export type FilterParams = Readonly<Record<string, FilterValue>>;

export const templateValues = (params: FilterParams | undefined): Map<string, TemplateValue> =>
  new Map(Object.entries(params ?? {}).map(([name, value]) => [name, TemplateValue.create(scalarOf(name, value))]));

const isInteger = (value: FilterValue | undefined): value is number | bigint => typeof value === "bigint" || Number.isSafeInteger(value);

const scalarOf = (name: string, value: FilterValue): Partial<TemplateValue> => {
  if (typeof value === "boolean") return { boolVal: value };
  if (typeof value === "string") return { stringVal: value };
  if (isInteger(value)) return { int64Val: BigInt(value) };
  if (typeof value === "number") return { floatVal: value };
  if (Array.isArray(value)) return { arrayVal: arrayOf(name, value) };
  throw invalid(`filter parameter ${name} should be a boolean, number, bigint, string or an array of them, but got ${typeof value}`);
};

/** Arrays of one type keep it; mixed ones travel as JSON. */
const arrayOf = (name: string, values: readonly FilterValue[]): TemplateArrayValue => {
  const made = (data: Partial<TemplateArrayValue>): TemplateArrayValue => TemplateArrayValue.create(data);
  if (values.length === 0) return made({});
  const every = (type: string): boolean => values.every((value) => typeof value === type);
  if (every("boolean")) return made({ boolData: { data: values as boolean[] } });
  if (every("string")) return made({ stringData: { data: values as string[] } });
  if (values.every(isInteger)) return made({ longData: { data: values.map((value) => BigInt(value)) } });
  if (every("number")) return made({ doubleData: { data: Float64Array.from(values as number[]) } });
  if (values.every((value) => Array.isArray(value)))
    return made({ arrayData: { data: values.map((value) => arrayOf(name, value as readonly FilterValue[])) } });
  return made({ jsonData: { data: values.map((value) => Buffer.from(toJsonText(value) ?? "null")) } });
};
