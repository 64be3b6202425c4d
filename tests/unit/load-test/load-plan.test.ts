/** A load test sends exactly what was asked for, whatever its shape. */

import { expect, test } from "bun:test";
import { batchesOf, type LoadShape } from "../../../src/load-test/load-plan.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

interface PlannedEvent {
  readonly topic: string;
  readonly event_id: string;
}

/** Every event in the order in which it is sent, after checking the batches. */
function eventsOf(shape: LoadShape): PlannedEvent[] {
  const batches = [...batchesOf(shape)];
  expect(batches.length).toBe(Math.ceil(shape.events / shape.batch));
  return batches.flatMap(({ text, count }, i) => {
    const events = JSON.parse(text) as PlannedEvent[];
    expect(events.length).toBe(count);
    expect(count).toBe(i === batches.length - 1 ? shape.events - i * shape.batch : shape.batch);
    return events;
  });
}

test("so many events, of which so many are duplicates, each after its first and the same to the byte", () => {
  const random = SeededRandom.printed("load plan");
  for (let round = 0; round < 300; round++) {
    const events = 1 + random.below(3_000);
    const shape: LoadShape = {
      events,
      duplicates: random.below(events),
      batch: 1 + random.below(500),
      topics: Array.from({ length: 1 + random.below(20) }, (_, i) => `t.${i}`),
      runId: "run",
    };
    const planned = eventsOf(shape);
    const contents = new Map<string, string>();
    let duplicates = 0;
    for (const event of planned) {
      const first = contents.get(event.event_id);
      if (first === undefined) contents.set(event.event_id, JSON.stringify(event));
      else {
        duplicates++;
        expect(JSON.stringify(event)).toBe(first);
      }
    }
    expect({ shape, duplicates }).toEqual({ shape, duplicates: shape.duplicates });
    const uniqueTopics = new Set(planned.map(({ topic }) => topic)).size;
    expect(uniqueTopics).toBe(Math.min(shape.topics.length, contents.size));
  }
});

test("duplicates are spread over the whole run, and two runs share no id", () => {
  const shape = { events: 5_000, duplicates: 1_000, batch: 100, topics: ["t"] };
  const ids = eventsOf({ ...shape, runId: "a" }).map(({ event_id }) => event_id);
  for (let tenth = 1; tenth <= 10; tenth++) {
    const unique = new Set(ids.slice(0, tenth * 500)).size;
    expect(unique).toBe(tenth * 400);
  }
  const others = eventsOf({ ...shape, runId: "b" }).map(({ event_id }) => event_id);
  expect(others.filter((id) => ids.includes(id))).toEqual([]);
});
