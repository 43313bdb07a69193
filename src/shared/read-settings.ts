/**
 * From texts to settings: a flag wins over the environment, the environment over the settings file, the file over the default. What is wrong is told in one
 * sentence that names the flag, variable or key it came from.
 */
import type { Setting } from "./setting-kinds.js";
import { type SettingName, type Settings, settings } from "./settings.js";

export class SettingError extends Error {
  override name = "SettingError";
}

/** A settings file: its path, and the texts of its values by key; `a.b` for a key inside another. */
export interface SettingsFile {
  readonly path: string;
  readonly entries: ReadonlyMap<string, string>;
}

export interface SettingsSources {
  /** What the command line gave, by setting name. */
  readonly flags?: Readonly<Record<string, string | undefined>>;
  /** Empty variables count as not set. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly file?: SettingsFile | undefined;
}

/** One setting as it holds. */
export interface EffectiveSetting {
  readonly name: SettingName;
  readonly value: unknown;
  /** e.g. `--port`, `ELANUS_PORT`, `port in elanus.yaml`; undefined: the default. */
  readonly source: string | undefined;
}

const rows = Object.entries(settings) as [SettingName, Setting<unknown>][];

const byFlag = new Map(rows.map(([name, { flag }]) => [flag, name]));
const byMilvusKey = new Map(rows.flatMap(([name, { milvus }]) => (milvus === undefined ? [] : [[milvus, name] as const])));

/** `tls.mode`, `tlsMode` and `tls-mode` are one key. */
const flagOf = (key: string): string =>
  key
    .replace(/([a-z\d])([A-Z])/g, "$1-$2")
    .replace(/[._]/g, "-")
    .toLowerCase();

const nameOf = (key: string): SettingName | undefined => byMilvusKey.get(key) ?? byFlag.get(flagOf(key));

/** Insertions, removals and replacements of one character that make one text the other. */
const distance = (one: string, other: string): number => {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++)
      next.push(
        Math.min((next[j - 1] as number) + 1, (row[j] as number) + 1, (row[j - 1] as number) + (one[i - 1] === other[j - 1] ? 0 : 1)),
      );
    row = next;
  }
  return row[other.length] as number;
};

/** The known key that is most like the unknown one. */
const nearest = (key: string): string => {
  const names = rows.map(([name]) => ({ known: name as string, apart: distance(flagOf(key), flagOf(name)) }));
  const keys = [...byMilvusKey.keys()].map((known) => ({ known, apart: distance(key, known) }));
  return [...names, ...keys].reduce((best, each) => (each.apart < best.apart ? each : best)).known;
};

const fileEntries = (file: SettingsFile): Map<SettingName, { text: string; source: string }> => {
  const found = new Map<SettingName, { text: string; source: string }>();
  for (const [key, text] of file.entries) {
    const name = nameOf(key);
    if (name === undefined)
      throw new SettingError(`${file.path} has a setting ${key}, which is not known; the nearest one is ${nearest(key)}.`);
    const earlier = found.get(name);
    const source = `${key} in ${file.path}`;
    if (earlier !== undefined) throw new SettingError(`${source} is the same setting as ${earlier.source}; keep one of them.`);
    found.set(name, { text, source });
  }
  return found;
};

/** All settings with where each comes from, in the schema's order. Throws SettingError. */
export const effectiveSettings = ({ flags = {}, environment = {}, file }: SettingsSources): EffectiveSetting[] => {
  const inFile = file === undefined ? new Map<SettingName, { text: string; source: string }>() : fileEntries(file);
  return rows.map(([name, definition]) => {
    const flag = flags[name];
    const variable = environment[definition.variable];
    const given =
      flag !== undefined
        ? { text: flag, source: `--${definition.flag}` }
        : variable !== undefined && variable !== ""
          ? { text: variable, source: definition.variable }
          : inFile.get(name);
    if (given === undefined) return { name, value: definition.default, source: undefined };
    const value = definition.parse(given.text);
    if (value === undefined) {
      const shown = definition.secret ? "what it is" : JSON.stringify(given.text);
      throw new SettingError(`${given.source} must be ${definition.rule}, not ${shown}.`);
    }
    return { name, value, source: given.source };
  });
};

/** The values alone. Throws SettingError. */
export const readSettings = (sources: SettingsSources): Settings =>
  Object.fromEntries(effectiveSettings(sources).map(({ name, value }) => [name, value])) as Settings;
