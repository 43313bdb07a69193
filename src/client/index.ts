/** The public face of the package. */
export { MilvusError } from "../shared/errors.js";
export type { AliasAction, AliasInfo, AliasOptions, AliasTargetOptions } from "./aliases.js";
export { type CompactionStateInfo, type CompactOptions, type Health, MilvusClient } from "./client.js";
export type { CreateBySchemaOptions, CreateCollectionOptions, CreateFastOptions } from "./collections.js";
export type { CallOptions, CollectionOptions } from "./connection.js";
export type { DatabaseInfo, DatabaseOptions } from "./databases.js";
export type { CreateIndexOptions, IndexDefinition, IndexInfo, IndexOptions } from "./indexes.js";
export type {
  ConsistencyLevelName,
  DataTypeName,
  FunctionTypeName,
  IndexStateName,
  LoadStateName,
  Properties,
  RestoreStateName,
} from "./names.js";
export type { LoadOptions, LoadPartitionsOptions, LoadStateInfo, PartitionOptions } from "./partitions.js";
export type {
  GetOptions,
  QueryIteratorOptions,
  QueryOptions,
  QueryVector,
  ResultRow,
  SearchHit,
  SearchOptions,
} from "./reads.js";
export type { DeleteOptions, Id, InsertOptions, InsertResult, RowData, UpsertOptions, UpsertResult } from "./rows.js";
export type {
  CollectionInfo,
  FieldDefinition,
  FieldInfo,
  FunctionDefinition,
  SchemaDefinition,
  StructDefinition,
  StructInfo,
  StructMemberDefinition,
  StructMemberInfo,
} from "./schema.js";
export type { DropFieldOptions, FunctionOptions } from "./schema-changes.js";
export type {
  CreateSnapshotOptions,
  PinSnapshotOptions,
  RestoreJob,
  RestoreSnapshotOptions,
  SnapshotInfo,
  SnapshotOptions,
} from "./snapshots.js";
export type { MilvusClientOptions, TlsClientOptions } from "./target.js";
export type { FilterParams, FilterValue } from "./template.js";
export type {
  GrantInfo,
  GrantPrivilegeOptions,
  GrantPrivilegeV2Options,
  PrivilegeGroupInfo,
  PrivilegeGroupOptions,
  RoleInfo,
  RoleOptions,
  UserInfo,
  UserOptions,
} from "./users.js";
