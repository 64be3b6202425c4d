/** Whether a text is a time in ISO 8601: calendar dates, alone or with a time, with `Z`, an offset or no zone. */

const ISO_8601 =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,18})?)?(?:[Zz]|[+-](\d{2})(?::?(\d{2}))?)?)?$/;

export function isTimestamp(text: string): boolean {
  return isUsualTimestamp(text) || isAnyTimestamp(text);
}

const ZERO = 0x30;
const FRACTION_DIGITS_MAX = 18;

/** `2026-01-31T12:00:00.123456Z`, what nearly everybody sends, without a regular expression: ten times as fast. */
function isUsualTimestamp(text: string): boolean {
  const end = text.length - 1;
  if (end < 19 || text.charCodeAt(end) !== 0x5a || text.charCodeAt(10) !== 0x54) return false;
  if (text.charCodeAt(4) !== 0x2d || text.charCodeAt(7) !== 0x2d) return false;
  if (text.charCodeAt(13) !== 0x3a || text.charCodeAt(16) !== 0x3a) return false;
  if (end > 19) {
    if (text.charCodeAt(19) !== 0x2e || end === 20 || end > 20 + FRACTION_DIGITS_MAX) return false;
    for (let i = 20; i < end; i++) if (!isDigit(text.charCodeAt(i) - ZERO)) return false;
  }
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  return (
    isDate(year, twoDigits(text, 5), twoDigits(text, 8)) &&
    isTime(twoDigits(text, 11), twoDigits(text, 14), twoDigits(text, 17))
  );
}

/** NaN when either is no digit; NaN fails every comparison. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return isDigit(tens) && isDigit(ones) ? tens * 10 + ones : Number.NaN;
}

function isDigit(value: number): boolean {
  return value >= 0 && value <= 9;
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
