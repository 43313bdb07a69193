/** Reflection: what grpc's tools ask for, in both versions, and that the descriptors are complete. */
import type { Client } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { descriptorFiles } from "../../src/shared/proto/generated/descriptors.js";
import { services } from "../../src/shared/proto/generated/messages.js";
import { connectGrpc, type Running, start } from "./support.js";

let server: Running;
let client: Client;
beforeAll(async () => {
  server = await start();
  client = connectGrpc(server);
});
afterAll(async () => {
  client.close();
  await server.stop();
});

type Version = "grpc.reflection.v1.ServerReflection" | "grpc.reflection.v1alpha.ServerReflection";

interface Reply {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] };
  readonly errorResponse?: { readonly errorCode: number; readonly errorMessage: string };
}

const ask = async (version: Version, requests: readonly object[]): Promise<Reply[]> => {
  const { request, response } = services[version].ServerReflectionInfo;
  const stream = client.makeBidiStreamRequest(
    `/${version}/ServerReflectionInfo`,
    (message: object) => request.encode(message),
    (bytes: Buffer) => response.decode(bytes) as Reply,
  );
  for (const one of requests) stream.write(one);
  stream.end();
  const replies: Reply[] = [];
  for await (const reply of stream) replies.push(reply as Reply);
  return replies;
};

describe.each(["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"] as const)("%s", (version) => {
  test("lists all services", async () => {
    const [reply] = await ask(version, [{ listServices: "" }]);
    expect(reply?.listServicesResponse?.service.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["milvus.proto.milvus.MilvusService", "grpc.health.v1.Health", version]),
    );
  });

  test("gives a file by symbol and by name, one answer a question", async () => {
    const replies = await ask(version, [
      { fileContainingSymbol: "milvus.proto.milvus.MilvusService" },
      { fileContainingSymbol: "milvus.proto.milvus.MilvusService.CreateAlias" },
      { fileByFilename: "milvus_proto_schema.proto" },
    ]);
    expect(replies.map((reply) => (reply.fileDescriptorResponse?.fileDescriptorProto.length ?? 0) > 0)).toEqual([true, true, true]);
  });

  test("answers NOT_FOUND in the message for what is not there", async () => {
    const [reply] = await ask(version, [{ fileContainingSymbol: "no.Such" }]);
    expect(reply?.errorResponse).toEqual({ errorCode: 5, errorMessage: "symbol no.Such not found" });
  });

  test("a client that floods it with questions gets every answer", async () => {
    const replies = await ask(
      version,
      Array.from({ length: 300 }, () => ({ listServices: "" })),
    );
    expect(replies.length).toBe(300);
  });
});

test("every file that is imported is served", () => {
  const names = new Set(descriptorFiles.map((file) => file.name));
  for (const file of descriptorFiles) for (const dependency of file.dependencies) expect(names).toContain(dependency);
});

test("every type that a message or method names is declared in a file", () => {
  const symbols = new Set(descriptorFiles.flatMap((file) => file.symbols));
  const referred = new Set<string>();
  for (const file of descriptorFiles) {
    const reader = protobuf.Reader.create(Buffer.from(file.bytes, "base64"));
    collectTypeNames(reader, reader.len, referred);
  }
  expect(referred.size).toBeGreaterThan(400);
  expect([...referred].filter((name) => !symbols.has(name))).toEqual([]);
});

/** Type names are the strings that begin with a dot; nested messages are walked as far as they parse. */
const collectTypeNames = (reader: protobuf.Reader, end: number, into: Set<string>): void => {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if ((tag & 7) !== 2) {
      reader.skipType(tag & 7);
      continue;
    }
    const bytes = Buffer.from(reader.bytes());
    const text = bytes.toString("utf8");
    if (/^\.[\w.]+$/.test(text)) into.add(text.slice(1));
    else {
      try {
        collectTypeNames(protobuf.Reader.create(bytes), bytes.length, into);
      } catch {
        // Not a message: a name.
      }
    }
  }
};
