/** Settings: flag before environment before default, and one sentence for what is wrong. */
import { expect, test } from "vitest";
import { quotaSettings } from "../../src/shared/quota-settings.js";
import { readSettings, SettingError } from "../../src/shared/read-settings.js";
import { settings } from "../../src/shared/settings.js";

test("without flags and environment everything has its default", () => {
  expect(readSettings({})).toEqual(Object.fromEntries(Object.entries(settings).map(([name, { default: value }]) => [name, value])));
  expect(readSettings({})).toMatchObject({ data: "./elanus-data", port: 19530, host: "127.0.0.1", fsync: "always" });
});

test("a flag wins over the environment, the environment over the default", () => {
  expect(readSettings({ environment: { ELANUS_PORT: "19531" } }).port).toBe(19531);
  expect(readSettings({ flags: { port: "19532" }, environment: { ELANUS_PORT: "19531" } }).port).toBe(19532);
  expect(readSettings({ environment: { ELANUS_PORT: "" } }).port).toBe(19530);
});

test("what is wrong is told with the name of where it came from", () => {
  expect(() => readSettings({ flags: { port: "70000" } })).toThrow(
    new SettingError('--port must be a number from 0 to 65535, not "70000".'),
  );
  expect(() => readSettings({ environment: { ELANUS_FSYNC: "never" } })).toThrow(
    new SettingError('ELANUS_FSYNC must be "always" or "interval", not "never".'),
  );
});

test("every setting refuses what is no value of its kind", () => {
  const quotas = Object.entries(quotaSettings).map(([name, { default: value }]) => [
    name,
    typeof value === "number" ? ["-2", "x", ""] : ["on"],
  ]);
  const wrong: Record<keyof typeof settings, string[]> = {
    ...(Object.fromEntries(quotas) as Record<keyof typeof quotaSettings, string[]>),
    data: ["", " "],
    host: [""],
    port: ["-1", "1.5", "0x10", "65536", "99999999999999999999", "", "abc"],
    fsync: ["Always", ""],
    maxMemory: ["-1", "2TiBs", "much", ""],
    threads: ["-1", "1e3", "1025"],
    tlsMode: ["3", "on", ""],
    tlsCertificate: [""],
    tlsKey: [" "],
    tlsClientCa: [""],
    logLevel: ["trace", ""],
    slowRequestMs: ["-1", "NaN"],
    auth: ["yes", "1", ""],
    rootPassword: ["", "short", "x".repeat(73)],
    superUsers: ["", "a,,b", ","],
    auditLog: ["", " "],
    connectionsMax: ["0"],
    stopSeconds: ["-1", "3601"],
  };
  for (const [name, texts] of Object.entries(wrong))
    for (const text of texts) expect(() => readSettings({ flags: { [name]: text } }), `${name}=${text}`).toThrow(SettingError);
});

test("names, flags and variables belong together and are unique", () => {
  for (const [name, { flag, variable, description }] of Object.entries(settings)) {
    expect(flag).toBe(name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
    expect(variable).toBe(`ELANUS_${flag.toUpperCase().replaceAll("-", "_")}`);
    expect(description).not.toBe("");
  }
});
