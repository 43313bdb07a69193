/**
 * Fields and functions in REST bodies. Source: milvus internal/distributed/proxy/httpserver/request_v2.go (FieldSchema, FunctionSchema).
 */
import { httpFailure, invalid } from "../shared/errors.js";
import { DataType, FieldSchema, FunctionSchema, FunctionType, ValueField } from "../shared/proto/generated/messages.js";
import { type Body, flagIn, pairsIn, parameterText, textIn, textsIn } from "./support.js";

export const missingMember = (key: string, member: string) =>
  httpFailure("httpMissingParameter", `Key: '${key}.${member}' Error:Field validation for '${member}' failed on the 'required' tag`);

export const typeOf = (name: string): DataType => {
  const type = Object.hasOwn(DataType, name) ? DataType[name as keyof typeof DataType] : undefined;
  if (type === undefined || type === DataType.None) throw invalid(`data type ${name} is invalid(case sensitive)`);
  return type;
};

/** A default value of the field's type; what the type cannot hold is refused. */
const defaultOf = (value: unknown, type: DataType, field: string): ValueField | undefined => {
  if (value === undefined || value === null) return undefined;
  const refuse = () =>
    invalid(`convert defaultValue fail, err: cannot use "${parameterText(value)}" as ${typeOfName(type)} default value of field ${field}`);
  const number = (): number => {
    if (typeof value !== "number") throw refuse();
    return value;
  };
  const integer = (): number => {
    if (!Number.isInteger(number())) throw refuse();
    return number();
  };
  switch (type) {
    case DataType.Bool:
      if (typeof value !== "boolean") throw refuse();
      return ValueField.create({ boolData: value });
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
      return ValueField.create({ intData: integer() });
    case DataType.Int64:
      return ValueField.create({ longData: typeof value === "bigint" ? value : BigInt(integer()) });
    case DataType.Float:
      return ValueField.create({ floatData: Math.fround(number()) });
    case DataType.Double:
      return ValueField.create({ doubleData: number() });
    case DataType.VarChar:
      if (typeof value !== "string") throw refuse();
      return ValueField.create({ stringData: value });
    default:
      throw invalid(`convert defaultValue fail, err: Unexpected default value type: ${typeOfName(type)}`);
  }
};

export const typeOfName = (type: DataType): string => Object.entries(DataType).find(([, value]) => value === type)?.[0] ?? String(type);

/** A field of a REST body. */
export const fieldIn = (entry: Body, autoId: boolean): FieldSchema => {
  const name = textIn(entry, "fieldName");
  if (name === "") throw missingMember("FieldSchema", "FieldName");
  if (textIn(entry, "dataType") === "") throw missingMember("FieldSchema", "DataType");
  const dataType = typeOf(textIn(entry, "dataType"));
  const isPrimaryKey = flagIn(entry, "isPrimary") ?? false;
  const elementType = textIn(entry, "elementDataType");
  return FieldSchema.create({
    name,
    dataType,
    description: textIn(entry, "description"),
    isPrimaryKey,
    autoID: isPrimaryKey && autoId,
    isPartitionKey: flagIn(entry, "isPartitionKey") ?? false,
    isClusteringKey: flagIn(entry, "isClusteringKey") ?? false,
    nullable: flagIn(entry, "nullable") ?? false,
    elementType: elementType === "" ? DataType.None : typeOf(elementType),
    typeParams: [...pairsIn(entry, "elementTypeParams"), ...pairsIn(entry, "typeParams")],
    defaultValue: defaultOf(entry.defaultValue, dataType, name),
    externalField: textIn(entry, "externalField"),
  });
};

export const functionIn = (entry: Body): FunctionSchema => {
  const type = textIn(entry, "type");
  const known = Object.entries(FunctionType).find(([name]) => name === type);
  if (known === undefined) throw invalid(`Unsupported function type: ${type}`);
  return FunctionSchema.create({
    name: textIn(entry, "name"),
    description: textIn(entry, "description"),
    type: known[1],
    inputFieldNames: textsIn(entry, "inputFieldNames"),
    outputFieldNames: textsIn(entry, "outputFieldNames"),
    params: pairsIn(entry, "params"),
  });
};
