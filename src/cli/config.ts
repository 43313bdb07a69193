/** What `elanus config` prints: the settings as they hold, as a settings file, each with where it comes from. Secrets are never printed. */
import { stringify } from "yaml";
import type { EffectiveSetting } from "../shared/read-settings.js";
import type { Setting } from "../shared/setting-kinds.js";
import { settings } from "../shared/settings.js";

/** Where the comments begin, for values that leave the room. Characters. */
const COMMENT_COLUMN = 40;

const line = ({ name, value, source }: EffectiveSetting): string => {
  const { secret, defaultText }: Setting<unknown> = settings[name];
  const why = source ?? (defaultText === undefined ? "default" : `default: ${defaultText}`);
  // A value that is not told is a comment as a whole, so that what is printed remains a settings file.
  if (secret) return `${`# ${name}: (${value === "" ? "not set" : "secret"})`.padEnd(COMMENT_COLUMN)} # ${why}\n`;
  if (value === "") return `${`${name}:`.padEnd(COMMENT_COLUMN)} # ${why}\n`;
  return `${`${name}: ${stringify(value).trimEnd()}`.padEnd(COMMENT_COLUMN)} # ${why}\n`;
};

export const configText = (effective: readonly EffectiveSetting[]): string => effective.map(line).join("");
