/** Imports go one way: shared <- store, log, catalog, auth, filter, telemetry <- engine <- operations <- wire, client <- cli. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { describe, expect, it } from "vitest";

const source = resolve(import.meta.dirname, "../../src");

/** Which rooms a room may import; itself always. */
const allowed: Record<string, readonly string[]> = {
  shared: [],
  store: ["shared"],
  log: ["shared"],
  catalog: ["shared"],
  auth: ["shared"],
  filter: ["shared"],
  telemetry: ["shared"],
  engine: ["shared", "store", "log", "catalog", "auth", "filter", "telemetry"],
  operations: ["shared", "store", "log", "catalog", "auth", "filter", "telemetry", "engine"],
  wire: ["shared", "store", "log", "catalog", "auth", "filter", "telemetry", "engine", "operations"],
  client: ["shared", "store", "log", "catalog", "auth", "filter", "telemetry", "engine", "operations"],
  cli: ["shared", "store", "log", "catalog", "auth", "filter", "telemetry", "engine", "operations", "wire", "client"],
};

const sourceFiles = (folder = source): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.includes("generated"))
    .map((name) => join(folder, name));

const roomOf = (file: string): string => relative(source, file).split(sep)[0] ?? "";

const importsOf = (text: string): string[] => [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] as string);

/** Imports of one file that its room may not have. */
const wrongArrows = (file: string, text: string): string[] => {
  const room = roomOf(file);
  return importsOf(text)
    .filter((name) => name.startsWith("."))
    .map((name) => roomOf(resolve(dirname(file), name)))
    .filter((other) => other !== room && !(allowed[room] ?? []).includes(other))
    .map((other) => `${relative(source, file)}: ${room} imports ${other}`);
};

describe("import arrows", () => {
  it("go one way", () => {
    expect(sourceFiles().flatMap((file) => wrongArrows(file, readFileSync(file, "utf8")))).toEqual([]);
  });

  it("a wrong one is found", () => {
    const file = join(source, "log", "planted.ts");
    expect(wrongArrows(file, 'import { Engine } from "../engine/engine.js";')).toEqual(["log/planted.ts: log imports engine"]);
    expect(wrongArrows(file, 'import { failure } from "../shared/errors.js";')).toEqual([]);
  });

  it("every folder of the source is a known room", () => {
    const rooms = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(rooms.map((entry) => entry.name).filter((name) => !(name in allowed))).toEqual([]);
  });

  it("only the engine loads the core", () => {
    const loaders = sourceFiles().filter((file) => /elanus_core|loadCore/.test(readFileSync(file, "utf8")));
    expect(loaders.filter((file) => roomOf(file) !== "engine")).toEqual([]);
  });
});
