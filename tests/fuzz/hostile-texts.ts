/** Words that break programs, by the place where they may stand: names, strings, numbers, times. */

/** Valid as a topic, an id and the name of a member: what every object inherits, paths, words of our own protocol. */
export const HOSTILE_NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "__defineGetter__",
  "toJSON",
  "then",
  "length",
  "rawJSON",
  "events",
  "event_id",
  "topics",
  "type",
  "received",
  "null",
  "undefined",
  "NaN",
  "0",
  "-1",
  "007",
  "4294967295",
  "..",
  ".",
  "../../etc/passwd",
  "a/b",
  "%2e%2e",
  "%00",
  "a?b",
  "a#b",
  "a&b=c",
  "a;b",
  "\\",
  '"',
  "'; DROP TABLE events; --",
  "<script>alert(1)</script>",
  "$%7bjndi:ldap://x}",
  "{{7*7}}",
  "ünïcödé",
  "主题",
  "𝄞",
  "e\u0301",
  "\ufffd",
  "\ufeffbom",
  "\u200b",
  "\u202eabc",
  "x".repeat(255),
  "𝄞".repeat(255),
] as const;

/** White space or commas and stars: fine in an id, never in a topic. */
const NO_TOPIC = ["a b", "a\u00a0b", "\u2028", "a,b", "*", "a.*", "a*b", " "] as const;

/** Nobody's name: empty, too long, with control characters. */
const NO_NAME = [
  "",
  "x".repeat(256),
  "𝄞".repeat(256),
  "\u0000",
  "a\u0000b",
  "\n",
  "\u007f",
  "\u0085",
  "\t",
] as const;

export const VALID_TOPICS: readonly string[] = HOSTILE_NAMES.filter((name) => !/[\s*,]/u.test(name));
export const INVALID_TOPICS: readonly string[] = [...NO_TOPIC, ...NO_NAME];
export const VALID_IDS: readonly string[] = [...HOSTILE_NAMES, ...NO_TOPIC];
export const INVALID_IDS: readonly string[] = NO_NAME;

/** JSON text of strings as it may be sent, with escapes that a printer would not choose. */
export const STRING_TEXTS = [
  '""',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\ud834\\udd1e"',
  '"\\u0000"',
  '"\\u005f_proto__"',
  '"\\/\\b\\f\\n\\r\\t\\"\\\\"',
  '"\\u2028\\u2029"',
  '"\u2028"',
  '"\\uFEFF"',
] as const;

export const NUMBER_TEXTS = [
  "0",
  "-0",
  "-0.0",
  "0e0",
  "1.0",
  "10e-1",
  "1e100",
  "1E+400",
  "-1e-400",
  "5e-324",
  "2.2250738585072011e-308",
  "9007199254740993",
  "12345678901234567890",
  "0.1000000000000000055511151231257827",
  "1e999999999999999999999",
  "1e-99999999999999999",
  `1${"0".repeat(400)}`,
  `0.${"0".repeat(400)}1`,
] as const;

/** Tokens that are nearly JSON. */
export const BAD_JSON_TOKENS = [
  "NaN",
  "Infinity",
  "-",
  "+1",
  "01",
  "1.",
  ".5",
  "1e",
  "0x10",
  "1_000",
  "undefined",
  "'a'",
  "True",
  "nul",
  '"\\x41"',
  '"\\u12"',
  '"',
  '"\n"',
  "/**/",
  "//",
  "\ufeff",
  ",,",
  "}{",
  "][",
  "\u0000",
] as const;

export const TIMES = {
  valid: [
    "2026-01-31",
    "2026-01-31T12:00:00Z",
    "2026-01-31T12:00:00.123456789+05:30",
    "2016-12-31T23:59:60Z",
  ],
  invalid: [
    "",
    "now",
    "31-12-2024",
    "2026-02-30",
    "2026-01-01T25:00:00Z",
    "-000001-01-01",
    "1e9",
    "９９９９-01-01",
  ],
} as const;

/** Parts of bytes that no decoder of UTF-8 may let pass. */
export const ILL_FORMED_UTF8: readonly (readonly number[])[] = [
  [0x80],
  [0xc0, 0xaf],
  [0xed, 0xa0, 0x80],
  [0xe2, 0x82],
  [0xf4, 0x90, 0x80, 0x80],
  [0xff],
  [0xfe, 0xff],
];
