/** Files of the store appear whole or not at all; names stay inside; what a dead process left is cleaned; on real files and in memory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { realEnv } from "../../src/shared/env.js";
import { openDirectory } from "../../src/store/directory.js";
import { FaultyEnv } from "../support/faulty-env.js";

const scratch = mkdtempSync(join(tmpdir(), "elanus-store-"));
afterAll(() => rmSync(scratch, { recursive: true }));

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

describe.each([
  ["real files", () => [realEnv, join(mkdtempSync(join(scratch, "t")), "data")] as const],
  ["memory", () => [new FaultyEnv(1), "/data"] as const],
])("%s", (_, place) => {
  test("write, replace, list, read, remove", async () => {
    const [env, folder] = place();
    const store = await openDirectory(env, folder);
    expect(await store.writeFile("segments/1.seg", [Buffer.from("ab"), Buffer.from("c")])).toBe(3);
    expect(await store.writeFile("segments/2.seg", pieces("de", "", "f"))).toBe(3);
    expect(await store.writeFile("segments/1.seg", [Buffer.from("new")])).toBe(3);
    expect(await store.list("segments")).toEqual(["1.seg", "2.seg"]);
    expect(await store.list("nothing")).toEqual([]);
    expect((await store.readFile("segments/1.seg")).toString()).toBe("new");
    expect((await store.readFile("segments/2.seg")).toString()).toBe("def");
    expect(store.path("segments/2.seg")).toBe(join(folder, "segments", "2.seg"));
    await store.remove("segments/2.seg");
    await store.remove("segments/2.seg");
    const missing = `data integrity check failed: ${folder}/segments/2.seg at byte 0: the file is missing`;
    await expect(store.readFile("segments/2.seg")).rejects.toMatchObject({ code: 1009, message: missing });
    expect(await store.list("drafts")).toEqual([]);
    await store.close();
    expect(await env.files.list(folder)).not.toContain("LOCK");
  });

  test("the manifest is the last one committed, across opens", async () => {
    const [env, folder] = place();
    let store = await openDirectory(env, folder);
    expect(await store.readManifest()).toBeUndefined();
    for (const text of ["one", "two", "three"]) {
      await store.commitManifest(Buffer.from(text));
      expect((await store.readManifest())?.toString()).toBe(text);
      await store.close();
      store = await openDirectory(env, folder);
      expect((await store.readManifest())?.toString()).toBe(text);
    }
    expect((await store.list("")).filter((name) => name.startsWith("manifest"))).toEqual([
      "manifest-00000000000002",
      "manifest-00000000000003",
    ]);
    await store.close();
  });
});

test("a folder on a disk that is full to the last byte opens, again and again, after a kill and after an orderly end", async () => {
  let env = new FaultyEnv(1);
  let store = await openDirectory(env, "/data");
  await store.writeFile("a", [Buffer.from("content")]);
  for (let opened = 0; opened < 20; opened++) {
    const full = env.disk.bytes;
    if (opened % 3 === 2) await store.close();
    env = env.afterKill();
    env.capacity = full;
    // What became free is taken by others.
    if (opened % 3 === 2) await env.files.claim("/filler".concat(String(opened)), "x".repeat(full - env.disk.bytes));
    store = await openDirectory(env, "/data");
    expect((await store.readFile("a")).toString()).toBe("content");
    await expect(store.writeFile("b", [Buffer.alloc(64 * 1024)])).rejects.toMatchObject({ code: 1001 });
  }
});

test("names that leave the folder are refused", async () => {
  const store = await openDirectory(new FaultyEnv(1), "/data");
  for (const name of ["", "/etc/x", "../x", "a/../../x", "a//b", "./a", ".."]) expect(() => store.path(name), name).toThrow(RangeError);
});

test("a source that fails in the middle leaves nothing, and the old file", async () => {
  const env = new FaultyEnv(1);
  const store = await openDirectory(env, "/data");
  await store.writeFile("a", [Buffer.from("old")]);
  async function* broken() {
    yield Buffer.from("ne");
    throw new Error("source failed");
  }
  await expect(store.writeFile("a", broken())).rejects.toThrow("source failed");
  expect((await store.readFile("a")).toString()).toBe("old");
  expect(await store.list("drafts")).toEqual([]);
});

test("each file call fails, or the power goes: a file is the old one or the new one, whole, and the new one once acknowledged", async () => {
  const old = Buffer.alloc(3000, 1);
  const fresh = Buffer.alloc(5000, 2);
  const prepare = async (seed: number) => {
    const env = new FaultyEnv(seed);
    const store = await openDirectory(env, "/data");
    await store.writeFile("segments/x", [old]);
    return { env, store, before: env.calls };
  };
  for (const way of ["EIO", "crash"] as const) {
    for (let call = 1, done = false; !done; call++) {
      const { env, store, before } = await prepare(call);
      if (way === "crash") env.crashAt = before + call;
      else env.fault = ({ index }) => (index === before + call ? "EIO" : undefined);
      const writing = store.writeFile("segments/x", [fresh]).then(
        () => true,
        () => false,
      );
      const acknowledged = await Promise.race([writing, env.stopped.then(() => undefined)]);
      done = acknowledged === true && env.calls < before + call;
      const next = await openDirectory(env.afterPowerLoss(), "/data");
      const content = await next.readFile("segments/x");
      expect(content.equals(fresh) || (acknowledged !== true && content.equals(old)), `${way} at call ${call}`).toBe(true);
      expect(await next.list("drafts")).toEqual([]);
    }
  }
});
