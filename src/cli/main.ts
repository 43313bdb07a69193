#!/usr/bin/env -S MALLOC_MMAP_THRESHOLD_=1048576 node --single-threaded-gc
/** The `elanus` command. Flags, help and environment variables come from the settings' schema. */
import { Command, Option } from "commander";
import { readSettings, SettingError, settings } from "../shared/settings.js";
import { elanusVersion } from "./version.js";

const camelCase = (flag: string): string => flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

const addServe = (program: Command): void => {
  const command = program
    .command("serve")
    .description("serve gRPC and REST on one port")
    .addHelpText("after", "\nA flag wins over its environment variable.");
  for (const { flag, argument, variable, default: value, defaultText, description } of Object.values(settings))
    command.addOption(new Option(`--${flag} ${argument}`, `${description} (${variable}; default: ${defaultText ?? value})`));
  command.action(async (flags: Record<string, string | undefined>) => {
    const given = Object.fromEntries(Object.entries(settings).map(([name, { flag }]) => [name, flags[camelCase(flag)]]));
    const chosen = readSettings(given, process.env);
    const { serve } = await import("./serve.js");
    await serve(chosen);
  });
};

const program = new Command("elanus")
  .description("A vector database that speaks Milvus.")
  .version(elanusVersion, "--version", "print the version")
  .helpOption("--help", "print this help")
  .showHelpAfterError("(elanus --help and elanus serve --help tell what there is)");
addServe(program);

try {
  await program.parseAsync();
} catch (error) {
  const known = error instanceof SettingError || (error instanceof Error && error.name === "StartError");
  process.stderr.write(`elanus: ${known ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
// Whatever is still open must not keep a stopped server alive.
process.exit();
