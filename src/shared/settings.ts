/**
 * Every setting of the server in one schema: its flag, environment variable, key in a settings file, default and words. The command line's help, the docs
 * page (docs/settings.md) and the readers (read-settings.ts) are made from it; a new setting is one row.
 */
import { quotaSettings } from "./quota-settings.js";
import { integer, names, oneOf, password, setting, size, text, truth } from "./setting-kinds.js";

export const settings = {
  data: setting(
    {
      flag: "data",
      group: "storage",
      default: "./elanus-data",
      description: "folder that holds everything; made when it is not there",
    },
    text("<folder>", "the path of a folder"),
  ),
  port: setting(
    {
      flag: "port",
      group: "server",
      default: 19530,
      milvus: "proxy.port",
      argument: "<number>",
      description: "TCP port of gRPC and REST; 0: any free one",
    },
    integer(0, 65535),
  ),
  host: setting(
    {
      flag: "host",
      group: "server",
      default: "127.0.0.1",
      description: "address to listen on; 0.0.0.0 lets containers and other machines connect",
    },
    text("<address>", "an address or a host name"),
  ),
  fsync: setting(
    {
      flag: "fsync",
      group: "storage",
      default: "always",
      description:
        "always: a write is on disk before it is acknowledged; interval: shortly after, so a power loss may take the last moments",
    },
    oneOf("always", "interval"),
  ),
  maxMemory: setting(
    {
      flag: "max-memory",
      group: "resources",
      default: 0,
      defaultText: "four fifths of what the machine or the container has",
      description: "memory that rows, indexes and requests may take, e.g. 2GiB or 500MB; writes and loads over it are refused",
    },
    size(0, Number.MAX_SAFE_INTEGER),
  ),
  threads: setting(
    {
      flag: "threads",
      group: "resources",
      default: 0,
      defaultText: "one a processor",
      description: "threads that search and build indexes",
    },
    integer(0, 1024, undefined, " (one a processor)"),
  ),
  tlsMode: setting(
    {
      flag: "tls-mode",
      group: "security",
      default: "auto",
      milvus: "common.security.tlsMode",
      argument: "<mode>",
      description: "0: no TLS; 1: TLS; 2: TLS, and clients show a certificate too; auto: 2 with a client CA, 1 with a certificate, else 0",
    },
    oneOf("auto", "0", "1", "2"),
  ),
  tlsCertificate: setting(
    {
      flag: "tls-certificate",
      group: "security",
      default: "",
      milvus: "tls.serverPemPath",
      description: "certificate of the server with those of the authorities between, in PEM; read again when it changes",
    },
    text("<file>", "the path of a file"),
  ),
  tlsKey: setting(
    {
      flag: "tls-key",
      group: "security",
      default: "",
      milvus: "tls.serverKeyPath",
      description: "private key of that certificate, in PEM",
    },
    text("<file>", "the path of a file"),
  ),
  tlsClientCa: setting(
    {
      flag: "tls-client-ca",
      group: "security",
      default: "",
      milvus: "tls.caPemPath",
      description: "certificates of the authorities that certificates of clients must come from, in PEM",
    },
    text("<file>", "the path of a file"),
  ),
  logLevel: setting(
    {
      flag: "log-level",
      group: "logs",
      default: "info",
      milvus: "log.level",
      argument: "<level>",
      description: "silent, error, warn, info or debug; the log goes to stderr",
    },
    oneOf("silent", "error", "warn", "info", "debug"),
  ),
  slowRequestMs: setting(
    {
      flag: "slow-request-ms",
      group: "logs",
      default: 1000,
      description: "requests that take at least this long are logged",
    },
    integer(0, 86_400_000, "milliseconds"),
  ),
  auth: setting(
    {
      flag: "auth",
      group: "security",
      default: false,
      milvus: "common.security.authorizationEnabled",
      description: "callers must prove who they are, and may do what their roles permit; without it everybody may do everything",
    },
    truth,
  ),
  rootPassword: setting(
    {
      flag: "root-password",
      group: "security",
      default: "Milvus",
      defaultText: "Milvus",
      milvus: "common.security.defaultRootPassword",
      secret: true,
      description: "password of the user root until it is changed; better given by the variable, which no list of processes shows",
    },
    password,
  ),
  superUsers: setting(
    {
      flag: "super-users",
      group: "security",
      default: "",
      defaultText: "none",
      milvus: "common.security.superUsers",
      description: "users, with commas between them, who may change anybody's password without knowing the old one",
      rare: true,
    },
    names("users"),
  ),
  auditLog: setting(
    {
      flag: "audit-log",
      group: "logs",
      default: "auto",
      defaultText: "stdout with --auth, else off",
      description: "where a line goes for each call that is denied or changes something: off, stdout, or the path of a file",
    },
    text("<place>", "off, stdout or the path of a file"),
  ),
  connectionsMax: setting(
    {
      flag: "connections-max",
      group: "limits",
      default: 10_000,
      description: "connections at a time; more are refused",
    },
    integer(1, 1_000_000),
  ),
  stopSeconds: setting(
    {
      flag: "stop-seconds",
      group: "server",
      default: 10,
      milvus: "proxy.gracefulStopTimeout",
      description: "how long running requests may finish when the server stops",
    },
    integer(0, 3600, "seconds"),
  ),
  ...quotaSettings,
};

type Schema = typeof settings;
export type SettingName = keyof Schema;
export type Settings = { readonly [Name in SettingName]: Schema[Name]["default"] };

/** The file that may hold all of them; it has a flag and a variable, but stands in no file. */
export const configSetting = setting(
  {
    flag: "config",
    group: "server",
    default: "",
    defaultText: "none",
    description: "settings file in YAML; see docs/settings.md",
  },
  text("<file>", "the path of a file"),
);

/** Hosts that only this machine can reach. */
export const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || /^127\./.test(host);
