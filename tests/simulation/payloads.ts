/** Payloads in several spellings: which of them mean the same is written down here, not computed. */

export interface Payload {
  /** As it is sent; undefined where the event has no payload at all. */
  readonly sent: string | undefined;
  /** As it is stored, exact in value. */
  readonly stored: string;
  /** Equal for equal values. */
  readonly meaning: string;
}

function spelled(meaning: string, sent: string | undefined, stored: string): Payload {
  return { meaning, sent, stored };
}

/** Texts of one meaning stand together; neighbours that a double or a sloppy comparison would confuse come next. */
export const PAYLOADS: readonly Payload[] = [
  spelled("null", undefined, "null"),
  spelled("null", "null", "null"),
  spelled("object", '{"a":1,"b":[true,null]}', '{"a":1,"b":[true,null]}'),
  spelled("object", '{ "b": [true, null], "a": 1 }', '{"b":[true,null],"a":1}'),
  spelled("array", '[1,{"b":2}]', '[1,{"b":2}]'),
  spelled("…7890", "12345678901234567890", "12345678901234567890"),
  spelled("…7891", "12345678901234567891", "12345678901234567891"),
  spelled("1e400", '{"x":1e400}', '{"x":1e400}'),
  spelled("2e400", '{"x":2e400}', '{"x":2e400}'),
  spelled("text", '"ü — 漢字 🎉"', '"ü — 漢字 🎉"'),
  spelled("text", '"\\u00fc — \\u6f22\\u5b57 \\ud83c\\udf89"', '"ü — 漢字 🎉"'),
  spelled("number text", '"1"', '"1"'),
  spelled("number", "1", "1"),
  spelled("false", "false", "false"),
  spelled("empty object", "{}", "{}"),
  spelled("empty array", "[]", "[]"),
];
