// Whether this machine can build and run Elanus. What is missing or too old is told in one sentence, with how to get it.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A problem that the user can solve; printed without a stack. */
export class ToolchainError extends Error {}

const numbers = (version) => version.split(".").map((part) => Number.parseInt(part, 10) || 0);

/** Whether version `have` is `need` or newer. Both like "20.19" or "1.88.0". */
export const reaches = (have, need) => {
  const [a, b] = [numbers(have), numbers(need)];
  for (let i = 0; i < Math.max(a.length, b.length); i++) if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) > (b[i] ?? 0);
  return true;
};

export const checkNode = (root, have = process.versions.node) => {
  const need = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.node.replace(">=", "");
  if (!reaches(have, need))
    throw new ToolchainError(
      `Elanus needs Node.js ${need} or newer and this is ${have}; get it from https://nodejs.org or with: nvm install --lts`,
    );
};

const versionOf = (command, folder) => {
  const { status, stdout } = spawnSync(command, ["--version"], { cwd: folder, encoding: "utf8" });
  return status === 0 ? (/\d+\.\d+(\.\d+)?/.exec(stdout)?.[0] ?? undefined) : undefined;
};

/** `probe` gives the version of a command, or undefined where it does not run. */
export const checkRust = (root, probe = versionOf) => {
  const core = join(root, "core");
  const need = /^rust-version\s*=\s*"([^"]+)"/m.exec(readFileSync(join(core, "Cargo.toml"), "utf8"))?.[1] ?? "1.0";
  for (const command of ["cargo", "rustc"]) {
    const have = probe(command, core);
    if (have === undefined)
      throw new ToolchainError(
        `Elanus builds its core with Rust ${need} or newer and found no ${command}; get it from https://rustup.rs with: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh`,
      );
    if (!reaches(have, need))
      throw new ToolchainError(
        `Elanus builds its core with Rust ${need} or newer and ${command} here is ${have}; update it with: rustup update stable`,
      );
  }
};
