// npm run bench: builds, makes the Python environment of the peers, and runs bench/main.ts with the arguments given.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./lib/build-steps.mjs";
import { prepareVenv } from "./lib/python.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
build(root);
const python = prepareVenv(join(root, "bench/.venv"), ["-r", join(root, "bench/requirements.txt")]);
const args = [join(root, "bench/main.ts"), ...(python === undefined ? [] : ["--python", python]), ...process.argv.slice(2)];
const result = spawnSync(join(root, "node_modules/.bin/tsx"), args, { cwd: root, stdio: "inherit" });
process.exit(result.status ?? 1);
