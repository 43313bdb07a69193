/**
 * From a gRPC path to what answers it: the operations of the table, health and reflection. What is not built and what nobody knows fails with
 * UNIMPLEMENTED and the name of the RPC.
 */
import { type AnyOperation, dispatchEncoded, failureReply } from "../operations/operation.js";
import { MilvusError } from "../shared/errors.js";
import { WireError } from "../shared/proto/wire.js";
import type { Host, WireCall } from "./call.js";
import type { GrpcMethod, GrpcRouter } from "./grpc.js";
import { GrpcCode, GrpcFailure } from "./grpc-status.js";

/** Decodes with gRPC's words for bytes that are not the message. */
export const decodeRequest = <T>(type: { decode(bytes: Uint8Array): T }, bytes: Buffer): T => {
  try {
    return type.decode(bytes);
  } catch (error) {
    if (error instanceof WireError)
      throw new GrpcFailure(
        GrpcCode.Internal,
        `grpc: error unmarshalling request: proto: cannot parse invalid wire-format data: ${error.message}`,
      );
    throw error;
  }
};

const operationMethod = (operation: AnyOperation, path: string, host: Host): GrpcMethod => {
  const onError = (error: unknown) => {
    if (!(error instanceof MilvusError)) host.logger.error({ error, rpc: operation.rpc }, "operation failed unexpectedly");
  };
  const decode = (message: Buffer) => decodeRequest(operation.request, message);
  return {
    path,
    shape: "one",
    async answer(call: WireCall, message: Buffer) {
      return operation.response.encodeParts(await dispatchEncoded(operation, call, message, decode, onError));
    },
    refuse: (error) => operation.response.encodeParts(failureReply(operation, error)),
  };
};

/** `special` are methods that are no operations; they win over the table. */
export const createRouter = (host: Host, special: readonly GrpcMethod[]): GrpcRouter => {
  const methods = new Map<string, GrpcMethod>();
  const notBuilt = new Set<string>();
  const services = new Set<string>();
  for (const operation of host.operations) {
    const path = `/${operation.service}/${operation.rpc}`;
    services.add(operation.service);
    if (operation.handle) methods.set(path, operationMethod(operation, path, host));
    else notBuilt.add(path);
  }
  for (const method of special) {
    services.add(method.path.split("/")[1] as string);
    methods.set(method.path, method);
  }
  return {
    find(path) {
      const method = methods.get(path);
      if (method) return method;
      const [, service, rpc] = /^\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
      const unimplemented = (message: string) => new GrpcFailure(GrpcCode.Unimplemented, message);
      if (service === undefined || rpc === undefined) throw unimplemented(`malformed method name: ${JSON.stringify(path)}`);
      if (notBuilt.has(path)) throw unimplemented(`RPC ${rpc} is not built yet in Elanus; see docs/compatibility.md`);
      if (services.has(service)) throw unimplemented(`unknown method ${rpc} for service ${service}`);
      throw unimplemented(`unknown service ${service}`);
    },
  };
};
