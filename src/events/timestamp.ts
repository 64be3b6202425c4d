/** Whether a text is a time in ISO 8601: calendar dates, alone or with a time, with `Z`, an offset or no zone. */

import { afterDigits, isDigit, ZERO } from "./characters.ts";

const ISO_8601 =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,18})?)?(?:[Zz]|[+-](\d{2})(?::?(\d{2}))?)?)?$/;

export function isTimestamp(text: string): boolean {
  return isUsualTimestamp(text, 0, text.length) || isAnyTimestamp(text);
}

const FRACTION_DIGITS_MAX = 18;

/**
 * Whether `text.slice(start, end)` is of the form `2026-01-31T12:00:00.123456Z`, with `Z`, `+01:00` or no zone, which is
 * what nearly everybody sends: without a regular expression it takes a tenth of the time.
 */
export function isUsualTimestamp(text: string, start: number, end: number): boolean {
  const fraction = start + 19;
  if (end < fraction || text.charCodeAt(start + 10) !== 0x54) return false;
  if (text.charCodeAt(start + 4) !== 0x2d || text.charCodeAt(start + 7) !== 0x2d) return false;
  if (text.charCodeAt(start + 13) !== 0x3a || text.charCodeAt(start + 16) !== 0x3a) return false;
  const zone = text.charCodeAt(end - 1) === 0x5a ? end - 1 : startOfOffset(text, end);
  if (zone !== fraction && !isFraction(text, fraction, zone)) return false;
  const year = twoDigits(text, start) * 100 + twoDigits(text, start + 2);
  return (
    isDate(year, twoDigits(text, start + 5), twoDigits(text, start + 8)) &&
    isTime(twoDigits(text, start + 11), twoDigits(text, start + 14), twoDigits(text, start + 17))
  );
}

/** Where an offset like `+01:00` begins that ends at `end`, or `end` itself. */
function startOfOffset(text: string, end: number): number {
  const sign = text.charCodeAt(end - 6);
  if (text.charCodeAt(end - 3) !== 0x3a || (sign !== 0x2b && sign !== 0x2d)) return end;
  return isTime(twoDigits(text, end - 5), twoDigits(text, end - 2), 0) ? end - 6 : end;
}

function isFraction(text: string, start: number, end: number): boolean {
  const digits = end - start - 1;
  if (digits < 1 || digits > FRACTION_DIGITS_MAX || text.charCodeAt(start) !== 0x2e) return false;
  return afterDigits(text, start + 1) >= end;
}

/** NaN when either is no digit; NaN fails every comparison. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at);
  const ones = text.charCodeAt(at + 1);
  return isDigit(tens) && isDigit(ones) ? (tens - ZERO) * 10 + (ones - ZERO) : Number.NaN;
}

/** RFC 3339, 5.6: date, time of day and zone, all of them. */
const RFC_3339 = /^.{10}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** Whether a text is a time in the stricter form of the internet, which says what it means without being told the zone. */
export function isRfc3339(text: string): boolean {
  return RFC_3339.test(text) && isTimestamp(text);
}

const DATE_LENGTH = "2026-01-31".length;

/** A timestamp in that form: what is left out is zero, and the zone UTC. The same text where it has the form already. */
export function rfc3339Of(timestamp: string): string {
  if (isRfc3339(timestamp)) return timestamp;
  const date = timestamp.slice(0, DATE_LENGTH);
  const [, time = "00:00", fraction = "", zone = "Z"] =
    /^(\d{2}:\d{2}(?::\d{2})?)?(?:[.,](\d+))?(.+)?$/.exec(timestamp.slice(DATE_LENGTH + 1)) ?? [];
  const seconds = time.length === "00:00".length ? `${time}:00` : time;
  return `${date}T${seconds}${fraction && `.${fraction}`}${rfc3339Zone(zone)}`;
}

/** `+01` and `+0100` are spelt `+01:00`. */
function rfc3339Zone(zone: string): string {
  if (zone.length === 1) return zone;
  const digits = zone.slice(1).replace(":", "");
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2) || "00"}`;
}

function isAnyTimestamp(text: string): boolean {
  const match = ISO_8601.exec(text);
  if (match === null) return false;
  const [year, month, day, hour, minute, second, offsetHour, offsetMinute] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  return (
    isDate(year!, month!, day!) && isTime(hour!, minute!, second!) && isTime(offsetHour!, offsetMinute!, 0)
  );
}

function isDate(year: number, month: number, day: number): boolean {
  return year >= 0 && day >= 1 && day <= daysInMonth(year, month);
}

/** A minute may have 61 seconds. */
function isTime(hour: number, minute: number, second: number): boolean {
  return hour <= 23 && minute <= 59 && second <= 60;
}

/** Days of a month of the Gregorian calendar; 0 for a month that there is not, so that no day fits it. */
function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return DAYS[month - 1] ?? 0;
}

const DAYS = [31, 0, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
