/** Makes case number N of a seed: each from random numbers of its own, so that it can be played again alone. */

import { Random } from "../simulation/random.ts";
import { BrokenRequests } from "./broken-requests.ts";
import type { Credentials } from "./credentials.ts";
import type { FuzzCase } from "./fuzz-case.ts";
import { HttpRequests } from "./http-requests.ts";
import { PublishTexts } from "./publish-texts.ts";
import type { Route } from "./routes.ts";
import { SocketSessions } from "./socket-sessions.ts";

export class CaseSource {
  readonly #random: Random;
  readonly #requests: HttpRequests;
  readonly #broken: BrokenRequests;
  readonly #sessions: SocketSessions;

  constructor(seed: number, routes: readonly Route[], credentials: Credentials) {
    this.#random = new Random(seed);
    const texts = new PublishTexts(this.#random);
    this.#requests = new HttpRequests(this.#random, texts, routes, credentials);
    this.#broken = new BrokenRequests(this.#random, texts, credentials);
    this.#sessions = new SocketSessions(this.#random, texts, credentials);
  }

  make(place: number): FuzzCase {
    this.#random.restart(place);
    const kind = this.#random.weighted({ request: 88, session: 8, broken: 4 });
    if (kind === "request") return this.#requests.next();
    return kind === "session" ? this.#sessions.next() : this.#broken.next();
  }
}
