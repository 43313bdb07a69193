/**
 * Who serves here and whether it is well: Connect, versions, health, timestamps, metrics, and the calls that Milvus keeps only to refuse them.
 * Sources: milvus internal/proxy/{impl,metrics_info}.go, internal/proxy/connection.
 */
import { availableParallelism, totalmem } from "node:os";
import { failure, failureBecause, invalid, type MilvusError, successStatus } from "../shared/errors.js";
import { type GetMetricsRequest, QuotaState, StateCode, type Status, services } from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { physicalMs } from "../shared/types.js";
import { NODE_ID } from "./load.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";

const milvus = services["milvus.proto.milvus.MilvusService"];
const PROXY_SERVICE = "milvus.proto.milvus.ProxyService";

/** The Milvus release whose behaviour is kept; clients read it as `vX.Y.Z`. */
const MILVUS_RELEASE = "v2.6.0";
const DEPLOY_MODE = "STANDALONE";

const versionOf = (call: Call): string => `${MILVUS_RELEASE}-elanus-${call.session.version}`;
const isoTime = (ms: number): string => new Date(ms).toISOString();

/** The identifier is a fresh timestamp: unique and never 0, which clients take for a server without Connect. */
const connect = (call: Call) => {
  const { databaseName } = call;
  if (databaseName !== "" && !call.engine.catalog.databases.has(databaseName))
    throw failure("databaseNotFound", { database: databaseName });
  return {
    identifier: call.engine.tick(),
    serverInfo: {
      buildTags: versionOf(call),
      buildTime: "",
      gitCommit: "",
      goVersion: "",
      deployMode: DEPLOY_MODE,
      reserved: new Map<string, string>(),
    },
  };
};

const metricTypeOf = (request: string): string => {
  try {
    const value: unknown = JSON.parse(request);
    if (typeof value === "object" && value !== null && "metric_type" in value) return String(value.metric_type);
  } catch {
    // The same words for text that is no JSON and for JSON that names no metric.
  }
  throw invalid(`failed to decode the request: ${request}`);
};

/** What the one process is, each a node of its own for those who ask, with the same identifier. */
const ROLES = ["proxy", "mixcoord", "querynode", "datanode", "streamingnode"] as const;
const NODE_NAME = `proxy${NODE_ID}`;

const nodeInfo = (call: Call, role: (typeof ROLES)[number]) => ({
  has_error: false,
  error_reason: "",
  name: `${role}${NODE_ID}`,
  hardware_infos: {
    ip: "",
    cpu_core_count: availableParallelism(),
    memory: totalmem(),
    memory_usage: process.memoryUsage().rss,
  },
  system_info: { system_version: versionOf(call), deploy_mode: DEPLOY_MODE, build_version: versionOf(call) },
  created_time: isoTime(call.session.startedMs),
  updated_time: isoTime(Number(physicalMs(call.engine.tick()))),
  type: role,
  id: Number(NODE_ID),
});

const metrics = (call: Call, request: GetMetricsRequest) => {
  const type = metricTypeOf(request.request);
  if (type !== "system_info") throw failure("metricNotFound", { metric: type });
  const nodes = ROLES.map((role) => ({ identifier: Number(NODE_ID), connected: null, infos: nodeInfo(call, role) }));
  return { response: JSON.stringify({ nodes_info: nodes }), componentName: NODE_NAME };
};

const componentStates = () => ({
  state: { nodeID: NODE_ID, role: "proxy", stateCode: StateCode.Healthy, extraInfo: [] },
  subcomponentStates: [],
});

/** Legacy clients ask where to go: here. The reason carries the mode, on success too. */
const registerLink = (): { status: Status } => ({ status: { ...successStatus(), reason: DEPLOY_MODE } });

const refused = (error: () => MilvusError) => (): Init<never> => {
  throw error();
};

const obsolete = (why: string) => refused(() => failureBecause("serviceUnavailable", why));

const QUOTA_STATES = { dql: QuotaState.DenyToRead, dml: QuotaState.DenyToWrite, ddl: QuotaState.DenyToDDL } as const;

export const operations: readonly AnyOperation[] = [
  defineOperation(milvus.Connect, { privilege: "", scope: "global", handle: connect }),
  defineOperation(milvus.GetVersion, { privilege: "", scope: "global", handle: (call) => ({ version: versionOf(call) }) }),
  // A process that answers has its engine open, and a refused write is told to its writer: there is no half-healthy state to report.
  defineOperation(milvus.CheckHealth, {
    privilege: "",
    scope: "global",
    handle: (call) => {
      const denials = call.quotas?.denials() ?? [];
      return {
        isHealthy: true,
        reasons: denials.map(({ reason }) => reason),
        quotaStates: denials.map(({ group }) => QUOTA_STATES[group]),
      };
    },
  }),
  defineOperation(milvus.AllocTimestamp, { privilege: "", scope: "global", handle: (call) => ({ timestamp: call.engine.tick() }) }),
  defineOperation(milvus.GetMetrics, {
    privilege: "",
    scope: "global",
    built: "partly",
    note: "system_info of this one node",
    handle: metrics,
  }),
  defineOperation(milvus.GetComponentStates, { privilege: "", scope: "global", handle: componentStates }),
  defineOperation(milvus.RegisterLink, { privilege: "", scope: "global", handle: registerLink }),
  defineOperation(services[PROXY_SERVICE].RegisterLink, { privilege: "", scope: "global", handle: registerLink }, PROXY_SERVICE),
  defineOperation(milvus.Dummy, {
    privilege: "",
    scope: "global",
    note: "answers fail, as Milvus does for every request type but one that it never documented",
    handle: () => ({ response: '{"status": "fail"}' }),
    failed: () => ({ response: '{"status": "fail"}' }),
  }),
  defineOperation(milvus.CalcDistance, {
    privilege: "",
    scope: "global",
    note: "refused, as in Milvus",
    handle: obsolete("interface obsolete: CalcDistance deprecated"),
  }),
  defineOperation(milvus.ReplicateMessage, {
    privilege: "",
    scope: "global",
    note: "refused, as in Milvus",
    handle: obsolete("not supported in streaming mode"),
  }),
  defineOperation(milvus.ListIndexedSegment, {
    privilege: "",
    scope: "global",
    note: "refused, as in Milvus",
    handle: obsolete("unimp"),
  }),
  defineOperation(milvus.DescribeSegmentIndexData, {
    privilege: "",
    scope: "global",
    note: "refused, as in Milvus",
    handle: obsolete("unimp"),
  }),
];
