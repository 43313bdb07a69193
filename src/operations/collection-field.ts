/**
 * Adding a field, or an array of structs, to a collection with rows. Old rows read it as its default or null.
 * Words and order: milvus internal/proxy/task.go, validateAddFieldRequest, validateAddStructFieldRequest.
 */
import type { Collection } from "../catalog/types.js";
import { failure, invalid } from "../shared/errors.js";
import { FIELDS_MAX, VECTOR_FIELDS_MAX } from "../shared/limits.js";
import {
  type AddCollectionFieldRequest,
  type AddCollectionStructFieldRequest,
  CollectionSchema,
  DataType,
  FieldSchema,
  services,
} from "../shared/proto/generated/messages.js";
import { WireError } from "../shared/proto/wire.js";
import { DYNAMIC_FIELD, fieldCount, isVector, typeName, vectorColumns } from "../shared/schema.js";
import { describedCollection } from "./collection-describe.js";
import { fieldIn } from "./field-rest.js";
import { checkDefault, checkField, checkGeometryDefault } from "./field-rules.js";
import { checkAnalyzers } from "./function-rules.js";
import { type AnyOperation, type Call, defineOperation, type RestReply } from "./operation.js";
import { CLUSTERING, checkStorableField } from "./schema-rules.js";
import { addedStructIn } from "./struct-rest.js";
import { checkAddedStruct, withNullableMembers } from "./struct-rules.js";
import { type Body, collectionOf, nothing, objectIn, required, restDatabase, textIn } from "./support.js";
import { timeZoneOf, withMomentDefault } from "./timestamptz.js";

const SYSTEM = ["RowID", "Timestamp", DYNAMIC_FIELD, "$namespace_id", "__virtual_pk__"];

/** What a field to be added must be; whether it takes nulls is asked elsewhere. */
const checkAdded = (field: FieldSchema, { schema }: Collection): void => {
  if (fieldCount(schema) >= FIELDS_MAX) throw invalid(`The number of fields has reached the maximum value ${FIELDS_MAX}`);
  if ([...schema.fields, ...schema.structArrayFields].some((other) => other.name === field.name && other.name !== DYNAMIC_FIELD))
    throw invalid(`duplicated field name ${field.name}`);
  if (field.dataType === DataType.None || !Object.values(DataType).includes(field.dataType)) {
    throw failure("invalidParameter", { expected: "valid field", actual: `field data type: ${typeName(field.dataType)} is not supported` });
  }
  if (field.externalField !== "") throw invalid(`add field operation does not support external field mapping, field name = ${field.name}`);
  if (field.dataType === DataType.Text && field.defaultValue !== undefined)
    throw invalid(`default value is not supported when adding TEXT field, field name = ${field.name}`);
  if (SYSTEM.includes(field.name)) throw invalid(`not support to add system field, field name = ${field.name}`);
  if (field.isPrimaryKey) throw invalid(`not support to add pk field, field name = ${field.name}`);
  if (field.autoID) throw invalid(`only primary field can speficy AutoID with true, field name = ${field.name}`);
  if (field.isPartitionKey) throw invalid(`not support to add partition key field, field name  = ${field.name}`);
  if (field.isClusteringKey && !CLUSTERING.has(field.dataType)) {
    throw invalid(`clustering key field ${field.name} has unsupported data type ${typeName(field.dataType)}`);
  }
  if (field.isClusteringKey && schema.fields.some((other) => other.isClusteringKey)) {
    throw invalid(`already has another clustering key field, field name: ${field.name}`);
  }
  if (!isVector(field.dataType)) return;
  if (vectorColumns(schema).length >= VECTOR_FIELDS_MAX) {
    throw invalid(`maximum vector field's number should be limited to ${VECTOR_FIELDS_MAX}`);
  }
  if (field.dataType !== DataType.SparseFloatVector && !field.typeParams.some((pair) => pair.key === "dim")) {
    throw invalid(`vector field must have dimension specified, field name = ${field.name}`);
  }
};

const decodeField = (bytes: Buffer): FieldSchema => {
  try {
    return FieldSchema.decode(bytes);
  } catch (error) {
    if (error instanceof WireError) throw invalid(`malformed field schema: ${error.message}`);
    throw error;
  }
};

/** Checks a field to be added; `made`: by a function, so that it takes no nulls. Returns it as it is kept. */
export const checkedField = (call: Call, collection: Collection, field: FieldSchema, made = false): FieldSchema => {
  checkAdded(field, collection);
  if (!made && !field.nullable) throw invalid(`added field must be nullable, please check it, field name = ${field.name}`);
  checkField(field, collection.name);
  if (field.defaultValue) checkDefault(field, field.defaultValue);
  checkGeometryDefault(field, (text) => call.engine.isGeometry(text));
  checkAnalyzers(CollectionSchema.create({ fields: [field] }), (name, params) => call.engine.checkAnalyzer(name, params));
  checkStorableField(field);
  return withMomentDefault({ ...field, isFunctionOutput: made, state: 0 }, timeZoneOf(call.engine.catalog, collection));
};

export const addField = async (call: Call, collection: Collection, field: FieldSchema) => {
  await call.engine.change({ kind: "addField", collectionId: collection.id, field: checkedField(call, collection, field) });
  return {};
};

const handle = (call: Call, request: AddCollectionFieldRequest) =>
  addField(call, describedCollection(call, request), decodeField(request.schema));

const addStruct = async (
  call: Call,
  request: Pick<AddCollectionStructFieldRequest, "dbName" | "collectionName" | "structArrayFieldSchema">,
) => {
  const collection = describedCollection(call, request);
  const struct = request.structArrayFieldSchema;
  if (struct === undefined) throw invalid("struct array field schema is nil");
  checkAddedStruct(struct, collection.schema);
  await call.engine.change({ kind: "addStruct", collectionId: collection.id, struct: withNullableMembers(struct) });
  return {};
};

const restAdd = async (call: Call, body: Body): Promise<RestReply> => {
  const collection = collectionOf(call, { ...restDatabase(call, body), collectionName: textIn(body, "collectionName") });
  await addField(call, collection, fieldIn(objectIn(body, "schema"), false));
  return nothing;
};

const restAddStruct = async (call: Call, body: Body): Promise<RestReply> => {
  const structArrayFieldSchema = addedStructIn(objectIn(body, "schema"));
  await addStruct(call, { ...restDatabase(call, body), collectionName: textIn(body, "collectionName"), structArrayFieldSchema });
  return nothing;
};

export const operations = [
  defineOperation(services["milvus.proto.milvus.MilvusService"].AddCollectionField, {
    privilege: "AddCollectionField",
    scope: "collection",
    rest: [
      {
        route: "POST /v2/vectordb/collections/fields/add",
        required: required("CollectionFieldReqWithSchema", "collectionName", "schema"),
        handle: restAdd,
      },
    ],
    handle,
  }),
  defineOperation(services["milvus.proto.milvus.MilvusService"].AddCollectionStructField, {
    privilege: "AddCollectionField",
    scope: "collection",
    rest: [
      {
        route: "POST /v2/vectordb/collections/struct_fields/add",
        required: required("CollectionFieldReqWithSchema", "collectionName", "schema"),
        handle: restAddStruct,
      },
    ],
    handle: addStruct,
  }),
] as unknown as readonly AnyOperation[];
