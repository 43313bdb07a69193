/** Refusals before an operation begins. They are no `MilvusError`: the wire tells them in its own way (gRPC status 16 and 7, HTTP 401 and 403). */
export class AuthFailure extends Error {
  override name = "AuthFailure";
  constructor(
    readonly kind: "unauthenticated" | "denied",
    message: string,
  ) {
    super(message);
  }
}
