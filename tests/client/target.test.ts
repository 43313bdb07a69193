import { resolve } from "node:path";
import { expect, test } from "vitest";
import { type MilvusClientOptions, targetOf } from "../../src/client/target.js";

const remote = (options: MilvusClientOptions | string) => {
  const { place, database } = targetOf(options);
  return place.kind === "remote" ? { origin: place.origin, credentials: place.credentials, database } : place;
};

test.each<[MilvusClientOptions | string, string, string, string]>([
  ["http://localhost:19530", "http://localhost:19530", "", "default"],
  ["http://localhost", "http://localhost:19530", "", "default"],
  ["http://localhost:80", "http://localhost:80", "", "default"],
  ["https://in01.example.com", "https://in01.example.com:443", "", "default"],
  ["https://in01.example.com:19531", "https://in01.example.com:19531", "", "default"],
  ["localhost:19530", "http://localhost:19530", "", "default"],
  ["127.0.0.1:19530", "http://127.0.0.1:19530", "", "default"],
  ["tcp://kite:1", "http://kite:1", "", "default"],
  ["http://[::1]:19530", "http://[::1]:19530", "", "default"],
  ["http://root:p%40ss@host/kites", "http://host:19530", "root:p@ss", "kites"],
  [{ uri: "http://host", token: "user:password" }, "http://host:19530", "user:password", "default"],
  [{ uri: "http://a:b@host", user: "c", password: "d", database: "e" }, "http://host:19530", "c:d", "e"],
])("%o is a server", (options, origin, credentials, database) => {
  expect(remote(options)).toEqual({ origin, credentials, database });
});

test.each(["./my.db", "my.db", "/tmp/kites", "kites", "data/kites.d"])("%s is a folder", (uri) => {
  expect(targetOf(uri).place).toEqual({ kind: "embedded", folder: resolve(uri), fsync: "always" });
});

test("a file: url is a folder", () => {
  expect(targetOf("file:///tmp/kites%20two").place).toMatchObject({ kind: "embedded", folder: "/tmp/kites two" });
});

test.each<[MilvusClientOptions | string, string]>([
  ["", "uri should not be empty"],
  ["ftp://host", "should begin with http:// or https://"],
  ["http://", "is not valid"],
  ["http://host:99999", "is not valid"],
  [{ uri: "http://host", timeout: 0 }, "timeout should be seconds above 0"],
])("%o is refused", (options, words) => {
  expect(() => targetOf(options)).toThrow(words);
});
