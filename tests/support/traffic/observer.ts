/** Watches what nodes say to the tests over `fetch` and `WebSocket`, and keeps what their documents do not say. */

import { readCopy } from "./response-copy.ts";
import { TrafficJudge } from "./traffic-judge.ts";

/** What is shown of a long text; the fault stands before it. */
const SHOWN_LENGTH_MAX = 600;
const FAULTS_SHOWN_MAX = 5;

export type Clients = Pick<typeof globalThis, "fetch" | "WebSocket">;

type Judgement = (judge: TrafficJudge) => string[];

export class TrafficObserver {
  #faults: string[] = [];
  #judge: TrafficJudge | undefined;
  #making: Promise<void> | undefined;
  /** What came before there was a judge. */
  #waiting: Judgement[] = [];
  readonly #reading = new Set<Promise<void>>();

  /** @param pathOnNode the path and query of an address, where it is one of a node's. */
  constructor(private readonly pathOnNode: (address: string) => string | undefined) {}

  /** Everything that is asked for with these from now on is seen. */
  start(clients: Clients): void {
    const observe = this;
    const realFetch = clients.fetch;
    const watched = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
      const response = await realFetch(input, init);
      observe.#seeResponse(input, init, response);
      return response;
    };
    clients.fetch = Object.assign(watched, { preconnect: realFetch.preconnect });
    clients.WebSocket = class extends clients.WebSocket {
      constructor(url: string | URL, options?: Bun.WebSocketOptions | string | string[]) {
        super(url, options as Bun.WebSocketOptions);
        observe.#seeSocket(this, String(url));
      }
    };
  }

  /** Makes the judge, which takes a moment. */
  prepare(): Promise<void> {
    this.#making ??= TrafficJudge.ofSource().then((judge) => {
      this.#judge = judge;
      for (const waiting of this.#waiting) this.#judged(waiting);
      this.#waiting = [];
    });
    return this.#making;
  }

  /** What was wrong since it was asked last, once all that was sent has been read. */
  async faults(): Promise<string | undefined> {
    while (this.#reading.size > 0) await Promise.all(this.#reading);
    await this.#making;
    const faults = this.#faults;
    this.#faults = [];
    if (faults.length === 0) return undefined;
    const shown = faults.slice(0, FAULTS_SHOWN_MAX).map((fault) => `- ${fault.slice(0, SHOWN_LENGTH_MAX)}`);
    return `${faults.length} times a node said what its documents do not:\n${shown.join("\n")}`;
  }

  #seeResponse(input: string | URL | Request, init: RequestInit | undefined, response: Response): void {
    const path = this.pathOnNode(input instanceof Request ? input.url : String(input));
    if (path === undefined) return;
    const method = (init?.method ?? (input instanceof Request ? input.method : "GET")).toUpperCase();
    const { status, headers } = response;
    readCopy(response, {
      whole: (text) => this.#judged((judge) => judge.faultsOfAnswer(method, path, { status, headers, text })),
      frame: (text) => this.#judged((judge) => judge.faultsOfFrame(path, text)),
      reading: (read) => {
        this.#reading.add(read);
        void read.finally(() => this.#reading.delete(read));
      },
    });
  }

  #seeSocket(socket: WebSocket, url: string): void {
    const path = this.pathOnNode(url);
    if (path === undefined) return;
    let isOpen = false;
    socket.addEventListener("open", () => (isOpen = true));
    socket.addEventListener("message", ({ data }) =>
      this.#judged((judge) => judge.faultsOfFrame(path, data)),
    );
    socket.addEventListener("close", ({ code }) => {
      if (isOpen) this.#judged((judge) => judge.faultsOfClosing(path, code));
    });
  }

  #judged(judgement: Judgement): void {
    if (this.#judge === undefined) {
      this.#waiting.push(judgement);
      void this.prepare();
      return;
    }
    try {
      this.#faults.push(...judgement(this.#judge));
    } catch (error) {
      this.#faults.push(String(error));
    }
  }
}
