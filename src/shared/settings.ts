/**
 * Every setting of the server in one schema: its flag, environment variable, default and words. The command line's help, the
 * documentation and the parser are made from it. A flag wins over the environment, the environment over the default. What is wrong is told in one
 * sentence that names the flag or variable it came from.
 */

/** Hosts that only this machine can reach. */
export const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || /^127\./.test(host);

export class SettingError extends Error {
  override name = "SettingError";
}

interface Setting<T> {
  /** Without dashes; also the name in camelCase. */
  readonly flag: string;
  /** Placeholder in the help. */
  readonly argument: string;
  readonly variable: string;
  readonly default: T;
  /** Shown in the help instead of the default. */
  readonly defaultText?: string;
  readonly description: string;
  /** The value, or undefined if the text is none. */
  parse(text: string): T | undefined;
  /** Completes "… must be". */
  readonly rule: string;
}

const setting = <T>(definition: Setting<T>): Setting<T> => definition;

const integer =
  (low: number, high: number) =>
  (text: string): number | undefined => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= low && value <= high ? value : undefined;
  };

const oneOf =
  <const T extends string>(...values: readonly T[]) =>
  (text: string): T | undefined =>
    values.find((value) => value === text);

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

/** Bytes; 0 stands for the default. */
const bytes = (text: string): number | undefined => {
  const match = /^(\d{1,12}(?:\.\d+)?)\s*([A-Za-z]{0,3})$/.exec(text.trim());
  const unit = UNITS[(match?.[2] ?? "").toUpperCase()];
  return match === null || unit === undefined ? undefined : Math.floor(Number(match[1]) * unit);
};

const nonEmpty = (text: string): string | undefined => (text.trim() === "" ? undefined : text);

export const settings = {
  data: setting<string>({
    flag: "data",
    argument: "<folder>",
    variable: "ELANUS_DATA",
    default: "./elanus-data",
    description: "folder that holds everything; made when it is not there",
    parse: nonEmpty,
    rule: "the path of a folder",
  }),
  port: setting<number>({
    flag: "port",
    argument: "<number>",
    variable: "ELANUS_PORT",
    default: 19530,
    description: "TCP port of gRPC and REST; 0: any free one",
    parse: integer(0, 65535),
    rule: "a number from 0 to 65535",
  }),
  host: setting<string>({
    flag: "host",
    argument: "<address>",
    variable: "ELANUS_HOST",
    default: "127.0.0.1",
    description: "address to listen on; 0.0.0.0 lets containers and other machines connect",
    parse: nonEmpty,
    rule: "an address or a host name",
  }),
  fsync: setting<"always" | "interval">({
    flag: "fsync",
    argument: "<always|interval>",
    variable: "ELANUS_FSYNC",
    default: "always",
    description: "always: a write is on disk before it is acknowledged; interval: shortly after, so a power loss may take the last moments",
    parse: oneOf("always", "interval"),
    rule: '"always" or "interval"',
  }),
  maxMemory: setting<number>({
    flag: "max-memory",
    argument: "<size>",
    variable: "ELANUS_MAX_MEMORY",
    default: 0,
    defaultText: "four fifths of what the machine or the container has",
    description: "memory that rows, indexes and requests may take, e.g. 2GiB or 500MB; writes and loads over it are refused",
    parse: bytes,
    rule: "a size such as 2GiB, 500MB or a number of bytes",
  }),
  threads: setting<number>({
    flag: "threads",
    argument: "<number>",
    variable: "ELANUS_THREADS",
    default: 0,
    defaultText: "one a processor",
    description: "threads that search and build indexes",
    parse: integer(0, 1024),
    rule: "a number from 0 (one a processor) to 1024",
  }),
  logLevel: setting<"silent" | "error" | "warn" | "info" | "debug">({
    flag: "log-level",
    argument: "<level>",
    variable: "ELANUS_LOG_LEVEL",
    default: "info",
    description: "silent, error, warn, info or debug; the log goes to stderr",
    parse: oneOf("silent", "error", "warn", "info", "debug"),
    rule: "silent, error, warn, info or debug",
  }),
  slowRequestMs: setting<number>({
    flag: "slow-request-ms",
    argument: "<milliseconds>",
    variable: "ELANUS_SLOW_REQUEST_MS",
    default: 1000,
    description: "requests that take at least this long are logged",
    parse: integer(0, 86_400_000),
    rule: "a number of milliseconds from 0 to 86400000",
  }),
  connectionsMax: setting<number>({
    flag: "connections-max",
    argument: "<number>",
    variable: "ELANUS_CONNECTIONS_MAX",
    default: 10_000,
    description: "connections at a time; more are refused",
    parse: integer(1, 1_000_000),
    rule: "a number from 1 to 1000000",
  }),
  stopSeconds: setting<number>({
    flag: "stop-seconds",
    argument: "<seconds>",
    variable: "ELANUS_STOP_SECONDS",
    default: 10,
    description: "how long running requests may finish when the server stops",
    parse: integer(0, 3600),
    rule: "a number of seconds from 0 to 3600",
  }),
};

type Schema = typeof settings;
export type SettingName = keyof Schema;
export type Settings = { readonly [Name in SettingName]: Schema[Name]["default"] };

const value = <T>(definition: Setting<T>, text: string, source: string): T => {
  const parsed = definition.parse(text);
  if (parsed === undefined) throw new SettingError(`${source} must be ${definition.rule}, not ${JSON.stringify(text)}.`);
  return parsed;
};

/** `flags`: what the command line gave, by setting name. Empty variables count as not set. Throws SettingError. */
export const readSettings = (
  flags: Readonly<Record<string, string | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
): Settings => {
  const entries = Object.entries(settings).map(([name, definition]) => {
    const any = definition as Setting<unknown>;
    const flag = flags[name];
    const variable = environment[any.variable];
    if (flag !== undefined) return [name, value(any, flag, `--${any.flag}`)];
    if (variable !== undefined && variable !== "") return [name, value(any, variable, any.variable)];
    return [name, any.default];
  });
  return Object.fromEntries(entries) as Settings;
};
