/** GET /events/stream: the stored events as server-sent events, from wherever the reader stands. */

import type { FeedSink, FeedSubscription } from "../live/feed-sink.ts";
import { problem, refuse } from "../problem.ts";
import { type AskedPosition, eventPositionOf, expectNotBeyond, LATEST } from "./event-positions.ts";
import type { EventStream } from "./event-stream.ts";
import { type GivenPosition, lastEventIdOf } from "./last-event-id.ts";
import { EVENTS_STREAM_PARAMETERS } from "./models/parameters.ts";
import type { StreamSource } from "./open-streams.ts";
import { QueryReader } from "./query.ts";
import type { Services } from "./services.ts";
import { patternsOf } from "./subscription-parameters.ts";
import { visiblePatterns } from "./visible-topics.ts";

/** @throws ProblemError where the query cannot be used, or asks for what may not be seen. */
export function feedStream(services: Services, request: Request): Promise<Response> {
  const { admission, cursors, streams, limits } = services;
  const caller = admission.callerOf(request);
  const query = new QueryReader(request.url, Object.keys(EVENTS_STREAM_PARAMETERS));
  const asked = patternsOf(query, limits.patternsMax);
  const given = positionGiven(query, request);
  // Whether a header or a parameter, it is one of the faults that are told together.
  const fault = faultOf(readPosition(given, cursors));
  if (fault !== undefined) query.fault(given.name, fault);
  query.done();
  const patterns = visiblePatterns(caller.grant, asked);
  const prepare = async (): Promise<StreamSource> => {
    const after = await storedPosition(services, given);
    return new FeedSource(services, { patterns, after });
  };
  return streams.answer({ request, route: "/events/stream", caller, isBounded: true, prepare });
}

/** Where it says that it stood, or else where it asks to begin. */
function positionGiven(query: QueryReader, request: Request): GivenPosition & { readonly isAfter?: boolean } {
  return (
    lastEventIdOf(query, request) ?? { name: "after", text: query.text("after") ?? LATEST, isAfter: true }
  );
}

type Given = ReturnType<typeof positionGiven>;

function readPosition({ text, isAfter = false }: Given, cursors: Services["cursors"]): AskedPosition {
  return eventPositionOf(text, cursors, { takesLatest: isAfter });
}

function faultOf(asked: AskedPosition): string | undefined {
  return asked !== LATEST && "fault" in asked ? asked.fault : undefined;
}

/** Once there is a database: a cursor may turn out to be of another one only now. @throws ProblemError */
async function storedPosition(services: Services, given: Given): Promise<FeedSubscription["after"]> {
  const asked = readPosition(given, services.cursors);
  if (asked === LATEST) return LATEST;
  if ("fault" in asked) {
    const places = [{ pointer: given.name, detail: asked.fault }];
    return refuse("invalid_parameter", `${given.name} ${asked.fault}.`, { places, count: 1 });
  }
  await expectNotBeyond(services, given.name, asked);
  return asked.seq;
}

class FeedSource implements StreamSource {
  #sink: FeedSink | undefined;
  /** Where it has got to since the last frame, without being told anything. */
  #ahead: number | undefined;

  constructor(
    private readonly services: Pick<Services, "feed" | "cursors" | "streams">,
    private readonly subscription: FeedSubscription,
  ) {}

  begin(stream: EventStream): void {
    const { feed, cursors, streams } = this.services;
    this.#sink = {
      send: (text, position) => {
        this.#ahead = undefined;
        stream.frame(text, cursors.ofEvent(position));
      },
      advance: (position) => void (this.#ahead = position),
      get bufferedBytes() {
        return stream.bufferedBytes;
      },
      closeAsTooSlow: () => stream.cut(),
      closeAsUnreadable: (fault) =>
        streams.refuse(stream, problem("storage_failing", `What is stored cannot be read: ${fault}.`)),
    };
    feed.subscribe(this.#sink, this.subscription);
    // Whoever loses the connection before anything was told goes on from here, not from what is the latest by then.
    const here = this.position();
    if (here !== undefined) stream.begin(here);
  }

  /** Told once. */
  position(): string | undefined {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    return ahead === undefined ? undefined : this.services.cursors.ofEvent(ahead);
  }

  ended(): void {
    if (this.#sink !== undefined) this.services.feed.unsubscribe(this.#sink);
  }
}
