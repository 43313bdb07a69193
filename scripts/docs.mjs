// npm run docs: writes docs/compatibility.md from the built operation table, docs/settings.md from the schema of the settings.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./lib/build-steps.mjs";
import { compatibilityText } from "./lib/compatibility.mjs";
import { settingsText } from "./lib/settings-page.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
build(root);
const { operations } = await import("../dist/operations/table.js");
const { settings } = await import("../dist/shared/settings.js");
writeFileSync(join(root, "docs/compatibility.md"), compatibilityText(operations));
writeFileSync(join(root, "docs/settings.md"), settingsText(settings));
