/**
 * From names to columns.
 *
 * A name that is not declared is a key of the dynamic field, if the collection has one: `x` is `$meta["x"]`, `x["y"]` is `$meta["x"]["y"]`.
 * `null` in any spelling is no name unless a field is called exactly so. An index behind an Array field is one of its elements.
 */
import { DataType } from "../shared/proto/generated/messages.js";
import { badExpression, notSupported, planFailed } from "./errors.js";
import { jsonPath } from "./literals.js";
import { type Column, type FilterField, valueType } from "./plan.js";
import { isVectorType, typeName } from "./types.js";

/** No array is so long. */
const INDEX_BEYOND = 0xffffffff;

export class Columns {
  readonly #byName = new Map<string, FilterField>();
  readonly #dynamic: FilterField | undefined;
  constructor(fields: readonly FilterField[]) {
    for (const field of fields) this.#byName.set(field.name, field);
    this.#dynamic = fields.find((field) => field.dynamic === true && field.dataType === DataType.JSON);
  }

  /** The column of a bare name, or of a path when `text` has brackets. */
  resolve(text: string): Column {
    return text.includes("[") ? this.#path(text) : this.#name(text);
  }

  #field(name: string): FilterField {
    const declared = this.#byName.get(name);
    if (declared !== undefined) return declared;
    if (name.toLowerCase() === "null")
      throw badExpression("NULL literal is not supported in expressions; use '<field> is null' or '<field> is not null' instead");
    if (this.#dynamic === undefined) throw badExpression(`field ${name} not exist`);
    return this.#dynamic;
  }

  #name(name: string): Column {
    const field = this.#field(name);
    if (field.dataType === DataType.Text) throw badExpression(`filter on text field (${name}) is not supported yet`);
    return field.name === name ? { field } : { field, path: [name] };
  }

  #path(text: string): Column {
    const field = this.#field(text.slice(0, text.indexOf("[")));
    const isArray = field.dataType === DataType.Array;
    if (field.dataType !== DataType.JSON && !isArray)
      throw badExpression(`${typeName(field.dataType)} data type not supported accessed with []`);
    const { name, steps } = jsonPath(text);
    if (!isArray) return { field, path: field.name === name ? steps : [name, ...steps] };
    if (/["']/.test(text)) throw planFailed("can only access array field with integer index");
    const [index, ...further] = steps;
    if (further.length > 0) throw planFailed(`elements of array field ${name} have no elements: ${text}`);
    return { field, element: typeof index === "number" ? index : INDEX_BEYOND };
  }
}

/** Throws when the core cannot compare columns of this type; `use` says what was asked of it. */
export const requireScalar = (column: Column, use: string): void => {
  const type = valueType(column);
  const scalar = (type >= DataType.Bool && type <= DataType.Int64) || type === DataType.Float || type === DataType.Double;
  if (scalar || type === DataType.String || type === DataType.VarChar || type === DataType.JSON || type === DataType.Timestamptz) return;
  const what = `${use} on ${typeName(type)} field ${column.field.name}`;
  throw isVectorType(type) ? planFailed(`${what} is not supported`) : notSupported(what);
};
