/** Where a client goes: what a `uri` and the options beside it mean. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { invalid } from "../shared/errors.js";

/** How to open a client. */
export interface MilvusClientOptions {
  /**
   * `http://host:19530` or `https://host` (default ports 19530 and 443): a server. User, password and database may stand in it
   * (`http://user:password@host:19530/database`). Anything else is the path of a folder, `./my.db`: the engine is opened inside this process.
   */
  readonly uri: string;
  /** `user:password`, or an API key. */
  readonly token?: string;
  readonly user?: string;
  readonly password?: string;
  /** Database of calls that name none. Default `default`. */
  readonly database?: string;
  /** Seconds (as in pymilvus) that a call may take when it says nothing itself. Default: no limit. */
  readonly timeout?: number;
  /** For `https://` only. */
  readonly tls?: TlsClientOptions;
  /** Embedded only: `always` (default) makes every acknowledged write durable; `interval` may lose the last moments in a power failure. */
  readonly fsync?: "always" | "interval";
}

/** PEM texts. */
export interface TlsClientOptions {
  /** Authorities that the server's certificate may come from. Default: those that Node knows. */
  readonly ca?: string | Uint8Array;
  /** The client's own certificate and key, where the server asks for them. */
  readonly certificate?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** The name that the server's certificate must have. Default: the host of the uri. */
  readonly serverName?: string;
}

export interface RemoteTarget {
  readonly kind: "remote";
  /** `http://host:port` or `https://host:port`. */
  readonly origin: string;
  /** Plain text of the `authorization` metadata; empty: none is sent. */
  readonly credentials: string;
  readonly tls?: TlsClientOptions | undefined;
}

export interface EmbeddedTarget {
  readonly kind: "embedded";
  /** Absolute path. */
  readonly folder: string;
  readonly fsync: "always" | "interval";
}

export interface Target {
  readonly place: RemoteTarget | EmbeddedTarget;
  readonly database: string;
  /** Seconds. */
  readonly timeout: number | undefined;
}

const SCHEMES: Readonly<Record<string, { readonly protocol: "http" | "https"; readonly port: number }>> = {
  "http:": { protocol: "http", port: 19530 },
  "tcp:": { protocol: "http", port: 19530 },
  "https:": { protocol: "https", port: 443 },
};

const HOST_AND_PORT = /^(?:localhost|[\w-]+(?:\.[\w-]+)+):\d{1,5}$/;

/** @throws MilvusError 1100 for a uri that is neither a server nor a path. */
export const targetOf = (given: MilvusClientOptions | string): Target => {
  const options: MilvusClientOptions = typeof given === "string" ? { uri: given } : given;
  const { uri, timeout } = options;
  if (typeof uri !== "string" || uri === "") throw invalid("uri should not be empty: give http://host:19530, or the path of a folder");
  if (timeout !== undefined && !(timeout > 0)) throw invalid(`timeout should be seconds above 0, but got ${timeout}`);
  const url = HOST_AND_PORT.test(uri) ? `http://${uri}` : uri;
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(url)) return embedded(resolve(url), options);
  const scheme = url.slice(0, url.indexOf("://") + 1).toLowerCase();
  return scheme === "file:" ? embedded(fileURLToPath(url), options) : remote(url, scheme, options);
};

const embedded = (folder: string, options: MilvusClientOptions): Target => ({
  place: { kind: "embedded", folder, fsync: options.fsync ?? "always" },
  database: options.database ?? "default",
  timeout: options.timeout,
});

const remote = (uri: string, schemeName: string, options: MilvusClientOptions): Target => {
  const scheme = SCHEMES[schemeName];
  if (scheme === undefined) throw invalid(`uri ${uri} should begin with http:// or https://, or be the path of a folder`);
  // The URL parser knows default ports and hosts of http only.
  const http = `http://${uri.slice(uri.indexOf("://") + 3)}`;
  if (!URL.canParse(http)) throw invalid(`uri ${uri} is not valid`);
  if (options.tls !== undefined && scheme.protocol !== "https") throw invalid(`tls is given, but uri ${uri} does not begin with https://`);
  const url = new URL(http);
  const explicit80 = /^http:\/\/(?:[^/@]*@)?(?:\[[^\]]*\]|[^/:]*):80(?:\/|$)/.test(http);
  const port = url.port !== "" ? Number(url.port) : explicit80 ? 80 : scheme.port;
  const inUri = url.username === "" ? "" : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const pair = options.user === undefined ? inUri : `${options.user}:${options.password ?? ""}`;
  return {
    place: { kind: "remote", origin: `${scheme.protocol}://${url.hostname}:${port}`, credentials: options.token ?? pair, tls: options.tls },
    database: options.database ?? (decodeURIComponent(url.pathname.slice(1)) || "default"),
    timeout: options.timeout,
  };
};
