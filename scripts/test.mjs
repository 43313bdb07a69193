// npm test: builds what is stale, then formatters, linters, Rust tests and vitest. Ends with the line "N passed, N failed, N skipped".
// Arguments go to vitest (a folder or file to run only that); --long runs the long forms of the heavy suites.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./lib/build-steps.mjs";
import { preparePython } from "./lib/python.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const args = process.argv.slice(2);
const long = args.includes("--long");
const filters = args.filter((arg) => arg !== "--long");
const total = { passed: 0, failed: 0, skipped: 0 };

const run = (command, commandArgs, options = {}) =>
  spawnSync(command, commandArgs, { cwd: root, stdio: "inherit", env: { ...process.env, ...options.env }, ...options });

const heading = (text) => process.stdout.write(`\n== ${text}\n`);

/** A tool that passes or fails as a whole: one test. */
const whole = (name, command, commandArgs) => {
  heading(name);
  if (run(command, commandArgs).status === 0) total.passed++;
  else {
    total.failed++;
    process.stdout.write(`FAILED: ${name}\n`);
  }
};

const bin = (name) => join(root, "node_modules/.bin", name);

const rustTests = () => {
  heading("Rust tests");
  const result = spawnSync("cargo", ["test", "--release", "--manifest-path", "core/Cargo.toml", "--quiet"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  process.stdout.write(result.stdout);
  process.stderr.write(result.stderr);
  let counted = false;
  for (const [, passed, failed, ignored] of result.stdout.matchAll(/test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/g)) {
    counted = true;
    total.passed += Number(passed);
    total.failed += Number(failed);
    total.skipped += Number(ignored);
  }
  if (result.status !== 0 && (!counted || total.failed === 0)) total.failed++;
};

const vitest = (python) => {
  heading("TypeScript tests");
  const folder = mkdtempSync(join(tmpdir(), "elanus-test-"));
  const report = join(folder, "report.json");
  const result = run(bin("vitest"), ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...filters], {
    env: { ...(long ? { ELANUS_LONG: "1" } : {}), ...(python ? { ELANUS_PYTHON: python } : {}) },
  });
  if (existsSync(report)) {
    const counts = JSON.parse(readFileSync(report, "utf8"));
    total.passed += counts.numPassedTests;
    total.failed += counts.numFailedTests;
    total.skipped += counts.numPendingTests + counts.numTodoTests;
    // A file that could not be collected fails the run without a failed test.
    if (result.status !== 0 && counts.numFailedTests === 0) total.failed++;
  } else total.failed++;
  rmSync(folder, { recursive: true, force: true });
};

build(root);
const python = preparePython();
if (filters.length === 0) {
  whole("Biome: format and lint", bin("biome"), ["check", "."]);
  whole("TypeScript: types", bin("tsc"), ["--noEmit", "-p", "tsconfig.json"]);
  whole("rustfmt", "cargo", ["fmt", "--manifest-path", "core/Cargo.toml", "--check"]);
  whole("clippy", "cargo", [
    "clippy",
    "--release",
    "--manifest-path",
    "core/Cargo.toml",
    "--all-targets",
    "--quiet",
    "--",
    "-D",
    "warnings",
  ]);
  rustTests();
}
vitest(python);
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exit(total.failed === 0 ? 0 : 1);
