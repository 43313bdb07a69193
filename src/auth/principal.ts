/**
 * The only maker of a `Principal`: from the credentials of a call to the user they stand for.
 *
 * Authorization is off: every call is served with the rights of `root`, whatever it brings. The name that it brings is kept, so that logs tell
 * callers apart. gRPC sends base64 of `user:password` or of a token, without a scheme; HTTP sends `Bearer user:password`, `Bearer token`
 * or `Basic base64(user:password)`. Passwords and tokens are never kept.
 * Sources: pymilvus client/interceptor.py, milvus internal/distributed/proxy/httpserver/utils.go.
 */
declare const made: unique symbol;

/** Who asks. The mark is not exported, so no other file can make one. */
export interface Principal {
  readonly user: string;
  readonly [made]: true;
}

const principal = (user: string): Principal => ({ user }) as Principal;

const ROOT = "root";

const userOf = (credentials: string): string => {
  const colon = credentials.indexOf(":");
  return colon > 0 ? credentials.slice(0, colon) : ROOT;
};

const anonymous = principal(ROOT);

const decoded = (base64: string): string => Buffer.from(base64, "base64").toString("utf8");

/** From the `authorization` metadata of a gRPC call. */
export const principalOfMetadata = (authorization: string | undefined): Principal =>
  authorization === undefined || authorization === "" ? anonymous : principal(userOf(decoded(authorization)));

/** From the `Authorization` header of an HTTP request. */
export const principalOfHeader = (authorization: string | undefined): Principal => {
  if (authorization === undefined) return anonymous;
  const space = authorization.indexOf(" ");
  const scheme = authorization.slice(0, space).toLowerCase();
  const credentials = authorization.slice(space + 1).trim();
  return principal(userOf(scheme === "basic" ? decoded(credentials) : credentials));
};

/** The principal of a caller inside this process. */
export const localPrincipal = (): Principal => anonymous;
