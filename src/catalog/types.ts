/**
 * The catalog's nouns. A `Catalog` is an immutable version; `reducer.ts` makes the next one from a record, `read.ts` answers questions about one.
 */
import type { Map as ImmutableMap, Set as ImmutableSet } from "immutable";
import type { Access, Grant, PrivilegeGroup, Role, User } from "../shared/access.js";
import type {
  CollectionSchema,
  FieldSchema,
  FunctionSchema,
  KeyValuePair,
  StructArrayFieldSchema,
} from "../shared/proto/generated/messages.js";
import type { Timestamp } from "../shared/types.js";

export interface Database {
  readonly id: bigint;
  readonly name: string;
  readonly properties: readonly KeyValuePair[];
  readonly createdTimestamp: Timestamp;
}

export interface Partition {
  readonly id: bigint;
  readonly name: string;
  readonly createdTimestamp: Timestamp;
}

export interface IndexDefinition {
  readonly id: bigint;
  readonly name: string;
  readonly fieldId: bigint;
  /** As the user gave them (index_type, metric_type, params, …), then the properties set later. */
  readonly params: readonly KeyValuePair[];
  readonly createdTimestamp: Timestamp;
}

/** A group of nodes and what it asks for. There is one node, so a group has it or not. */
export interface ResourceGroup {
  readonly name: string;
  /** Nodes that it should have at least, and at most. */
  readonly requests: number;
  readonly limits: number;
  /** Groups from which missing nodes are taken first, and to which those beyond the limit go first. */
  readonly transferFrom: readonly string[];
  readonly transferTo: readonly string[];
  /** Labels that a node must have; the one node has none. */
  readonly nodeLabels: readonly KeyValuePair[];
}

/** What is loaded of a collection. */
export interface Load {
  /** True: the whole collection, later partitions included; else `partitionIds`. */
  readonly all: boolean;
  readonly partitionIds: readonly bigint[];
  readonly replicaNumber: number;
  readonly loadFields: readonly string[];
  readonly skipDynamicField: boolean;
  /** Of its one replica; absent: the default group. */
  readonly resourceGroup?: string;
}

export interface Collection {
  readonly id: bigint;
  readonly databaseId: bigint;
  readonly databaseName: string;
  readonly name: string;
  /**
   * Every field, the dynamic `$meta` included (RowID and Timestamp are not). Ids as Milvus numbers them, from 100. `name` is kept equal to the collection's.
   * Members of structs have their plain names here.
   */
  readonly schema: CollectionSchema;
  readonly properties: readonly KeyValuePair[];
  readonly partitions: readonly Partition[];
  readonly indexes: readonly IndexDefinition[];
  readonly load: Load | undefined;
  readonly shardsNum: number;
  readonly consistencyLevel: number;
  /** Partitions of the partition-key mode; 1 otherwise. */
  readonly numPartitions: bigint;
  readonly createdTimestamp: Timestamp;
  /** Of the last schema or property change: the guard that clients echo as `schema_timestamp`. Alias changes leave it. */
  readonly updateTimestamp: Timestamp;
  /** In the order of creation; absent: none. */
  readonly snapshots?: readonly Snapshot[];
}

/** Where the rows of a segment are, as names in the store. */
export interface SegmentFiles {
  readonly partitionId: bigint;
  /** Place among the collection's shards; absent: 0. */
  readonly channel?: number;
  readonly file: string;
  /** Tells every delete up to the snapshot's moment; later ones may be in it, too. Absent: there was none. */
  readonly deletesFile: string | undefined;
  readonly level: 1 | 2;
  readonly indexes: readonly { readonly indexId: bigint; readonly fieldId: bigint; readonly file: string }[];
}

/** A collection as it was at one moment: its definition, and the names of the files that hold its rows. */
export interface Snapshot {
  readonly id: bigint;
  readonly name: string;
  readonly description: string;
  readonly createdTimestamp: Timestamp;
  /** It holds the rows alive then. */
  readonly moment: Timestamp;
  /** Seconds that the user wants its files left alone; they never change anyway. */
  readonly protectionSeconds: bigint;
  /** An encoded CollectionSchema. */
  readonly schema: Uint8Array;
  readonly properties: readonly KeyValuePair[];
  readonly partitions: readonly Partition[];
  readonly indexes: readonly IndexDefinition[];
  readonly shardsNum: number;
  readonly consistencyLevel: number;
  readonly numPartitions: bigint;
  readonly segments: readonly SegmentFiles[];
  /** Who keeps it from being dropped, until when (milliseconds since 1970; 0: until unpinned). */
  readonly pins: readonly { readonly id: bigint; readonly endMs: number }[];
}

export interface Alias {
  readonly name: string;
  readonly collectionId: bigint;
  readonly createdTimestamp: Timestamp;
}

/** One version. Names are keyed by database id, so that a lookup is two steps and a change copies nothing large. */
export interface Catalog {
  /** Number of records applied. */
  readonly version: number;
  readonly databases: ImmutableMap<string, Database>;
  readonly collections: ImmutableMap<bigint, Collection>;
  readonly collectionNames: ImmutableMap<bigint, ImmutableMap<string, bigint>>;
  readonly aliases: ImmutableMap<bigint, ImmutableMap<string, Alias>>;
  /** Names of the aliases of a collection id; no entry when it has none. */
  readonly aliasNames: ImmutableMap<bigint, ImmutableSet<string>>;
  /** The default one is always there. */
  readonly resourceGroups: ImmutableMap<string, ResourceGroup>;
  /** The group that has the one node. */
  readonly nodeGroup: string;
  /** The same object as long as nothing of it changes. */
  readonly access: Access;
}

export type AliasChange =
  | { readonly action: "create" | "alter"; readonly alias: string; readonly collectionName: string }
  | { readonly action: "drop"; readonly alias: string };

interface Stamped {
  readonly timestamp: Timestamp;
}

/** Sets these keys, then removes those. */
export interface PropertyChange {
  readonly properties: readonly KeyValuePair[];
  readonly deleteKeys: readonly string[];
}

export interface CreateCollectionRecord extends Stamped {
  readonly kind: "createCollection";
  readonly id: bigint;
  readonly database: string;
  /** Complete: ids given, `$meta` added. */
  readonly schema: CollectionSchema;
  readonly properties: readonly KeyValuePair[];
  readonly partitions: readonly Partition[];
  readonly shardsNum: number;
  readonly consistencyLevel: number;
  readonly numPartitions: bigint;
}

/** A new collection with the rows of these files, all at once. It says everything itself: the snapshot may be gone when it is met again. */
export interface RestoreSnapshotRecord extends Stamped {
  readonly kind: "restoreSnapshot";
  readonly definition: Omit<CreateCollectionRecord, "timestamp">;
  readonly indexes: readonly Omit<IndexDefinition, "createdTimestamp">[];
  readonly segments: readonly (SegmentFiles & { readonly id: bigint })[];
  /** Deletes after this moment are none. */
  readonly moment: Timestamp;
}

export interface LoadRecord extends Stamped {
  readonly kind: "load";
  readonly collectionId: bigint;
  /** Absent: the whole collection; else these are loaded too. */
  readonly partitionIds?: readonly bigint[];
  readonly replicaNumber: number;
  readonly loadFields: readonly string[];
  readonly skipDynamicField: boolean;
  /** Absent: the default group. */
  readonly resourceGroup?: string;
}

export type GrantChange = { readonly action: "grant" | "revoke"; readonly role: string } & Grant;

/** Users, roles, grants and groups. Passwords are in no record: only their hashes. */
type AccessRecord =
  | (Stamped & Omit<User, "roles"> & { readonly kind: "createUser" })
  | (Stamped & { readonly kind: "alterUser"; readonly name: string; readonly passwordHash?: string; readonly description?: string })
  | (Stamped & { readonly kind: "dropUser"; readonly name: string })
  | (Stamped & Role & { readonly kind: "createRole" })
  | (Stamped & Role & { readonly kind: "alterRole" })
  /** `force`: although it has grants. */
  | (Stamped & { readonly kind: "dropRole"; readonly name: string; readonly force: boolean })
  | (Stamped & { readonly kind: "changeUserRole"; readonly user: string; readonly role: string; readonly action: "add" | "remove" })
  /** All of them or none. */
  | (Stamped & { readonly kind: "changeGrants"; readonly changes: readonly GrantChange[] })
  | (Stamped & { readonly kind: "createPrivilegeGroup"; readonly name: string })
  | (Stamped & { readonly kind: "dropPrivilegeGroup"; readonly name: string })
  | (Stamped & {
      readonly kind: "alterPrivilegeGroup";
      readonly name: string;
      readonly action: "add" | "remove";
      readonly privileges: readonly string[];
    })
  /** All of it or nothing; what is there already refuses it. */
  | (Stamped & {
      readonly kind: "restoreAccess";
      readonly users: readonly Omit<User, "description">[];
      readonly roles: readonly Role[];
      readonly grants: readonly (Grant & { readonly role: string })[];
      readonly groups: readonly PrivilegeGroup[];
    });

/** A function over fields that are there, or with the field that it makes and that field's index. The reducer gives function and field their ids. */
export interface AddFunctionRecord extends Stamped {
  readonly kind: "addFunction";
  readonly collectionId: bigint;
  readonly function: FunctionSchema;
  readonly output?: {
    readonly field: FieldSchema;
    readonly index: Pick<IndexDefinition, "id" | "name" | "params">;
  };
}

/** One entry of the log that changes the catalog. Names in it are resolved by the reducer, against the version that it is applied to. */
export type CatalogRecord =
  | AccessRecord
  | (Stamped & {
      readonly kind: "createDatabase";
      readonly id: bigint;
      readonly name: string;
      readonly properties: readonly KeyValuePair[];
    })
  | (Stamped & { readonly kind: "dropDatabase"; readonly name: string })
  | (Stamped & PropertyChange & { readonly kind: "alterDatabase"; readonly name: string })
  | CreateCollectionRecord
  | (Stamped & { readonly kind: "dropCollection"; readonly database: string; readonly name: string })
  | (Stamped & {
      readonly kind: "renameCollection";
      readonly database: string;
      readonly name: string;
      readonly newDatabase: string;
      readonly newName: string;
    })
  /** Properties of a collection; `description` replaces the schema's, `consistencyLevel` the default one. */
  | (Stamped &
      PropertyChange & {
        readonly kind: "alterCollection";
        readonly collectionId: bigint;
        readonly description?: string;
        readonly consistencyLevel?: number;
      })
  /** Type parameters of a field; `description` replaces the field's. */
  | (Stamped &
      PropertyChange & {
        readonly kind: "alterField";
        readonly collectionId: bigint;
        readonly fieldName: string;
        readonly description?: string;
      })
  /** A field that old rows read as its default or null; the reducer gives it its id. `isDynamic`: the dynamic field. */
  | (Stamped & { readonly kind: "addField"; readonly collectionId: bigint; readonly field: FieldSchema })
  /** The same of an array of structs and its members. */
  | (Stamped & { readonly kind: "addStruct"; readonly collectionId: bigint; readonly struct: StructArrayFieldSchema })
  /** A field, or a whole struct, goes with its index; rows keep nothing of it that is read again. */
  | (Stamped & { readonly kind: "dropField"; readonly collectionId: bigint; readonly fieldId: bigint })
  | AddFunctionRecord
  /** Another definition under the same name. */
  | (Stamped & { readonly kind: "alterFunction"; readonly collectionId: bigint; readonly function: FunctionSchema })
  /** `withOutputs`: the fields that it makes go too; else they are fields as others from now on. */
  | (Stamped & { readonly kind: "dropFunction"; readonly collectionId: bigint; readonly name: string; readonly withOutputs: boolean })
  /** All rows written before the record's timestamp go. */
  | (Stamped & { readonly kind: "truncateCollection"; readonly collectionId: bigint })
  | (Stamped & { readonly kind: "createPartition"; readonly collectionId: bigint; readonly id: bigint; readonly name: string })
  | (Stamped & { readonly kind: "dropPartition"; readonly collectionId: bigint; readonly name: string })
  | (Stamped & {
      readonly kind: "createIndex";
      readonly collectionId: bigint;
      readonly id: bigint;
      readonly name: string;
      readonly fieldId: bigint;
      readonly params: readonly KeyValuePair[];
    })
  | (Stamped & PropertyChange & { readonly kind: "alterIndex"; readonly collectionId: bigint; readonly name: string })
  | (Stamped & { readonly kind: "dropIndex"; readonly collectionId: bigint; readonly name: string })
  | LoadRecord
  /** `partitionIds` absent: the whole collection. */
  | (Stamped & { readonly kind: "release"; readonly collectionId: bigint; readonly partitionIds?: readonly bigint[] })
  | (Stamped & {
      readonly kind: "createSnapshot";
      readonly collectionId: bigint;
      readonly snapshot: Omit<Snapshot, "createdTimestamp" | "pins">;
    })
  | (Stamped & { readonly kind: "dropSnapshot"; readonly collectionId: bigint; readonly name: string })
  | (Stamped & {
      readonly kind: "pinSnapshot";
      readonly collectionId: bigint;
      readonly name: string;
      readonly id: bigint;
      readonly endMs: number;
    })
  | (Stamped & { readonly kind: "unpinSnapshot"; readonly id: bigint })
  | RestoreSnapshotRecord
  | (Stamped & { readonly kind: "createResourceGroup"; readonly group: ResourceGroup })
  /** All of them or none. */
  | (Stamped & { readonly kind: "updateResourceGroups"; readonly groups: readonly ResourceGroup[] })
  | (Stamped & { readonly kind: "dropResourceGroup"; readonly name: string })
  /** Changes what the groups ask for, by so many nodes. */
  | (Stamped & { readonly kind: "transferNode"; readonly source: string; readonly target: string; readonly nodes: number })
  | (Stamped & {
      readonly kind: "transferReplica";
      readonly collectionId: bigint;
      readonly source: string;
      readonly target: string;
      readonly replicas: bigint;
    })
  /** All of them or none, in this order. */
  | (Stamped & { readonly kind: "changeAliases"; readonly database: string; readonly changes: readonly AliasChange[] });

export type RecordOf<Kind extends CatalogRecord["kind"]> = Extract<CatalogRecord, { readonly kind: Kind }>;

export type { CollectionSchema, FieldSchema, KeyValuePair };
