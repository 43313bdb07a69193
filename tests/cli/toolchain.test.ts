/** What is missing or too old to build Elanus is told in one sentence, with how to get it. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

type Probe = (command: string) => string | undefined;
interface Toolchain {
  reaches(have: string, need: string): boolean;
  checkNode(root: string, have?: string): void;
  checkRust(root: string, probe: Probe): void;
}
const load = async (): Promise<Toolchain> => (await import(new URL("../../scripts/lib/toolchain.mjs", import.meta.url).href)) as Toolchain;

const project = (): string => {
  const root = mkdtempSync(join(tmpdir(), "elanus-toolchain-"));
  mkdirSync(join(root, "core"));
  writeFileSync(join(root, "package.json"), '{"engines":{"node":">=20.19"}}');
  writeFileSync(join(root, "core/Cargo.toml"), '[package]\nrust-version = "1.88"\n');
  return root;
};

test("versions are compared by number", async () => {
  const { reaches } = await load();
  expect([reaches("20.19.0", "20.19"), reaches("20.9.0", "20.19"), reaches("22.0.0", "20.19"), reaches("1.88", "1.88.0")]).toEqual([
    true,
    false,
    true,
    true,
  ]);
});

test("an old Node is named, with the version it must be", async () => {
  const { checkNode } = await load();
  checkNode(project(), "20.19.0");
  expect(() => checkNode(project(), "18.20.1")).toThrow(/^Elanus needs Node\.js 20\.19 or newer and this is 18\.20\.1; get it from \S+/);
});

test("a missing and an old Rust are named", async () => {
  const { checkRust } = await load();
  checkRust(project(), () => "1.95.0");
  expect(() => checkRust(project(), () => undefined)).toThrow(/Rust 1\.88 or newer and found no cargo; get it from https:\/\/rustup\.rs/);
  expect(() => checkRust(project(), (command) => (command === "rustc" ? "1.70.0" : "1.95.0"))).toThrow(
    /rustc here is 1\.70\.0; update it with: rustup update/,
  );
});
