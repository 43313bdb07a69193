/** The failures of gRPC itself (no Status came back), in the words of a MilvusError. */
import { type ErrorName, failure, type MilvusError } from "../shared/errors.js";

export enum GrpcCode {
  Ok = 0,
  Cancelled = 1,
  Unknown = 2,
  InvalidArgument = 3,
  DeadlineExceeded = 4,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  Unimplemented = 12,
  Internal = 13,
  Unavailable = 14,
  Unauthenticated = 16,
}

/** A call that got no reply. */
export class GrpcError extends Error {
  override name = "GrpcError";
  constructor(
    readonly code: GrpcCode | number,
    message: string,
    /** Whether the server may have carried the call out. */
    readonly sent: boolean,
  ) {
    super(message);
  }
}

const names: Readonly<Record<number, ErrorName>> = {
  [GrpcCode.InvalidArgument]: "invalidParameter",
  [GrpcCode.ResourceExhausted]: "parameterTooLarge",
  [GrpcCode.Unimplemented]: "unimplemented",
  [GrpcCode.Unavailable]: "serviceUnavailable",
  [GrpcCode.Unauthenticated]: "notAuthenticated",
  [GrpcCode.PermissionDenied]: "notPermitted",
};

/** `{rpc} at {origin}: {what happened}: {sentinel}`. */
export const grpcFailure = (error: GrpcError, rpc: string, origin: string): MilvusError => {
  const code = GrpcCode[error.code] ?? `code ${error.code}`;
  return failure(names[error.code] ?? "unexpected", {}, `${rpc} at ${origin} failed (gRPC ${code}): ${error.message}`);
};

/** Codes by which an HTTP answer that is not gRPC is told, as gRPC's own mapping has them. */
export const codeOfHttpStatus = (status: number): GrpcCode => {
  if (status === 401) return GrpcCode.Unauthenticated;
  if (status === 403) return GrpcCode.PermissionDenied;
  if (status === 404) return GrpcCode.Unimplemented;
  return status === 429 || status === 502 || status === 503 || status === 504 ? GrpcCode.Unavailable : GrpcCode.Unknown;
};
