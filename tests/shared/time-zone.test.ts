/** Timestamptz values as text, and back. */
import { describe, expect, it } from "vitest";
import { formatMoment, parseMoment } from "../../src/shared/time-zone.js";

const micros = (iso: string): bigint => BigInt(Date.parse(iso)) * 1000n;

describe("moments", () => {
  it.each([
    ["2025-01-02T03:04:05Z", "UTC", micros("2025-01-02T03:04:05Z")],
    ["2025-01-02T03:04:05.123456Z", "UTC", micros("2025-01-02T03:04:05Z") + 123456n],
    ["2025-01-02 03:04:05+08:00", "UTC", micros("2025-01-01T19:04:05Z")],
    ["2025-01-02 03:04:05-05", "UTC", micros("2025-01-02T08:04:05Z")],
    ["2025-01-02 03:04:05", "Asia/Shanghai", micros("2025-01-01T19:04:05Z")],
    ["2025-07-02T03:04:05", "America/New_York", micros("2025-07-02T07:04:05Z")],
    ["1969-12-31T23:59:59.5Z", "UTC", -500000n],
  ])("reads %s in %s", (text, zone, expected) => {
    expect(parseMoment(text, zone)).toBe(expected);
  });

  it.each(["", "yesterday", "2025-02-30T00:00:00Z", "2025-01-02T25:00:00Z", "2025-01-02", "2025-01-02T03:04Z"])("refuses %j", (text) => {
    expect(() => parseMoment(text, "UTC")).toThrow(
      `invalid timestamp string: '${text}'. Does not match any known format: invalid parameter`,
    );
  });

  it("refuses offsets that no clock has", () => {
    expect(() => parseMoment("2025-01-02T03:04:05+99:00", "UTC")).toThrow("UTC offset hour 99 is out of the valid range [-12, 14]");
  });

  it.each([
    ["2025-01-02T03:04:05Z", "UTC", "2025-01-02T03:04:05Z"],
    ["2025-01-02T03:04:05.1200Z", "Asia/Shanghai", "2025-01-02T11:04:05.12+08:00"],
    ["2025-07-02T07:04:05Z", "America/New_York", "2025-07-02T03:04:05-04:00"],
    ["1969-12-31T23:59:59.5Z", "UTC", "1969-12-31T23:59:59.5Z"],
  ])("writes %s in %s", (text, zone, expected) => {
    expect(formatMoment(parseMoment(text, "UTC"), zone)).toBe(expected);
  });
});
