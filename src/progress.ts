/** How far something is that takes a while. */

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** What is counted: a plural, or a unit. */
  readonly unit: string;
}

export type OnProgress = (progress: Progress) => void;
