/**
 * Every limit a client can run into: name, value, unit. The words of its error are with the check that uses it.
 *
 * Values are Milvus's defaults (milvus configs/milvus.yaml; the key is given where the name does not tell it).
 */

/** Bytes of a collection, alias, partition, field, index, database or resource group name (proxy.maxNameLength). */
export const NAME_BYTES_MAX = 255;
/** Bytes of a collection's description (proxy.maxCollectionDescriptionLength). */
export const COLLECTION_DESCRIPTION_BYTES_MAX = 1024;
/** Users, root among them (proxy.maxUserNum); roles, admin and public among them (proxy.maxRoleNum). */
export const USERS_MAX = 100;
export const ROLES_MAX = 10;
/** Bytes of a user's name (proxy.maxUsernameLength). */
export const USER_NAME_BYTES_MAX = 32;
/** Bytes of a password (proxy.minPasswordLength, maxPasswordLength). */
export const PASSWORD_BYTES_MIN = 6;
export const PASSWORD_BYTES_MAX = 72;
/** Bytes of a user's and of a role's description (proxy.maxUserDescriptionLength, maxRoleDescriptionLength). */
export const USER_DESCRIPTION_BYTES_MAX = 1024;
export const ROLE_DESCRIPTION_BYTES_MAX = 1024;
/** Credentials that wait to be verified; more are refused. Ours. */
export const VERIFICATIONS_WAITING_MAX = 1000;
/** Fields of a collection, the dynamic one not counted (proxy.maxFieldNum). */
export const FIELDS_MAX = 64;
/** Vector fields of a collection (proxy.maxVectorFieldNum). */
export const VECTOR_FIELDS_MAX = 10;
/** Shards of a collection (proxy.maxShardNum, rootCoord.dmlChannelNum). */
export const SHARDS_MAX = 16;
/** Dimensions of a dense vector; of a binary one eight times as many (proxy.maxDimension). */
export const DIMENSION_MIN = 2;
export const DIMENSION_MAX = 32768;
/** Bytes of a VarChar value (proxy.maxVarCharLength). */
export const VARCHAR_BYTES_MAX = 65535;
/** Bytes of a Text value whose field names a limit (proxy.maxTextLength). */
export const TEXT_BYTES_MAX = 2097152;
/** Elements of an Array value (proxy.maxArrayCapacity). */
export const ARRAY_CAPACITY_MAX = 4096;
/** Bytes of a JSON value, dynamic field included (common.maxJSONLength). */
export const JSON_BYTES_MAX = 65536;
/** Bytes of all parameters of one index (proxy.maxIndexParamsSize). */
export const INDEX_PARAMS_BYTES_MAX = 102400;
/** Partitions of a collection (rootCoord.maxPartitionNum). */
export const PARTITIONS_MAX = 1024;
/** Partitions made for a partition key when the request names no number (common.defaultPartitionKeyPartitions). */
export const PARTITION_KEY_PARTITIONS_DEFAULT = 16;
/** Databases besides `default` (rootCoord.maxDatabaseNum). */
export const DATABASES_MAX = 64;
/** Resource groups, the default one counted (quotaAndLimits.limits.maxResourceGroupNumOfQueryNode). */
export const RESOURCE_GROUPS_MAX = 1024;
/** Nodes that the default resource group may have, which is all. */
export const DEFAULT_RESOURCE_GROUP_NODES_MAX = 1_000_000;
/** Collections of all databases together, and of one (quotaAndLimits.limits.maxCollectionNum, maxCollectionNumPerDB). */
export const COLLECTIONS_MAX = 65536;
export const COLLECTIONS_PER_DATABASE_MAX = 65536;
/** Sum over all collections of partitions times shards (rootCoord.maxGeneralCapacity). */
export const GENERAL_CAPACITY_MAX = 65536;
/** Seconds that `collection.ttl.seconds` may say. */
export const COLLECTION_TTL_SECONDS_MAX = 3155760000;

/** Hits of one query vector (quotaAndLimits.limits.topK). */
export const TOP_K_MAX = 16384;
/** The same of collections with `query_mode=large_topk` (quotaAndLimits.limits.largeTopK, largeMaxQueryResultWindow). */
export const TOP_K_LARGE_MAX = 1_000_000;
export const RESULT_WINDOW_LARGE_MAX = 1_000_000;
/** Hits of one group (quotaAndLimits.limits.maxGroupSize). */
export const GROUP_SIZE_MAX = 10;
/** Query vectors of one search (quotaAndLimits.limits.nq). */
export const QUERY_VECTORS_MAX = 16384;
/** offset + limit of a search or query (quotaAndLimits.limits.maxQueryResultWindow). */
export const RESULT_WINDOW_MAX = 16384;
/** Searches of one hybrid search. */
export const HYBRID_SEARCHES_MAX = 1024;
/** Bytes of a search or query result (quotaAndLimits.limits.maxOutputSize). */
export const RESULT_BYTES_MAX = 104857600;

/** Seconds that a snapshot may ask compactions to leave its segments alone (dataCoord.snapshot.maxCompactionProtectionSeconds), and that a pin may last. */
export const SNAPSHOT_PROTECTION_SECONDS_MAX = 604800;
export const PIN_SECONDS_MAX = 2592000;

/** Jobs of restoring that are remembered. */
export const RESTORE_JOBS_REMEMBERED_MAX = 1024;

/** Megabytes of a segment below which no target size of a compaction may be (dataCoord.segment.maxSize). */
export const SEGMENT_MB_MAX = 1024;

/** Bytes of a request and of a reply on the wire (proxy.grpc.serverMaxRecvSize, serverMaxSendSize). */
export const REQUEST_BYTES_MAX = 67108864;
export const REPLY_BYTES_MAX = 268435456;

/** Nodes of a filter inside one another, after runs of `and`, runs of `or` and double `not` are flattened. Ours: Milvus has no such limit. */
export const FILTER_DEPTH_MAX = 10000;
/** Lists inside lists in a filter's literal or template value. Ours. */
export const FILTER_LIST_DEPTH_MAX = 100;
