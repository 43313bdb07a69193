/** Unmodified pymilvus against a real server: each script of tests/python ends with `ok`. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeFolder, startServer, type TestServer, temporaryFolder } from "../support/server.js";

const folder = join(dirname(import.meta.dirname), "python");
const python = process.env.ELANUS_PYTHON;

if (python === undefined) process.stderr.write("ELANUS_PYTHON names no Python with pymilvus: its tests are skipped (npm test makes one)\n");

const run = (script: string, environment: Readonly<Record<string, string>>): void => {
  const { stdout, stderr } = spawnSync(python as string, [join(folder, script)], {
    encoding: "utf8",
    env: { ...process.env, ...environment },
  });
  expect(stdout.trim().split("\n").at(-1), stderr.slice(-3000)).toBe("ok");
};

describe.skipIf(python === undefined)("pymilvus", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
    removeFolder(server.folder);
  });

  for (const script of readdirSync(folder).filter((name) => name.endsWith(".py")))
    it(script, { timeout: 120_000 }, () => run(script, { ELANUS_URI: server.uri }));

  it("rbac.py on a server with authorization", { timeout: 120_000 }, async () => {
    const guarded = await startServer(temporaryFolder(), ["--auth"]);
    run("rbac.py", { ELANUS_URI: guarded.uri, ELANUS_AUTH: "true" });
    expect(await guarded.stop()).toBe(0);
    removeFolder(guarded.folder);
  });
});
