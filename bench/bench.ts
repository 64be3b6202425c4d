/** What a bench is: a name, a run that gives rows, and how a row reads in the table. */

export interface BenchOptions {
  /** How long each figure is measured. */
  readonly seconds: number;
  /** How long each server is loaded before that. */
  readonly warmUpSeconds: number;
  /** Everything that a bench can measure, however long it takes. */
  readonly isFull: boolean;
  /** What is measured beside onefold may be installed where it is missing. */
  readonly mayInstall: boolean;
  /** How many events are stored, where that is what a bench is about; it has a default of its own. */
  readonly events?: number;
}

export interface Bench<Row> {
  readonly name: string;
  readonly title: string;
  /** @throws Error when a server counted anything else than what was sent. */
  run(options: BenchOptions, progress: (line: string) => void): Promise<readonly Row[]>;
  readonly columns: readonly Column<Row>[];
  /** What is worth seeing of the rows. */
  charts?(rows: readonly Row[]): readonly Chart[];
  /** What the rows say, in sentences that are made from them. */
  remarks?(rows: readonly Row[]): readonly string[];
  /** Of what is measured beside onefold: a program's name, and what it says of itself. */
  versions?(): Promise<Readonly<Record<string, string>>>;
}

/** One chart, drawn into `charts/<name>.svg`: lines over a numeric axis, or bars beside one another. */
export interface Chart {
  readonly name: string;
  readonly title: string;
  readonly yTitle: string;
  readonly shape: LineShape | BarShape;
}

export interface LineShape {
  readonly kind: "lines";
  readonly xTitle: string;
  readonly isLogarithmicX?: boolean;
  readonly isLogarithmicY?: boolean;
  readonly lines: readonly { readonly name: string; readonly points: readonly Point[] }[];
}

export interface BarShape {
  readonly kind: "bars";
  /** One group of bars for each label, one bar in it for each series. */
  readonly labels: readonly string[];
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}

export type Point = readonly [x: number, y: number];

export type Column<Row> = readonly [heading: string, cell: (row: Row) => string];
