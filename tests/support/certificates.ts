/** Certificates of the test's own, made by openssl: an authority, and what it signs for `localhost` and for clients. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const openssl = (...args: readonly string[]): void => {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
};

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"] as const;

export interface Pair {
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

const pairOf = (certificatePath: string, keyPath: string): Pair => ({
  certificatePath,
  keyPath,
  certificate: readFileSync(certificatePath),
  key: readFileSync(keyPath),
});

export interface Authority extends Pair {
  /** A certificate for localhost and 127.0.0.1, for servers and clients. */
  sign(name: string): Pair;
}

/** Files are named after `name`. */
export const createAuthority = (folder: string, name: string): Authority => {
  const [certificatePath, keyPath] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  openssl("req", "-x509", ...NEW_KEY, "-keyout", keyPath, "-out", certificatePath, "-days", "2", "-subj", `/CN=${name}`);
  return {
    ...pairOf(certificatePath, keyPath),
    sign(signed) {
      const [to, key, request, extensions] = [".pem", ".key", ".csr", ".ext"].map((ending) => join(folder, signed + ending)) as [
        string,
        string,
        string,
        string,
      ];
      writeFileSync(extensions, "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
      openssl("req", ...NEW_KEY, "-keyout", key, "-out", request, "-subj", `/CN=${signed}`);
      const by = ["-CA", certificatePath, "-CAkey", keyPath, "-CAcreateserial"];
      openssl("x509", "-req", "-in", request, ...by, "-out", to, "-days", "2", "-extfile", extensions);
      return pairOf(to, key);
    },
  };
};
