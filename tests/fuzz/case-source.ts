/** Makes case number N of a seed: each from random numbers of its own, so that it can be played again alone. */

import { Random } from "../simulation/random.ts";
import { BrokenRequests } from "./broken-requests.ts";
import { CloudEventTexts } from "./cloud-event-texts.ts";
import type { Credentials } from "./credentials.ts";
import { CursorTexts, type GivenCursors } from "./cursor-texts.ts";
import { DoorRequests } from "./door-requests.ts";
import type { FuzzCase } from "./fuzz-case.ts";
import { HttpRequests } from "./http-requests.ts";
import { KeyedRequests } from "./keyed-requests.ts";
import { LineBodies } from "./line-bodies.ts";
import { PublishTexts } from "./publish-texts.ts";
import { RequestBytes } from "./request-bytes.ts";
import type { Route } from "./routes.ts";
import { SocketSessions } from "./socket-sessions.ts";
import { StreamRequests } from "./stream-requests.ts";

/** What the node under test tells of itself before the first case is made. */
export interface NodeFacts {
  readonly routes: readonly Route[];
  readonly cursors: GivenCursors;
  readonly credentials: Credentials;
}

export class CaseSource {
  readonly #random: Random;
  readonly #kinds: Readonly<Record<keyof typeof WEIGHTS, { next(): FuzzCase }>>;

  constructor(seed: number, { routes, cursors: given, credentials }: NodeFacts) {
    const random = new Random(seed);
    const texts = new PublishTexts(random);
    const cloudEvents = new CloudEventTexts(random, texts.json);
    const bytes = new RequestBytes(random, credentials);
    const cursors = new CursorTexts(random, given);
    this.#random = random;
    this.#kinds = {
      request: new HttpRequests(random, texts, routes, bytes, cursors),
      door: new DoorRequests(random, bytes, new LineBodies(random, texts), cloudEvents, cursors),
      session: new SocketSessions(random, texts, cloudEvents, credentials),
      broken: new BrokenRequests(random, texts, credentials),
      keyed: new KeyedRequests(random, bytes, texts, cloudEvents),
      stream: new StreamRequests(random, bytes, cursors),
    };
  }

  make(place: number): FuzzCase {
    this.#random.restart(place);
    return this.#kinds[this.#random.weighted(WEIGHTS)].next();
  }
}

const WEIGHTS = { request: 50, door: 30, session: 8, broken: 4, keyed: 4, stream: 4 };
