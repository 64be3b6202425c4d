/** The workers of a node: what each is started with, and what it means when one ends. */

import type { LedgerClient } from "./ingest/ledger-client.ts";
import type { FromLedger } from "./ingest/ledger-messages.ts";
import type { FromReader, ReaderClient } from "./storage/reader-messages.ts";
import type { CheckpointStart, LedgerStart, ReaderStart } from "./workers/messages.ts";

/** Where the parts that are not code of the main thread lie; differs between source and executable. */
export interface NodeFiles {
  readonly migrationsFolder: string;
  readonly ledgerWorker: URL;
  readonly readerWorker: URL;
  readonly checkpointWorker: URL;
}

/** How willingly a thread lets others have the processor, as `nice` has it. */
const NORMAL = 0;

/** Where there is not enough for all, publishers go before those who read what is old. */
const LOWEST = 19;

export class Threads {
  ledger: Worker | undefined;
  reader: Worker | undefined;
  #farReader: (() => Worker) | undefined;
  #far: Worker | undefined;
  #checkpoint: Worker | undefined;
  #isClosing = false;

  /** @param onDeath told why, when one has ended that was not told to. */
  constructor(
    private readonly files: NodeFiles,
    private readonly databasePath: string,
    private readonly onDeath: (reason: string) => void,
  ) {}

  /** Whom those are told by who catch up; started when the first of them asks. */
  get farReader(): Worker | undefined {
    this.#far ??= this.#farReader?.();
    return this.#far;
  }

  openLedger(client: LedgerClient, start: LedgerStart): void {
    this.ledger = this.#open(this.files.ledgerWorker, "ledger", start);
    this.ledger.onmessage = ({ data }: MessageEvent<FromLedger>) => client.receive(data);
  }

  /** Started once there is a migrated database to read. */
  openReaders(restartRequest: Int32Array, client: ReaderClient, farClient: ReaderClient): void {
    if (this.reader !== undefined) return;
    this.reader = this.#openReader("reader", client, NORMAL);
    this.#farReader = () => this.#openReader("far reader", farClient, LOWEST);
    const checkpoint: CheckpointStart = { databasePath: this.databasePath, restartRequest };
    this.#checkpoint = this.#open(this.files.checkpointWorker, "checkpoint", checkpoint);
  }

  /** From now on a thread that ends is one that was told to. */
  closeReaders(): void {
    this.#isClosing = true;
    this.reader?.terminate();
    this.#far?.terminate();
    this.#checkpoint?.terminate();
  }

  closeLedger(): void {
    this.ledger?.terminate();
  }

  #openReader(name: string, client: ReaderClient, niceness: number): Worker {
    const start: ReaderStart = { databasePath: this.databasePath, niceness };
    const worker = this.#open(this.files.readerWorker, name, start);
    worker.onmessage = ({ data }: MessageEvent<FromReader>) => client.receive(data);
    return worker;
  }

  #open(file: URL, name: string, start: unknown): Worker {
    const worker = new Worker(file.href, { name });
    worker.onerror = (event) => this.#died(name, messageOf(event));
    worker.addEventListener("close", () => this.#died(name, "it ended without an error"));
    worker.postMessage(start);
    return worker;
  }

  #died(name: string, reason: string): void {
    if (!this.#isClosing) this.onDeath(`the ${name} thread died: ${reason}`);
  }
}

/** In an executable the event's own text is the error with a piece of the code around it, on many lines. */
function messageOf({ message }: ErrorEvent): string {
  const [, found = message] = /^(?:\w*[eE]rror): (.*)$/m.exec(message) ?? [];
  return found;
}
