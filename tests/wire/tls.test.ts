/** TLS under the one port: gRPC and REST, who is refused, and new certificates while streams are open. */
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { type Client, credentials, makeGenericClientConstructor } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { TlsMaterial } from "../../src/wire/tls.js";
import { type Authority, createAuthority, type Pair } from "../support/certificates.js";
import { removeFolder, temporaryFolder } from "../support/server.js";
import { milvus, openSocket, type Running, start, unary, untilClosed } from "./support.js";

const folder = temporaryFolder();
let authority: Authority;
let other: Authority;
let own: Pair;
let visitor: Pair;
let stranger: Pair;
let server: Running | undefined;
const closers: (() => void)[] = [];

beforeAll(() => {
  authority = createAuthority(folder, "authority");
  other = createAuthority(folder, "other");
  own = authority.sign("own");
  visitor = authority.sign("visitor");
  stranger = other.sign("stranger");
});
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await server?.stop();
  server = undefined;
});
afterAll(() => removeFolder(folder));

const open = async (material: TlsMaterial): Promise<Running> => {
  server = await start({ tls: material, stopMs: 200 });
  return server;
};

const Generic = makeGenericClientConstructor({}, "Generic");

const grpcClient = ({ port }: Running, ca: Buffer, pair?: Pair): Client => {
  const secure = credentials.createSsl(ca, pair?.key ?? null, pair?.certificate ?? null);
  const client = new Generic(`localhost:${port}`, secure, { "grpc.use_local_subchannel_pool": 1 });
  closers.push(() => client.close());
  return client;
};

const version = (client: Client) => unary(client, milvus.GetVersion, {}, { timeoutMs: 5000 });

const health = ({ port }: Running, pair?: Pair): Promise<string> =>
  new Promise((resolve, reject) => {
    const client = { ca: authority.certificate, cert: pair?.certificate, key: pair?.key, agent: false } as const;
    request({ host: "localhost", port, path: "/healthz", ...client }, (response) => {
      response.setEncoding("utf8").on("data", resolve);
    })
      .on("error", reject)
      .end();
  });

const handshake = (running: Running, options: object = {}): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = connectTls({ host: "localhost", port: running.port, ca: authority.certificate, ...options }, () => resolve(socket));
    socket.on("error", reject);
    closers.push(() => socket.destroy());
  });

const material = (): TlsMaterial => ({ certificate: own.certificate, key: own.key });
const mutual = (): TlsMaterial => ({ ...material(), clientCa: authority.certificate });

test("gRPC and REST are spoken under TLS, by HTTP/2 and HTTP/1.1", async () => {
  const running = await open(material());
  expect(await version(grpcClient(running, authority.certificate))).toMatchObject({ version: "v1.2.3" });
  expect(await health(running)).toBe("OK");
  const session = connectHttp2(`https://localhost:${running.port}`, { ca: authority.certificate });
  closers.push(() => session.destroy());
  const status = await new Promise((resolve) => session.request({ ":path": "/healthz" }).on("response", (h) => resolve(h[":status"])));
  expect(status).toBe(200);
  expect((await handshake(running, { ALPNProtocols: ["h2", "http/1.1"] })).alpnProtocol).toBe("h2");
  expect((await handshake(running, { ALPNProtocols: ["http/1.1"] })).alpnProtocol).toBe("http/1.1");
});

test("a plain client gets nothing from a port under TLS", async () => {
  const running = await open(material());
  const socket = await openSocket(running);
  const said = untilClosed(socket);
  socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  expect(await said).not.toContain("HTTP/1.1 200");
});

test("a client that trusts another authority turns away", async () => {
  const running = await open(material());
  await expect(version(grpcClient(running, other.certificate))).rejects.toMatchObject({ code: 14 });
  expect(await version(grpcClient(running, authority.certificate))).toMatchObject({ version: "v1.2.3" });
});

test("versions below TLS 1.2 are refused", async () => {
  const running = await open(material());
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
  await expect(handshake(running, old)).rejects.toThrow(/protocol version|unsupported protocol/i);
  expect((await handshake(running, { maxVersion: "TLSv1.2" })).getProtocol()).toBe("TLSv1.2");
  expect((await handshake(running)).getProtocol()).toBe("TLSv1.3");
});

test("with a client CA, only clients whose certificate comes from it are served", async () => {
  const running = await open(mutual());
  expect(await version(grpcClient(running, authority.certificate, visitor))).toMatchObject({ version: "v1.2.3" });
  expect(await health(running, visitor)).toBe("OK");
  await expect(version(grpcClient(running, authority.certificate))).rejects.toMatchObject({ code: 14 });
  await expect(version(grpcClient(running, authority.certificate, stranger))).rejects.toMatchObject({ code: 14 });
  await expect(health(running)).rejects.toThrow();
  await expect(health(running, stranger)).rejects.toThrow();
  expect(running.seen.calls).toHaveLength(1);
});

test("new certificates are shown to new connections, and an open stream goes on", async () => {
  const running = await open(mutual());
  let release = () => {};
  running.seen.gate = new Promise((resolve) => {
    release = resolve;
  });
  const client = grpcClient(running, authority.certificate, visitor);
  const waiting = unary(client, milvus.Flush, { collectionNames: ["c"] }, { timeoutMs: 20_000 });
  await expect.poll(() => running.seen.calls.length).toBe(1);
  const renewed = other.sign("renewed");
  running.renewCertificates({ certificate: renewed.certificate, key: renewed.key, clientCa: other.certificate });
  const later = await handshake(running, { ca: other.certificate, cert: stranger.certificate, key: stranger.key });
  expect(later.getPeerCertificate().subject.CN).toBe("renewed");
  await expect(version(grpcClient(running, other.certificate, visitor))).rejects.toMatchObject({ code: 14 });
  release();
  await waiting;
  // The connection that was open before is still the one in use.
  expect(await version(client)).toMatchObject({ version: "v1.2.3" });
});

test("a stop ends connections under TLS, those in the middle of a handshake too", async () => {
  const running = await open(material());
  const silent = await openSocket(running);
  const socket = await handshake(running);
  const ended = new Promise((resolve) => socket.on("close", resolve));
  const cut = untilClosed(silent);
  await running.stop();
  await Promise.all([ended, cut]);
});

test("what is no handshake, and one that stops halfway, end by themselves and harm nobody", async () => {
  server = await start({ tls: material(), decideMs: 100 });
  const running = server;
  const garbage = await openSocket(running);
  garbage.write(Buffer.from("16030100050100000000ff", "hex"));
  const silent = await openSocket(running);
  await Promise.all([untilClosed(garbage), untilClosed(silent)]);
  expect(await health(running)).toBe("OK");
});
