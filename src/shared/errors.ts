/**
 * Every error a client can see, made in one place.
 *
 * Model: a `MilvusError` is a merr code with its sentinel text, the message a client compares, the legacy `error_code`, `retriable` and whether the
 * caller is at fault. Handlers throw it; `toStatus` turns it (and anything unexpected) into the `common.Status` that travels in replies.
 * Messages are composed as Milvus composes them: `{context}: {sentinel}[{key}={value}]`.
 * Sources: milvus pkg/util/merr/{errors,utils}.go.
 */
import { ErrorCode, type Status } from "./proto/generated/messages.js";

interface Sentinel {
  readonly code: number;
  readonly text: string;
  readonly retriable?: true;
  readonly input?: true;
  readonly legacy?: number;
}

const sentinels = {
  serviceNotReady: { code: 1, text: "service not ready", retriable: true, legacy: ErrorCode.NotReadyServe },
  serviceUnavailable: { code: 2, text: "service unavailable", retriable: true },
  memoryLimitExceeded: { code: 3, text: "memory limit exceeded", legacy: ErrorCode.InsufficientMemoryToLoad },
  tooManyRequests: { code: 4, text: "too many concurrent requests, queue is full", retriable: true },
  internal: { code: 5, text: "service internal error" },
  diskLimitExceeded: { code: 7, text: "disk limit exceeded", legacy: ErrorCode.DiskQuotaExhausted },
  rateLimit: { code: 8, text: "rate limit exceeded", retriable: true, legacy: ErrorCode.RateLimit },
  quotaExceeded: { code: 9, text: "quota exceeded", legacy: ErrorCode.ForceDeny },
  unimplemented: { code: 10, text: "service unimplemented" },
  resourceInsufficient: { code: 12, text: "service resource insufficient", retriable: true },
  collectionNotFound: { code: 100, text: "collection not found", input: true, legacy: ErrorCode.CollectionNotExists },
  collectionNotLoaded: { code: 101, text: "collection not loaded" },
  collectionLimit: { code: 102, text: "exceeded the limit number of collections", input: true },
  collectionNotFullyLoaded: { code: 103, text: "collection not fully loaded", retriable: true },
  collectionLoaded: { code: 104, text: "collection already loaded", input: true },
  illegalSchema: { code: 105, text: "illegal collection schema", input: true },
  vectorClusteringKey: { code: 107, text: "vector clustering key not allowed", input: true },
  schemaMismatch: { code: 109, text: "collection schema mismatch", input: true, legacy: 62 },
  partitionNotFound: { code: 200, text: "partition not found", input: true, legacy: ErrorCode.MetaFailed },
  partitionNotLoaded: { code: 201, text: "partition not loaded" },
  generalCapacity: { code: 250, text: "general capacity exceeded" },
  resourceGroupNotFound: { code: 300, text: "resource group not found", input: true },
  resourceGroupExists: { code: 301, text: "resource group already exist, but create with different config", input: true },
  resourceGroupLimit: { code: 302, text: "resource group num reach limit", input: true },
  resourceGroupConfig: { code: 303, text: "resource group illegal config", input: true },
  resourceGroupNodeNotEnough: { code: 304, text: "resource group node not enough" },
  segmentNotFound: { code: 600, text: "segment not found", legacy: ErrorCode.SegmentNotFound },
  indexNotFound: { code: 700, text: "index not found", legacy: ErrorCode.IndexNotExist },
  indexNotSupported: { code: 701, text: "index type not supported" },
  indexDuplicate: { code: 702, text: "index duplicates", input: true },
  nodeNotFound: { code: 901, text: "node not found" },
  databaseNotFound: { code: 800, text: "database not found", input: true },
  databaseLimit: { code: 801, text: "exceeded the limit number of database", input: true },
  databaseName: { code: 802, text: "invalid database name", input: true },
  ioFailed: { code: 1001, text: "IO failed" },
  dataIntegrity: { code: 1009, text: "data integrity check failed" },
  invalidParameter: { code: 1100, text: "invalid parameter", input: true, legacy: ErrorCode.IllegalArgument },
  missingParameter: { code: 1101, text: "missing parameter", input: true, legacy: ErrorCode.IllegalArgument },
  parameterTooLarge: { code: 1102, text: "parameter too large", input: true, legacy: ErrorCode.IllegalArgument },
  metricNotFound: { code: 1200, text: "metric not found" },
  notAuthenticated: { code: 1400, text: "not authenticated", input: true },
  notPermitted: { code: 1401, text: "privilege not permitted", input: true },
  privilegeGroupName: { code: 1402, text: "invalid privilege group name", input: true },
  aliasNotFound: { code: 1600, text: "alias not found", input: true },
  aliasConflict: { code: 1601, text: "alias and collection name conflict" },
  aliasExists: { code: 1602, text: "alias already exist" },
  aliasCollectionIdNotFound: { code: 1603, text: "collection id of alias not found" },
  fieldNotFound: { code: 1700, text: "field not found", input: true },
  fieldName: { code: 1701, text: "field name invalid" },
  httpNeedsAuthentication: { code: 1800, text: "user hasn't authenticated", input: true },
  httpNotJson: { code: 1801, text: "can only accept json format request", input: true },
  httpMissingParameter: { code: 1802, text: "missing required parameters", input: true },
  httpInsertData: { code: 1804, text: "fail to deal the insert data", input: true },
  httpSearchResult: { code: 1805, text: "fail to parse search result" },
  httpPrimaryKey: { code: 1806, text: "please check the primary key and its' type can only in [int, string]" },
  httpRateLimit: { code: 1807, text: "request is rejected by limiter", input: true },
  segcore: { code: 2000, text: "segcore error" },
  segcoreUnsupported: { code: 2001, text: "segcore unsupported error" },
  queryPlan: { code: 2201, text: "query plan failed", input: true },
  clusteringNotSupported: { code: 2304, text: "collection not support clustering compaction" },
  clusteringUnderWay: { code: 2305, text: "collection is compacting" },
  importFailed: { code: 2101, text: "importing data failed" },
  snapshotNotFound: { code: 2600, text: "snapshot not found", input: true },
  snapshotPinned: { code: 2601, text: "snapshot is pinned" },
  inconsistentRequery: { code: 2200, text: "inconsistent requery result", retriable: true },
  notSupported: { code: 3000, text: "unsupported operation" },
  unexpected: { code: 65535, text: "unexpected error" },
} as const satisfies Record<string, Sentinel>;

export type ErrorName = keyof typeof sentinels;

/** What clients in Python call MilvusException: a coded failure of a call. */
export class MilvusError extends Error {
  override name = "MilvusError";
  constructor(
    readonly code: number,
    message: string,
    readonly retriable: boolean = false,
    /** Legacy `common.ErrorCode`, never Success. */
    readonly legacy: number = ErrorCode.UnexpectedError,
    /** Stamped as `extra_info["is_input_error"]`. */
    readonly input: boolean = false,
  ) {
    super(message);
  }
}

export type Fields = Readonly<Record<string, string | number | bigint>>;

const printed = (fields: Fields): string =>
  Object.entries(fields)
    .map(([key, value]) => `[${key}=${value}]`)
    .join("");

const make = (name: ErrorName, message: string, input?: boolean): MilvusError => {
  const sentinel: Sentinel = sentinels[name];
  const caller = input ?? sentinel.input === true;
  return new MilvusError(
    sentinel.code,
    message,
    sentinel.retriable === true && !caller,
    sentinel.legacy ?? ErrorCode.UnexpectedError,
    caller,
  );
};

/** `{sentinel}[k=v]…`, or `{context}: {sentinel}[k=v]…`. `input` overrides the sentinel's own mark. */
export const failure = (name: ErrorName, fields: Fields = {}, context = "", input?: boolean): MilvusError =>
  make(name, `${context === "" ? "" : `${context}: `}${sentinels[name].text}${printed(fields)}`, input);

/** `{sentinel}: {reason}`. */
export const failureBecause = (name: ErrorName, reason: string): MilvusError => make(name, `${sentinels[name].text}: ${reason}`);

/** `{sentinel}, error: {reason}`: the form of the HTTP layer. */
export const httpFailure = (name: ErrorName, reason: string): MilvusError => make(name, `${sentinels[name].text}, error: ${reason}`);

/** 1100 `{message}: invalid parameter`, with the fields of the expected/actual form if given. */
export const invalid = (message: string, fields: Fields = {}): MilvusError => failure("invalidParameter", fields, message);

/** 1101 `{message}: missing parameter`. */
export const missing = (message: string, fields: Fields = {}): MilvusError => failure("missingParameter", fields, message);

/** 1100 `{context}: invalid parameter[{value} out of range {low} <= value <= {high}]`. */
export const outOfRange = (
  context: string,
  value: string | number | bigint,
  low: string | number | bigint,
  high: string | number | bigint,
): MilvusError =>
  make("invalidParameter", `${context}: ${sentinels.invalidParameter.text}[${value} out of range ${low} <= value <= ${high}]`);

/** The same failure with another legacy code: some calls of Milvus have codes of their own. */
export const withLegacy = (error: MilvusError, legacy: number): MilvusError =>
  new MilvusError(error.code, error.message, error.retriable, legacy, error.input);

export const collectionNotFound = (database: string, collection: string): MilvusError =>
  failure("collectionNotFound", { database, collection });

/** Milvus's C++ core's number for what it does not do. */
const SEGCORE_UNSUPPORTED = 2003;

/** An error of a segment's execution as Milvus's C++ core numbers it: code 2000 `{message}: segcore error[segcoreCode={n}]`; 2001 for 2003. */
export const segcore = (segcoreCode: number, message: string): MilvusError =>
  failure(segcoreCode === SEGCORE_UNSUPPORTED ? "segcoreUnsupported" : "segcore", { segcoreCode }, message);

export const successStatus = (): Status => ({
  errorCode: ErrorCode.Success,
  reason: "",
  code: 0,
  retriable: false,
  detail: "",
  extraInfo: new Map(),
});

/** The Status of a failure; what is not a MilvusError becomes code 65535 with its message. */
export const toStatus = (error: unknown): Status => {
  const known = error instanceof MilvusError ? error : make("unexpected", error instanceof Error ? error.message : String(error));
  return {
    errorCode: known.legacy as Status["errorCode"],
    reason: known.message,
    code: known.code,
    retriable: known.retriable,
    detail: known.message,
    extraInfo: new Map(known.input ? [["is_input_error", "true"]] : []),
  };
};
