/** Who a call comes from, by what it carries. Authorization is off: everybody is served. */
import { expect, test } from "vitest";
import { principalOfHeader, principalOfMetadata } from "../../src/auth/principal.js";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

test("gRPC metadata: base64 of user and password, or of a token", () => {
  expect(principalOfMetadata(base64("ada:pass:word")).user).toBe("ada");
  expect(principalOfMetadata(base64("a-token")).user).toBe("root");
});

test("HTTP: Bearer in plain text, Basic in base64", () => {
  expect(principalOfHeader("Bearer ada:password").user).toBe("ada");
  expect(principalOfHeader("bearer a-token").user).toBe("root");
  expect(principalOfHeader(`Basic ${base64("ada:password")}`).user).toBe("ada");
});

test("nothing, and nonsense, is served as root", () => {
  for (const text of [undefined, "", ":", "%%%", "Basic"]) {
    expect(principalOfMetadata(text).user).toBe("root");
    expect(principalOfHeader(text).user).toBe("root");
  }
});
