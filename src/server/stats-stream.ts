/** GET /stats/stream: live statistics as server-sent events. */

import type { StatsSink } from "../live/stats-group.ts";
import type { StatsHub, StatsSubscription } from "../live/stats-hub.ts";
import type { Cursors, StatsCursor } from "./cursors.ts";
import type { EventStream } from "./event-stream.ts";
import { lastEventIdOf } from "./last-event-id.ts";
import { STATS_STREAM_PARAMETERS } from "./models/parameters.ts";
import type { StreamSource } from "./open-streams.ts";
import { QueryReader } from "./query.ts";
import type { Services } from "./services.ts";
import { intervalOf, patternsOf } from "./subscription-parameters.ts";
import { visiblePatterns } from "./visible-topics.ts";

/** @throws ProblemError where the query cannot be used, or asks for what may not be seen. */
export function statsStream(services: Services, request: Request): Promise<Response> {
  const { admission, hub, cursors, streams, limits } = services;
  const caller = admission.callerOf(request);
  const query = new QueryReader(request.url, Object.keys(STATS_STREAM_PARAMETERS));
  const intervalMs = intervalOf(query);
  const asked = patternsOf(query, limits.patternsMax);
  const resume = resumeOf(query, request, cursors);
  query.done();
  const patterns = visiblePatterns(caller.grant, asked);
  const prepare = (): StreamSource => {
    const { epoch } = hub.board;
    const isKnown = resume !== undefined && resume.epochDigest === cursors.epochDigest(epoch);
    const subscription = { patterns, intervalMs };
    return new StatsSource(
      { hub, cursors },
      isKnown ? { ...subscription, resume: { epoch, revision: resume.revision } } : subscription,
    );
  };
  return streams.answer({ request, route: "/stats/stream", caller, isBounded: false, prepare });
}

type Resume = Exclude<StatsCursor, { readonly fault: string }>;

function resumeOf(query: QueryReader, request: Request, cursors: Cursors): Resume | undefined {
  const given = lastEventIdOf(query, request);
  if (given === undefined) return undefined;
  const read = cursors.stats(given.text);
  if (!("fault" in read)) return read;
  query.fault(given.name, read.fault);
  return undefined;
}

class StatsSource implements StreamSource {
  #sink: StatsSink | undefined;

  constructor(
    private readonly parts: { readonly hub: StatsHub; readonly cursors: Cursors },
    private readonly subscription: StatsSubscription,
  ) {}

  begin(stream: EventStream): void {
    const { hub, cursors } = this.parts;
    this.#sink = {
      send: (text, revision) => stream.frame(text, cursors.ofStats(hub.board.epoch, revision)),
      get bufferedBytes() {
        return stream.bufferedBytes;
      },
      closeAsTooSlow: () => stream.cut(),
    };
    hub.subscribe(this.#sink, this.subscription);
  }

  /** Counters that have not changed can be resumed from where they were told. */
  position(): undefined {}

  ended(): void {
    if (this.#sink !== undefined) this.parts.hub.unsubscribe(this.#sink);
  }
}
