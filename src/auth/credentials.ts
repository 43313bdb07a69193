/**
 * What a call brings to say who it comes from. gRPC sends base64 of `user:password` or of a token, without a scheme; HTTP sends `Bearer user:password`,
 * `Bearer token` or `Basic base64(user:password)`.
 * Sources: pymilvus client/interceptor.py, milvus internal/proxy/authentication_interceptor.go, internal/distributed/proxy/httpserver/utils.go.
 */
export type Credentials =
  | { readonly kind: "none" }
  | { readonly kind: "malformed" }
  | { readonly kind: "token" }
  | { readonly kind: "password"; readonly user: string; readonly password: string };

const NONE: Credentials = { kind: "none" };
const MALFORMED: Credentials = { kind: "malformed" };

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The bytes as a text; undefined: no base64. */
export const decodeBase64 = (text: string): string | undefined => {
  const bare = text.replace(/[\r\n]/g, "");
  return BASE64.test(bare) ? Buffer.from(bare, "base64").toString("utf8") : undefined;
};

const given = (text: string | undefined): Credentials => {
  if (text === undefined) return MALFORMED;
  const colon = text.indexOf(":");
  return colon === -1 ? { kind: "token" } : { kind: "password", user: text.slice(0, colon), password: text.slice(colon + 1) };
};

/** From the `authorization` metadata of a gRPC call. */
export const credentialsOfMetadata = (authorization: string | undefined): Credentials =>
  authorization === undefined ? NONE : given(decodeBase64(authorization));

/** From the `Authorization` header of an HTTP request. */
export const credentialsOfHeader = (authorization: string | undefined): Credentials => {
  if (authorization === undefined || authorization === "") return NONE;
  const space = authorization.indexOf(" ");
  const scheme = authorization.slice(0, space).toLowerCase();
  const text = authorization.slice(space + 1).trim();
  return given(scheme === "basic" ? decodeBase64(text) : text);
};
