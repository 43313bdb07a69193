/** The version of this package: one place, package.json. */
import { createRequire } from "node:module";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

export const elanusVersion: string = version;
