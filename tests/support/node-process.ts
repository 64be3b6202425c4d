/** Runs the compiled executable: starts it on a free port, waits until it is ready, ends it, and always by its id. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Acceptance, EventPage, Stats, StoredEvent } from "./contract.ts";
import { withDeadline } from "./deadline.ts";
import { TempFolder } from "./temp-folder.ts";
import { forgetNode, observeNode } from "./traffic/observed-nodes.ts";

/** A private build can be named by whoever changes the code while others run theirs. */
const EXECUTABLE = process.env.TEST_EXECUTABLE ?? join(import.meta.dir, "../../dist/onefold");

export interface NodeOptions {
  /** The data folder; without it the node gets one of its own that goes with it. */
  readonly data?: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** How requests reach it where its address does not say: which CA to trust, over which socket to go. */
  readonly client?: BunFetchRequestInit;
}

export interface Exit {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function executable(): string {
  if (existsSync(EXECUTABLE)) return EXECUTABLE;
  throw new Error(`${EXECUTABLE} is missing: run \`bun run build\` before these tests.`);
}

/** The environment of the tests, without settings that somebody has set for a node of their own. */
export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const own = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith("ONEFOLD_"),
  );
  return { ...Object.fromEntries(own), ...more };
}

type SpawnOptions = Pick<NodeOptions, "env" | "cwd"> & {
  /** A program, with its arguments, that runs the executable. */
  readonly under?: readonly string[];
};

function spawn(args: readonly string[], { env, cwd, under = [] }: SpawnOptions = {}) {
  return Bun.spawn([...under, executable(), ...args], {
    env: cleanEnvironment(env),
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

type Child = ReturnType<typeof spawn>;

/** Children that a failed test has left behind end with the test process. */
const children = new Set<Child>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Runs a command that is expected to end by itself. */
export async function runToExit(
  args: readonly string[],
  options: Pick<NodeOptions, "env" | "cwd"> = {},
): Promise<Exit> {
  const child = spawn(args, options);
  children.add(child);
  try {
    const [stdout, stderr, exitCode] = await withDeadline(
      Promise.all([child.stdout.text(), child.stderr.text(), child.exited]),
      () => `\`onefold ${args.join(" ")}\` to end`,
    );
    return { exitCode, stdout, stderr };
  } finally {
    child.kill("SIGKILL");
    children.delete(child);
  }
}

export class NodeProcess implements AsyncDisposable {
  /** `http://host:port` or `https://…`, without a slash at the end; `http://localhost` on a unix socket alone. */
  url = "";
  /** Everything it has written so far. */
  output = "";
  readonly #child: Child;
  readonly #ownFolder: TempFolder | undefined;
  readonly #ready = Promise.withResolvers<void>();
  readonly #client: BunFetchRequestInit;
  #heard = Promise.withResolvers<void>();

  private constructor(child: Child, ownFolder: TempFolder | undefined, client: BunFetchRequestInit = {}) {
    this.#child = child;
    this.#client = client;
    this.#ownFolder = ownFolder;
    children.add(child);
    void this.#collect(child.stdout);
    void this.#collect(child.stderr);
  }

  /** Starts a node and waits until it takes publishes. */
  static async start(options: NodeOptions = {}): Promise<NodeProcess> {
    return NodeProcess.#started(NodeProcess.launch(options));
  }

  /** Starts a node and waits for nothing. */
  static launch({ data, flags = [], env, cwd, client }: NodeOptions = {}): NodeProcess {
    const ownFolder = data === undefined ? new TempFolder() : undefined;
    const args = ["serve", "--port", "0", "--data", data ?? ownFolder!.path, ...flags];
    return new NodeProcess(spawn(args, { ...(env && { env }), ...(cwd && { cwd }) }), ownFolder, client);
  }

  /** Starts a node with exactly these arguments. */
  static async startWith(args: readonly string[], options: SpawnOptions): Promise<NodeProcess> {
    return NodeProcess.#started(new NodeProcess(spawn(args, options), undefined));
  }

  static async #started(node: NodeProcess): Promise<NodeProcess> {
    const ended = node.#child.exited.then((code) => {
      throw new Error(`The node ended with ${code} before it was ready:\n${node.output}`);
    });
    ended.catch(() => {});
    try {
      await withDeadline(
        Promise.race([node.#ready.promise, ended]),
        () => `the node to be ready:\n${node.output}`,
      );
    } catch (error) {
      await node[Symbol.asyncDispose]();
      throw error;
    }
    return node;
  }

  /** Resolves once it is ready, or has ended: then with its exit code. */
  readyOrExited(): Promise<number | undefined> {
    return withDeadline(
      Promise.race([this.#ready.promise.then(() => undefined), this.#child.exited]),
      () => `the node to be ready or to end:\n${this.output}`,
    );
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The same address for WebSockets. */
  get wsUrl(): string {
    return this.url.replace(/^http/, "ws");
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Resolves with the exit code once the process has ended; 128 + signal when a signal ended it. */
  get exited(): Promise<number> {
    return withDeadline(this.#child.exited, () => `the node to end:\n${this.output}`);
  }

  /** Whether a kill ended it, and not its own exit. */
  get wasKilled(): boolean {
    return this.#child.signalCode === "SIGKILL";
  }

  signal(name: "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGKILL"): void {
    this.#child.kill(name);
  }

  /** Ends it as a power cut would, as far as a process can feel one. */
  async kill9(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }

  /** Asks it to stop. @returns the exit code. */
  stop(): Promise<number> {
    this.signal("SIGTERM");
    return this.exited;
  }

  /** A figure of /proc/<pid>/status in MB. */
  memoryMb(figure: "VmRSS" | "VmHWM"): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const kilobytes = new RegExp(`^${figure}:\\s*(\\d+) kB`, "m").exec(status)?.[1];
    return Number(kilobytes) / 1_024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    forgetNode(this.url);
    children.delete(this.#child);
    this.#ownFolder?.[Symbol.dispose]();
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.output += decoder.decode(chunk, { stream: true });
      this.#heard.resolve();
      this.#heard = Promise.withResolvers();
      const address = /is ready on (https?:\/\/\S+|unix:)/.exec(this.output)?.[1];
      if (address === undefined || this.url !== "") continue;
      this.url = address === "unix:" ? "http://localhost" : address;
      void observeNode(this.url).then(() => this.#ready.resolve(), this.#ready.reject);
    }
  }

  /** Resolves once it has said so, this many times in all. */
  async says(text: string, times = 1): Promise<void> {
    while (this.output.split(text).length <= times) {
      await withDeadline(this.#heard.promise, () => `\`${text}\` ${times} times in:\n${this.output}`);
    }
  }

  #fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { ...this.#client, ...init });
  }

  /** POSTs a value, or text as it stands, as JSON. */
  post(
    body: unknown,
    { query = "", headers = {} }: { query?: string; headers?: Record<string, string> } = {},
  ) {
    return this.#fetch(`/publish${query}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
    });
  }

  /** Publishes what must be accepted. */
  async publish(body: unknown, query = ""): Promise<Acceptance> {
    const response = await this.post(body, { query });
    const text = await response.text();
    if (response.status !== 200)
      throw new Error(`Expected POST /publish to answer 200, got ${response.status}: ${text}`);
    return JSON.parse(text) as Acceptance;
  }

  /** GETs what must be there, as text. */
  async getText(path: string): Promise<string> {
    const response = await this.#fetch(path);
    const text = await response.text();
    if (response.status !== 200)
      throw new Error(`Expected GET ${path} to answer 200, got ${response.status}: ${text}`);
    return text;
  }

  async stats(query = ""): Promise<Stats> {
    return JSON.parse(await this.getText(`/stats${query}`)) as Stats;
  }

  async page(query = ""): Promise<EventPage> {
    return JSON.parse(await this.getText(`/events${query}`)) as EventPage;
  }

  /** One event, or undefined where the answer is 404. */
  async find(topic: string, eventId: string): Promise<StoredEvent | undefined> {
    const path = `/events/${encodeURIComponent(topic)}/${encodeURIComponent(eventId)}`;
    const response = await this.#fetch(path);
    if (response.status === 404) return undefined;
    const text = await response.text();
    if (response.status !== 200)
      throw new Error(`Expected the event or 404, got ${response.status}: ${text}`);
    return JSON.parse(text) as StoredEvent;
  }
}
