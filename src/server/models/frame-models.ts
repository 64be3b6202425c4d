/** Every model of a frame by the name it has in the AsyncAPI document. */

import { CloudEvent } from "./cloud-event.ts";
import { Event, eventList, StoredEvent } from "./event.ts";
import { EventsFrame, GapFrame } from "./feed-frames.ts";
import { ProblemPlace } from "./problem.ts";
import { EventResult } from "./publish.ts";
import { AckFrame, HelloFrame, publishFrame } from "./publish-frames.ts";
import { AuthAnswer, AuthFrame, ErrorFrame, PingFrame, PongFrame } from "./socket-frames.ts";
import { Counters, DeltaFrame, SnapshotFrame, subscribeFrame } from "./stats-frames.ts";

/** As this node is configured. */
export interface FrameLimits {
  readonly eventsMax: number;
  readonly patternsMax: number;
}

export function frameModels({ eventsMax, patternsMax }: FrameLimits) {
  return {
    HelloFrame,
    PublishFrame: publishFrame(eventsMax),
    Event,
    EventList: eventList(eventsMax),
    CloudEvent,
    AckFrame,
    EventResult,
    SubscribeFrame: subscribeFrame(patternsMax),
    SnapshotFrame,
    DeltaFrame,
    Counters,
    EventsFrame,
    StoredEvent,
    GapFrame,
    ErrorFrame,
    ProblemPlace,
    AuthFrame,
    AuthAnswer,
    PingFrame,
    PongFrame,
  };
}
