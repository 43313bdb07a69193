// Python environments: .venv with pymilvus for the client tests, bench/.venv with the peers of the benchmarks.
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const PACKAGES = ["pymilvus==3.0.2", "requests>=2.32"];

const works = (command, args) => spawnSync(command, args, { stdio: "ignore" }).status === 0;

/** Path of the Python of a virtual environment with these packages, made once; undefined (and says why) where there is no Python 3. */
export const prepareVenv = (folder, packages) => {
  const python = join(folder, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  const stamp = join(folder, ".elanus");
  if (existsSync(stamp)) return python;
  if (!works("python3", ["-c", "import sys, venv; sys.exit(sys.version_info < (3, 9))"])) {
    process.stdout.write("No Python >= 3.9 with venv here: what needs it is skipped.\n");
    return undefined;
  }
  process.stdout.write(`Making a Python environment in ${folder} ...\n`);
  const made =
    spawnSync("python3", ["-m", "venv", folder], { stdio: "inherit" }).status === 0 &&
    spawnSync(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages], { stdio: "inherit" }).status === 0;
  if (!made) throw new Error(`The Python environment could not be made; delete ${folder} and try again.`);
  writeFileSync(stamp, `${packages.join("\n")}\n`);
  return python;
};

/** The Python with pymilvus of the client tests. */
export const preparePython = () => prepareVenv(join(root, ".venv"), PACKAGES);
