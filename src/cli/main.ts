#!/usr/bin/env -S MALLOC_MMAP_THRESHOLD_=1048576 node --single-threaded-gc
/** The `elanus` command. Flags, help and environment variables come from the settings' schema. */
import { Command, Option } from "commander";
import { effectiveSettings, readSettings, SettingError, type SettingsSources } from "../shared/read-settings.js";
import type { Setting } from "../shared/setting-kinds.js";
import { configSetting, settings } from "../shared/settings.js";
import { elanusVersion } from "./version.js";

/** `true`: a flag of yes or no that stands alone. */
type Flags = Readonly<Record<string, string | true | undefined>>;

const camelCase = (flag: string): string => flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

const addOptions = (command: Command): Command => {
  for (const row of [configSetting, ...Object.values(settings)]) {
    const { flag, argument, variable, default: value, defaultText, description, rare } = row as Setting<unknown>;
    const shown = defaultText ?? (value === "" ? "none" : value);
    command.addOption(new Option(`--${flag} ${argument}`, `${description} (${variable}; default: ${shown})`).hideHelp(rare === true));
  }
  return command.addHelpText(
    "after",
    "\nA flag wins over its environment variable, that over the settings file. docs/settings.md tells all, with quotas.",
  );
};

/** The places that settings come from, the file read. */
const sourcesOf = async (flags: Flags): Promise<SettingsSources> => {
  const given = (flag: string): string | undefined => flags[camelCase(flag)]?.toString();
  const byName = Object.fromEntries(Object.entries(settings).map(([name, { flag }]) => [name, given(flag)]));
  const path = given(configSetting.flag) ?? (process.env[configSetting.variable] || undefined);
  const sources = { flags: byName, environment: process.env };
  if (path === undefined) return sources;
  const { readSettingsFile } = await import("./settings-file.js");
  return { ...sources, file: await readSettingsFile(path) };
};

const addServe = (program: Command): void => {
  addOptions(program.command("serve").description("serve gRPC and REST on one port")).action(async (flags: Flags) => {
    const chosen = readSettings(await sourcesOf(flags));
    const { serve } = await import("./serve.js");
    await serve(chosen);
  });
};

const addConfig = (program: Command): void => {
  addOptions(program.command("config").description("print the settings as they would hold, and where each comes from")).action(
    async (flags: Flags) => {
      const effective = effectiveSettings(await sourcesOf(flags));
      const { configText } = await import("./config.js");
      process.stdout.write(configText(effective));
    },
  );
};

const program = new Command("elanus")
  .description("A vector database that speaks Milvus.")
  .version(elanusVersion, "--version", "print the version")
  .helpOption("--help", "print this help")
  .showHelpAfterError("(elanus --help and elanus serve --help tell what there is)");
addServe(program);
addConfig(program);

try {
  await program.parseAsync();
} catch (error) {
  const known = error instanceof SettingError || (error instanceof Error && error.name === "StartError");
  process.stderr.write(`elanus: ${known ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
// Whatever is still open must not keep a stopped server alive.
process.exit();
