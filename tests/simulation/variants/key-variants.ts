/** Nodes that break what a key of a request promises, each in a way that somebody might have written. */

import type { KeptAnswer, RequestKey } from "../../../src/storage/request-answers.ts";
import { AnswerTable } from "../../../src/storage/sqlite/answer-table.ts";
import { type Commit, CommitWriter } from "../../../src/storage/sqlite/commit-writer.ts";
import { type BrokenVariant, replace } from "./replace.ts";

type Found = KeptAnswer | "damaged" | undefined;

function replaceFind(make: (found: Found, request: RequestKey, table: AnswerTable) => Found): () => void {
  return replace(
    AnswerTable.prototype,
    "find",
    (real) =>
      function (this: AnswerTable, request: RequestKey): Found {
        return make(real.call(this, request), request, this);
      },
  );
}

/** A crash between the two leaves events without the answer. */
function keepAnswersAfterwards(): () => void {
  return replace(
    CommitWriter.prototype,
    "write",
    (real) =>
      function (this: CommitWriter, commit: Commit): void {
        real.call(this, { ...commit, answers: undefined });
        if (commit.answers === undefined) return;
        const increments = { ...commit.increments, newTopics: [], rows: new Float64Array(0) };
        real.call(this, { ...commit, fresh: [], conflicts: [], increments, segmentStep: undefined });
      },
  );
}

/** What one process has kept, the next one does not look for. */
function forgetWithTheProcess(): () => void {
  const own = new WeakMap<AnswerTable, Set<string>>();
  const restoreFind = replaceFind((found, { key }, table) => (own.get(table)?.has(key) ? found : undefined));
  const restorePlan = replace(
    AnswerTable.prototype,
    "plan",
    (real) =>
      function (this: AnswerTable, ...args: Parameters<typeof real>) {
        const keys = own.get(this) ?? new Set();
        own.set(this, keys);
        for (const { key } of args[0]) keys.add(key.key);
        return real.apply(this, args);
      },
  );
  return () => {
    restorePlan();
    restoreFind();
  };
}

export const KEY_VARIANTS: readonly BrokenVariant[] = [
  { name: "keeps answers in a commit behind that of their events", install: keepAnswersAfterwards },
  { name: "forgets the answers it kept when it starts again", install: forgetWithTheProcess },
  {
    name: "answers another request with a known key like the first",
    install: () =>
      replaceFind((found, { fingerprint }) =>
        found === undefined || found === "damaged" ? found : { ...found, fingerprint },
      ),
  },
];
