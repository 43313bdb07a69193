/** Users, roles and grants through the client: on a server that asks who calls, and on a folder. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MilvusClient, MilvusError } from "../../src/client/index.js";
import { removeFolder, startServer, type TestServer, temporaryFolder } from "../support/server.js";

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "done",
    (error: unknown) => (error instanceof MilvusError ? error.code : error),
  );

const NOT_AUTHENTICATED = 1400;
const NOT_PERMITTED = 1401;

describe("a server with authorization", () => {
  let server: TestServer;
  let root: MilvusClient;
  const clients: MilvusClient[] = [];
  const open = (options: object): MilvusClient => {
    const client = new MilvusClient({ uri: server.uri, ...options });
    clients.push(client);
    return client;
  };

  beforeAll(async () => {
    server = await startServer(temporaryFolder(), ["--auth"]);
    root = open({ user: "root", password: "Milvus" });
  });
  afterAll(async () => {
    for (const client of clients) await client.close();
    expect(await server.stop()).toBe(0);
    removeFolder(server.folder);
  });

  test("who has no password, or a wrong one, is nobody", async () => {
    for (const options of [{}, { token: "an-api-key" }, { user: "root", password: "milvus" }, { user: "nobody", password: "Milvus" }])
      expect(await codeOf(open(options).listCollections())).toBe(NOT_AUTHENTICATED);
    expect(await codeOf(open({ token: "root:Milvus" }).listCollections())).toBe("done");
  });

  test("a user may what the role permits, as long as it does", async () => {
    await root.createCollection({ collectionName: "kites", dimension: 2 });
    await root.insert({ collectionName: "kites", data: [{ id: 1, vector: [1, 0] }] });
    await root.createUser({ userName: "ada", password: "password", description: "the first" });
    await root.createRole({ roleName: "reader", description: "reads" });
    await root.grantRole({ userName: "ada", roleName: "reader" });
    expect(await root.describeUser({ userName: "ada" })).toEqual({ userName: "ada", roles: ["reader"], description: "the first" });
    const ada = open({ user: "ada", password: "password" });
    const search = () => ada.search({ collectionName: "kites", data: [1, 0], limit: 1 });
    expect(await codeOf(search())).toBe(NOT_PERMITTED);
    expect(await ada.listCollections()).toEqual([]);

    await root.grantPrivilegeV2({ roleName: "reader", privilege: "CollectionReadOnly", collectionName: "kites" });
    for (let again = 0; again < 3; again++) expect(await codeOf(search())).toBe("done");
    expect(await ada.listCollections()).toEqual(["kites"]);
    expect(await codeOf(ada.delete({ collectionName: "kites", ids: [1] }))).toBe(NOT_PERMITTED);
    const grant = {
      objectType: "Global",
      objectName: "kites",
      databaseName: "default",
      privilege: "CollectionReadOnly",
      grantorName: "root",
    };
    expect(await root.describeRole({ roleName: "reader" })).toEqual({ roleName: "reader", description: "reads", privileges: [grant] });

    await root.createAlias({ alias: "birds", collectionName: "kites" });
    expect(await codeOf(ada.search({ collectionName: "birds", data: [1, 0], limit: 1 }))).toBe("done");
    await root.revokePrivilegeV2({ roleName: "reader", privilege: "CollectionReadOnly", collectionName: "kites" });
    expect(await codeOf(search())).toBe(NOT_PERMITTED);
    expect(await codeOf(ada.search({ collectionName: "birds", data: [1, 0], limit: 1 }))).toBe(NOT_PERMITTED);
  });

  test("a search that was answered is asked again who may: another user's is not answered", async () => {
    const ada = open({ user: "ada", password: "password" });
    const search = (client: MilvusClient) => client.search({ collectionName: "kites", data: [0, 1], limit: 1 });
    for (let again = 0; again < 3; again++) expect(await codeOf(search(root))).toBe("done");
    expect(await codeOf(search(ada))).toBe(NOT_PERMITTED);
  });

  test("users change their own passwords, and go on with them", async () => {
    const ada = open({ user: "ada", password: "password" });
    expect(await codeOf(ada.updatePassword({ userName: "ada", oldPassword: "another", newPassword: "the-next-one" }))).toBe(
      NOT_AUTHENTICATED,
    );
    await ada.updatePassword({ userName: "ada", oldPassword: "password", newPassword: "the-next-one" });
    expect(await codeOf(ada.listCollections())).toBe("done");
    expect(await codeOf(open({ user: "ada", password: "password" }).listCollections())).toBe(NOT_AUTHENTICATED);
    expect(await codeOf(ada.createUser({ userName: "bob", password: "password" }))).toBe(NOT_PERMITTED);
  });

  test("users, roles and grants outlive a kill", async () => {
    await root.createPrivilegeGroup({ privilegeGroup: "own" });
    await root.addPrivilegesToGroup({ privilegeGroup: "own", privileges: ["Search", "Query", "Insert"] });
    await root.removePrivilegesFromGroup({ privilegeGroup: "own", privileges: ["Insert"] });
    await root.grantPrivilegeV2({ roleName: "reader", privilege: "own", collectionName: "*" });
    await root.grantPrivilege({ roleName: "reader", objectType: "Global", objectName: "*", privilege: "CreateCollection" });
    await server.kill();
    server = await startServer(server.folder, ["--auth"]);
    const again = open({ token: "root:Milvus" });
    const groups = await again.listPrivilegeGroups();
    expect(groups[0]).toEqual({ privilegeGroup: "own", privileges: ["Search", "Query"] });
    expect((await again.describeRole({ roleName: "reader" })).privileges.map((grant) => grant.privilege).sort()).toEqual([
      "CreateCollection",
      "own",
    ]);
    const ada = open({ user: "ada", password: "the-next-one" });
    expect(await codeOf(ada.search({ collectionName: "kites", data: [1, 0], limit: 1 }))).toBe("done");
    await again.revokePrivilege({ roleName: "reader", objectType: "Global", objectName: "*", privilege: "CreateCollection" });
    expect(await codeOf(again.dropPrivilegeGroup({ privilegeGroup: "own" }))).toBe(1100);
    expect(await codeOf(again.dropRole({ roleName: "reader" }))).toBe(1100);
    await again.dropRole({ roleName: "reader", forceDrop: true });
    await again.dropPrivilegeGroup({ privilegeGroup: "own" });
    await again.dropUser({ userName: "ada" });
    expect([await again.listUsers(), await again.listRoles()]).toEqual([["root"], ["admin", "public"]]);
    expect(await codeOf(ada.listCollections())).toBe(NOT_AUTHENTICATED);
  });

  test("HTTP: 401 for nobody, 403 for who may not, in Milvus's words", async () => {
    const again = open({ token: "root:Milvus" });
    await again.createUser({ userName: "eve", password: "password" });
    const post = async (path: string, body: object, authorization?: string) => {
      const reply = await fetch(`${server.uri}/v2/vectordb/${path}`, {
        method: "POST",
        headers: authorization === undefined ? {} : { authorization },
        body: JSON.stringify(body),
      });
      return [reply.status, await reply.json()];
    };
    const unknown = [401, { code: 1800, message: "user hasn't authenticated" }];
    expect(await post("collections/list", {})).toEqual(unknown);
    expect(await post("no/such/route", {}, "Bearer root:milvus")).toEqual(unknown);
    expect(await post("collections/list", {}, "Bearer eve:password")).toEqual([200, { code: 0, data: [] }]);
    const denied = "rpc error: code = PermissionDenied desc = PrivilegeSearch: permission deny to eve in the `default` database";
    const basic = `Basic ${Buffer.from("eve:password").toString("base64")}`;
    expect(await post("entities/search", { collectionName: "kites", data: [[1, 0]] }, basic)).toEqual([
      403,
      { code: 65535, message: denied },
    ]);
    const described = await post("collections/describe", { collectionName: "kites" }, basic);
    const noLoad = "rpc error: code = PermissionDenied desc = PrivilegeGetLoadState: permission deny to eve in the `default` database;";
    expect(described).toMatchObject([200, { code: 0, message: noLoad, data: { load: "", aliases: ["birds"] } }]);
    // Members that other calls read must not say for whom or what it is.
    const victim = { userName: "root", username: "eve", user: { name: "eve" }, password: "Milvus", newPassword: "password" };
    expect((await post("users/update_password", victim, basic))[0]).toBe(403);
    const flush = { collectionName: "kites", collectionNames: [], entity: { role: { name: "public" } } };
    expect((await post("collections/flush", flush, basic))[0]).toBe(403);
    expect((await fetch(`${server.uri}/healthz`)).status).toBe(200);
  });
});

test("a folder asks nobody; what is changed there is what a server asks for", async () => {
  const folder = temporaryFolder();
  const client = new MilvusClient(folder);
  await client.createUser({ userName: "ada", password: "password" });
  await client.updatePassword({ userName: "root", oldPassword: "Milvus", newPassword: "another-one" });
  await client.createRole({ roleName: "keeper" });
  await client.alterRole({ roleName: "keeper", description: "keeps" });
  await client.updateUser({ userName: "ada", description: "the first" });
  await client.grantRole({ userName: "ada", roleName: "admin" });
  await client.revokeRole({ userName: "ada", roleName: "admin" });
  expect(await client.describeUser({ userName: "nobody" })).toBeUndefined();
  await client.close();
  const server = await startServer(folder, ["--auth"]);
  const root = new MilvusClient({ uri: server.uri, token: "root:another-one" });
  expect(await root.describeUser({ userName: "ada" })).toEqual({ userName: "ada", roles: [], description: "the first" });
  expect(await root.listRoles()).toEqual(["admin", "keeper", "public"]);
  await root.close();
  expect(await server.stop()).toBe(0);
  removeFolder(folder);
});
