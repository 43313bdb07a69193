/**
 * Milvus's REST, from the table of operations.
 *
 * Order of one request: who asks (401) -> route (404) -> `Request-Timeout` (1100) -> JSON (1801) -> required members (1802) -> may he (403) -> handler. A failure of an operation is
 * HTTP 200 with `{"code", "message"}`; only an unknown route, a late answer (408) and a body over the limit (413) have a status of their own.
 * Source: milvus internal/distributed/proxy/httpserver/{handler_v2,timeout_middleware,utils}.go.
 */

import { credentialsOfHeader } from "../auth/credentials.js";
import { AuthFailure } from "../auth/failures.js";
import type { AnyOperation, RequiredMember, RestRoute } from "../operations/operation.js";
import { HTTP_DENIED, namesIn, permit } from "../operations/permit.js";
import { parseBool } from "../shared/booleans.js";
import { failure, failureBecause, httpFailure, invalid, MilvusError, toStatus } from "../shared/errors.js";
import { REQUEST_BYTES_MAX } from "../shared/limits.js";
import { type Host, WireCall } from "./call.js";
import { formatJson, parseJson } from "./json.js";
import { MetricsPage } from "./metrics.js";
import { milvusRoutes } from "./rest-routes.js";

export interface RestRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** After the question mark; absent: none. */
  readonly query?: string;
  header(name: string): string | undefined;
  /** undefined: larger than the limit. */
  body(): Promise<Buffer | undefined>;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

export interface RestResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The request's body was not read to its end: the connection cannot be used again. */
  readonly close?: boolean;
}

export type Rest = (request: RestRequest) => Promise<RestResponse>;

/** Milliseconds (proxy.http.requestTimeoutMs). */
const TIMEOUT_MS = 30_000;
const TIMEOUT_CODE = 10001;
const DEFAULT_DATABASE = "default";

const commonHeaders = {
  "access-control-allow-origin": "*",
  "access-control-allow-credentials": "true",
  "access-control-allow-headers":
    "Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, accept, origin, Cache-Control, X-Requested-With",
  "access-control-allow-methods": "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH",
  "x-content-type-options": "nosniff",
};

const text = (status: number, body: string): RestResponse => ({
  status,
  headers: { ...commonHeaders, "content-type": "text/plain; charset=utf-8" },
  body,
});

const json = (status: number, traceId: string, value: object): RestResponse => ({
  status,
  headers: { ...commonHeaders, "content-type": "application/json; charset=utf-8", "x-milvus-trace-id": traceId },
  body: formatJson(value),
});

/** Go's `required`: there, and not the zero value of a string or number; an empty list is there. */
const present = (value: unknown): boolean => value !== undefined && value !== null && value !== "" && value !== 0 && value !== false;

const checkRequired = (body: Record<string, unknown>, required: readonly RequiredMember[]): void => {
  const lines = required
    .filter(({ name }) => !present(body[name]))
    .map(({ goName }) => `Key: '${goName}' Error:Field validation for '${goName.split(".").at(-1)}' failed on the 'required' tag`);
  if (lines.length > 0) throw httpFailure("httpMissingParameter", lines.join("\n"));
};

const goKind = (value: unknown): string =>
  Array.isArray(value)
    ? "array"
    : value === null
      ? "null"
      : typeof value === "bigint"
        ? "number"
        : typeof value === "boolean"
          ? "bool"
          : typeof value;

/** Members that are strings in every request that has them. */
const stringMembers = ["dbName", "collectionName", "aliasName", "partitionName", "indexName", "newCollectionName", "newDbName"] as const;

const checkTypes = (body: Record<string, unknown>, structure: string): void => {
  for (const name of stringMembers) {
    const value = body[name];
    if (value !== undefined && value !== null && typeof value !== "string")
      throw httpFailure("httpNotJson", `json: cannot unmarshal ${goKind(value)} into Go struct field ${structure}.${name} of type string`);
  }
};

const parseBody = (bytes: Buffer, required: readonly RequiredMember[]): Record<string, unknown> => {
  const source = bytes.toString("utf8");
  if (source.trim() === "") throw failureBecauseEmpty();
  let value: unknown;
  try {
    value = parseJson(source);
  } catch (error) {
    throw httpFailure("httpNotJson", (error as Error).message);
  }
  const structure = required[0]?.goName.split(".")[0] ?? "Request";
  if (value === null) value = {};
  if (typeof value !== "object" || Array.isArray(value))
    throw httpFailure("httpNotJson", `json: cannot unmarshal ${goKind(value)} into Go value of type httpserver.${structure}`);
  const body = value as Record<string, unknown>;
  checkTypes(body, structure);
  checkRequired(body, required);
  return body;
};

const failureBecauseEmpty = (): MilvusError => {
  const known = httpFailure("httpNotJson", "");
  return new MilvusError(
    known.code,
    "can only accept json format request, the request body should be nil, however {} is valid",
    known.retriable,
    known.legacy,
    known.input,
  );
};

/** Milliseconds; throws 1100. */
const timeoutOf = (header: string | undefined): number => {
  if (header === undefined || header === "") return TIMEOUT_MS;
  if (!/^[+-]?\d+$/.test(header))
    throw invalid(`Request-Timeout parse failed, err: strconv.ParseInt: parsing ${JSON.stringify(header)}: invalid syntax`);
  if (Number(header) > Number.MAX_SAFE_INTEGER)
    throw invalid(`Request-Timeout parse failed, err: strconv.ParseInt: parsing ${JSON.stringify(header)}: value out of range`);
  return Math.max(0, Math.min(Number(header) * 1000, 2 ** 31 - 1));
};

/** As Go's ParseBool; what is no truth value counts as the default, true. */
const allowsInt64 = (header: string | undefined): boolean => parseBool(header ?? "") !== false;

interface Served {
  readonly route: RestRoute;
  readonly operation: AnyOperation;
}

class RestServer {
  private readonly routes = new Map<string, Served>();
  private readonly metrics: MetricsPage;

  constructor(private readonly host: Host) {
    this.metrics = new MetricsPage(host.engine);
    for (const operation of host.operations) for (const route of operation.rest) this.routes.set(route.route, { route, operation });
  }

  async handle(request: RestRequest): Promise<RestResponse> {
    const traceId = this.host.env.random(16).toString("hex");
    if (request.method === "OPTIONS") return { status: 204, headers: commonHeaders, body: "" };
    if (request.path === "/healthz" && (request.method === "GET" || request.method === "HEAD")) return this.health(request, traceId);
    if (request.path === "/metrics" && request.method === "GET")
      return { status: 200, headers: { "content-type": this.metrics.contentType }, body: await this.metrics.text() };
    const database = request.header("db-name") ?? "";
    const call = new WireCall(
      this.host,
      credentialsOfHeader(request.header("authorization")),
      database,
      traceId,
      allowsInt64(request.header("accept-type-allow-int64")),
    );
    try {
      await call.authenticate(`${request.method} ${request.path}`);
    } catch (error) {
      return unknownCaller(traceId, error);
    }
    const served = this.routes.get(`${request.method} ${request.path}`);
    if (served === undefined) {
      if (request.method !== "POST" || !milvusRoutes.has(request.path)) return text(404, "404 page not found");
      const error = failureBecause("unimplemented", `${request.path} is not built yet in Elanus; see docs/compatibility.md`);
      return json(200, traceId, { code: error.code, message: error.message });
    }
    try {
      return await this.run(served, call, request, traceId);
    } catch (error) {
      if (error instanceof AuthFailure) return json(403, traceId, { code: DENIED_CODE, message: `${HTTP_DENIED}${error.message}` });
      if (!(error instanceof MilvusError))
        this.host.logger.error({ error, route: served.route.route, trace: traceId }, "operation failed unexpectedly");
      const status = toStatus(error);
      return json(200, traceId, { code: status.code, message: status.reason });
    }
  }

  private permit({ route, operation }: Served, call: WireCall, body: Record<string, unknown>): void {
    const { privilege, crosses } = operation;
    try {
      permit({ privilege, ...(crosses ? { crosses } : {}), also: () => route.also?.(body) ?? [] }, call, namesIn(body));
    } catch (error) {
      this.host.audit?.({ call, operation: route.route, request: body, outcome: "denied", reason: (error as Error).message });
      throw error;
    }
  }

  /** @throws MilvusError 1807 */
  private count({ operation }: Served, call: WireCall, body: Record<string, unknown>, bytes: number): void {
    try {
      this.host.quotas?.check(operation.rpc, call, body, bytes);
    } catch (error) {
      throw httpFailure("httpRateLimit", (error as Error).message);
    }
  }

  private async audited({ route, operation }: Served, call: WireCall, body: Record<string, unknown>): ReturnType<RestRoute["handle"]> {
    if (!operation.changes || this.host.audit === undefined) return route.handle(call, body);
    const tell = (outcome: "done" | "failed", reason?: string) =>
      this.host.audit?.({ call, operation: route.route, request: body, outcome, ...(reason === undefined ? {} : { reason }) });
    try {
      const reply = await route.handle(call, body);
      tell("done");
      return reply;
    } catch (error) {
      tell("failed", toStatus(error).reason);
      throw error;
    }
  }

  private health(request: RestRequest, traceId: string): RestResponse {
    return request.header("content-type")?.startsWith("application/json")
      ? json(200, traceId, { state: "OK", detail: [] })
      : text(200, "OK");
  }

  private async run(served: Served, call: WireCall, request: RestRequest, traceId: string): Promise<RestResponse> {
    const { route } = served;
    const timeoutMs = timeoutOf(request.header("request-timeout"));
    const bytes = await request.body();
    if (bytes === undefined)
      return {
        ...json(413, traceId, failed(httpFailure("httpNotJson", `the request body is larger than ${REQUEST_BYTES_MAX} bytes`))),
        close: true,
      };
    const body =
      request.method === "GET" ? Object.fromEntries(new URLSearchParams(request.query ?? "")) : parseBody(bytes, route.required ?? []);
    call.databaseName = (body.dbName as string | undefined) || call.databaseName || DEFAULT_DATABASE;
    this.permit(served, call, body);
    this.count(served, call, body, bytes.length);
    const leaving = () => call.abort(new Error("context canceled"));
    request.signal.addEventListener("abort", leaving, { once: true });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), timeoutMs);
    });
    const working = this.audited(served, call, body);
    try {
      const reply = await Promise.race([working, late]);
      if (reply !== undefined) return json(200, traceId, { code: 0, ...reply });
      call.abort(new Error("request timeout"));
      working.catch((error) => this.host.logger.debug({ error, route: route.route, trace: traceId }, "request failed after its timeout"));
      return json(408, traceId, { code: TIMEOUT_CODE, message: "request timeout" });
    } finally {
      clearTimeout(timer);
      request.signal.removeEventListener("abort", leaving);
      call.finished(route.route);
    }
  }
}

/** Milvus derives the code from an error that has none of its own. */
const DENIED_CODE = 65535;

const unknownCaller = (traceId: string, error: unknown): RestResponse => {
  const known = error instanceof AuthFailure ? failure("httpNeedsAuthentication") : error;
  if (!(known instanceof MilvusError)) throw error;
  return { ...json(error instanceof AuthFailure ? 401 : 200, traceId, failed(known)), close: true };
};

const failed = (error: MilvusError): object => ({ code: error.code, message: error.message });

export const createRest = (host: Host): Rest => {
  const server = new RestServer(host);
  return (request) => server.handle(request);
};
