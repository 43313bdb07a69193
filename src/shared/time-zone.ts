/**
 * Moments as text: Milvus's Timestamptz values, microseconds since 1970 in UTC.
 *
 * Read are RFC 3339, the same with a space for the T or with an offset of hours, and moments without an offset, which are of the time zone given. Offsets go
 * from -12 to +14 hours. Written is RFC 3339 in the time zone asked for, without zeros at the end of the fraction.
 * Source: milvus pkg/util/timestamptz.
 */
import { invalid } from "./errors.js";

export const DEFAULT_TIME_ZONE = "UTC";

const MICROS_A_SECOND = 1_000_000n;
const HOUR = 3600;
const OFFSET_MIN = -12 * HOUR;
const OFFSET_MAX = 14 * HOUR;

const PATTERN = /^(\d{4})-(\d\d)-(\d\d)([T ])(\d\d):(\d\d):(\d\d)(\.\d{1,9})?(Z|[+-]\d\d(?::\d\d)?)?$/;

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Seconds that clocks of the zone are ahead of UTC at a moment. */
const offsetAt = (zone: string, second: number): number => {
  if (zone === DEFAULT_TIME_ZONE) return 0;
  let formatter = formatters.get(zone);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
    formatters.set(zone, formatter);
  }
  const name = formatter.formatToParts(second * 1000).find(({ type }) => type === "timeZoneName")?.value ?? "";
  const [, sign, hours = "0", minutes = "0", seconds = "0"] = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name) ?? [];
  const offset = Number(hours) * HOUR + Number(minutes) * 60 + Number(seconds);
  return sign === "-" ? -offset : offset;
};

const offsetIn = (text: string): number => {
  if (text === "Z") return 0;
  const offset = Number(text.slice(1, 3)) * HOUR + Number(text.slice(4, 6) || 0) * 60;
  const seconds = text.startsWith("-") ? -offset : offset;
  if (seconds < OFFSET_MIN || seconds > OFFSET_MAX) {
    throw invalid(`UTC offset hour ${Math.trunc(seconds / HOUR)} is out of the valid range [${OFFSET_MIN / HOUR}, ${OFFSET_MAX / HOUR}]`);
  }
  return seconds;
};

/** Seconds since 1970 of a date and time in UTC; undefined when there is no such date or time. */
const secondsOf = (parts: readonly number[]): number | undefined => {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const same =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour && date.getUTCMinutes() === minute;
  return same && date.getUTCSeconds() === second ? date.getTime() / 1000 : undefined;
};

/** Microseconds since 1970 in UTC. @throws MilvusError 1100 for text that is no moment */
export const parseMoment = (text: string, zone: string): bigint => {
  const match = PATTERN.exec(text);
  const local = match === null ? undefined : secondsOf([match[1], match[2], match[3], match[5], match[6], match[7]].map(Number));
  if (match === null || local === undefined) throw invalid(`invalid timestamp string: '${text}'. Does not match any known format`);
  // Twice, because near a change of clocks the offset depends on the moment that it is to give.
  const offset = match[9] === undefined ? offsetAt(zone, local - offsetAt(zone, local)) : offsetIn(match[9]);
  const micros = BigInt((match[8] ?? ".").slice(1).padEnd(6, "0").slice(0, 6));
  return BigInt(local - offset) * MICROS_A_SECOND + micros;
};

const two = (value: number): string => String(value).padStart(2, "0");

/** A moment in the time zone, e.g. `2025-01-02T03:04:05.6+08:00`. */
export const formatMoment = (micros: bigint, zone: string): string => {
  const fraction = ((micros % MICROS_A_SECOND) + MICROS_A_SECOND) % MICROS_A_SECOND;
  const second = Number((micros - fraction) / MICROS_A_SECOND);
  const offset = offsetAt(zone, second);
  const local = new Date((second + offset) * 1000).toISOString().slice(0, 19);
  const digits = fraction.toString().padStart(6, "0").replace(/0+$/, "");
  const ahead = Math.abs(offset);
  const suffix = offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${two(Math.floor(ahead / HOUR))}:${two(Math.floor((ahead % HOUR) / 60))}`;
  return `${local}${digits === "" ? "" : `.${digits}`}${suffix}`;
};
