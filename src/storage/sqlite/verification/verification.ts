/**
 * Proves that a file agrees with itself, or says where it does not: one pass over all rows in one snapshot, on a
 * read-only connection, so that the file of a running node can be looked at as well.
 *
 * Needs 17 to 34 bytes of memory for each remembered id (the dedup index that finds a key that is there twice).
 */

import type { Database } from "bun:sqlite";
import type { OnProgress } from "../../../progress.ts";
import { databaseBytes, openForReading, readPragma } from "../database.ts";
import { faultOfSize } from "../file-shape.ts";
import { faultOfLog } from "../log-check.ts";
import { auditAnswers } from "./answer-audit.ts";
import { ChecksumTally } from "./checksum-tally.ts";
import { auditConflicts } from "./conflict-audit.ts";
import { auditCounters } from "./counter-audit.ts";
import { EventAudit } from "./event-audit.ts";
import { type FileFacts, readFacts } from "./file-facts.ts";
import { checkPages, expectOurs, faultOfHeader, NotVerifiableError } from "./pages.ts";
import { reasonOf } from "./readable-rows.ts";
import { Differences, type FileFigures, type Proof, type VerificationReport } from "./verification-report.ts";

const IGNORE: OnProgress = () => {};

/** @throws NotVerifiableError with one sentence, where there is nothing to be verified. */
export function verifyFile(path: string, onProgress: OnProgress = IGNORE): VerificationReport {
  const db = opened(path);
  try {
    db.run("BEGIN");
    expectOurs(db);
    return verify(db, path, onProgress);
  } catch (error) {
    if (error instanceof NotVerifiableError) throw error;
    db.close(true);
    throw new NotVerifiableError(faultOfHeader(path) ?? `It cannot be read (${reasonOf(error)}).`);
  } finally {
    // Not left to the collector: a statement that is kept keeps the snapshot, and that the log of a running node.
    db.close(true);
  }
}

function opened(path: string): Database {
  try {
    return openForReading(path);
  } catch (error) {
    throw new NotVerifiableError(`It cannot be opened (${reasonOf(error)}).`);
  }
}

function verify(db: Database, path: string, onProgress: OnProgress): VerificationReport {
  const differences = new Differences();
  const cut = faultOfSize(path, databaseBytes(db));
  if (cut !== undefined) differences.add("pages", cut);
  const log = faultOfLog(path, db);
  if (log !== undefined) differences.add("pages", log);
  const tally = new ChecksumTally(differences);
  onProgress({ done: 0, total: Number(readPragma(db, "page_count")), unit: "pages" });
  const pages = checkPages(db, differences);
  const facts = readFacts(db, tally, differences);
  const audit = new EventAudit({ db, facts, tally, differences, onProgress });
  audit.run();
  auditCounters(facts, audit.sums, differences);
  const conflictsKept = auditConflicts(db, facts, tally, differences);
  const answersKept = auditAnswers(db, tally, differences);
  const figures = figuresOf(db, facts, audit);
  const proofs = proofsOf(figures, { pages, conflictsKept, answersKept, audit, tally });
  return {
    figures,
    proofs: proofs.filter(({ check }) => !differences.has(check)),
    differences: differences.shown,
    differenceCount: differences.count,
  };
}

function figuresOf(db: Database, { topics, newestSeq }: FileFacts, audit: EventAudit): FileFigures {
  const counters = [...topics.values()];
  const sum = (name: "received" | "unique" | "duplicates" | "conflicts" | "pruned"): number =>
    counters.reduce((total, topic) => total + topic[name], 0);
  return {
    bytes: databaseBytes(db),
    events: audit.events,
    pruned: sum("pruned"),
    newest_seq: newestSeq,
    topics: topics.size,
    received: sum("received"),
    unique_processed: sum("unique"),
    duplicate_dropped: sum("duplicates"),
    conflicts: sum("conflicts"),
    remembered_ids: audit.ids.count,
    outlived_ids: audit.ids.outlived,
  };
}

interface Seen {
  readonly pages: number;
  readonly conflictsKept: number;
  readonly answersKept: number;
  readonly audit: EventAudit;
  readonly tally: ChecksumTally;
}

function proofsOf(figures: FileFigures, { pages, conflictsKept, answersKept, audit, tally }: Seen): Proof[] {
  const { events, pruned, received, unique_processed: unique, duplicate_dropped: duplicates } = figures;
  const { remembered_ids: ids, outlived_ids: outlived } = figures;
  return [
    { check: "pages", detail: `SQLite finds all ${pages} pages sound` },
    { check: "file", detail: `it is onefold's, with ${figures.topics} topics numbered without gaps` },
    {
      check: "counters",
      detail: `received ${received} = unique ${unique} + duplicates ${duplicates}; unique = ${events} stored + ${pruned} pruned, in all and in each topic`,
    },
    {
      check: "events",
      detail: `${events} up to number ${figures.newest_seq}, in order, none missing but the pruned`,
    },
    {
      check: "ids",
      detail: `${ids} remembered, each the fingerprint of its event; ${outlived} have outlived theirs`,
    },
    { check: "keys", detail: `none is there twice` },
    {
      check: "lists",
      detail: `${audit.lists.listed} events found through their topic, the rest is not listed yet`,
    },
    {
      check: "conflicts",
      detail: `${conflictsKept} kept of ${figures.conflicts}, each of a topic and key that there is`,
    },
    { check: "answers", detail: `${answersKept} kept under the keys of their requests, each whole` },
    {
      check: "checksums",
      detail: `${tally.right} rows are as they were written`,
    },
  ];
}
