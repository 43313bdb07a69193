/** The examples, as their readers run them. */
import { execFile, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { removeFolder, startServer, type TestServer, temporaryFolder } from "./support/server.js";

const root = join(import.meta.dirname, "..");
const tsx = join(root, "node_modules/.bin/tsx");
const python = process.env.ELANUS_PYTHON ?? "python3";
const works = (command: string, args: string[]): boolean => spawnSync(command, args, { stdio: "ignore" }).status === 0;

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server?.stop();
  if (server) removeFolder(server.folder);
});

/** Standard output, by lines. Fails when the program does. */
const run = async (command: string, args: string[]): Promise<string[]> => {
  const { stdout } = await promisify(execFile)(command, args, { cwd: root, env: { ...process.env, MILVUS_URI: server.uri } });
  return stdout.trimEnd().split("\n");
};

test("quickstart.ts", async () => {
  expect(await run(tsx, ["examples/quickstart.ts"])).toEqual([
    "kite 1 is red, cosine 0.994",
    "kite 3 is blue, cosine 0.000",
    "[ { id: 2, color: 'orange' } ]",
    "1 kite left",
  ]);
});

test("embedded.ts, twice: the data stays", async () => {
  const folder = temporaryFolder();
  const [first, at] = await run(tsx, ["examples/embedded.ts", folder]);
  expect(first).toBe(`visit number 1 of ${folder}`);
  expect(await run(tsx, ["examples/embedded.ts", folder])).toEqual([`visit number 2 of ${folder}`, at]);
  removeFolder(folder);
});

test("alias-swap.ts", async () => {
  expect(await run(tsx, ["examples/alias-swap.ts"])).toEqual([
    "readers see blue",
    "readers see green",
    "readers see blue, next is products_green",
  ]);
});

const pymilvus = works(python, ["-c", "import pymilvus"]);

test.skipIf(!pymilvus)(pymilvus ? "quickstart.py" : "quickstart.py (skipped: no python3 with pymilvus here)", async () => {
  const lines = await run(python, ["examples/quickstart.py"]);
  expect(lines).toContain("test_collection_2");
  expect(lines).toContain("9 1.0 red");
  expect(lines.join("\n")).toContain("'count(*)': 8");
});

const curl = works("curl", ["--version"]);

test.skipIf(!curl)(curl ? "rest.sh" : "rest.sh (skipped: no curl here)", async () => {
  const text = (await run("sh", ["examples/rest.sh"])).join("\n");
  expect(text).toContain('"color":"red"');
  expect(text).toContain('"deleteCount":');
});

test("every example is run here", () => {
  expect(readdirSync(join(root, "examples")).sort()).toEqual([
    "README.md",
    "alias-swap.ts",
    "embedded.ts",
    "quickstart.py",
    "quickstart.ts",
    "rest.sh",
  ]);
});
