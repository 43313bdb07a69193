// A Python environment with pymilvus for the client tests, made once in .venv. Without Python 3 the tests that need it count as skipped.
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const PACKAGES = ["pymilvus==3.0.2", "requests>=2.32"];

const works = (command, args) => spawnSync(command, args, { stdio: "ignore" }).status === 0;

/** Path of a Python that has pymilvus, or undefined (and says why). */
export const preparePython = () => {
  const folder = join(root, ".venv");
  const python = join(folder, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  const stamp = join(folder, ".elanus");
  if (existsSync(stamp)) return python;
  if (!works("python3", ["-c", "import sys, venv; sys.exit(sys.version_info < (3, 9))"])) {
    process.stdout.write("No Python >= 3.9 with venv here: the tests of pymilvus are skipped.\n");
    return undefined;
  }
  process.stdout.write("Making a Python environment with pymilvus in .venv ...\n");
  const made =
    spawnSync("python3", ["-m", "venv", folder], { stdio: "inherit" }).status === 0 &&
    spawnSync(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...PACKAGES], { stdio: "inherit" }).status === 0;
  if (!made) throw new Error("The Python environment for the client tests could not be made; delete .venv and try again.");
  writeFileSync(stamp, `${PACKAGES.join("\n")}\n`);
  return python;
};
