/** What a setting is. */

import type {
  ChoiceFlag,
  ChoicesFlag,
  DurationFlag,
  FileModeFlag,
  IntegerFlag,
  ListFlag,
  TextFlag,
  TopicLimitsFlag,
} from "./flags.ts";

/** A setting is a flag of `serve` that is also an environment variable. */
export type Setting = (
  | TextFlag
  | IntegerFlag
  | ChoiceFlag
  | ChoicesFlag
  | ListFlag
  | DurationFlag
  | FileModeFlag
  | TopicLimitsFlag
) & {
  readonly group: "Node" | "TLS" | "Access" | "Retention" | "Limits";
};
