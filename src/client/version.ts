/** The version that clients announce: the package's. */
import { createRequire } from "node:module";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

export const CLIENT_VERSION: string = version;
