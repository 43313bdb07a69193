/**
 * gRPC server reflection (v1, and v1alpha for older tools): which services there are, and the descriptors of their files.
 * The two versions have the same messages under other package names, so one answer serves both. A file is sent with everything it imports.
 * Source: grpc/src/proto/grpc/reflection/v1/reflection.proto.
 */
import { type DescriptorFile, descriptorFiles } from "../shared/proto/generated/descriptors.js";
import {
  ServerReflectionRequest,
  ServerReflectionResponse,
  services,
  V1alphaServerReflectionRequest,
  V1alphaServerReflectionResponse,
} from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import type { GrpcMethod } from "./grpc.js";
import { GrpcCode } from "./grpc-status.js";
import { decodeRequest } from "./router.js";

const byName = new Map<string, DescriptorFile>(descriptorFiles.map((file) => [file.name, file]));
const bySymbol = new Map<string, DescriptorFile>(descriptorFiles.flatMap((file) => file.symbols.map((symbol) => [symbol, file] as const)));

/** The file and all files it needs, itself first. */
const withImports = (file: DescriptorFile): Buffer[] => {
  const all = new Set([file]);
  for (const one of all)
    for (const name of one.dependencies) {
      const dependency = byName.get(name);
      if (dependency) all.add(dependency);
    }
  return Array.from(all, ({ bytes }) => Buffer.from(bytes, "base64"));
};

const notFound = (what: string): Init<ServerReflectionResponse> => ({
  errorResponse: { errorCode: GrpcCode.NotFound, errorMessage: `${what} not found` },
});

const fileAnswer = (file: DescriptorFile | undefined, what: string): Init<ServerReflectionResponse> =>
  file === undefined ? notFound(what) : { fileDescriptorResponse: { fileDescriptorProto: withImports(file) } };

const answer = (request: ServerReflectionRequest): Init<ServerReflectionResponse> => {
  if (request.listServices !== undefined) return { listServicesResponse: { service: Object.keys(services).map((name) => ({ name })) } };
  if (request.fileByFilename !== undefined) return fileAnswer(byName.get(request.fileByFilename), `file ${request.fileByFilename}`);
  if (request.fileContainingSymbol !== undefined)
    return fileAnswer(bySymbol.get(request.fileContainingSymbol), `symbol ${request.fileContainingSymbol}`);
  if (request.fileContainingExtension !== undefined) return notFound(`extension of ${request.fileContainingExtension.containingType}`);
  if (request.allExtensionNumbersOfType !== undefined)
    return bySymbol.has(request.allExtensionNumbersOfType)
      ? { allExtensionNumbersResponse: { baseTypeName: request.allExtensionNumbersOfType } }
      : notFound(`type ${request.allExtensionNumbersOfType}`);
  return { errorResponse: { errorCode: 3, errorMessage: "the request asks for nothing" } };
};

const reply = (request: ServerReflectionRequest): Init<ServerReflectionResponse> => ({
  validHost: request.host,
  originalRequest: request,
  ...answer(request),
});

export const reflectionMethods = (): GrpcMethod[] => [
  {
    path: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    shape: "each",
    open: true,
    answer: (_call, message) => ServerReflectionResponse.encodeParts(reply(decodeRequest(ServerReflectionRequest, message))),
  },
  {
    path: "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    shape: "each",
    open: true,
    answer: (_call, message) => V1alphaServerReflectionResponse.encodeParts(reply(decodeRequest(V1alphaServerReflectionRequest, message))),
  },
];
