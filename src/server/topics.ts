/** GET /topics: the topics in the order of their names, page by page, with their counters. */

import { Elysia } from "elysia";
import type { Grant } from "../access/grant.ts";
import { faultOfTopic } from "../events/text-rules.ts";
import type { CounterBoard } from "../live/counter-board.ts";
import { TOPICS_OPERATION } from "./documentation/stats.ts";
import { PAGE_TOPICS_DEFAULT, PAGE_TOPICS_MAX, TOPICS_PARAMETERS } from "./models/parameters.ts";
import { expectOpened } from "./opened.ts";
import { QueryReader } from "./query.ts";
import type { Services } from "./services.ts";
import { topicDetails } from "./stats.ts";
import { type VisibleTopics, visibleTopics } from "./visible-topics.ts";

export function topicRoutes(services: Services) {
  const names = new SortedNames(services.hub.board);
  return new Elysia().get(
    "/topics",
    ({ request }) => listTopics(services, names, services.admission.callerOf(request).grant, request),
    { detail: TOPICS_OPERATION },
  );
}

function listTopics(
  { hub, clock, answers }: Services,
  names: SortedNames,
  grant: Grant,
  request: Request,
): Response {
  const query = new QueryReader(request.url, Object.keys(TOPICS_PARAMETERS));
  const prefix = query.checked("prefix", faultOfTopic) ?? "";
  const after = query.checked("after", faultOfTopic);
  const limit = query.integer("limit", { min: 1, max: PAGE_TOPICS_MAX }) ?? PAGE_TOPICS_DEFAULT;
  query.done();
  expectOpened(hub);
  const { board } = hub;
  const visible = visibleTopics(grant, board);
  const page = names.from(prefix, after, limit + 1, visible);
  const now = clock.now();
  const topics = page.slice(0, limit).map((name) => {
    const topic = board.topic(board.idOf(name)!);
    return `{"topic":${JSON.stringify(name)},${topicDetails(topic, now)}}`;
  });
  const next = page.length > limit ? JSON.stringify(page[limit - 1]) : "null";
  return answers.json(
    request,
    `{"topics":[${topics.join(",")}],"count":${topics.length},"topic_count":${visible.count},"next":${next}}`,
  );
}

/** The names in order; sorted again only when there are new ones. */
class SortedNames {
  #names: string[] = [];
  #epoch = "";

  constructor(private readonly board: CounterBoard) {}

  /** The first visible names with a prefix that come after another name, in the order of their UTF-16 units. */
  from(prefix: string, after: string | undefined, limit: number, visible: VisibleTopics): string[] {
    const names = this.#sorted();
    const start = after === undefined || after < prefix ? prefix : after;
    const page: string[] = [];
    for (let i = lowerBound(names, start); i < names.length && page.length < limit; i++) {
      const name = names[i]!;
      if (!name.startsWith(prefix)) break;
      if (name !== after && visible.has(this.board.idOf(name)!)) page.push(name);
    }
    return page;
  }

  #sorted(): readonly string[] {
    const { board } = this;
    if (this.#names.length !== board.topicCount || this.#epoch !== board.epoch) {
      this.#names = Array.from({ length: board.topicCount }, (_, i) => board.topic(i + 1).name).sort();
      this.#epoch = board.epoch;
    }
    return this.#names;
  }
}

/** The place of the first name that is not less than `wanted`. */
function lowerBound(names: readonly string[], wanted: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (names[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
