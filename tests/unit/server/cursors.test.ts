/** Cursors say where somebody stands, to the database that gave them out and to nobody else. */

import { expect, test } from "bun:test";
import { Cursors } from "../../../src/server/cursors.ts";
import { eventPositionOf, LATEST } from "../../../src/server/event-positions.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

function cursorsOf(databaseId: string): Cursors {
  const cursors = new Cursors();
  cursors.opened(databaseId);
  return cursors;
}

const cursors = cursorsOf("one");
const NUMBERS = [0, 1, 255, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
const CUT_OR_CHANGED = { fault: "is no cursor that was given out: it has been cut or changed" };

test.each(NUMBERS)("%d comes back as it went, of an event and of a revision", (number) => {
  expect(cursors.event(cursors.ofEvent(number))).toEqual({ seq: number });
  const read = cursors.stats(cursors.ofStats("epoch", number));
  expect(read).toEqual({ epochDigest: cursors.epochDigest("epoch"), revision: number });
});

test("a cursor can stand in an address, a header and a line of its own as it is", () => {
  for (const text of NUMBERS.flatMap((n) => [cursors.ofEvent(n), cursors.ofStats("epoch", n)]))
    expect(text).toMatch(/^[A-Za-z][\w-]+$/);
});

test("a cursor of another database is told from one that is none", () => {
  const other = cursorsOf("two");
  expect(cursors.event(other.ofEvent(7))).toEqual({ fault: "is a cursor of another database" });
  expect(cursorsOf("one").event(cursors.ofEvent(7))).toEqual({ seq: 7 });
  expect(new Cursors().event(other.ofEvent(7))).toEqual({ seq: 7 });
  expect(() => new Cursors().ofEvent(7)).toThrow();
});

test("an epoch is not taken for another", () => {
  expect(cursors.epochDigest("epoch")).not.toBe(cursors.epochDigest("epoch-2"));
  expect(cursors.ofStats("a", 1)).not.toBe(cursors.ofStats("b", 1));
});

test("what is of the other kind is named", () => {
  expect(cursors.event(cursors.ofStats("epoch", 1))).toEqual({
    fault: "is a cursor of statistics, not of events",
  });
  expect(cursors.stats(cursors.ofEvent(1))).toEqual({ fault: "is a cursor of events, not of statistics" });
});

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

test("no cursor with one character changed, cut off or added is taken", () => {
  for (const text of [cursors.ofEvent(123_456), cursors.ofStats("epoch", 7)]) {
    const changed = [...text].flatMap((own, i) =>
      [...ALPHABET].filter((c) => c !== own).map((c) => text.slice(0, i) + c + text.slice(i + 1)),
    );
    const cut = [...text].map((_, i) => text.slice(0, i));
    for (const forged of [...changed, ...cut, `${text}A`, `${text}AAAA`, ` ${text}`, `${text}=`]) {
      expect({ forged, read: cursors.event(forged) }).toEqual({ forged, read: CUT_OR_CHANGED });
      expect({ forged, read: cursors.stats(forged) }).toEqual({ forged, read: CUT_OR_CHANGED });
    }
  }
});

test("no text at random is taken", () => {
  const random = SeededRandom.printed("cursors");
  for (let i = 0; i < 20_000; i++) {
    const text = Array.from({ length: random.below(41) }, () => ALPHABET[random.below(ALPHABET.length)]).join(
      "",
    );
    expect(cursors.event(text)).toEqual(CUT_OR_CHANGED);
  }
});

test("a position is a number, a cursor, or `latest` where that may be asked for", () => {
  const of = (text: string, takesLatest = true) => eventPositionOf(text, cursors, { takesLatest });
  expect(of("0")).toEqual({ seq: 0, isCursor: false });
  expect(of("17")).toEqual({ seq: 17, isCursor: false });
  expect(of(cursors.ofEvent(17))).toEqual({ seq: 17, isCursor: true });
  expect(of(LATEST)).toBe(LATEST);
  expect(of(LATEST, false)).toEqual({ fault: "must be a `seq` or a cursor that was given out" });
  for (const text of ["9007199254740993", "99999999999999999999"])
    expect(of(text)).toEqual({ fault: "must be a cursor, or a whole number from 0 to 9007199254740991" });
  for (const text of ["", "-1", "1.5", "1e3", "Latest", " 1", "0x10"])
    expect(of(text)).toEqual({ fault: "must be a `seq`, a cursor that was given out, or `latest`" });
  expect(of(cursors.ofEvent(17).slice(4))).toEqual(CUT_OR_CHANGED);
});
