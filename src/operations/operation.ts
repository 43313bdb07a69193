/**
 * One operation, declared once: its RPC, REST routes, privilege, messages and handler. From the table of all of them (`table.ts`) come the
 * gRPC handlers, the REST routes, the compatibility page and the tests that walk every call.
 *
 * A handler throws `MilvusError`; `dispatch` turns that into the Status of the reply. It decides nothing about the wire.
 */
import type { Guard } from "../auth/guard.js";
import type { Principal } from "../auth/principal.js";
import type { EngineApi } from "../engine/api.js";
import { successStatus, toStatus } from "../shared/errors.js";
import type { Status } from "../shared/proto/generated/messages.js";
import type { Init, MessageType } from "../shared/proto/wire.js";
import type { Audit } from "../telemetry/audit.js";
import { permit } from "./permit.js";
import type { Quotas } from "./quotas.js";

export type { Principal };

/** One call in progress. */
export interface Call {
  readonly engine: EngineApi;
  readonly principal: Principal;
  /** Verifies and hashes passwords. */
  readonly guard: Guard;
  /** Is told what was denied and what changes something; absent: nobody is. */
  readonly audit?: Audit | undefined;
  /** Absent: nothing is counted. */
  readonly quotas?: Quotas | undefined;
  /** Database of the metadata or header; `databaseOf` adds the default. */
  readonly databaseName: string;
  readonly requestId: string;
  /** Aborted when the client's deadline passes or it goes away. */
  readonly signal: AbortSignal;
  /** REST only, header Accept-Type-Allow-Int64: whether int64 values may be JSON numbers; absent: they may. */
  readonly allowInt64?: boolean;
  /** Clients that announced themselves by Connect; kept by the process. */
  readonly session: SessionInfo;
}

export interface SessionInfo {
  readonly version: string;
  readonly startedMs: number;
}

/** A REST route of an operation. Bodies are parsed JSON; `toData` gives the reply's `data`, or the whole reply as `RestReply`. */
export interface RestRoute {
  /** e.g. "POST /v2/vectordb/aliases/create" */
  readonly route: string;
  /** Names of required body members, checked in this order: `CollectionReq.CollectionName` style names for Milvus's words. */
  readonly required?: readonly RequiredMember[];
  /** Privileges that this route needs beside its operation's. */
  also?(body: Record<string, unknown>): readonly string[];
  handle(call: Call, body: Record<string, unknown>): Promise<RestReply>;
}

export interface RequiredMember {
  /** JSON name, e.g. `collectionName`. */
  readonly name: string;
  /** Go name of the request type and member for the words of the error, e.g. `AliasReq.AliasName`. */
  readonly goName: string;
}

/** Merged into `{"code":0, …}`. */
export interface RestReply {
  readonly data?: unknown;
  readonly [member: string]: unknown;
}

export type Built = "yes" | "partly" | "not yet";

export interface Operation<Request extends object, Response extends object> {
  readonly service: string;
  readonly rpc: string;
  readonly request: MessageType<Request>;
  readonly response: MessageType<Response>;
  /** Of shared/privileges.ts; empty: everybody's. What it is asked about: permit.ts. */
  readonly privilege: string;
  /** Privileges that this request needs beside it. */
  also?(request: Request): readonly string[];
  /** Whether the request crosses databases, so that a right in one of them is not enough. */
  crosses?(call: Call, request: Request): boolean;
  /** Whether it changes anything; by its name unless told. Such calls are audited. */
  readonly changes: boolean;
  readonly scope: "global" | "database" | "collection";
  readonly built: Built;
  /** What is missing, for the compatibility page. */
  readonly note?: string;
  readonly rest: readonly RestRoute[];
  /** The part of the reply that carries a failure; default: `{ status }`, or the Status itself. */
  failed?(status: Status): Init<Response>;
  /** Written as a method, so that an operation of any messages is an `AnyOperation`. `encoded`: the request as it came, where it came so. */
  handle?(call: Call, request: Request, encoded?: Buffer): Promise<Init<Response>> | Init<Response>;
  /** What answers an encoded request that is like one handled before; undefined: there was none, it is to be decoded and handled. */
  again?(call: Call, encoded: Buffer): Answer<Response> | undefined;
}

/** Gives a reply or throws. */
export type Answer<Response> = () => Promise<Init<Response>> | Init<Response>;

export type AnyOperation = Operation<object, object>;

type Declared<Request extends object, Response extends object> = Omit<
  Operation<Request, Response>,
  "service" | "rpc" | "request" | "response" | "rest" | "built" | "changes"
> & {
  readonly changes?: boolean;
  readonly built?: Built;
  readonly rest?: readonly RestRoute[];
};

interface MethodOf<Request extends object, Response extends object> {
  readonly name: string;
  readonly request: MessageType<Request>;
  readonly response: MessageType<Response>;
}

/** Calls that only read begin with these. */
const READS =
  /^(Get|List|Describe|BatchDescribe|Has|Show|Select|Query|Search|HybridSearch|Check|Connect|Alloc|Backup|Run|Compute|Dummy|Calc|Register|Dump)/;

export const MILVUS_SERVICE = "milvus.proto.milvus.MilvusService";

/** Declares an operation of `MilvusService` (or of `service`). */
export const defineOperation = <Request extends object, Response extends object>(
  method: MethodOf<Request, Response>,
  declared: Declared<NoInfer<Request>, NoInfer<Response>>,
  service = MILVUS_SERVICE,
): Operation<Request, Response> => ({
  service,
  rpc: method.name,
  request: method.request,
  response: method.response,
  built: declared.handle ? "yes" : "not yet",
  rest: [],
  changes: !READS.test(method.name),
  ...declared,
});

/**
 * Runs one operation to its reply; failures are in the reply's Status. `onError` sees what was thrown.
 * @throws AuthFailure when the caller may not
 */
export const dispatch = async <Request extends object, Response extends object>(
  operation: Operation<Request, Response>,
  call: Call,
  request: Request,
  onError?: (error: unknown) => void,
): Promise<Init<Response>> => {
  permitted(operation, call, request);
  return settle(operation, call, request, () => handle(operation, call, request), onError);
};

/** As `dispatch`, of an encoded request. What `decode` throws is thrown. */
export const dispatchEncoded = async <Request extends object, Response extends object>(
  operation: Operation<Request, Response>,
  call: Call,
  encoded: Buffer,
  decode: (encoded: Buffer) => Request,
  onError?: (error: unknown) => void,
): Promise<Init<Response>> => {
  // Only what was permitted this user is answered again, as long as the catalog, and so every grant, is the same.
  const again = operation.again?.(call, encoded);
  if (again) return settle(operation, call, undefined, again, onError);
  const request = decode(encoded);
  permitted(operation, call, request);
  return settle(operation, call, request, () => handle(operation, call, request, encoded), onError);
};

const permitted = <Request extends object, Response extends object>(
  operation: Operation<Request, Response>,
  call: Call,
  request: Request,
): void => {
  try {
    permit(operation as AnyOperation, call, request);
  } catch (error) {
    call.audit?.({ call, operation: operation.rpc, request, outcome: "denied", reason: (error as Error).message });
    throw error;
  }
};

const handle = <Request extends object, Response extends object>(
  operation: Operation<Request, Response>,
  call: Call,
  request: Request,
  encoded?: Buffer,
): Promise<Init<Response>> | Init<Response> => {
  if (!operation.handle) throw new Error(`${operation.rpc} has no handler`);
  call.quotas?.check(operation.rpc, call, request, encoded?.length ?? 0);
  return operation.handle(call, request, encoded);
};

const settle = async <Request extends object, Response extends object>(
  operation: Operation<Request, Response>,
  call: Call,
  request: Request | undefined,
  answer: Answer<Response>,
  onError?: (error: unknown) => void,
): Promise<Init<Response>> => {
  try {
    const reply = await answer();
    if (operation.changes && request !== undefined) call.audit?.({ call, operation: operation.rpc, request, outcome: "done" });
    return operation.response.name === STATUS || "status" in reply || operation.failed || !hasStatus(operation.response)
      ? reply
      : ({ ...reply, status: successStatus() } as unknown as Init<Response>);
  } catch (error) {
    onError?.(error);
    if (operation.changes && request !== undefined)
      call.audit?.({ call, operation: operation.rpc, request, outcome: "failed", reason: toStatus(error).reason });
    return failureReply(operation, error);
  }
};

/** The reply that tells a failure. */
export const failureReply = <Request extends object, Response extends object>(
  operation: Operation<Request, Response>,
  error: unknown,
): Init<Response> => {
  const status = toStatus(error);
  if (operation.failed) return operation.failed(status);
  return (operation.response.name === STATUS ? status : { status }) as unknown as Init<Response>;
};

const STATUS = "milvus.proto.common.Status";
const hasStatus = (type: MessageType<never> | MessageType<object>): boolean => type.fields.some((field) => field.name === "status");
