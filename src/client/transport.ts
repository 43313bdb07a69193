/** How a client reaches an engine: over a port, or inside the process. Both carry the same messages and fail with the same errors. */
import { MilvusError } from "../shared/errors.js";
import { ErrorCode, type Method, Status } from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";

export const MILVUS_SERVICE = "milvus.proto.milvus.MilvusService";
export const ELANUS_SERVICE = "elanus.proto.v1.ElanusService";

export interface TransportOptions {
  readonly service: string;
  /** Metadata `dbname`. */
  readonly databaseName: string;
  /** Milliseconds until the call fails; absent: no limit. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Transport {
  /** The reply, or the MilvusError that its Status tells. */
  call<Request extends object, Response extends object>(
    method: Method<Request, Response>,
    request: Init<Request>,
    options: TransportOptions,
  ): Promise<Response>;
  /** A user has another password now: a connection that is this user's goes on with it. */
  passwordChanged?(user: string, password: string): void;
  /** Running calls fail; later ones too. May be called again. */
  close(): Promise<void>;
}

/** The failure that a reply carries, if it carries one. Milvus marks failure in `code`, older servers in `error_code` only. */
export const failureIn = <Response extends object>(method: Method<never, Response> | Method<object, Response>, reply: Response) => {
  const { status: own, alterStatus } = reply as { readonly status?: Status; readonly alterStatus?: Status };
  const status = method.response.name === Status.name ? (reply as unknown as Status) : (own ?? alterStatus);
  if (status === undefined || (status.code === 0 && status.errorCode === ErrorCode.Success)) return undefined;
  const code = status.code !== 0 ? status.code : status.errorCode;
  const input = status.extraInfo.get("is_input_error") === "true";
  return new MilvusError(code, status.reason || status.detail || `code ${code}`, status.retriable, status.errorCode, input);
};
