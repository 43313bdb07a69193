/** The settings file, and what `elanus config` prints: precedence, keys in every spelling, what is wrong in one sentence, no secrets. */
import { describe, expect, it } from "vitest";
import { configText } from "../../src/cli/config.js";
import { parseSettingsFile, readSettingsFile } from "../../src/cli/settings-file.js";
import { effectiveSettings, readSettings, SettingError } from "../../src/shared/read-settings.js";
import { settings } from "../../src/shared/settings.js";

const file = (text: string) => parseSettingsFile("elanus.yaml", text);
const readFile = (text: string) => readSettings({ file: file(text) });

describe("a settings file", () => {
  it("loses to the environment and to flags, and wins over the default", () => {
    const yaml = file("port: 19531\nlogLevel: warn\nthreads: 3\n");
    const sources = { file: yaml, environment: { ELANUS_PORT: "19532", ELANUS_THREADS: "4" }, flags: { threads: "5" } };
    expect(readSettings(sources)).toMatchObject({ port: 19532, logLevel: "warn", threads: 5, host: "127.0.0.1" });
    expect(effectiveSettings(sources).filter(({ source }) => source !== undefined)).toEqual([
      { name: "port", value: 19532, source: "ELANUS_PORT" },
      { name: "threads", value: 5, source: "--threads" },
      { name: "logLevel", value: "warn", source: "logLevel in elanus.yaml" },
    ]);
  });

  it.each([
    ["camel case", "slowRequestMs: 5"],
    ["dashes", "slow-request-ms: 5"],
    ["nested", "slow:\n  request:\n    ms: 5"],
    ["nested and joined", "slow.request: {ms: 5}"],
    ["quoted", 'slowRequestMs: "5"'],
  ])("takes keys in %s", (_, yaml) => {
    expect(readFile(yaml).slowRequestMs).toBe(5);
  });

  it("takes the keys of milvus.yaml", () => {
    expect(readFile("proxy:\n  port: 19540\nlog:\n  level: error\n")).toMatchObject({ port: 19540, logLevel: "error" });
  });

  it.each(["", "# nothing\n", "---\n", "port:\n", "port: null\n"])("that says nothing changes nothing: %j", (yaml) => {
    expect(readFile(yaml)).toEqual(readSettings({}));
  });

  it.each([
    ["prot: 1", "elanus.yaml has a setting prot, which is not known; the nearest one is port."],
    ["proxy:\n  prot: 1", "elanus.yaml has a setting proxy.prot, which is not known; the nearest one is proxy.port."],
    ["port: 70000", 'port in elanus.yaml must be a number from 0 to 65535, not "70000".'],
    ["port: 0x10", 'port in elanus.yaml must be a number from 0 to 65535, not "0x10".'],
    ["fsync: off", 'fsync in elanus.yaml must be "always" or "interval", not "off".'],
    ["port: [1, 2]", "port in elanus.yaml must be one plain value."],
    ["port: 1\nproxy.port: 2", "proxy.port in elanus.yaml is the same setting as port in elanus.yaml; keep one of them."],
    ["port: 1\nport: 2", "elanus.yaml is not YAML: Map keys must be unique at line 2, column 1."],
    [
      "port: {",
      "elanus.yaml is not YAML: Flow map in block collection must be sufficiently indented and end with a } at line 1, column 8.",
    ],
    ["- port", 'elanus.yaml must be a YAML map of settings, such as "port: 19530".'],
    ["19530", 'elanus.yaml must be a YAML map of settings, such as "port: 19530".'],
  ])("that is wrong is told in one sentence: %j", (yaml, sentence) => {
    expect(() => readFile(yaml)).toThrow(new SettingError(sentence));
  });

  it("that is not there is told", async () => {
    await expect(readSettingsFile("/nowhere/elanus.yaml")).rejects.toThrow(
      new SettingError("There is no settings file /nowhere/elanus.yaml."),
    );
  });
});

describe("elanus config", () => {
  it("prints every setting with its source, as a settings file", () => {
    const effective = effectiveSettings({
      flags: { port: "19531", data: "/a folder: odd # one" },
      environment: { ELANUS_FSYNC: "interval" },
    });
    const text = configText(effective);
    expect(text).toMatch(/^port: 19531 +# --port$/m);
    expect(text).toMatch(/^fsync: interval +# ELANUS_FSYNC$/m);
    expect(text).toMatch(/^host: 127\.0\.0\.1 +# default$/m);
    expect(text.split("\n").length - 1).toBe(Object.keys(settings).length);
    const again = readSettings({ file: parseSettingsFile("printed.yaml", text) });
    expect(again).toEqual(Object.fromEntries(effective.map(({ name, value }) => [name, value])));
  });
});
