// `npm run build`: brings dist/ up to date.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./lib/build-steps.mjs";
import { checkNode, ToolchainError } from "./lib/toolchain.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
try {
  checkNode(root);
  build(root);
} catch (error) {
  if (!(error instanceof ToolchainError)) throw error;
  process.stderr.write(`elanus: ${error.message}\n`);
  process.exitCode = 1;
}
