/** What the reader thread is asked, and in which order. */

import { expect, test } from "bun:test";
import { READS_ASKED_MAX, ReaderClient, type ToReader } from "../../../src/storage/reader-messages.ts";

const PAGE = { limit: 1, order: "asc" } as const;
const FEED = { after: 0, limit: 1, textMax: 1, budgetMs: 1, withParts: false } as const;

test("pages wait for their turn, in order; the feed waits for none that has not been asked for yet", () => {
  const asked: ToReader[] = [];
  const client = new ReaderClient((message) => void asked.push(message));
  const answer = (): void => {
    const { ticket } = asked.shift()!;
    client.receive({ kind: "page", ticket, page: { events: "", count: 0, next: null } });
  };
  for (let i = 0; i < 100; i++) void client.page(PAGE);
  void client.feedPage(FEED);
  void client.feedPage(FEED);
  expect(asked.map(({ ticket }) => ticket)).toEqual([1, 2, 3, 4]);
  for (let i = 0; i < READS_ASKED_MAX; i++) answer();
  expect(asked.map(({ ticket }) => ticket)).toEqual([101, 102, 5, 6]);
  for (let i = 0; i < 94; i++) answer();
  expect(asked.map(({ ticket }) => ticket)).toEqual([97, 98, 99, 100]);
});
