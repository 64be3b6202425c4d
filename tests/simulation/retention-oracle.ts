/** Holds every step of retention against the rules: what it may remove, what it must, and which ids it forgets. */

import type { PruneReport, Retention } from "../../src/storage/retention.ts";
import type { Arrival, Model, Pruning } from "./model.ts";
import type { PrunedFile, RetentionAudit } from "./retention-audit.ts";
import { dueByRule } from "./retention-rules.ts";
import { tally } from "./tally.ts";
import { guarantee, guaranteeSame } from "./violation.ts";

/** A step as it was asked for. */
export interface PruneCall {
  readonly now: number;
  readonly rowsMax: number;
}

/** The next process may have other rules than the one that took the step. */
interface Step extends PruneCall {
  readonly retention: Retention;
}

const NOTHING: Pruning = { removed: [], forgotten: [] };

/** Steps that find nothing to do are most of them: of so many one is held against the file. */
const IDLE_COMPARED_EVERY = 8;

const OLDEST = "only the oldest events that no rule keeps are removed";
const FORGOTTEN = "an id is forgotten with its event or at the end of the window";

export class RetentionOracle {
  /** Whether the last step found nothing more to do. */
  isAtRest = false;
  /** A step that may or may not be in the file. */
  #inFlight: Step | undefined;
  /** Takes back the last step, which no sync has covered yet. */
  #undo: (() => void) | undefined;
  #lostPower = false;
  #idle = 0;

  constructor(readonly retention: () => Retention) {}

  /** Everything that was written so far survives a power cut. */
  synced(): void {
    this.#undo = undefined;
  }

  /** What had not been synced may be gone. */
  lostPower(): void {
    this.#lostPower = true;
  }

  /** The process died in the middle of a step, or nobody can say what became of it. */
  lost(call: PruneCall): void {
    this.#inFlight = { ...call, retention: this.retention() };
  }

  /** @returns what was removed and forgotten. */
  stepped(
    model: Model,
    audit: RetentionAudit,
    call: PruneCall,
    { removed, isDone }: PruneReport,
    isSynced: boolean,
  ): Pruning {
    const step = { ...call, retention: this.retention() };
    this.isAtRest = isDone;
    if (isDone) expectDone(model, step);
    // A step that did nothing left everything as it was.
    if (isDone && removed === 0 && ++this.#idle % IDLE_COMPARED_EVERY > 0) return NOTHING;
    const file = audit.read();
    const pruning = this.#follow(model, file, step, isSynced);
    guaranteeSame(OLDEST, removed, pruning.removed.length, "events that a step says it removed");
    audit.compare(model, file);
    if (pruning.removed.length > 0) tally.count("retention", "steps that removed events");
    else if (pruning.forgotten.length > 0) tally.count("retention", "steps that forgot ids");
    return pruning;
  }

  /** The store was opened: of a step in flight, or one that was not synced, the file says what became of it. */
  opened(model: Model, audit: RetentionAudit): void {
    const file = audit.read();
    if (this.#lostPower && this.#undo !== undefined && isBehind(file, model)) {
      tally.count("retention", "steps that a power cut took back");
      this.#undo();
    } else if (this.#inFlight !== undefined) {
      tally.count("retention", "steps in flight at the end of a process");
      this.#follow(model, file, this.#inFlight, true);
    }
    this.#inFlight = undefined;
    this.#undo = undefined;
    this.#lostPower = false;
    this.isAtRest = false;
    audit.compare(model, file);
  }

  #follow(model: Model, file: PrunedFile, step: Step, isSynced: boolean): Pruning {
    const through = new Map(file.prunedThrough.map(({ name, seq }) => [name, seq]));
    const removed = model.events.filter(({ topic, seq }) => seq <= (through.get(topic) ?? 0));
    const forgotten = [...model.remembered.values()].filter(({ seq }) => !file.ids.has(seq));
    const pruning = { removed, forgotten };
    if (removed.length > 0) expectDue(model, removed, step);
    const undo = model.prune(pruning);
    expectIds(model, pruning, file, step);
    if (removed.length + forgotten.length > 0) {
      // Everything before a synced step is synced as well.
      if (isSynced) this.#undo = undefined;
      else this.#undo = undo;
    }
    return pruning;
  }
}

/** One rule asked for it, and it is the oldest of what the rule asks for. */
function expectDue({ events }: Model, removed: readonly Arrival[], { now, rowsMax, retention }: Step): void {
  guarantee(OLDEST, removed.length <= rowsMax, () => `${removed.length} in a step of ${rowsMax}`);
  const isAsked = dueByRule(events, retention, now).some(
    (due) => due.length >= removed.length && removed.every(({ seq }, i) => due[i]!.seq === seq),
  );
  guarantee(OLDEST, isAsked, () => `${removed.map(({ seq }) => seq)} of ${events.map(({ seq }) => seq)}`);
}

/** With what is removed go the ids whose window is over; of those that outlive their event some may go. */
function expectIds(model: Model, { removed, forgotten }: Pruning, file: PrunedFile, step: Step): void {
  for (const arrival of forgotten) {
    const isRight = !model.isStored(arrival) && isOver(arrival, step);
    guarantee(FORGOTTEN, isRight, () => `${arrival.seq} of ${arrival.at} is forgotten at ${step.now}`);
  }
  for (const arrival of removed) {
    const id = file.ids.get(arrival.seq);
    if (id === undefined) continue;
    guaranteeSame(FORGOTTEN, id.at, arrival.at, `when ${arrival.seq} was received`);
    const isRight = !isOver(id, step);
    guarantee(FORGOTTEN, isRight, () => `${arrival.seq} of ${id.at} is remembered at ${step.now}`);
    tally.count("retention", "ids that outlived their event");
  }
}

/** Nothing is left to do: every rule is kept to, and no id is remembered for too long. */
function expectDone(model: Model, step: Step): void {
  const due = dueByRule(model.events, step.retention, step.now).find((events) => events.length > 0);
  guarantee(
    "at rest every rule is kept to",
    due === undefined,
    () => `${due?.map(({ seq }) => seq)} are due`,
  );
  if (!model.isPruned) return;
  for (const arrival of model.remembered.values()) {
    const isRight = model.isStored(arrival) || !isOver(arrival, step);
    guarantee(FORGOTTEN, isRight, () => `${arrival.seq} of ${arrival.at} is still remembered at ${step.now}`);
  }
}

function isOver({ at }: { at: number }, { now, retention: { dedupWindowMs } }: Step): boolean {
  return dedupWindowMs === 0 || now >= at + dedupWindowMs;
}

/** Whether less is removed or forgotten in the file than in the model. */
function isBehind({ prunedThrough, ids }: PrunedFile, model: Model): boolean {
  if (prunedThrough.some(({ name, seq }) => seq < model.prunedThrough(name))) return true;
  return [...ids.keys()].some((seq) => !model.remembered.has(seq));
}
