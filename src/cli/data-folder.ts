/** The flag `--data` of the commands that work on a node's file, and what its environment gives them. */

import type { TextFlag } from "../config/flags.ts";
import { SETTINGS, variableOf } from "../config/settings.ts";

export const DATA_FLAG = {
  ...SETTINGS.data,
  help: `Folder of the database file; ${variableOf("data")} counts without it.`,
} as const satisfies TextFlag;
