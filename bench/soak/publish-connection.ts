/** A way into the node that answers each text it is given: over one publish channel, or over HTTP. */

/** As the node words it; which members are there depends on `type` and on the transport. */
export interface Answer {
  readonly type?: string;
  readonly frame?: number;
  readonly status?: number | string;
  readonly code?: string;
  readonly received: number;
  readonly unique_processed: number;
  readonly duplicate_dropped: number;
  readonly conflicts: number;
}

export interface PublishConnection {
  /** Texts that have not been answered. */
  readonly unanswered: number;
  /** How many may be; the caller keeps to it. */
  readonly unansweredMax: number;
  /** @param events A JSON array. */
  send(events: string, onAnswer: (answer: Answer) => void): void;
  close(): void;
}

/** Below what the node allows (`max_inflight`), so that nothing is refused for that. */
const FRAMES_UNANSWERED_MAX = 1_000;

export class ChannelConnection implements PublishConnection {
  readonly unansweredMax = FRAMES_UNANSWERED_MAX;
  readonly #socket: WebSocket;
  /** Answers come in the order of the frames. */
  #waiting: ((answer: Answer) => void)[] = [];
  /** Where in `#waiting` the queue begins: shifting a long array costs its length. */
  #first = 0;
  #answered = 0;
  #isEnded = false;

  private constructor(url: string, onFailure: (reason: string) => void) {
    this.#socket = new WebSocket(`${url.replace("http", "ws")}/ws/publish`);
    this.#socket.onclose = ({ code }) => {
      if (!this.#isEnded) onFailure(`a publish channel was closed with ${code}`);
    };
  }

  /** Resolves with a channel whose greeting has been read. */
  static async open(url: string, onFailure: (reason: string) => void): Promise<ChannelConnection> {
    const channel = new ChannelConnection(url, onFailure);
    const greeted = Promise.withResolvers<void>();
    channel.#socket.onmessage = () => greeted.resolve();
    await greeted.promise;
    channel.#socket.onmessage = ({ data }) => {
      const answer = JSON.parse(data as string) as Answer;
      const ordinal = ++channel.#answered;
      if (answer.frame !== ordinal) onFailure(`the answer to frame ${ordinal} names frame ${answer.frame}`);
      else channel.#take()(answer);
    };
    return channel;
  }

  get unanswered(): number {
    return this.#waiting.length - this.#first;
  }

  send(events: string, onAnswer: (answer: Answer) => void): void {
    this.#waiting.push(onAnswer);
    this.#socket.send(`{"type":"publish","events":${events}}`);
  }

  close(): void {
    this.#isEnded = true;
    this.#socket.close();
  }

  #take(): (answer: Answer) => void {
    const onAnswer = this.#waiting[this.#first++]!;
    if (this.#first === this.#waiting.length || this.#first > FRAMES_UNANSWERED_MAX) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    return onAnswer;
  }
}

const REQUESTS_UNANSWERED_MAX = 64;

export class HttpConnection implements PublishConnection {
  readonly unansweredMax = REQUESTS_UNANSWERED_MAX;
  unanswered = 0;

  constructor(
    private readonly url: string,
    private readonly onFailure: (reason: string) => void,
  ) {}

  send(events: string, onAnswer: (answer: Answer) => void): void {
    this.unanswered++;
    void this.#post(events).then(
      (answer) => {
        this.unanswered--;
        onAnswer(answer);
      },
      (error: Error) => this.onFailure(`a POST failed: ${error.message}`),
    );
  }

  close(): void {}

  async #post(body: string): Promise<Answer> {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${this.url}/publish`, { method: "POST", headers, body });
    return (await response.json()) as Answer;
  }
}
