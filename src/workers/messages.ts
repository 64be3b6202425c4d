/** What each worker is told when it starts. */

import type { GroupCommitLimits } from "../ingest/group-commit.ts";
import type { AnswerLimits } from "../storage/request-answers.ts";
import type { Retention } from "../storage/retention.ts";
import type { RestartRequest } from "../storage/sqlite/checkpointer.ts";

export interface LedgerStart {
  readonly databasePath: string;
  readonly migrationsFolder: string;
  readonly limits: GroupCommitLimits;
  readonly retention: Retention;
  readonly answers: AnswerLimits;
  readonly acceptsDamagedLog: boolean;
  readonly restartRequest: RestartRequest;
}

export interface ReaderStart {
  readonly databasePath: string;
  /** From 0 to 19: how willingly it lets other threads go before it. */
  readonly niceness: number;
}

export interface CheckpointStart {
  readonly databasePath: string;
  readonly restartRequest: RestartRequest;
}
