/** A real server: the built program as a process of its own, on a free port and a folder of the test's. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { MilvusClient, MilvusError, type TlsClientOptions } from "../../src/client/index.js";

const main = join(dirname(dirname(import.meta.dirname)), "dist/cli/main.js");

export interface TestServer {
  readonly uri: string;
  readonly port: number;
  readonly folder: string;
  readonly pid: number;
  /** What it has printed so far. */
  output(): string;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL, at once. */
  kill(): Promise<void>;
}

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), "elanus-test-"));

export const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true });

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port"))));
    });
  });

const exited = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve) => child.once("exit", (code) => resolve(code)));

const NOT_AUTHENTICATED = 1400;

const answered = async (uri: string, tls: TlsClientOptions | undefined, child: ChildProcess, output: () => string): Promise<void> => {
  const client = new MilvusClient({ uri, timeout: 2, ...(tls === undefined ? {} : { tls }) });
  try {
    for (let tries = 0; tries < 600; tries++) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server ended: ${output()}`);
      try {
        await client.getServerVersion();
        return;
      } catch (error) {
        // A server that asks who calls is up.
        if (error instanceof MilvusError && error.code === NOT_AUTHENTICATED) return;
        // Not up yet: that is what this loop waits for.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    throw new Error(`the server did not answer: ${output()}`);
  } finally {
    await client.close();
  }
};

/** Starts a server and waits for its first answer. `tls`: what a client needs where the flags ask for TLS. */
export const startServer = async (
  folder = temporaryFolder(),
  flags: readonly string[] = [],
  tls?: TlsClientOptions,
): Promise<TestServer> => {
  const port = await freePort();
  const child = spawn(process.execPath, [main, "serve", "--data", folder, "--port", String(port), "--host", "127.0.0.1", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  const collect = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-100_000);
  };
  child.stdout?.on("data", collect);
  child.stderr?.on("data", collect);
  const uri = `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  try {
    await answered(uri, tls, child, () => text);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return {
    uri,
    port,
    folder,
    pid: child.pid as number,
    output: () => text,
    stop: () => {
      child.kill("SIGTERM");
      return exited(child);
    },
    kill: async () => {
      child.kill("SIGKILL");
      await exited(child);
    },
  };
};
