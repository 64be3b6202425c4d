/** Steps of readers: pages, single events and conflicts, at any moment. */

import type { EventQuery } from "../../src/storage/event-reader.ts";
import { splitScope } from "./scoped-store.ts";
import type { Stage } from "./stage.ts";
import { SOURCES } from "./traffic.ts";

/** All pages of a query; of a large file only the first. */
export function readPages(stage: Stage): void {
  const { world } = stage;
  if (!world.oracle.isCertain) return;
  const { model } = world.oracle;
  if (model.baseSeq > 0) world.reader().comparePage(model, someQuery(stage));
  else world.reader().comparePages(model, someQuery(stage));
}

/** Of a large file: every topic, from the end of what its lists cover to what came last. */
export function readEnds({ world }: Stage): void {
  const { model } = world.oracle;
  if (!world.oracle.isCertain || model.baseSeq === 0) return;
  for (const topic of model.topics.keys())
    world.reader().comparePage(model, { topic, after: model.baseSeq - 50, limit: 1_000, order: "asc" });
}

/** One page now, the next one when this step comes again: events arrive in between. */
export function turnPage(stage: Stage): void {
  const { random, world, pagings } = stage;
  if (!world.oracle.isCertain) return;
  const query = pagings.length > 0 && random.chance(0.8) ? pagings.shift()! : someQuery(stage);
  const next = world.reader().comparePage(world.oracle.model, { ...query, limit: random.between(1, 8) });
  if (next !== null) pagings.push({ ...query, after: next });
}

/** Asks the ledger for keys, known and unknown; what it says is held against the file when it says it. */
export function findEvents({ random, traffic, world }: Stage): void {
  const known = random.some(world.oracle.model.events, 4);
  const unknown = { topic: random.pick(traffic.topics), ...splitScope("s9|e1") };
  for (const key of [...known, unknown]) {
    const { topic, scope, eventId } = key;
    world.oracle.asked.push({ topic, scope, eventId });
    // Answered in a turn of the event loop that a history never gives: the oracle sees the message itself.
    void world.ledger.locate(topic, scope, eventId).catch(() => {});
  }
}

export function readConflicts({ random, traffic, world }: Stage): void {
  if (!world.oracle.isCertain) return;
  const topic = random.chance(0.5) ? { topic: random.pick(traffic.topics) } : {};
  world.reader().compareConflicts(world.oracle.model, { ...topic, limit: random.pick([1, 5, 100]) });
}

function someQuery({ random, traffic, world }: Stage): EventQuery {
  const { events, newestSeq, baseSeq } = world.oracle.model;
  const time = (): number => (events.length === 0 ? 0 : random.pick(events).at + random.pick([-1, 0, 1]));
  const source = random.pick(SOURCES);
  return {
    order: random.pick(["asc", "desc"] as const),
    limit: random.pick([1, 7, 1_000]),
    ...(random.chance(0.5) && { topic: random.pick(traffic.topics) }),
    ...(random.chance(0.5) && { after: random.between(Math.max(0, baseSeq - 50), newestSeq + 1) }),
    ...(random.chance(0.2) && source !== null && { source }),
    ...(random.chance(0.2) && { since: time() }),
    ...(random.chance(0.2) && { until: time() }),
  };
}
