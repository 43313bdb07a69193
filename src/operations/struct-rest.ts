/**
 * Arrays of structs in REST bodies: `{"fieldName", "description", "nullable", "typeParams", "fields": [ … ]}`; parameters of the struct hold for members that do
 * not say otherwise. Source: milvus internal/distributed/proxy/httpserver/request_v2.go (StructArrayFieldSchema).
 */
import { propertyOf } from "../catalog/properties.js";
import { invalid } from "../shared/errors.js";
import { DataType, type FieldSchema, StructArrayFieldSchema } from "../shared/proto/generated/messages.js";
import { typeName } from "../shared/schema.js";
import { fieldIn, missingMember } from "./field-rest.js";
import { type Body, flagIn, objectsIn, pairsIn, textIn } from "./support.js";

const INHERITED = "max_capacity";

const memberIn = (entry: Body, struct: string, capacity: string | undefined): FieldSchema => {
  const field = fieldIn(entry, false);
  const what = `sub-field ${field.name} of struct ${struct}`;
  if (field.dataType !== DataType.Array && field.dataType !== DataType.ArrayOfVector)
    throw invalid(`${what} must be Array or ArrayOfVector, got ${typeName(field.dataType)}`);
  if (field.isPrimaryKey || field.isPartitionKey || field.isClusteringKey)
    throw invalid(`${what} cannot be primary / partition / clustering key`);
  if (field.nullable) throw invalid(`${what} cannot be nullable`);
  if (field.defaultValue !== undefined) throw invalid(`${what} cannot set defaultValue`);
  if (capacity === undefined || propertyOf(field.typeParams, INHERITED) !== undefined) return field;
  return { ...field, typeParams: [...field.typeParams, { key: INHERITED, value: capacity }] };
};

export const structIn = (entry: Body): StructArrayFieldSchema => {
  const name = textIn(entry, "fieldName");
  if (name === "") throw missingMember("StructArrayFieldSchema", "FieldName");
  const entries = objectsIn(entry, "fields");
  if (entries.length === 0) throw invalid(`struct field ${name} must contain at least one sub-field`);
  const typeParams = [...pairsIn(entry, "elementTypeParams"), ...pairsIn(entry, "typeParams")];
  const fields = entries.map((member) => memberIn(member, name, propertyOf(typeParams, INHERITED)));
  const seen = new Set<string>();
  for (const field of fields) {
    if (seen.has(field.name)) throw invalid(`duplicated sub-field name ${field.name} in struct ${name}`);
    seen.add(field.name);
  }
  return StructArrayFieldSchema.create({
    name,
    description: textIn(entry, "description"),
    nullable: flagIn(entry, "nullable") ?? false,
    typeParams,
    fields,
  });
};

/** A struct in the place of a field: `ArrayOfStruct`, or `Array` with elements that are `Struct`. */
export const addedStructIn = (entry: Body): StructArrayFieldSchema => {
  const [dataType, elementType] = [textIn(entry, "dataType"), textIn(entry, "elementDataType")];
  if (dataType !== "ArrayOfStruct" && !(dataType === "Array" && elementType === "Struct"))
    throw invalid(
      `StructArray field must use ArrayOfStruct or Array with Struct element, got dataType ${dataType} and elementDataType ${elementType}`,
    );
  return structIn(entry);
};
