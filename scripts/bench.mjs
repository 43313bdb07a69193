// npm run bench: builds, makes the Python environments of the peers, and runs bench/main.ts with the arguments given. Milvus itself has an environment of
// its own, made when the suite that starts it is run: its packages need old versions of others.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./lib/build-steps.mjs";
import { prepareVenv } from "./lib/python.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const given = process.argv.slice(2);
build(root);
const environment = (flag, folder, requirements) => {
  const python = prepareVenv(join(root, folder), ["-r", join(root, requirements)]);
  return python === undefined ? [] : [flag, python];
};
const pythons = [
  ...environment("--python", "bench/.venv", "bench/requirements.txt"),
  ...(given.includes("server") ? environment("--milvus-python", "bench/.venv-milvus", "bench/requirements-milvus.txt") : []),
];
const args = [join(root, "bench/main.ts"), ...pythons, ...given];
const result = spawnSync(join(root, "node_modules/.bin/tsx"), args, { cwd: root, stdio: "inherit" });
process.exit(result.status ?? 1);
