/** Whether the counters are what the rows say: `unique_processed` = rows + pruned, `received` = unique + duplicates. */

import type { TopicSums } from "./event-audit.ts";
import type { FileFacts, TopicFacts } from "./file-facts.ts";
import type { Differences } from "./verification-report.ts";

export function auditCounters(
  { topics }: FileFacts,
  sums: ReadonlyMap<number, TopicSums>,
  differences: Differences,
): void {
  for (const topic of topics.values()) {
    for (const fault of [...faultsAlone(topic), ...faultsAgainst(topic, sums.get(topic.id))])
      differences.add("counters", `Topic ${topic.id}: ${fault}.`);
  }
}

function* faultsAlone(topic: TopicFacts): Generator<string> {
  const { received, unique, duplicates, conflicts, pruned, firstAt, lastAt } = topic;
  const numbers = [received, unique, duplicates, conflicts, pruned, topic.prunedThrough, topic.storedBytes];
  if (!numbers.every((value) => Number.isSafeInteger(value) && value >= 0))
    yield "a counter is no whole number";
  if (received !== unique + duplicates)
    yield `received ${received} is not unique ${unique} + duplicates ${duplicates}`;
  if (conflicts > duplicates) yield `there are ${conflicts} conflicts, but ${duplicates} duplicates`;
  if (!(firstAt <= lastAt)) yield `it was last counted at ${lastAt}, before it was first at ${firstAt}`;
  if (pruned > 0 !== topic.prunedThrough > 0)
    yield `${pruned} events are pruned, but through ${topic.prunedThrough}`;
}

const NOTHING: TopicSums = { events: 0, bytes: 0, firstAt: Number.POSITIVE_INFINITY, lastAt: 0 };

function* faultsAgainst(topic: TopicFacts, stored: TopicSums = NOTHING): Generator<string> {
  const { unique, pruned, storedBytes, firstAt, lastAt } = topic;
  if (unique !== stored.events + pruned)
    yield `unique ${unique} is not ${stored.events} stored + ${pruned} pruned`;
  if (storedBytes !== stored.bytes)
    yield `it is said to take ${storedBytes} bytes, its events take ${stored.bytes}`;
  if (stored.events === 0) return;
  const isFirst = pruned === 0 ? firstAt === stored.firstAt : firstAt <= stored.firstAt;
  if (!isFirst) yield `it was first counted at ${firstAt}, its first event is of ${stored.firstAt}`;
  if (lastAt < stored.lastAt) yield `it was last counted at ${lastAt}, its last event is of ${stored.lastAt}`;
}
