/** Real clients against a real server under mutual TLS, new certificates by SIGHUP, and one sentence for files that do not do. */
import { execFile, spawn, spawnSync } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { connect } from "node:tls";
import { MilvusClient as NodeSdk } from "@zilliz/milvus2-sdk-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MilvusClient } from "../../src/client/index.js";
import { type Authority, createAuthority, type Pair } from "../support/certificates.js";
import { removeFolder, startServer, type TestServer, temporaryFolder } from "../support/server.js";

const root = dirname(dirname(import.meta.dirname));
const folder = temporaryFolder();
const python = process.env.ELANUS_PYTHON;
let authority: Authority;
let other: Authority;
let own: Pair;
let visitor: Pair;
let server: TestServer;

const flagsOf = ({ certificatePath, keyPath }: Pair, ca: Pair): string[] => [
  ...["--tls-certificate", certificatePath, "--tls-key", keyPath],
  ...["--tls-client-ca", ca.certificatePath],
];

beforeAll(async () => {
  authority = createAuthority(folder, "authority");
  other = createAuthority(folder, "other");
  own = authority.sign("own");
  visitor = authority.sign("visitor");
  server = await startServer(join(folder, "data"), flagsOf(own, authority), tls());
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  removeFolder(folder);
});

const tls = () => ({ ca: authority.certificate, certificate: visitor.certificate, key: visitor.key });

test("our own client", async () => {
  await using client = new MilvusClient({ uri: server.uri, tls: tls() });
  await client.createCollection({ collectionName: "ours", dimension: 2 });
  expect(await client.listCollections()).toContain("ours");
  await client.dropCollection({ collectionName: "ours" });
  await using anonymous = new MilvusClient({ uri: server.uri, tls: { ca: authority.certificate }, timeout: 1 });
  await expect(anonymous.listCollections()).rejects.toThrow();
  await using misled = new MilvusClient({ uri: server.uri, tls: { ...tls(), ca: other.certificate }, timeout: 1 });
  await expect(misled.listCollections()).rejects.toThrow();
  expect(() => new MilvusClient({ uri: "http://localhost", tls: tls() })).toThrow("tls is given, but uri http://localhost does not begin");
});

test("the official Node SDK", async () => {
  const client = new NodeSdk({
    address: `localhost:${server.port}`,
    tls: { rootCert: authority.certificate, certChain: visitor.certificate, privateKey: visitor.key },
    logLevel: "error",
  });
  await client.connectPromise;
  expect((await client.checkHealth()).isHealthy).toBe(true);
  await client.closeConnection();
});

test.skipIf(python === undefined)("pymilvus", () => {
  const { stdout, stderr } = spawnSync(python as string, [join(root, "tests/python/secure/tls.py")], {
    encoding: "utf8",
    env: {
      ...process.env,
      ELANUS_URI: `https://localhost:${server.port}`,
      ELANUS_CA: authority.certificatePath,
      ELANUS_PAIR: visitor.certificatePath.replace(/\.pem$/, ""),
    },
  });
  expect(stdout.trim(), stderr.slice(-3000)).toBe("ok");
});

const curl = (...args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile("curl", ["--silent", "--show-error", "--cacert", authority.certificatePath, ...args], (error, out) =>
      error ? reject(error) : resolve(out),
    );
  });

const hasCurl = spawnSync("curl", ["--version"]).status === 0;
test.skipIf(!hasCurl)("curl, by HTTP/1.1 and HTTP/2", async () => {
  const url = `https://localhost:${server.port}/v2/vectordb/collections/list`;
  const pair = ["--cert", visitor.certificatePath, "--key", visitor.keyPath, "-d", "{}", url];
  expect(await curl("--http1.1", ...pair)).toBe('{"code":0,"data":[]}');
  expect(await curl("--http2", ...pair)).toBe('{"code":0,"data":[]}');
  await expect(curl("-d", "{}", url)).rejects.toThrow();
});

const shownName = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: "localhost", port, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on("error", reject);
  });

test("files are read again on SIGHUP; a pair that does not fit is not taken", async () => {
  const [certificatePath, keyPath] = [join(folder, "live.pem"), join(folder, "live.key")];
  const take = (pair: Pair) => {
    copyFileSync(pair.certificatePath, certificatePath);
    copyFileSync(pair.keyPath, keyPath);
  };
  take(own);
  const flags = ["--tls-certificate", certificatePath, "--tls-key", keyPath];
  const live = await startServer(join(folder, "live-data"), flags, { ca: authority.certificate });
  try {
    expect(await shownName(live.port)).toBe("own");
    copyFileSync(visitor.certificatePath, certificatePath);
    process.kill(live.pid, "SIGHUP");
    await expect.poll(live.output).toContain("new certificates are not taken");
    expect(live.output()).toContain(`The private key ${keyPath} does not belong to the certificate ${certificatePath}.`);
    expect(await shownName(live.port)).toBe("own");
    take(authority.sign("renewed"));
    process.kill(live.pid, "SIGHUP");
    await expect.poll(live.output).toContain("certificates read again");
    expect(await shownName(live.port)).toBe("renewed");
  } finally {
    expect(await live.stop()).toBe(0);
  }
});

const failedStart = (flags: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    const args = [join(root, "dist/cli/main.js"), "serve", "--port", "0", "--data", join(folder, "never"), ...flags];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk;
    });
    child.on("close", (code) => resolve(`${code} ${said}`));
  });

test("what is wrong with the files is told in one sentence, before anything is opened", async () => {
  const path = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const empty = path("empty.pem", "nothing");
  const nowhere = join(folder, "nowhere.pem");
  const locked = path("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n");
  const { certificatePath: good, keyPath: key } = own;
  const files = (certificate: string, keyFile: string, ...more: string[]) =>
    failedStart(["--tls-certificate", certificate, "--tls-key", keyFile, ...more]);
  expect(await files(nowhere, key)).toBe(`1 elanus: The file of the certificate, ${nowhere}, is not there.\n`);
  expect(await files(empty, key)).toBe(`1 elanus: The file of the certificate, ${empty}, holds no certificate in PEM.\n`);
  expect(await files(good, empty)).toBe(`1 elanus: The file of the private key, ${empty}, holds no private key in PEM.\n`);
  expect(await files(good, locked)).toBe(
    `1 elanus: The private key ${locked} is locked by a passphrase; write it without one, readable by this user only.\n`,
  );
  expect(await files(good, visitor.keyPath)).toBe(
    `1 elanus: The private key ${visitor.keyPath} does not belong to the certificate ${good}.\n`,
  );
  expect(await files(good, key, "--tls-client-ca", empty)).toBe(
    `1 elanus: The file of the clients' authorities, ${empty}, holds no certificate in PEM.\n`,
  );
  expect(await failedStart(["--tls-mode", "1"])).toBe(
    "1 elanus: TLS needs a certificate and its private key: --tls-certificate <file> and --tls-key <file>.\n",
  );
  expect(await files(good, key, "--tls-mode", "2")).toBe(
    "1 elanus: Certificates of clients are checked by those of their authorities: --tls-client-ca <file>.\n",
  );
});
