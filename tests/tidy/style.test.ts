/** Rules of style that a machine can check: lengths, banned calls, links of documents. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");

const filesBelow = (folder: string, ending: RegExp): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => ending.test(name) && !/generated|node_modules|target/.test(name))
    .map((name) => join(root, folder, name));

const LINES_MAX = 400;

/** What only `src/shared/env.ts` may do, and what to use instead. */
const banned: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\bDate\.now\s*\(/, instead: "env.now()" },
  { pattern: /\bnew Date\(\)/, instead: "env.now()" },
  { pattern: /\bMath\.random\s*\(/, instead: "env.random()" },
  { pattern: /from "(node:)?fs(\/promises)?"/, instead: "env.files" },
  { pattern: /\bprocess\.exit\s*\(/, instead: "an exit code returned to cli/main.ts" },
];

/** Files that are a door themselves, with what they may do. */
const doors: Record<string, readonly RegExp[]> = {
  "src/shared/env.ts": banned.map((rule) => rule.pattern),
  "src/shared/files.ts": banned.map((rule) => rule.pattern),
  "src/cli/main.ts": [/\bprocess\.exit\s*\(/],
  "src/cli/serve.ts": [/\bprocess\.exit\s*\(/],
};

const bannedCalls = (name: string, text: string): string[] =>
  banned
    .filter(({ pattern }) => pattern.test(text) && !(doors[name] ?? []).some((open) => open.source === pattern.source))
    .map(({ pattern, instead }) => `${name}: ${pattern.source}; use ${instead}`);

describe("style", () => {
  it(`no source file is longer than ${LINES_MAX} lines`, () => {
    const sources = [...filesBelow("src", /\.ts$/), ...filesBelow("core/src", /\.rs$/)];
    const long = sources
      .map((file) => ({ file: relative(root, file), lines: readFileSync(file, "utf8").split("\n").length - 1 }))
      .filter(({ lines }) => lines > LINES_MAX);
    expect(long).toEqual([]);
  });

  it("clock, randomness and files come through the env door", () => {
    const found = filesBelow("src", /\.ts$/).flatMap((file) => bannedCalls(relative(root, file), readFileSync(file, "utf8")));
    expect(found).toEqual([]);
  });

  it("a banned call is found", () => {
    expect(bannedCalls("src/log/planted.ts", "const t = Date.now();")).toEqual(["src/log/planted.ts: \\bDate\\.now\\s*\\(; use env.now()"]);
  });

  it("unsafe Rust stays in the kernels, the graph's prefetch and the mapped files", () => {
    const unsafeFiles = filesBelow("core/src", /\.rs$/).filter((file) => /\bunsafe\b/.test(readFileSync(file, "utf8")));
    const outside = unsafeFiles
      .map((file) => relative(root, file))
      .filter((file) => !/core\/src\/(distance\/|segment\/mapping|ffi\/)/.test(file));
    expect(outside).toEqual([]);
  });

  it("every link of a document leads somewhere", () => {
    const documents = [
      ...readdirSync(root).filter((name) => name.endsWith(".md")),
      ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`),
    ];
    const dead = documents
      .filter((name) => name.endsWith(".md"))
      .flatMap((name) => {
        const text = readFileSync(join(root, name), "utf8");
        return [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
          .map((match) => match[1] as string)
          .filter((link) => !existsSync(resolve(root, dirname(name), link)))
          .map((link) => `${name}: ${link}`);
      });
    expect(dead).toEqual([]);
  });
});
