// `npm start`: brings dist/ up to date, then is `elanus serve` with the same arguments: the same process, so signals and the exit code are its own.
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "./lib/build-steps.mjs";
import { checkNode, ToolchainError } from "./lib/toolchain.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const main = join(root, "dist/cli/main.js");
try {
  checkNode(root);
  build(root);
  process.argv = [process.execPath, main, "serve", ...process.argv.slice(2)];
  await import(pathToFileURL(main).href);
} catch (error) {
  if (!(error instanceof ToolchainError)) throw error;
  process.stderr.write(`elanus: ${error.message}\n`);
  process.exitCode = 1;
}
