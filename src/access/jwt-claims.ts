/** What the claims of a JSON Web Token let its bearer do. */

import { faultOfPattern } from "../events/topic-pattern.ts";
import { refuse } from "../problem.ts";
import { SCOPES, type Scope } from "./principal.ts";

export type Claims = Readonly<Record<string, unknown>>;

/** Code points of a subject that go into logs and metrics. */
export const SUBJECT_LENGTH_MAX = 64;

/** @throws ProblemError `unauthorized` */
export function scopesOf(claims: Claims, name: string): Scope[] {
  const given =
    textsOf(claims, name) ?? refuse("unauthorized", "The token's scopes are neither text nor a list.");
  return SCOPES.filter((scope) => given.includes(scope));
}

/** A pattern that cannot be may have been meant to cover something. @throws ProblemError `unauthorized` */
export function topicsOf(claims: Claims, name: string): string[] {
  const given = textsOf(claims, name);
  const isRight = given?.every(
    (pattern) => typeof pattern === "string" && faultOfPattern(pattern) === undefined,
  );
  if (!isRight) refuse("unauthorized", "The token's topics are not patterns of topics.");
  return [...new Set(given as string[])];
}

/** `jwt:` and what the issuer calls it, as far as it is short and can be printed. */
export function subjectOf({ sub }: Claims): string {
  const text = typeof sub === "string" ? sub : "";
  const printable = text.replaceAll(/[^\p{L}\p{N}\p{P}\p{S}]/gu, "?");
  return `jwt:${[...printable].slice(0, SUBJECT_LENGTH_MAX).join("")}`;
}

/** All of it. Tokens without a subject are one to the node. */
export function identityOf({ sub }: Claims): string {
  return `jwt:${typeof sub === "string" ? sub : ""}`;
}

/** Words of a text, or the entries of a list; undefined where a claim is neither. */
function textsOf(claims: Claims, name: string): unknown[] | undefined {
  // `constructor` is a claim only where somebody has written it.
  const value = Object.hasOwn(claims, name) ? claims[name] : [];
  if (typeof value === "string") return value.split(" ").filter((word) => word !== "");
  return Array.isArray(value) ? value : undefined;
}
