/** Whether a text is a time in ISO 8601: calendar dates, alone or with a time, with `Z`, an offset or no zone. */

const ISO_8601 =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,18})?)?(?:[Zz]|[+-](\d{2})(?::?(\d{2}))?)?)?$/;

/** Publishers send many events with one time; the last one that was fine needs no second look. */
let lastValid: string | undefined;

export function isTimestamp(text: string): boolean {
  if (text === lastValid) return true;
  const match = ISO_8601.exec(text);
  if (match === null) return false;
  const [year, month, day, hour, minute, second, offsetHour, offsetMinute] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  const isValid =
    day! >= 1 &&
    day! <= daysInMonth(year!, month!) &&
    hour! <= 23 &&
    minute! <= 59 &&
    second! <= 60 &&
    offsetHour! <= 23 &&
    offsetMinute! <= 59;
  if (isValid) lastValid = text;
  return isValid;
}

/** Days of a month of the Gregorian calendar; 0 for a month that there is not, so that no day fits it. */
function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [31, 0, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
}
