/** The codes that a socket is closed with, and what whoever was connected does then. */

export interface CloseCode {
  readonly code: number;
  readonly meaning: string;
  readonly advice: string;
}

/** From 4400 to 4403 they are final: to connect again with the same brings the same. */
export const CLOSE_CODES: readonly CloseCode[] = [
  { code: 1000, meaning: "normal", advice: "" },
  { code: 1007, meaning: "ill-formed UTF-8", advice: "fix the client" },
  { code: 1009, meaning: "frame over `max_bytes`", advice: "send less at a time" },
  { code: 1012, meaning: "the server restarts", advice: "reconnect" },
  { code: 4400, meaning: "not this protocol (a parameter that cannot be used, say)", advice: "final" },
  {
    code: 4401,
    meaning: "credentials missing, not accepted, expired or revoked",
    advice: "final until they are renewed",
  },
  { code: 4403, meaning: "not allowed: the scope, the topics or the page's origin", advice: "final" },
  { code: 4408, meaning: "too slow: did not read for too long", advice: "reconnect and resume" },
  {
    code: 4429,
    meaning: "too many connections, upgrades beyond a rate, or control frames beyond all measure",
    advice: "reconnect later",
  },
];
