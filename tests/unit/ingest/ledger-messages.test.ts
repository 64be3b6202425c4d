/** What crosses between the threads arrives as it was. */

import { expect, test } from "bun:test";
import { PUBLISH_FORMS } from "../../../src/events/decoded-publish.ts";
import {
  commitOutcomesOf,
  outcomesMessage,
  PublishBatch,
  publishesOf,
} from "../../../src/ingest/ledger-messages.ts";
import { type Outcome, type Publish, refusal } from "../../../src/ingest/publish.ts";
import { problem } from "../../../src/problem.ts";

test("publishes", () => {
  const grants = [
    { subject: "a", topics: ["*"] },
    { subject: "b", topics: ["x", "y.*"] },
  ];
  const publishes: Publish[] = [];
  for (const form of PUBLISH_FORMS) {
    for (const wantsResults of [false, true]) {
      for (const grant of grants) {
        const publish = { text: `${form} ${publishes.length} é\0`, form, wantsResults, grant };
        const key = { subject: grant.subject, key: `k${publishes.length}`, fingerprint: "f" };
        publishes.push(publish, { ...publish, stream: 4_294_967_297 }, { ...publish, key });
      }
    }
  }
  const batch = new PublishBatch();
  for (const publish of publishes) batch.add(publish);
  const message = structuredClone(batch.take());
  expect(JSON.parse(message.grants)).toEqual(grants);
  expect(publishesOf(message)).toEqual(publishes);
  expect(publishesOf(batch.take())).toEqual([]);
});

test("outcomes of every kind, in any mixture", () => {
  const counters = { received: 4_294_967_295, unique_processed: 2, duplicate_dropped: 3, conflicts: 1 };
  const outcomes: Outcome[] = [];
  for (const frameId of [undefined, '"id"', "12345678901234567890"]) {
    for (const single of [undefined, '"seq":1']) {
      for (const results of [undefined, "", "{},{}"]) {
        const texts = { frameId, single, results };
        const accepted = { ...counters, conflicts: outcomes.length };
        outcomes.push({ kind: "accepted", counters: accepted, ...texts });
        outcomes.push({ kind: "accepted", counters: accepted, ...texts, isReplayed: true });
        const lines = { count: 4_294_967_297, ...(results && { problem: problem("malformed_json", "é") }) };
        outcomes.push({ kind: "accepted", counters, ...texts, lines });
        const place = { pointer: "/0", detail: "d" };
        outcomes.push(
          refusal(problem("invalid_event", `no ${outcomes.length}`, { places: [place], count: 30 }), frameId),
        );
      }
    }
  }
  const notice = { at: 1, newTopics: ["é", "b"], rows: Float64Array.of(1, 4_294_967_296, 2, 3, 1) };
  expect(commitOutcomesOf(structuredClone(outcomesMessage(outcomes, notice)))).toEqual({ notice, outcomes });
  expect(commitOutcomesOf(outcomesMessage([], undefined))).toEqual({ notice: undefined, outcomes: [] });
});
