/** What suites print and keep: tables in markdown, results as JSON with commit and machine, plots. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import type { Curve } from "./curve.js";
import { recallPlot } from "./plot.js";

const folder = join(import.meta.dirname, "results");

export const round = (value: number | undefined, digits = 0): string => (value === undefined ? "-" : value.toFixed(digits));

/** Three digits, whatever the size. */
export const digits = (value: number | undefined): string => {
  if (value === undefined) return "-";
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value.toPrecision(3);
};

/** The first row is the head. */
export const print = (rows: readonly (readonly string[])[]): void => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  rows.forEach((row, index) => {
    process.stdout.write(`| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |\n`);
    if (index === 0) process.stdout.write(`| ${widths.map((width) => "-".repeat(width)).join(" | ")} |\n`);
  });
};

export const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

export const save = (name: string, result: object): void => {
  mkdirSync(folder, { recursive: true });
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const machine = {
    processor: cpus()[0]?.model,
    processors: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
  const file = join(folder, `${name}.json`);
  writeFileSync(file, `${JSON.stringify({ commit, machine, ...result }, null, 2)}\n`);
  say(`\nwritten: ${file}`);
};

export const savePlot = (name: string, title: string, curves: readonly Curve[]): void => {
  if (curves.every(({ points }) => points.length === 0)) return;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.svg`);
  writeFileSync(file, recallPlot(title, curves));
  say(`written: ${file}`);
};

/** A figure that the project promises, and what was reached. */
export interface Target {
  readonly figure: string;
  readonly target: string;
  /** Undefined: not measured in this run. */
  readonly reached: number | undefined;
  /** The same by CPU time instead of the clock, which stays true on a busy machine. */
  readonly byCpu?: number | undefined;
  readonly holds: (reached: number) => boolean;
}

/** Infinity stands for a peer that does not reach the recall at which it is compared. */
const shown = (value: number | undefined): string => (value === Number.POSITIVE_INFINITY ? "peer falls short" : digits(value));

export const printTargets = (targets: readonly Target[]): void => {
  if (targets.length === 0) return;
  const met = (value: number | undefined, holds: Target["holds"]): string =>
    value === undefined ? "not measured" : holds(value) ? "yes" : "no";
  const rows = targets.map(({ figure, target, reached, byCpu, holds }) => [
    figure,
    target,
    shown(reached),
    met(reached, holds),
    shown(byCpu),
  ]);
  say("");
  print([["figure", "target", "reached", "met", "by CPU time"], ...rows]);
};

export const atLeast = (figure: string, least: number, reached: number | undefined, byCpu?: number): Target => ({
  figure,
  target: `>= ${least}`,
  reached,
  byCpu,
  holds: (value) => value >= least,
});

export const atMost = (figure: string, most: number, reached: number | undefined, byCpu?: number): Target => ({
  figure,
  target: `<= ${most}`,
  reached,
  byCpu,
  holds: (value) => value <= most,
});

/** `one / other`, where both were measured. */
export const ratio = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? undefined : one / other;
