/** The `elanus` command as a process: what it says, how it stops, and one sentence with exit code 1 when it cannot start. Runs what the build made. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const main = join(root, "dist/cli/main.js");
const folder = mkdtempSync(join(tmpdir(), "elanus-cli-"));
const children = new Set<ChildProcess>();

beforeAll(() => {
  if (!existsSync(main)) throw new Error("dist/ is missing: npm run build makes it");
  return () => rmSync(folder, { recursive: true, force: true });
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});

interface Started {
  readonly child: ChildProcess;
  readonly exit: Promise<number | string>;
  said(): { out: string; err: string };
  /** Resolves when stdout holds the text; rejects if the process ends before. */
  until(text: string): Promise<void>;
}

const start = (args: readonly string[], environment: Record<string, string> = {}): Started => {
  const child = spawn(process.execPath, [...args], { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  const said = { out: "", err: "" };
  child.stdout?.on("data", (chunk) => {
    said.out += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    said.err += chunk;
  });
  const exit = new Promise<number | string>((resolve) => {
    child.on("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  const until = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => said.out.includes(text) && resolve();
      child.stdout?.on("data", look);
      void exit.then((code) => reject(new Error(`exited with ${code}: ${said.err}`)));
      look();
    });
  return { child, exit, said: () => said, until };
};

const serve = (data: string, ...args: string[]) => start([main, "serve", "--data", join(folder, data), "--port", "0", ...args]);

const addressOf = ({ said }: Started): string => /http:\/\/localhost:\d+/.exec(said().out)?.[0] as string;

test("it says its version, its address, its data folder and what to type next; and answers there", async () => {
  const server = serve("banner");
  await server.until("Ctrl-C");
  const { out } = server.said();
  const url = addressOf(server);
  expect(out).toMatch(/Elanus \d+\.\d+\.\d+/);
  expect(out).toContain(join(folder, "banner"));
  expect(out).toContain(`MilvusClient("${url}")`);
  expect(out).toContain(`curl ${url}/v2/vectordb/collections/list`);
  expect(out).toContain("this machine only");
  expect(await (await fetch(`${url}/healthz`)).text()).toBe("OK");
  expect(await (await fetch(`${url}/v2/vectordb/collections/list`, { method: "POST", body: "{}" })).json()).toEqual({ code: 0, data: [] });
  server.child.kill("SIGTERM");
  expect(await server.exit).toBe(0);
  expect(server.said().out).toContain("Stopped.");
});

test.each(["SIGINT", "SIGTERM"] as const)("%s stops it cleanly, and what arrives twice at once counts once", async (signal) => {
  const server = serve(signal);
  await server.until("Ctrl-C");
  server.child.kill(signal);
  server.child.kill(signal);
  expect(await server.exit).toBe(0);
  expect(server.said().out).toContain("Stopped.");
});

test("what was written before a stop is there after the next start", async () => {
  const first = serve("again");
  await first.until("Ctrl-C");
  const call = async (server: Started, path: string, body: object) =>
    (await fetch(`${addressOf(server)}/v2/vectordb/${path}`, { method: "POST", body: JSON.stringify(body) })).json();
  expect(await call(first, "collections/create", { collectionName: "kept", dimension: 4 })).toMatchObject({ code: 0 });
  first.child.kill("SIGTERM");
  expect(await first.exit).toBe(0);
  const second = serve("again");
  await second.until("Ctrl-C");
  expect(await call(second, "collections/list", {})).toEqual({ code: 0, data: ["kept"] });
});

test("a port in use is told in one sentence", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as { port: number };
  const server = serve("port", "--port", String(port));
  expect(await server.exit).toBe(1);
  expect(server.said().err).toBe(
    `elanus: Port ${port} on 127.0.0.1 is in use by another process; stop it, or choose another port with --port <number>.\n`,
  );
  other.close();
});

test("a data folder that another process has open is told in one sentence with its pid", async () => {
  const first = serve("locked");
  await first.until("Ctrl-C");
  const second = serve("locked");
  expect(await second.exit).toBe(1);
  expect(second.said().err).toMatch(new RegExp(`^elanus: [^\\n]*\\b${first.child.pid}\\b[^\\n]*\\n$`));
  expect(await (await fetch(`${addressOf(first)}/healthz`)).text()).toBe("OK");
});

test("a data folder that is a file is told in one sentence", async () => {
  writeFileSync(join(folder, "file"), "");
  const server = serve("file");
  expect(await server.exit).toBe(1);
  expect(server.said().err).toMatch(/^elanus: \S+ is not a folder; choose another one with --data <folder>\.\n$/);
});

test("a wrong flag, variable or command is told, with exit code 1", async () => {
  const wrongFlag = serve("flags", "--fsync", "never");
  const wrongVariable = start([main, "serve", "--data", join(folder, "flags")], { ELANUS_PORT: "many" });
  const unknown = start([main, "serv"]);
  expect(await Promise.all([wrongFlag.exit, wrongVariable.exit, unknown.exit])).toEqual([1, 1, 1]);
  expect(wrongFlag.said().err).toBe('elanus: --fsync must be "always" or "interval", not "never".\n');
  expect(wrongVariable.said().err).toBe('elanus: ELANUS_PORT must be a number from 0 to 65535, not "many".\n');
  expect(unknown.said().err).toContain("unknown command 'serv'");
});

test("--version and --help", async () => {
  const version = start([main, "--version"]);
  const help = start([main, "serve", "--help"]);
  expect([await version.exit, await help.exit]).toEqual([0, 0]);
  expect(version.said().out).toMatch(/^\d+\.\d+\.\d+\n$/);
  for (const part of ["--data <folder>", "ELANUS_DATA", "--fsync <always|interval>", "ELANUS_STOP_SECONDS"])
    expect(help.said().out).toContain(part);
});

test("npm start's script passes flags on and is the server itself", async () => {
  const server = start([join(root, "scripts/start.mjs"), "--port", "0", "--data", join(folder, "start")]);
  await server.until("Ctrl-C");
  expect(server.said().out).toContain(join(folder, "start"));
  server.child.kill("SIGINT");
  expect(await server.exit).toBe(0);
});
