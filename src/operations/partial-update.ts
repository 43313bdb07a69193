/**
 * What an upsert does to single columns: the operations of a request checked against the schema and the columns it carries.
 *
 * An operation that is not REPLACE makes the request an update of some columns, whether it says so or not.
 * Source of the rules and words: milvus internal/proxy/task_upsert_partial_op.go.
 */
import type { Collection } from "../catalog/types.js";
import type { UpdateRows } from "../engine/api.js";
import { invalid, missing } from "../shared/errors.js";
import type { FieldEnvelope } from "../shared/proto/envelope.js";
import {
  DataType,
  FieldData,
  type FieldPartialUpdateOp,
  FieldPartialUpdateOp_OpType,
  type FieldSchema,
} from "../shared/proto/generated/messages.js";
import { fieldNamed, typeName } from "../shared/schema.js";

type Operation = UpdateRows["operations"][number];

const OPERATIONS: Readonly<Record<number, Operation["operation"]>> = {
  [FieldPartialUpdateOp_OpType.ARRAY_APPEND]: "append",
  [FieldPartialUpdateOp_OpType.ARRAY_REMOVE]: "remove",
};

const nameOfOperation = (op: number): string =>
  Object.entries(FieldPartialUpdateOp_OpType).find(([, number]) => number === op)?.[0] ?? String(op);

/** Elements of each array of a column. */
const lengthsOf = (data: FieldData): number[] =>
  (data.scalars?.arrayData?.data ?? []).map((array) => {
    const member = [array.boolData, array.intData, array.longData, array.floatData, array.doubleData, array.stringData].find(
      (each) => each,
    );
    return member?.data.length ?? 0;
  });

const checkPayload = (field: FieldSchema, operation: Operation["operation"], bytes: Buffer): void => {
  const data = FieldData.decode(bytes);
  const arrays = data.scalars?.arrayData;
  if (arrays === undefined) throw invalid(`partial-update op field "${field.name}" payload is not an Array`);
  if (arrays.elementType !== DataType.None && arrays.elementType !== field.elementType) {
    const [expected, given] = [typeName(field.elementType), typeName(arrays.elementType)];
    throw invalid(`field "${field.name}" expects element type ${expected} but request provides ${given}`);
  }
  if (operation !== "append") return;
  const max = Number(field.typeParams.find(({ key }) => key === "max_capacity")?.value ?? Number.POSITIVE_INFINITY);
  const row = lengthsOf(data).findIndex((length) => length > max);
  if (row !== -1) {
    const length = lengthsOf(data)[row];
    throw invalid(`ARRAY_APPEND payload for field "${field.name}" row ${row} has length ${length} exceeding max_capacity ${max}`);
  }
};

/** The operations to apply; columns without one are replaced. */
export const fieldOperations = (
  collection: Collection,
  ops: readonly FieldPartialUpdateOp[],
  received: readonly { readonly envelope: FieldEnvelope; readonly data: Buffer }[],
): Operation[] => {
  const seen = new Set<string>();
  const operations: Operation[] = [];
  for (const { fieldName: name, op } of ops) {
    if (name === "") throw missing("FieldPartialUpdateOp.field_name is required");
    if (seen.has(name)) throw invalid(`duplicate partial-update op for field "${name}"`);
    seen.add(name);
    if (op === FieldPartialUpdateOp_OpType.REPLACE) continue;
    const field = fieldNamed(collection.schema, name);
    if (field?.isPrimaryKey) throw invalid(`field "${name}" is the primary key and cannot carry a partial-update op`);
    if (field === undefined) throw invalid(`field "${name}" not found in collection schema`);
    const operation = OPERATIONS[op];
    if (operation === undefined) throw invalid(`unsupported partial update op: ${nameOfOperation(op)}`);
    if (field.dataType !== DataType.Array) {
      throw invalid(`op ${nameOfOperation(op)} requires Array field, but field "${name}" is ${typeName(field.dataType)}`);
    }
    const column = received.find(({ envelope }) => envelope.name === name);
    if (column === undefined) throw invalid(`partial-update op targets field "${name}" not present in fields_data`);
    checkPayload(field, operation, column.data);
    operations.push({ fieldId: field.fieldID, operation });
  }
  return operations;
};
