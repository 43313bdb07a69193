/** Who a call says it comes from. */
import { expect, test } from "vitest";
import { credentialsOfHeader, credentialsOfMetadata } from "../../src/auth/credentials.js";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const ada = { kind: "password", user: "ada", password: "pass:word" };

test("gRPC metadata: base64 of user and password, or of a token", () => {
  expect(credentialsOfMetadata(base64("ada:pass:word"))).toEqual(ada);
  expect(credentialsOfMetadata(base64("a-token"))).toEqual({ kind: "token" });
  expect(credentialsOfMetadata(base64(""))).toEqual({ kind: "token" });
  expect(credentialsOfMetadata(undefined)).toEqual({ kind: "none" });
});

test("what is no base64 is malformed", () => {
  for (const text of ["%%%", "ada:password", "YWRhOnBhc3M", "YWRh=", " YWRh"])
    expect(credentialsOfMetadata(text)).toEqual({ kind: "malformed" });
});

test("HTTP: Bearer in plain text, Basic in base64", () => {
  expect(credentialsOfHeader("Bearer ada:pass:word")).toEqual(ada);
  expect(credentialsOfHeader("bearer a-token")).toEqual({ kind: "token" });
  expect(credentialsOfHeader(`Basic ${base64("ada:pass:word")}`)).toEqual(ada);
  expect(credentialsOfHeader("Basic %%%")).toEqual({ kind: "malformed" });
  expect(credentialsOfHeader(undefined)).toEqual({ kind: "none" });
});
