/**
 * AlterCollectionSchema: adds a field, a function, or a function with the field that it makes and the field's index; or drops a field, a struct or a
 * function. Rows that are there get the field in the same step: its default or null, or what the function makes of them. A dropped field is read no more;
 * its bytes go with the next compaction.
 * Words and order: milvus internal/proxy/task.go (alterCollectionSchemaTask), internal/util/schemautil/alter_schema_add.go.
 */
import { expandIndexParams } from "../catalog/index-params.js";
import type { Collection, KeyValuePair } from "../catalog/types.js";
import { invalid, missing, successStatus } from "../shared/errors.js";
import { checkIndexName } from "../shared/names.js";
import {
  type AlterCollectionSchemaRequest,
  type AlterCollectionSchemaRequest_AddRequest,
  type AlterCollectionSchemaRequest_DropRequest,
  DataType,
  type FieldSchema,
  type FunctionSchema,
  FunctionType,
  services,
} from "../shared/proto/generated/messages.js";
import { DYNAMIC_FIELD, fieldNamed, isVector, memberColumn, typeName } from "../shared/schema.js";
import { describedCollection } from "./collection-describe.js";
import { addField, checkedField } from "./collection-field.js";
import { checkAnalyzers, checkFunctions } from "./function-rules.js";
import { checkIndexParams } from "./index-rules.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";

const functionName = (type: FunctionType): string => Object.entries(FunctionType).find(([, value]) => value === type)?.[0] ?? String(type);

/** Functions whose output is made of rows that are there. */
const MADE_LATER: ReadonlySet<number> = new Set([FunctionType.BM25, FunctionType.MinHash]);

/** What is made of the texts of rows that are there is made of VarChar only. */
export const checkInputNotText = (schema: Collection["schema"], fn: FunctionSchema): void => {
  if (!MADE_LATER.has(fn.type)) return;
  const text = fn.inputFieldNames.find((name) => fieldNamed(schema, name)?.dataType === DataType.Text);
  if (text !== undefined)
    throw invalid(
      `adding a ${functionName(fn.type)} function with a TEXT input field (${text}) is not supported: its output cannot be backfilled into existing segments; use a VARCHAR input field`,
    );
};

/** Checks the collection as it would be with the function (and the field that it makes). */
export const checkWithFunction = (call: Call, collection: Collection, fn: FunctionSchema, field?: FieldSchema): void => {
  const { schema } = collection;
  const fields = field === undefined ? schema.fields : [...schema.fields, field];
  const merged = { ...schema, fields, functions: [...schema.functions, fn] };
  checkInputNotText(merged, fn);
  checkFunctions(merged);
  checkAnalyzers(merged, (name, params) => call.engine.checkAnalyzer(name, params));
};

interface Added {
  readonly field: FieldSchema | undefined;
  readonly fn: FunctionSchema | undefined;
  readonly indexName: string;
  readonly extraParams: readonly KeyValuePair[];
}

const addedIn = ({ fieldInfos, funcSchema }: AlterCollectionSchemaRequest_AddRequest): Added => {
  if (funcSchema.length > 1) throw invalid("For now, at most one function schema is supported");
  if (fieldInfos.length > 1) throw invalid("For now, only one field info is supported");
  const [info] = fieldInfos;
  if (info !== undefined && info.fieldSchema === undefined) throw invalid("fieldSchema is nil in fieldInfos");
  const [fn] = funcSchema;
  if (info === undefined && fn === undefined) throw invalid("fieldInfos and function schema are both empty");
  return { field: info?.fieldSchema, fn, indexName: info?.indexName ?? "", extraParams: info?.extraParams ?? [] };
};

const checkMade = (fn: FunctionSchema, field: FieldSchema, extraParams: readonly KeyValuePair[]): void => {
  if (!MADE_LATER.has(fn.type)) throw invalid("For now, only BM25 and MinHash functions are supported in add_function_field interface");
  if (fn.inputFieldNames.length !== 1 || fn.outputFieldNames.length !== 1)
    throw invalid(`${functionName(fn.type)} function should have exactly one input field and exactly one output field`);
  const [output] = fn.outputFieldNames;
  if (output !== field.name)
    throw invalid(`function output field ${JSON.stringify(output)} must be the newly-added field ${JSON.stringify(field.name)}`);
  if (isVector(field.dataType) && extraParams.length === 0)
    throw invalid(
      `index params are required when adding function output field ${JSON.stringify(field.name)} of vector type ${typeName(field.dataType)}: provide index_type/metric_type (and params) in field_info.extra_params`,
    );
};

const indexOf = (field: FieldSchema, { indexName, extraParams }: Added): { name: string; params: readonly KeyValuePair[] } => {
  checkIndexName(indexName);
  const type = expandIndexParams(extraParams).get("index_type") ?? "";
  if (type === "" || type === "AUTOINDEX")
    throw invalid(`an explicit index_type is required for the bound index of function output field ${JSON.stringify(field.name)}`);
  return { name: indexName.trim() || field.name, params: checkIndexParams(field, field.name, extraParams) };
};

const addFunctionField = async (call: Call, collection: Collection, given: FieldSchema, fn: FunctionSchema, added: Added) => {
  const field = checkedField(call, collection, given, true);
  checkMade(fn, field, added.extraParams);
  const index = indexOf(field, added);
  checkWithFunction(call, collection, fn, field);
  await call.engine.change({
    kind: "addFunction",
    collectionId: collection.id,
    function: fn,
    output: { field, index: { id: call.engine.ids(1), ...index } },
  });
};

const add = async (call: Call, collection: Collection, request: AlterCollectionSchemaRequest_AddRequest) => {
  const added = addedIn(request);
  const { field, fn } = added;
  if (field !== undefined && fn !== undefined) await addFunctionField(call, collection, field, fn, added);
  else if (field !== undefined) await addField(call, collection, field);
  else if (fn !== undefined) {
    if (fn.type === FunctionType.BM25) throw invalid("BM25 function must be added with its output field in add_function_field interface");
    checkWithFunction(call, collection, fn);
    await call.engine.change({ kind: "addFunction", collectionId: collection.id, function: fn });
  }
};

/** The id of what is to be dropped; a member of a struct cannot go alone. */
const droppedId = ({ schema }: Collection, is: (field: { name: string; fieldID: bigint }) => boolean): bigint | undefined => {
  for (const struct of schema.structArrayFields) {
    if (is(struct)) return struct.fieldID;
    const member = struct.fields.find((field) => is({ fieldID: field.fieldID, name: memberColumn(struct.name, field.name) }));
    if (member !== undefined && is({ fieldID: member.fieldID, name: "" }))
      throw invalid(`cannot drop sub-field of struct array field: ${struct.name}.${member.name}`);
  }
  return schema.fields.find((field) => field.name !== DYNAMIC_FIELD && is(field))?.fieldID;
};

const drop = async (call: Call, collection: Collection, request: AlterCollectionSchemaRequest_DropRequest) => {
  const { fieldName, fieldId, functionName: name, dropFunctionOutputFields: withOutputs } = request;
  if (name !== undefined) {
    if (name === "") throw invalid("function name is empty");
    await call.engine.change({ kind: "dropFunction", collectionId: collection.id, name, withOutputs });
    return;
  }
  if (fieldName === undefined && fieldId === undefined) throw missing("drop request must specify field_name, field_id, or function_name");
  if (fieldName === "") throw invalid("field name is empty");
  const id = droppedId(collection, fieldName === undefined ? (field) => field.fieldID === fieldId : (field) => field.name === fieldName);
  if (id === undefined) throw invalid(fieldName === undefined ? `field not found with id: ${fieldId}` : `field not found: ${fieldName}`);
  await call.engine.change({ kind: "dropField", collectionId: collection.id, fieldId: id });
};

const alterSchema = async (call: Call, request: AlterCollectionSchemaRequest) => {
  const collection = describedCollection(call, request);
  const { action } = request;
  if (action === undefined) throw invalid("action is nil in alter schema task");
  if (action.addRequest !== undefined) await add(call, collection, action.addRequest);
  else if (action.dropRequest !== undefined) await drop(call, collection, action.dropRequest);
  else throw invalid("unknown action type in alter collection schema request");
  return { alterStatus: successStatus() };
};

export const operations = [
  defineOperation(services["milvus.proto.milvus.MilvusService"].AlterCollectionSchema, {
    privilege: "AlterCollectionSchema",
    scope: "collection",
    failed: (alterStatus) => ({ alterStatus }),
    handle: alterSchema,
  }),
] as unknown as readonly AnyOperation[];
