/** Stock SQLite clients in processes of their own, as an operator or a backup tool opens the file of a live node. */

import { join } from "node:path";
import { find, isMissing } from "./prerequisites.ts";
import { Program } from "./program.ts";

export type ClientName = "Python's sqlite3" | "the sqlite3 shell";

/** For each: reads a statement a line, and answers with rows as JSON, errors as text, and then `done`. */
const COMMANDS: Readonly<Record<ClientName, (path: string) => readonly string[]>> = {
  "Python's sqlite3": (path) => [find("python")!, join(import.meta.dir, "sqlite-client.py"), path],
  // Errors come through the same pipe, so that they cannot overtake the end of the answer.
  "the sqlite3 shell": (path) => ["sh", "-c", 'exec "$0" -batch -json "$1" 2>&1', find("sqlite")!, path],
};

const DONE = "done";

/** Those that are installed. */
export const CLIENT_NAMES: readonly ClientName[] = [
  ...(isMissing("python") ? [] : (["Python's sqlite3"] as const)),
  ...(isMissing("sqlite") ? [] : (["the sqlite3 shell"] as const)),
];

export class SqliteClient implements AsyncDisposable {
  readonly #program: Program;
  readonly #endOfStatement: string;
  #answersTaken = 0;
  #linesTaken = 0;

  /** @param dataFolder of the node whose database is opened. */
  constructor(name: ClientName, dataFolder: string) {
    this.#program = new Program(COMMANDS[name](join(dataFolder, "onefold.db")));
    this.#endOfStatement = name === "the sqlite3 shell" ? `;\n.print ${DONE}\n` : "\n";
  }

  /** @returns the rows. @throws Error with what the client said instead. */
  async run(statement: string): Promise<Record<string, unknown>[]> {
    await this.#program.write(statement + this.#endOfStatement);
    this.#answersTaken++;
    const isDone = (): boolean =>
      this.#program.lines.filter((line) => line === DONE).length >= this.#answersTaken;
    await this.#program.until(isDone);
    const lines = this.#program.lines.slice(this.#linesTaken);
    this.#linesTaken += lines.length;
    const answer = lines.slice(0, lines.indexOf(DONE)).join("\n").trim();
    if (answer === "") return [];
    if (!answer.startsWith("[")) throw new Error(`${statement}: ${answer}`);
    return JSON.parse(answer) as Record<string, unknown>[];
  }

  /** The one value of the one row. */
  async value(statement: string): Promise<unknown> {
    const [row] = await this.run(statement);
    return row === undefined ? undefined : Object.values(row)[0];
  }

  /** Closes the database in order. */
  async close(): Promise<void> {
    await this.#program.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]();
  }
}
