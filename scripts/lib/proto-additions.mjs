// What the SDK's descriptors lack: the standard health and reflection services, RPCs of milvus-proto newer than the SDK, and Elanus's own
// AlterAliases. And the bulky fields that our tables declare as `bytes` (same wire format, never decoded in TypeScript on the server).
const message = (fields, oneofs) => ({
  ...(oneofs ? { oneofs } : {}),
  fields: Object.fromEntries(Object.entries(fields).map(([name, [id, type, rule]]) => [name, { ...(rule ? { rule } : {}), type, id }])),
});

const reflection = {
  nested: {
    ServerReflection: {
      methods: {
        ServerReflectionInfo: {
          requestType: "ServerReflectionRequest",
          requestStream: true,
          responseType: "ServerReflectionResponse",
          responseStream: true,
        },
      },
    },
    ServerReflectionRequest: message(
      {
        host: [1, "string"],
        file_by_filename: [3, "string"],
        file_containing_symbol: [4, "string"],
        file_containing_extension: [5, "ExtensionRequest"],
        all_extension_numbers_of_type: [6, "string"],
        list_services: [7, "string"],
      },
      {
        message_request: {
          oneof: [
            "file_by_filename",
            "file_containing_symbol",
            "file_containing_extension",
            "all_extension_numbers_of_type",
            "list_services",
          ],
        },
      },
    ),
    ExtensionRequest: message({ containing_type: [1, "string"], extension_number: [2, "int32"] }),
    ServerReflectionResponse: message(
      {
        valid_host: [1, "string"],
        original_request: [2, "ServerReflectionRequest"],
        file_descriptor_response: [4, "FileDescriptorResponse"],
        all_extension_numbers_response: [5, "ExtensionNumberResponse"],
        list_services_response: [6, "ListServiceResponse"],
        error_response: [7, "ErrorResponse"],
      },
      {
        message_response: {
          oneof: ["file_descriptor_response", "all_extension_numbers_response", "list_services_response", "error_response"],
        },
      },
    ),
    FileDescriptorResponse: message({ file_descriptor_proto: [1, "bytes", "repeated"] }),
    ExtensionNumberResponse: message({ base_type_name: [1, "string"], extension_number: [2, "int32", "repeated"] }),
    ListServiceResponse: message({ service: [1, "ServiceResponse", "repeated"] }),
    ServiceResponse: message({ name: [1, "string"] }),
    ErrorResponse: message({ error_code: [1, "int32"], error_message: [2, "string"] }),
  },
};

// Newer than the SDK. No server answers them yet; their fields are not declared, so any request decodes and the call says that it is not built.
const undeclared = [
  "DeleteRLSPrincipalTags",
  "GetExportSnapshotState",
  "GetRLSPrincipalTags",
  "ListRLSPrincipals",
  "SetRLSPrincipalTags",
  "UpdateRowPolicy",
];
const newer = {
  MilvusService: {
    methods: Object.fromEntries(undeclared.map((name) => [name, { requestType: `${name}Request`, responseType: "common.Status" }])),
  },
  ...Object.fromEntries(undeclared.map((name) => [`${name}Request`, message({ base: [1, "common.MsgBase"], db_name: [2, "string"] })])),
};

// Messages of which the SDK knows older forms.
const grown = {
  CompactionMergeInfo: message({
    sources: [1, "int64", "repeated"],
    target: [2, "int64"],
    plan_id: [3, "int64"],
    trigger_id: [4, "int64"],
    collection_id: [5, "int64"],
    partition_id: [6, "int64"],
    channel: [7, "string"],
    type: [8, "CompactionType"],
    state: [9, "CompactionTaskState"],
    failure_reason: [10, "string"],
    targets: [11, "int64", "repeated"],
  }),
  CompactionType: {
    values: {
      CompactionTypeUndefined: 0,
      CompactionTypeMerge: 2,
      CompactionTypeMix: 3,
      CompactionTypeSingle: 4,
      CompactionTypeMinor: 5,
      CompactionTypeMajor: 6,
      CompactionTypeLevel0Delete: 7,
      CompactionTypeClustering: 8,
      CompactionTypeSort: 9,
      CompactionTypePartitionKeySort: 10,
      CompactionTypeClusteringPartitionKeySort: 11,
      CompactionTypeBumpSchemaVersion: 12,
    },
  },
  CompactionTaskState: {
    values: {
      CompactionTaskStateUnknown: 0,
      CompactionTaskStateExecuting: 1,
      CompactionTaskStatePipelining: 2,
      CompactionTaskStateCompleted: 3,
      CompactionTaskStateFailed: 4,
      CompactionTaskStateTimeout: 5,
      CompactionTaskStateAnalyzing: 6,
      CompactionTaskStateIndexing: 7,
      CompactionTaskStateCleaned: 8,
      CompactionTaskStateMetaSaved: 9,
      CompactionTaskStateStatistic: 10,
    },
  },
  GetCompactionPlansRequest: message({
    compactionID: [1, "int64"],
    db_name: [2, "string"],
    collection_name: [3, "string"],
    collection_id: [4, "int64"],
  }),
  PersistentSegmentInfo: message({
    segmentID: [1, "int64"],
    collectionID: [2, "int64"],
    partitionID: [3, "int64"],
    num_rows: [4, "int64"],
    state: [5, "common.SegmentState"],
    level: [6, "common.SegmentLevel"],
    is_sorted: [7, "bool"],
    storage_version: [8, "int64"],
    insert_channel: [9, "string"],
    compaction_from: [10, "int64", "repeated"],
  }),
};

const elanus = {
  nested: {
    ElanusService: { methods: { AlterAliases: { requestType: "AlterAliasesRequest", responseType: "milvus.proto.common.Status" } } },
    AliasAction: {
      ...message({ action: [1, "AliasActionType"], alias: [2, "string"], collection_name: [3, "string"] }),
      nested: { AliasActionType: { values: { Create: 0, Alter: 1, Drop: 2 } } },
    },
    AlterAliasesRequest: message({ db_name: [1, "string"], actions: [2, "AliasAction", "repeated"] }),
  },
};

export const additions = {
  nested: {
    milvus: { nested: { proto: { nested: { milvus: { nested: { ...newer, ...grown } } } } } },
    elanus: { nested: { proto: { nested: { v1: elanus } } } },
    grpc: {
      nested: {
        health: {
          nested: {
            v1: {
              nested: {
                Health: {
                  methods: {
                    Check: { requestType: "HealthCheckRequest", responseType: "HealthCheckResponse" },
                    Watch: { requestType: "HealthCheckRequest", responseType: "HealthCheckResponse", responseStream: true },
                  },
                },
                HealthCheckRequest: message({ service: [1, "string"] }),
                HealthCheckResponse: {
                  ...message({ status: [1, "ServingStatus"] }),
                  nested: { ServingStatus: { values: { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } } },
                },
              },
            },
          },
        },
        reflection: { nested: { v1: structuredClone(reflection), v1alpha: structuredClone(reflection) } },
      },
    },
  },
};

export const bulky = new Set([
  "milvus.proto.milvus.InsertRequest.fields_data",
  "milvus.proto.milvus.UpsertRequest.fields_data",
  "milvus.proto.milvus.SearchResults.results",
  "milvus.proto.milvus.QueryResults.fields_data",
  "milvus.proto.schema.SearchResultData.fields_data",
  "milvus.proto.schema.SearchResultData.ids",
  "milvus.proto.milvus.MutationResult.IDs",
]);
