/**
 * The partition key of a schema. Sources: milvus internal/proxy/task.go, validatePartitionKey; internal/rootcoord/create_collection_task.go.
 */
import { DEFAULT_PARTITION } from "../catalog/read.js";
import { failure, invalid } from "../shared/errors.js";
import { PARTITION_KEY_PARTITIONS_DEFAULT, PARTITIONS_MAX } from "../shared/limits.js";
import { DataType, type FieldSchema } from "../shared/proto/generated/messages.js";
import type { Definition } from "./schema-rules.js";

const checkKeyField = (field: FieldSchema, numPartitions: bigint): void => {
  if (field.isPrimaryKey) throw invalid("the partition key field must not be primary field");
  if (field.nullable) throw invalid("partition key field not support nullable");
  if (field.dataType !== DataType.Int64 && field.dataType !== DataType.VarChar)
    throw invalid("the data type of partition key should be Int64 or VarChar");
  if (numPartitions < 0n) throw invalid("the specified partitions should be greater than 0 if partition key is used");
  if (numPartitions > PARTITIONS_MAX) throw invalid(`partition number (${numPartitions}) exceeds max configuration (${PARTITIONS_MAX})`);
};

export const checkPartitionKey = ({ schema, numPartitions, collectionName }: Definition): void => {
  let key: FieldSchema | undefined;
  for (const field of schema.fields.filter((candidate) => candidate.isPartitionKey)) {
    if (key) throw invalid(`there are more than one partition key, field name = ${key.name}, ${field.name}`);
    checkKeyField(field, numPartitions);
    key = field;
  }
  for (const field of schema.structArrayFields.flatMap((struct) => struct.fields))
    if (field.isPartitionKey)
      throw failure(
        "illegalSchema",
        { collection: collectionName },
        `partition key is not supported for struct field, field name = ${field.name}`,
      );
  if (key === undefined && numPartitions !== 0n) throw invalid("num_partitions should only be specified with partition key field enabled");
};

/** Names of the partitions that a collection begins with: `_default`, or with a partition key `_default_0`, `_default_1`, … by the hash of the key. */
export const firstPartitions = ({ schema, numPartitions }: Definition): string[] => {
  if (!schema.fields.some((field) => field.isPartitionKey)) return [DEFAULT_PARTITION];
  const length = numPartitions === 0n ? PARTITION_KEY_PARTITIONS_DEFAULT : Number(numPartitions);
  return Array.from({ length }, (_, ordinal) => `${DEFAULT_PARTITION}_${ordinal}`);
};
