/**
 * The process's own log: one JSON line an event on stderr (stdout belongs to the banner and to commands' output).
 * To a terminal the same events are written for people: time, level, message, `key=value`.
 */
import { type DestinationStream, destination, pino, stdSerializers, stdTimeFunctions } from "pino";
import type { Logger as RoomLogger } from "../shared/types.js";

export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Logger extends RoomLogger {
  debug(fields: object, message: string): void;
}

const printed = (value: unknown): string => {
  if (typeof value === "string") return /[\s"]/.test(value) ? JSON.stringify(value) : value;
  if (typeof value === "object" && value !== null && "stack" in value) return String(value.stack);
  return JSON.stringify(value);
};

/** Turns pino's JSON lines into lines for people. */
const terminal = (write: (text: string) => void): DestinationStream => ({
  write(line) {
    const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${printed(value)}`);
    write(`${String(time).slice(11, 23)} ${level} ${msg}${rest.join("")}\n`);
  },
});

/** A logger to stderr. Written synchronously: the last line before a crash is the one that is needed. */
export const createLogger = (level: LogLevel, forPeople = process.stderr.isTTY === true): Logger =>
  pino(
    {
      level,
      base: undefined,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: stdSerializers.err },
    },
    forPeople ? terminal((text) => process.stderr.write(text)) : destination({ fd: 2, sync: true }),
  );

/** Drops everything; for embedded use and tests. */
export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
