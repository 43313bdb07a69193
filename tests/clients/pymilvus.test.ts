/** Unmodified pymilvus against a real server: each script of tests/python ends with `ok`. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeFolder, startServer, type TestServer } from "../support/server.js";

const folder = join(dirname(import.meta.dirname), "python");
const python = process.env.ELANUS_PYTHON;

if (python === undefined) process.stderr.write("ELANUS_PYTHON names no Python with pymilvus: its tests are skipped (npm test makes one)\n");

describe.skipIf(python === undefined)("pymilvus", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
    removeFolder(server.folder);
  });

  for (const script of readdirSync(folder).filter((name) => name.endsWith(".py"))) {
    it(script, { timeout: 120_000 }, () => {
      const { stdout, stderr } = spawnSync(python as string, [join(folder, script)], {
        encoding: "utf8",
        env: { ...process.env, ELANUS_URI: server.uri },
      });
      expect(stdout.trim().split("\n").at(-1), stderr.slice(-3000)).toBe("ok");
    });
  }
});
