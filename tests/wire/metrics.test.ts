/** The figures for an operator, over the real port of a real engine. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { MilvusClient } from "../../src/client/index.js";
import { removeFolder, startServer, type TestServer } from "../support/server.js";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server.stop();
  removeFolder(server.folder);
});

const figures = async (): Promise<string> => {
  const response = await fetch(`${server.uri}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  return response.text();
};

test("segments, rows, deletes, jobs and the process are told", async () => {
  const client = new MilvusClient({ uri: server.uri });
  await client.createCollection({ collectionName: "kites", dimension: 2 });
  await client.insert({ collectionName: "kites", data: [1, 2, 3, 4, 5, 6].map((id) => ({ id, vector: [id, id] })) });
  expect(await figures()).toMatch(/^elanus_segment_rows\{state="Growing"\} 6$/m);
  await client.flush({ collectionName: "kites" });
  await client.delete({ collectionName: "kites", ids: [1] });
  const text = await figures();
  expect(text).toMatch(/^elanus_segments\{state="Flushed"\} 1$/m);
  expect(text).toMatch(/^elanus_segment_rows\{state="Flushed"\} 6$/m);
  expect(text).toMatch(/^elanus_segment_deleted_rows\{state="Flushed"\} 1$/m);
  expect(text).toMatch(/^elanus_jobs_ended\{kind="seal",outcome="done"\} 1$/m);
  expect(text).toMatch(/^elanus_collections 1$/m);
  expect(text).toMatch(/^process_resident_memory_bytes \d+/m);
  await client.close();
});
