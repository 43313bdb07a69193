/**
 * The files of TLS: read and checked at the start, with one sentence for what is wrong; read again every few seconds and on SIGHUP. New ones are taken when
 * they fit together, so a pair that is half replaced does no harm: the old one serves on, and the log says why.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { Env } from "../shared/env.js";
import { isAbsent, readWhole } from "../shared/files.js";
import { SettingError } from "../shared/read-settings.js";
import { type Settings, settings } from "../shared/settings.js";
import type { Logger } from "../telemetry/log.js";
import type { TlsMaterial } from "../wire/tls.js";

type TlsSettings = Pick<Settings, "tlsMode" | "tlsCertificate" | "tlsKey" | "tlsClientCa">;

/** How often the files are looked at. Milliseconds. */
const LOOK_MS = 5000;

const modeOf = ({ tlsMode, tlsCertificate, tlsClientCa }: TlsSettings): "0" | "1" | "2" => {
  if (tlsMode !== "auto") return tlsMode;
  if (tlsClientCa !== "") return "2";
  return tlsCertificate === "" ? "0" : "1";
};

const read = async (env: Env, path: string, what: string): Promise<Buffer> => {
  try {
    return await readWhole(env.files, path);
  } catch (error) {
    throw new SettingError(
      isAbsent(error)
        ? `The file of ${what}, ${path}, is not there.`
        : `The file of ${what}, ${path}, cannot be read: ${(error as Error).message}.`,
    );
  }
};

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

const certificatesIn = (pem: Buffer, path: string, what: string): X509Certificate[] => {
  try {
    const certificates = (pem.toString("latin1").match(CERTIFICATE) ?? []).map((text) => new X509Certificate(text));
    if (certificates.length > 0) return certificates;
  } catch {
    // Told below, as what has no certificate at all.
  }
  throw new SettingError(`The file of ${what}, ${path}, holds no certificate in PEM.`);
};

const keyIn = (pem: Buffer, path: string): KeyObject => {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MISSING_PASSPHRASE" || /ENCRYPTED/.test(pem.toString("latin1")))
      throw new SettingError(`The private key ${path} is locked by a passphrase; write it without one, readable by this user only.`);
    throw new SettingError(`The file of the private key, ${path}, holds no private key in PEM.`);
  }
};

/** What the settings ask for; undefined: no TLS. @throws SettingError */
export const readCertificates = async (env: Env, chosen: TlsSettings, logger: Logger): Promise<TlsMaterial | undefined> => {
  const mode = modeOf(chosen);
  if (mode === "0") return undefined;
  const { tlsCertificate, tlsKey, tlsClientCa } = chosen;
  const flag = (name: keyof TlsSettings) => `--${settings[name].flag} <file>`;
  if (tlsCertificate === "" || tlsKey === "")
    throw new SettingError(`TLS needs a certificate and its private key: ${flag("tlsCertificate")} and ${flag("tlsKey")}.`);
  if (mode === "2" && tlsClientCa === "")
    throw new SettingError(`Certificates of clients are checked by those of their authorities: ${flag("tlsClientCa")}.`);
  const certificate = await read(env, tlsCertificate, "the certificate");
  const key = await read(env, tlsKey, "the private key");
  const clientCa = mode === "2" ? await read(env, tlsClientCa, "the clients' authorities") : undefined;
  const [own] = certificatesIn(certificate, tlsCertificate, "the certificate");
  if (clientCa !== undefined) certificatesIn(clientCa, tlsClientCa, "the clients' authorities");
  if (!own?.checkPrivateKey(keyIn(key, tlsKey)))
    throw new SettingError(`The private key ${tlsKey} does not belong to the certificate ${tlsCertificate}.`);
  if (Date.parse(own.validTo) < env.now())
    logger.warn({ certificate: tlsCertificate, validTo: own.validTo }, "the certificate is out of date");
  return { certificate, key, clientCa };
};

const same = (one: TlsMaterial, other: TlsMaterial): boolean =>
  one.certificate.equals(other.certificate) &&
  one.key.equals(other.key) &&
  (one.clientCa === undefined || (other.clientCa !== undefined && one.clientCa.equals(other.clientCa)));

/** Looks at the files until `stop` is called; `look` looks at once. */
export interface CertificateWatch {
  look(): void;
  stop(): void;
}

export const watchCertificates = (
  env: Env,
  chosen: TlsSettings,
  logger: Logger,
  first: TlsMaterial,
  renew: (material: TlsMaterial) => void,
): CertificateWatch => {
  let current = first;
  let told = "";
  let stopped = false;
  let cancel = () => {};
  const look = async (): Promise<void> => {
    try {
      const found = await readCertificates(env, chosen, logger);
      if (stopped || found === undefined || same(found, current)) return;
      renew(found);
      current = found;
      told = "";
      logger.info(
        { certificate: chosen.tlsCertificate, validTo: new X509Certificate(found.certificate).validTo },
        "certificates read again",
      );
    } catch (error) {
      const { message } = error as Error;
      if (message !== told) logger.warn({ reason: message }, "new certificates are not taken; the old ones serve on");
      told = message;
    }
  };
  const next = (): void => {
    cancel = env.after(LOOK_MS, () => void look().finally(() => !stopped && next()));
  };
  next();
  return {
    look: () => void look(),
    stop() {
      stopped = true;
      cancel();
    },
  };
};
