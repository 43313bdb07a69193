/**
 * grpc.health.v1: as in Milvus, Check needs the credentials that every unary call needs; Watch does not, nor does HTTP's /healthz. A process that answers is SERVING, whatever service is asked for (as Milvus's proxy does). Watch sends one message and ends.
 */
import { HealthCheckRequest, HealthCheckResponse, HealthCheckResponse_ServingStatus } from "../shared/proto/generated/messages.js";
import type { GrpcMethod } from "./grpc.js";
import { decodeRequest } from "./router.js";

const answer = (serving: () => boolean) => (_call: unknown, message: Buffer) => {
  decodeRequest(HealthCheckRequest, message);
  const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
  return HealthCheckResponse.encodeParts({ status: serving() ? SERVING : NOT_SERVING });
};

/** `serving` is false while the server stops. */
export const healthMethods = (serving: () => boolean): GrpcMethod[] => [
  { path: "/grpc.health.v1.Health/Check", shape: "one", answer: answer(serving) },
  { path: "/grpc.health.v1.Health/Watch", shape: "one", open: true, answer: answer(serving) },
];
