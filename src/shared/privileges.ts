/**
 * The privileges there are: what object each is about, at which level it holds, and which groups come with the server.
 *
 * Names are those of the API (`CreateCollection`); the wire's enumeration and the words of a denial put `Privilege` before them. `Collection` privileges are
 * about one collection, `User` ones about one user, `Global` ones about a whole database or everything. The level says what scope a group of privileges may be
 * granted on: cluster-level ones are about no database.
 * Sources: milvus pkg/util/constant.go, milvus-proto common.proto (ObjectPrivilege).
 */
export type ObjectType = "Collection" | "Global" | "User";
export type PrivilegeLevel = "Cluster" | "Database" | "Collection";

/** Stands for every name. */
export const ANY = "*";
/** Everything there is in a database. */
export const ALL = "All";

const words = (text: string): string[] => text.trim().split(/\s+/);

const OF_COLLECTIONS = words(`
  Load Release Compaction Insert Delete Upsert GetStatistics CreateIndex IndexDetail DropIndex Search Flush Query LoadBalance Import GetLoadingProgress
  GetLoadState CreatePartition DropPartition ShowPartitions HasPartition GetFlushState ReadOnly ReadWrite GetImportProgress ListImport AddCollectionField
  AlterCollectionSchema RefreshExternalCollection CreateSnapshot DropSnapshot DescribeSnapshot RestoreSnapshot ListSnapshots`);

const OF_USERS = words("UpdateUser SelectUser");

const GLOBAL_IN_V1 = words(`
  PinSnapshotData UnpinSnapshotData RestoreExternalSnapshot ExportSnapshot All CreateCollection DropCollection DescribeCollection ShowCollections
  RenameCollection CreateOwnership DropOwnership SelectOwnership ManageOwnership BackupRBAC RestoreRBAC CreateResourceGroup UpdateResourceGroups
  DropResourceGroup DescribeResourceGroup ListResourceGroups TransferReplica TransferNode FlushAll CreateDatabase DropDatabase ListDatabases AlterDatabase
  DescribeDatabase CreateAlias DropAlias DescribeAlias ListAliases Admin CreatePrivilegeGroup DropPrivilegeGroup ListPrivilegeGroups OperatePrivilegeGroup
  ClusterReadOnly ClusterReadWrite ClusterAdmin DatabaseReadOnly DatabaseReadWrite DatabaseAdmin CollectionReadOnly CollectionReadWrite CollectionAdmin
  UpdateReplicateConfiguration Expr`);

/** What may be granted on each type of object by the first version of grants. */
export const GRANTABLE: Readonly<Record<ObjectType, ReadonlySet<string>>> = {
  Collection: new Set(OF_COLLECTIONS),
  Global: new Set(GLOBAL_IN_V1),
  User: new Set(OF_USERS),
};

export const OBJECT_TYPES = Object.keys(GRANTABLE) as ObjectType[];

const COLLECTION_READ_ONLY = words(`
  Query Search IndexDetail GetFlushState GetLoadState GetLoadingProgress HasPartition ShowPartitions DescribeCollection DescribeAlias GetStatistics
  ListAliases GetImportProgress ListImport DescribeSnapshot ListSnapshots`);
const COLLECTION_READ_WRITE = [
  ...COLLECTION_READ_ONLY,
  ...words(`
    Load Release Insert Delete Upsert Import Flush Compaction LoadBalance CreateIndex DropIndex CreatePartition DropPartition AddCollectionField
    AlterCollectionSchema RefreshExternalCollection CreateSnapshot DropSnapshot`),
];
const COLLECTION_ADMIN = [...COLLECTION_READ_WRITE, ...words("CreateAlias DropAlias RestoreSnapshot")];
const DATABASE_READ_ONLY = words("ShowCollections DescribeDatabase");
const DATABASE_READ_WRITE = [...DATABASE_READ_ONLY, "AlterDatabase"];
const DATABASE_ADMIN = [...DATABASE_READ_WRITE, ...words("CreateCollection DropCollection RenameCollection")];
const CLUSTER_READ_ONLY = words(`
  ListDatabases SelectOwnership SelectUser DescribeResourceGroup ListResourceGroups ListPrivilegeGroups GetReplicateConfiguration ListFileResources`);
const CLUSTER_READ_WRITE = [
  ...CLUSTER_READ_ONLY,
  ...words(`
    FlushAll TransferNode TransferReplica UpdateResourceGroups AddFileResource RemoveFileResource PinSnapshotData UnpinSnapshotData`),
];
const CLUSTER_ADMIN = [
  ...CLUSTER_READ_WRITE,
  ...words(`
    BackupRBAC RestoreRBAC CreateDatabase DropDatabase CreateOwnership DropOwnership ManageOwnership CreateResourceGroup DropResourceGroup UpdateUser
    CreatePrivilegeGroup DropPrivilegeGroup OperatePrivilegeGroup UpdateReplicateConfiguration Expr RestoreExternalSnapshot ExportSnapshot`),
];

/** The groups of the second version, in the order they are listed. Groups of different levels do not include one another. */
export const BUILT_IN_GROUPS: ReadonlyMap<string, readonly string[]> = new Map([
  ["ClusterReadOnly", CLUSTER_READ_ONLY],
  ["ClusterReadWrite", CLUSTER_READ_WRITE],
  ["ClusterAdmin", CLUSTER_ADMIN],
  ["DatabaseReadOnly", DATABASE_READ_ONLY],
  ["DatabaseReadWrite", DATABASE_READ_WRITE],
  ["DatabaseAdmin", DATABASE_ADMIN],
  ["CollectionReadOnly", COLLECTION_READ_ONLY],
  ["CollectionReadWrite", COLLECTION_READ_WRITE],
  ["CollectionAdmin", COLLECTION_ADMIN],
]);

const READ_ONLY = words(`
  Query Search IndexDetail GetFlushState GetLoadState GetLoadingProgress HasPartition ShowPartitions ShowCollections ListAliases ListDatabases
  DescribeCollection DescribeDatabase DescribeAlias GetStatistics DescribeSnapshot ListSnapshots`);
const READ_WRITE = [
  ...READ_ONLY,
  ...words(`
    CreateIndex DropIndex CreatePartition DropPartition Load Release Insert Delete Upsert Import Flush Compaction LoadBalance CreateAlias DropAlias
    CreateSnapshot DropSnapshot RefreshExternalCollection`),
];
const ADMIN = [
  ...READ_WRITE,
  ...words(`
    CreateCollection DropCollection RenameCollection CreateOwnership DropOwnership SelectOwnership ManageOwnership SelectUser UpdateUser BackupRBAC
    RestoreRBAC CreateResourceGroup UpdateResourceGroups DropResourceGroup DescribeResourceGroup ListResourceGroups TransferReplica TransferNode
    CreateDatabase DropDatabase AlterDatabase UpdateReplicateConfiguration RestoreSnapshot ExportSnapshot RestoreExternalSnapshot PinSnapshotData
    UnpinSnapshotData`),
];

/** The groups of the first version: of one collection, but what is about no collection they give too. */
export const LEGACY_GROUPS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["ReadOnly", new Set(READ_ONLY)],
  ["ReadWrite", new Set(READ_WRITE)],
  ["Admin", new Set(ADMIN)],
]);

/** Known to the wire's enumeration, and in none of the lists above. */
const OTHERS = words(
  "AddFileResource RemoveFileResource ListFileResources GetReplicateConfiguration SkipRLS ViewRLS ManageRLS ImportBinlog",
);

const KNOWN: ReadonlySet<string> = new Set([...OF_COLLECTIONS, ...OF_USERS, ...GLOBAL_IN_V1, ...OTHERS]);

/** Single privileges, without groups and `All`. */
export const PRIVILEGES: readonly string[] = [...KNOWN].filter(
  (name) => name !== ALL && !BUILT_IN_GROUPS.has(name) && !LEGACY_GROUPS.has(name),
);

/** The name that the API shows for a privilege or group that comes with the server (`GroupReadOnly` is `ReadOnly`); undefined: there is none of this name. */
export const knownPrivilege = (name: string): string | undefined => {
  const short = name.startsWith("Group") ? name.slice("Group".length) : name;
  if (KNOWN.has(name)) return name;
  return KNOWN.has(short) && (BUILT_IN_GROUPS.has(short) || LEGACY_GROUPS.has(short)) ? short : undefined;
};

const ofCollections = new Set(OF_COLLECTIONS);
const ofUsers = new Set(OF_USERS);

/** What a privilege or group is about; groups of users and what is not known: `Global`. */
export const objectTypeOf = (privilege: string): ObjectType =>
  ofCollections.has(privilege) ? "Collection" : ofUsers.has(privilege) ? "User" : "Global";

const levels: readonly (readonly [PrivilegeLevel, ReadonlySet<string>])[] = [
  ["Cluster", new Set(CLUSTER_ADMIN)],
  ["Database", new Set(DATABASE_ADMIN)],
  ["Collection", new Set(COLLECTION_ADMIN)],
];

/** undefined for groups and for privileges in none of the built-in groups. */
export const levelOf = (privilege: string): PrivilegeLevel | undefined => levels.find(([, privileges]) => privileges.has(privilege))?.[0];

/** Granted and revoked together with the first. */
export const RELATED: ReadonlyMap<string, readonly string[]> = new Map([
  ["Load", ["GetLoadState", "GetLoadingProgress"]],
  ["Flush", ["GetFlushState"]],
]);
