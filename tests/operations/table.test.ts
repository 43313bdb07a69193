import { expect, test } from "vitest";
import { operations } from "../../src/operations/table.js";
import { services } from "../../src/shared/proto/generated/messages.js";
import { MemoryClient } from "../support/memory-engine.js";

const names = [
  "milvus.proto.milvus.MilvusService",
  "milvus.proto.milvus.ClientTelemetryService",
  "milvus.proto.milvus.ProxyService",
  "elanus.proto.v1.ElanusService",
] as const;

test("every RPC of the services has exactly one row, with its own messages", () => {
  const all = names.flatMap((service) => Object.values(services[service]).map((method) => ({ service, method })));
  expect(operations).toHaveLength(all.length);
  for (const { service, method } of all) {
    const rows = operations.filter((operation) => operation.service === service && operation.rpc === method.name);
    expect(rows.map((row) => [row.request, row.response])).toEqual([[method.request, method.response]]);
  }
});

test("a row is built exactly if it has a handler", () => {
  for (const operation of operations)
    expect([operation.rpc, operation.built !== "not yet"]).toEqual([operation.rpc, operation.handle !== undefined]);
});

test("a route is declared once, and is a POST of the second version or one of the first", () => {
  const routes = operations.flatMap((operation) => operation.rest.map((route) => route.route));
  expect(new Set(routes).size).toBe(routes.length);
  for (const route of routes) expect(route).toMatch(/^(POST \/v2\/vectordb\/[a-z0-9_]+(\/[a-z0-9_]+)+|(GET|POST) \/v1\/vector\/[a-z/]+)$/);
});

test("connect gives a fresh identifier and the version; an unknown database of the metadata is refused", async () => {
  const client = new MemoryClient();
  const [one, two] = [await client.call("Connect"), await client.call("Connect")];
  expect(one.reply.identifier).not.toBe(two.reply.identifier);
  expect(one.reply).toMatchObject({ serverInfo: { buildTags: "v2.6.0-elanus-0.0.0", deployMode: "STANDALONE" } });
  expect((await client.call("GetVersion")).reply.version).toBe("v2.6.0-elanus-0.0.0");
  expect(await new MemoryClient(client.engine, "nowhere").call("Connect")).toMatchObject({
    code: 800,
    input: true,
    reason: "database not found[database=nowhere]",
  });
});

test("health, timestamps, metrics, resource groups", async () => {
  const client = new MemoryClient();
  expect((await client.call("CheckHealth")).reply).toMatchObject({ isHealthy: true, reasons: [] });
  const [one, two] = [await client.call("AllocTimestamp"), await client.call("AllocTimestamp")];
  expect(two.reply.timestamp).toBeGreaterThan(one.reply.timestamp as bigint);
  const metrics = await client.call("GetMetrics", { request: '{"metric_type":"system_info"}' });
  expect(JSON.parse(String(metrics.reply.response))).toMatchObject({
    nodes_info: ["proxy", "mixcoord", "querynode", "datanode", "streamingnode"].map((type) => ({ identifier: 1, infos: { type } })),
  });
  expect(await client.call("GetMetrics", { request: '{"metric_type":"x"}' })).toMatchObject({
    code: 1200,
    reason: "metric not found[metric=x]",
  });
  expect((await client.call("GetMetrics", { request: "x" })).code).toBe(1100);
  expect((await client.call("ListResourceGroups")).reply.resourceGroups).toEqual(["__default_resource_group"]);
  expect((await client.call("DescribeResourceGroup", { resourceGroup: "__default_resource_group" })).reply).toMatchObject({
    resourceGroup: { numAvailableNode: 1 },
  });
  expect(await client.call("DescribeResourceGroup", { resourceGroup: "g" })).toMatchObject({
    code: 300,
    reason: "resource group not found[rg=g]",
  });
});

test("what Milvus keeps only to refuse is refused", async () => {
  const client = new MemoryClient();
  for (const rpc of ["CalcDistance", "ReplicateMessage", "ListIndexedSegment", "DescribeSegmentIndexData"])
    expect(await client.call(rpc)).toMatchObject({ code: 2, legacy: 1 });
});
