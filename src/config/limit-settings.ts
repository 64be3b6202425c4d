/** The settings of the group Limits as plain numbers by name, for whoever watches a node. */

import { flagOf } from "./flags.ts";
import type { Setting } from "./setting.ts";
import { type Config, SETTING_NAMES, SETTINGS } from "./settings.ts";

const MS_PER_SECOND = 1_000;

/** `max_topics` and the like; times in seconds. What is no number is not among them. */
export function limitSettingsOf(config: Config): Readonly<Record<string, number>> {
  const limits: Record<string, number> = {};
  for (const name of SETTING_NAMES) {
    const setting: Setting = SETTINGS[name];
    const value = config[name];
    if (setting.group !== "Limits" || typeof value !== "number") continue;
    const isTime = setting.kind === "duration" || (setting.kind === "integer" && setting.unit === "ms");
    limits[flagOf(name).replaceAll("-", "_")] = isTime ? value / MS_PER_SECOND : value;
  }
  return limits;
}
