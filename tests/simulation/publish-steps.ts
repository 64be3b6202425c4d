/** Steps of publishers: new events, retries, new and lost channels. */

import { publishOverHttp, SimulatedChannel } from "./publishers.ts";
import type { Stage } from "./stage.ts";
import type { Intent } from "./traffic.ts";

const CHANNELS_MAX = 4;

/** Whoever owes so many publishes sends those again before any new ones. */
const OWED_MAX = 25;

export function publish(stage: Stage): void {
  const { random, traffic, world } = stage;
  if (world.debts.owed.length > OWED_MAX) {
    resend(stage);
    return;
  }
  for (let i = random.between(1, 6); i > 0; i--) {
    const form = random.pick(["body", "body", "frame", "frame", "keyed"] as const);
    send(stage, form === "keyed" ? traffic.keyed() : traffic.intent(form));
  }
}

/** Requests come again with their keys, and now and then another one with the key of one of them. */
export function repeatKeyed(stage: Stage): void {
  const { random, world, traffic } = stage;
  for (let i = random.between(1, 3); i > 0; i--) send(stage, traffic.keyed());
  for (const intent of random.some(world.keyed, 4)) {
    const isOther = random.chance(0.15);
    send(stage, isOther ? { ...traffic.intent("body"), key: intent.key! } : intent);
  }
}

/** More at once than a queue of a few may hold. */
export function flood(stage: Stage): void {
  const { random, traffic } = stage;
  for (let i = random.between(10, 25); i > 0; i--)
    send(stage, traffic.intent(random.pick(["body", "frame"] as const)));
}

/** What was not acknowledged is sent again. */
export function resend(stage: Stage, publishesMax = 8): void {
  for (const intent of stage.random.some(stage.world.debts.owed, publishesMax)) send(stage, intent);
}

/** What was acknowledged is sent again as well, since its publisher has never heard of it. */
export function repeat(stage: Stage): void {
  const { random, world, traffic } = stage;
  for (const { topic, scope, eventId, timestamp, source, payload } of random.some(
    world.oracle.model.events,
    3,
  ))
    send(stage, traffic.intentOf("body", [{ topic, scope, eventId, timestamp, source, payload }]));
}

export function send({ random, world }: Stage, intent: Intent): void {
  if (intent.form === "body") {
    if (intent.key !== undefined && !world.keyed.includes(intent)) world.keyed.push(intent);
    publishOverHttp(world.ledger, world.debts, intent, random.chance(0.4));
    return;
  }
  world.channels = world.channels.filter(({ isOpen }) => isOpen);
  if (world.channels.length < CHANNELS_MAX && random.chance(0.3)) {
    const topics = random.chance(0.85) ? ["*"] : ["orders*", "default"];
    const grant = { subject: "publisher", topics };
    world.channels.push(new SimulatedChannel(world.ledger, world.debts, grant, random.pick([1, 3, 100])));
  }
  if (world.channels.length === 0) world.debts.add(intent);
  else random.pick(world.channels).send(intent);
}

export function dropChannel({ random, world }: Stage): void {
  const [dropped] = random.some(world.channels, 1);
  dropped?.disconnect();
  world.channels = world.channels.filter((channel) => channel !== dropped);
}
