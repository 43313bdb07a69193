/**
 * What a setting is made of, and the kinds of values that settings have. A kind reads a text, whatever place it comes from, and says the rule that a text
 * which is no value of it broke.
 */
import { PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN } from "./limits.js";

/** One row of the schema. */
export interface Setting<T> {
  /** Without dashes; also the name in camelCase, and in capitals the environment variable. */
  readonly flag: string;
  /** Placeholder in the help. */
  readonly argument: string;
  readonly variable: string;
  readonly default: T;
  /** Shown instead of the default. */
  readonly defaultText?: string;
  readonly description: string;
  /** Where the docs page shows it. */
  readonly group: SettingGroup;
  /** The key of milvus.yaml that means the same in the same unit; a settings file may use it. */
  readonly milvus?: string;
  /** Its value is never printed. */
  readonly secret?: true;
  /** Only on the docs page, not in the help of the command. */
  readonly rare?: true;
  /** The value, or undefined if the text is none. */
  parse(text: string): T | undefined;
  /** Completes "… must be". */
  readonly rule: string;
}

export type SettingGroup = "server" | "storage" | "resources" | "security" | "logs" | "limits" | "quotas";

interface Kind<T> {
  readonly argument: string;
  readonly rule: string;
  parse(text: string): T | undefined;
}

/** A row: what is told of it, and its kind. The variable follows from the flag. */
export const setting = <T>(
  told: Omit<Setting<T>, "argument" | "variable" | "parse" | "rule" | "default"> & {
    readonly default: NoInfer<T>;
    readonly argument?: string;
  },
  kind: Kind<T>,
): Setting<T> => ({ ...kind, ...told, variable: `ELANUS_${told.flag.toUpperCase().replaceAll("-", "_")}` });

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
};

/** Any text that says something. */
export const text = (argument: string, rule: string): Kind<string> => ({
  argument,
  rule,
  parse: (given) => (given.trim() === "" ? undefined : given),
});

/** An integer. `unit` as in "a number of seconds". */
export const integer = (low: number, high: number, unit?: string, note = ""): Kind<number> => ({
  argument: `<${unit ?? "number"}>`,
  rule: `a number ${unit === undefined ? "" : `of ${unit} `}from ${low}${note} to ${high}`,
  parse: (given) => {
    const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
    return value >= low && value <= high ? value : undefined;
  },
});

/** A number that may have a fraction; below 0: no bound. */
export const rate = (unit: string): Kind<number> => ({
  argument: `<${unit}>`,
  rule: `a number of ${unit}, or -1 for no bound`,
  parse: (given) => (/^(-1|\d{1,15}(\.\d{1,9})?)$/.test(given) ? Number(given) : undefined),
});

/** Bytes, with or without a unit. */
export const size = (low: number, high: number): Kind<number> => ({
  argument: "<size>",
  rule: low === 0 ? "a size such as 2GiB, 500MB or a number of bytes" : `a size such as 64MiB or a number of bytes, from ${low} to ${high}`,
  parse: (given) => {
    const match = /^(\d{1,12}(?:\.\d+)?)\s*([A-Za-z]{0,3})$/.exec(given.trim());
    const unit = UNITS[(match?.[2] ?? "").toUpperCase()];
    const bytes = match === null || unit === undefined ? Number.NaN : Math.floor(Number(match[1]) * unit);
    return bytes >= low && bytes <= high ? bytes : undefined;
  },
});

const listed = (values: readonly string[]): string =>
  values.length === 2 ? `"${values[0]}" or "${values[1]}"` : `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;

/** One of some words. */
export const oneOf = <const T extends string>(...values: readonly T[]): Kind<T> => ({
  argument: `<${values.length > 3 ? "word" : values.join("|")}>`,
  rule: listed(values),
  parse: (given) => values.find((value) => value === given),
});

/** A password as users have it. */
export const password: Kind<string> = {
  argument: "<password>",
  rule: `a password of ${PASSWORD_BYTES_MIN} to ${PASSWORD_BYTES_MAX} bytes`,
  parse: (given) => {
    const length = Buffer.byteLength(given, "utf8");
    return length >= PASSWORD_BYTES_MIN && length <= PASSWORD_BYTES_MAX ? given : undefined;
  },
};

/** Names with commas between them. */
export const names = (what: string): Kind<string> => ({
  argument: `<${what}>`,
  rule: `names of ${what} with commas between them`,
  parse: (given) => (/^[\w.-]+(\s*,\s*[\w.-]+)*$/.test(given.trim()) ? given.trim() : undefined),
});

/** Yes or no; the flag alone says yes. */
export const truth: Kind<boolean> = {
  argument: "[true|false]",
  rule: '"true" or "false"',
  parse: (given) => ({ true: true, false: false })[given.toLowerCase()],
};
