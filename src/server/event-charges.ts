/** Charges a publish for its events before it is handed to the ledger, which is the first to know how many they are. */

import type { PublishForm } from "../events/decoded-publish.ts";
import { eventsAtMost } from "../events/event-bound.ts";
import type { EventCharge } from "../limits/event-charge.ts";
import type { Meter } from "../limits/rate-limits.ts";
import type { ServerLimits } from "./services.ts";

/** The text is only looked at where events are limited by time. */
export function chargeFor(
  meter: Meter | undefined,
  text: string,
  limits: ServerLimits,
  form?: PublishForm,
): EventCharge | undefined {
  if (meter === undefined || !meter.limitsEvents) return undefined;
  return meter.chargeEvents(eventsAtMost(text, limits.eventsMax, form));
}
