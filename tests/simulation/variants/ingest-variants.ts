/** Ledgers and edges that break a guarantee, each in a way that somebody might have written. */

import type { Grant } from "../../../src/access/grant.ts";
import { type CommitReport, GroupCommit } from "../../../src/ingest/group-commit.ts";
import { LedgerClient } from "../../../src/ingest/ledger-client.ts";
import { type FromLedger, PublishBatch } from "../../../src/ingest/ledger-messages.ts";
import type { Outcome, Publish } from "../../../src/ingest/publish.ts";
import { PublishChannel } from "../../../src/server/publish-channel.ts";
import { type BrokenVariant, replace } from "./replace.ts";

/** Changes what a commit says it did. */
function replaceReport(change: (report: CommitReport) => CommitReport): () => void {
  return replace(
    GroupCommit.prototype,
    "run",
    (real) =>
      function (this: GroupCommit, queue: Publish[]): CommitReport {
        return change(real.call(this, queue));
      },
  );
}

/** Each outcome goes to the publish after its own. */
function shifted(outcomes: readonly Outcome[]): Outcome[] {
  return [...outcomes.slice(-1), ...outcomes.slice(0, -1)];
}

function reversedResults(outcome: Outcome): Outcome {
  if (outcome.kind === "refused" || outcome.results === undefined) return outcome;
  const results = (JSON.parse(`[${outcome.results}]`) as object[]).reverse();
  return { ...outcome, results: results.map((result) => JSON.stringify(result)).join(",") };
}

/** A refused publish in a group with others is counted as one more event received. */
function countRefused(report: CommitReport): CommitReport {
  const { outcomes, notice } = report;
  if (notice === undefined || !outcomes.some(({ kind }) => kind === "refused")) return report;
  const rows = notice.rows.slice();
  rows[1]! += 1;
  return { ...report, notice: { ...notice, rows } };
}

/** The grants of one turn are taken for one. */
function judgeByFirstGrant(): () => void {
  const first = new WeakMap<PublishBatch, Grant>();
  const forget = replace(
    PublishBatch.prototype,
    "take",
    (real) =>
      function (this: PublishBatch) {
        first.delete(this);
        return real.call(this);
      },
  );
  const restore = replace(
    PublishBatch.prototype,
    "add",
    (real) =>
      function (this: PublishBatch, publish: Publish): void {
        const grant = first.get(this) ?? publish.grant;
        first.set(this, grant);
        real.call(this, { ...publish, grant });
      },
  );
  return () => {
    restore();
    forget();
  };
}

/** Now and then two messages of outcomes overtake each other. */
function takeOutOfOrder(): () => void {
  const held = new WeakMap<LedgerClient, FromLedger>();
  let messages = 0;
  return replace(
    LedgerClient.prototype,
    "receive",
    (real) =>
      function (this: LedgerClient, message: FromLedger): void {
        const earlier = held.get(this);
        held.delete(this);
        if (
          message.kind === "outcomes" &&
          earlier === undefined &&
          ++messages % 10 === 0 &&
          this.waiting > 3
        ) {
          held.set(this, message);
          return;
        }
        real.call(this, message);
        if (earlier !== undefined) real.call(this, earlier);
      },
  );
}

/** Replaces how many publishes the client says are waiting. */
function miscount(change: (waiting: number) => number): () => void {
  const real = Object.getOwnPropertyDescriptor(LedgerClient.prototype, "waiting")!;
  Object.defineProperty(LedgerClient.prototype, "waiting", {
    ...real,
    get(this: LedgerClient) {
      return change(real.get!.call(this));
    },
  });
  return () => Object.defineProperty(LedgerClient.prototype, "waiting", real);
}

export const INGEST_VARIANTS: readonly BrokenVariant[] = [
  {
    name: "gives a publish the outcome of another",
    install: () => replaceReport((report) => ({ ...report, outcomes: shifted(report.outcomes) })),
  },
  {
    name: "gives results in another order",
    install: () => replaceReport((report) => ({ ...report, outcomes: report.outcomes.map(reversedResults) })),
  },
  { name: "counts a refused publish", install: () => replaceReport(countRefused) },
  {
    name: "does not tell the counters of a commit that only had duplicates",
    install: () =>
      replaceReport((report) => {
        const isNew = report.outcomes.some((o) => o.kind === "accepted" && o.counters.unique_processed > 0);
        return isNew ? report : { ...report, notice: undefined };
      }),
  },
  {
    name: "goes on with a store after an unknown outcome",
    install: () => replaceReport((report) => ({ ...report, failure: undefined })),
  },
  { name: "judges a publish by the grant of another", install: judgeByFirstGrant },
  { name: "takes in a later commit before an earlier one", install: takeOutOfOrder },
  {
    name: "takes more publishes than may wait",
    install: () => miscount((waiting) => Math.max(0, waiting - 2)),
  },
  {
    name: "takes publishes while it drains",
    install: () => replace(LedgerClient.prototype, "drain", () => () => Promise.resolve()),
  },
  {
    name: "forgets a grant",
    install: () =>
      replace(
        PublishBatch.prototype,
        "add",
        (real) =>
          function (this: PublishBatch, publish: Publish): void {
            real.call(this, { ...publish, grant: { ...publish.grant, topics: ["*"] } });
          },
      ),
  },
  {
    name: "answers on a channel that is closed",
    install: () => replace(PublishChannel.prototype, "close", () => () => {}),
  },
];
