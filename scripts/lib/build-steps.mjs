// The steps from a clone to something that runs, each done only when what it is made from has changed. A step's stamp is a hash of its inputs'
// contents; checking all of them costs a few hundredths of a second.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { checkRust, ToolchainError } from "./toolchain.mjs";

const GENERATED = "src/shared/proto/generated";

const say = (text) => process.stderr.write(`elanus: ${text}\n`);

const run = (what, command, args, options) => {
  const { status, error, signal } = spawnSync(command, args, { stdio: ["inherit", 2, 2], ...options });
  if (error) throw new ToolchainError(`${what} could not be started: ${error.message}`);
  if (signal) throw new ToolchainError(`${what} was stopped by ${signal}`);
  if (status !== 0) throw new ToolchainError(`${what} failed (exit code ${status}); its messages are above`);
};

/** Files below the paths, sorted. */
const filesOf = (root, paths, keep = () => true) =>
  paths
    .flatMap((path) => {
      const full = join(root, path);
      if (!existsSync(full)) return [];
      if (!statSync(full).isDirectory()) return [full];
      return readdirSync(full, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
    })
    .filter(keep)
    .sort();

const hashOf = (root, files) => {
  const hash = createHash("sha256");
  for (const file of files)
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  return hash.digest("hex");
};

const stampOf = (file) => (existsSync(file) ? readFileSync(file, "utf8") : "");

/** Dependencies, when they are missing or package-lock.json asks for others. */
export const installPackages = (root) => {
  const lock = join(root, "package-lock.json");
  const installed = join(root, "node_modules/.package-lock.json");
  const stamp = join(root, "node_modules/.elanus-stamp");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  const wanted = hashOf(root, [lock]);
  if (existsSync(installed) && stampOf(stamp) === wanted) return;
  say("installing packages");
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.env.npm_execpath;
  if (npm?.endsWith(".js")) run("npm ci", process.execPath, [npm, ...args], { cwd: root });
  else run("npm ci", "npm", args, { cwd: root, shell: process.platform === "win32" });
  writeFileSync(stamp, wanted);
};

/** The tables and types of Milvus's messages. */
export const generateProto = (root) => {
  const inputs = filesOf(root, [
    "scripts/generate-proto.mjs",
    "scripts/lib/proto-additions.mjs",
    "scripts/lib/descriptors.mjs",
    "package-lock.json",
  ]);
  const wanted = hashOf(root, inputs);
  const stamp = join(root, GENERATED, ".stamp");
  if (stampOf(stamp) === wanted && existsSync(join(root, GENERATED, "messages.ts"))) return;
  say("generating the tables of Milvus's messages");
  run("scripts/generate-proto.mjs", process.execPath, [join(root, "scripts/generate-proto.mjs")], { cwd: root });
  writeFileSync(stamp, wanted);
};

const libraryName = { darwin: "libelanus_core.dylib", win32: "elanus_core.dll" }[process.platform] ?? "libelanus_core.so";

/** Puts the new library in the old one's place in one step: a running server keeps the file it has open. */
const place = (from, to) => {
  copyFileSync(from, `${to}.new`);
  renameSync(`${to}.new`, to);
};

/** The Rust core, beside the TypeScript sources (for tests) and beside what runs. */
export const buildCore = (root) => {
  const inputs = filesOf(root, ["core/src", "core/Cargo.toml", "core/Cargo.lock", "core/build.rs", "core/.cargo"]);
  const wanted = hashOf(root, inputs);
  const stamp = join(root, "core/target/.elanus-stamp");
  const forTests = join(root, "src/elanus_core.node");
  const forUse = join(root, "dist/elanus_core.node");
  if (stampOf(stamp) !== wanted || !existsSync(forTests)) {
    checkRust(root);
    say(
      existsSync(join(root, "core/target/release"))
        ? "building the Rust core"
        : "building the Rust core (the first time takes some minutes)",
    );
    const manifest = join(root, "core/Cargo.toml");
    const target = join(root, "core/target");
    run("cargo build", "cargo", ["build", "--release", "--locked", "--manifest-path", manifest, "--target-dir", target], {
      cwd: root,
    });
    place(join(target, "release", libraryName), forTests);
    rmSync(forUse, { force: true });
    writeFileSync(stamp, wanted);
  }
  if (existsSync(forUse)) return;
  mkdirSync(join(root, "dist"), { recursive: true });
  place(forTests, forUse);
};

const isSource = (file) => file.endsWith(".ts") || file.endsWith(".json");

/** JavaScript in dist/ from TypeScript in src/; what has no source any more is removed. */
export const compile = (root) => {
  const sources = filesOf(root, ["src"], isSource);
  const wanted = hashOf(root, [...sources, ...filesOf(root, ["tsconfig.json", "tsconfig.build.json", "package-lock.json"])]);
  const dist = join(root, "dist");
  const stamp = join(dist, ".stamp");
  if (stampOf(stamp) === wanted) return;
  say("compiling TypeScript");
  run("tsc", process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "tsconfig.build.json")], { cwd: root });
  for (const file of filesOf(root, ["dist"], (name) => /\.(js|d\.ts)$/.test(name)))
    if (!existsSync(join(root, "src", relative(dist, file).replace(/(\.d\.ts|\.js)$/, ".ts")))) rmSync(file);
  writeFileSync(stamp, wanted);
};

/** Everything that is needed to run, up to date. */
export const build = (root) => {
  installPackages(root);
  generateProto(root);
  compile(root);
  buildCore(root);
};
