/** What a bench is: a name, a run that gives rows, and how a row reads in the table. */

export interface BenchOptions {
  /** How long each figure is measured. */
  readonly seconds: number;
  /** How long each server is loaded before that. */
  readonly warmUpSeconds: number;
}

export interface Bench<Row> {
  readonly name: string;
  readonly title: string;
  /** @throws Error when a server counted anything else than what was sent. */
  run(options: BenchOptions, progress: (line: string) => void): Promise<readonly Row[]>;
  readonly columns: readonly Column<Row>[];
}

export type Column<Row> = readonly [heading: string, cell: (row: Row) => string];
