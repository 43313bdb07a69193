/** docs/settings.md says what the schema of the settings says. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { settingsText } from "../../scripts/lib/settings-page.mjs";
import { settings } from "../../src/shared/settings.js";

const root = resolve(import.meta.dirname, "../..");

it("docs/settings.md is made from the schema (npm run docs), and has every setting", () => {
  const page = readFileSync(join(root, "docs/settings.md"), "utf8");
  expect(page).toBe(settingsText(settings));
  expect(Object.keys(settings).filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
});
