/** Texts that are no URI-references are made ones that mean them, and what is one stays as it is. */

import { expect, test } from "bun:test";
import { asUriReference, isUri, isUriReference } from "../../../src/events/uri.ts";

test.each([
  ["checkout", "checkout"],
  ["https://a.example/b?c=d#e", "https://a.example/b?c=d#e"],
  ["a b", "a%20b"],
  ["größe", "gr%C3%B6%C3%9Fe"],
  ["50%", "50%25"],
  ["1:a b", "1%3Aa%20b"],
  ["[a]", "%5Ba%5D"],
  ["a#b#c", "a%23b%23c"],
  ["<b>&\"'", "%3Cb%3E&%22'"],
])("%s becomes %s", (text, reference) => {
  expect(asUriReference(text)).toBe(reference);
  expect(isUriReference(reference)).toBe(true);
});

test("an absolute one names a scheme", () => {
  for (const text of ["a:", "a:b", "urn:x:y", "http://[::1]:80"])
    expect([text, isUri(text)]).toEqual([text, true]);
  for (const text of ["", "a", "/a:b", "//a", "1a:b", ":a", "http://[::1", "http://a:b"])
    expect([text, isUri(text)]).toEqual([text, false]);
});

test("megabytes of what looks like one are judged at once", () => {
  const long = `/${"a%20".repeat(1_000_000)}`;
  expect(isUriReference(long)).toBe(true);
  expect(isUriReference(`${long} `)).toBe(false);
});
