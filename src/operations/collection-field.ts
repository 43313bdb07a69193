/**
 * Adding a field to a collection with rows. Old rows read it as its default or null.
 * Words and order: milvus internal/proxy/task.go, validateAddFieldRequest.
 */
import type { Collection } from "../catalog/types.js";
import { failure, invalid } from "../shared/errors.js";
import { FIELDS_MAX, VECTOR_FIELDS_MAX } from "../shared/limits.js";
import { type AddCollectionFieldRequest, CollectionSchema, DataType, FieldSchema, services } from "../shared/proto/generated/messages.js";
import { WireError } from "../shared/proto/wire.js";
import { DYNAMIC_FIELD, isVector, typeName } from "../shared/schema.js";
import { fieldIn } from "./collection-rest.js";
import { checkAnalyzers } from "./function-rules.js";
import { type AnyOperation, type Call, defineOperation, type RestReply } from "./operation.js";
import { CLUSTERING, checkDefault, checkField, checkGeometryDefault, checkStorableField } from "./schema-rules.js";
import { type Body, collectionOf, nothing, objectIn, required, restDatabase, textIn } from "./support.js";
import { timeZoneOf, withMomentDefault } from "./timestamptz.js";

const SYSTEM = ["RowID", "Timestamp", DYNAMIC_FIELD, "$namespace_id", "__virtual_pk__"];

const checkAdded = (field: FieldSchema, { schema }: Collection): void => {
  if (schema.fields.length >= FIELDS_MAX) throw invalid(`The number of fields has reached the maximum value ${FIELDS_MAX}`);
  if (schema.fields.some((other) => other.name === field.name && !other.isDynamic)) throw invalid(`duplicated field name ${field.name}`);
  if (field.dataType === DataType.None || !Object.values(DataType).includes(field.dataType)) {
    throw failure("invalidParameter", { expected: "valid field", actual: `field data type: ${typeName(field.dataType)} is not supported` });
  }
  if (field.externalField !== "") throw invalid(`add field operation does not support external field mapping, field name = ${field.name}`);
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
  if (schema.fields.filter((other) => isVector(other.dataType)).length >= VECTOR_FIELDS_MAX) {
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

const addField = async (call: Call, collection: Collection, field: FieldSchema) => {
  checkAdded(field, collection);
  if (!field.nullable) throw invalid(`added field must be nullable, please check it, field name = ${field.name}`);
  checkField(field, collection.name);
  if (field.defaultValue) checkDefault(field, field.defaultValue);
  checkGeometryDefault(field, (text) => call.engine.isGeometry(text));
  checkAnalyzers(CollectionSchema.create({ fields: [field] }), (name, params) => call.engine.checkAnalyzer(name, params));
  checkStorableField(field);
  const zone = timeZoneOf(call.engine.catalog, collection);
  await call.engine.change({ kind: "addField", collectionId: collection.id, field: withMomentDefault(field, zone) });
  return {};
};

const handle = (call: Call, request: AddCollectionFieldRequest) => addField(call, collectionOf(call, request), decodeField(request.schema));

const restAdd = async (call: Call, body: Body): Promise<RestReply> => {
  const collection = collectionOf(call, { ...restDatabase(call, body), collectionName: textIn(body, "collectionName") });
  await addField(call, collection, fieldIn(objectIn(body, "schema"), false));
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
] as unknown as readonly AnyOperation[];
