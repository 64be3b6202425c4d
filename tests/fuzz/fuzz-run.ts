/** A fuzz run: plays the cases of a seed against the compiled executable, and says what is wrong with what came back. */

import type { Stats } from "../support/contract.ts";
import { NodeProcess } from "../support/node-process.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { TrafficJudge } from "../support/traffic/traffic-judge.ts";
import { CaseSource } from "./case-source.ts";
import { type Credentials, validAuthorization } from "./credentials.ts";
import { type FuzzCase, inputsOf } from "./fuzz-case.ts";
import { FuzzViolation, Judge } from "./judge.ts";
import { playKeyed } from "./keyed-player.ts";
import { playBroken, RequestPlayer, type Target } from "./players.ts";
import { cursorsOf, routesOf } from "./routes.ts";
import { playSession } from "./session-player.ts";
import { playStream } from "./stream-player.ts";
import { Tally } from "./tally.ts";

export interface FuzzOptions {
  readonly seed: number;
  /** At least so many: a session that has begun is played to its end. */
  readonly inputs: number;
  /** Plays these cases alone. */
  readonly only?: readonly number[];
  /** More flags for the node. */
  readonly flags?: readonly string[];
  /** Makes what the node will ask for, if it does, in its data folder and before it starts. */
  readonly prepare?: (data: string) => Promise<Credentials>;
  readonly onProgress?: (inputs: number) => void;
}

export interface FuzzReport {
  readonly inputs: number;
  readonly cases: number;
  readonly seconds: number;
  readonly memoryMb: { readonly afterWarmUp: number; readonly atTheEnd: number };
  readonly stats: Stats;
  readonly seen: ReadonlyMap<string, number>;
}

/** Cases at one time. */
const LANES = 32;

/** Nothing may take longer. Generous, because the machine may be busy with other things. */
const CASE_DEADLINE_MS = 30_000;

/** So much of a run goes by before the node is taken for warm. */
const WARM_UP_SHARE = 0.3;

/**
 * What the node may take more at the end than when it was warm: its heap breathes, and each event that is kept has its
 * place in the dedup index.
 */
const GROWTH_MB_MAX = 96;
const GROWTH_BYTES_PER_EVENT_MAX = 64;

/** Enough for every name that the grammar knows, and few enough that an answer with all topics stays small. */
const FLAGS = ["--max-topics", "500"];

export class FuzzFailure extends Error {
  override readonly name = "FuzzFailure";
  constructor(seed: number, place: number | undefined, fuzzCase: FuzzCase | undefined, cause: unknown) {
    const reason = cause instanceof FuzzViolation ? cause.message : String((cause as Error).stack ?? cause);
    const replay =
      place === undefined
        ? `--seed ${seed}, the run as a whole`
        : `bun run fuzz -- --seed ${seed} --only ${place}`;
    const sent = fuzzCase === undefined ? "" : `\n${shown(fuzzCase)}`;
    super(`${reason}\n${replay}${sent}`, { cause });
  }
}

const SHOWN_LENGTH_MAX = 6_000;
const SHOWN_LINE_MAX = 600;

/** A case as text in which every byte can be told. */
function shown(fuzzCase: FuzzCase): string {
  const line = (bytes: Uint8Array): string =>
    JSON.stringify(Buffer.from(bytes).toString("latin1")).slice(0, SHOWN_LINE_MAX);
  return `${fuzzCase.kind}:\n${partsOf(fuzzCase).map(line).join("\n")}`.slice(0, SHOWN_LENGTH_MAX);
}

function partsOf(fuzzCase: FuzzCase): readonly Uint8Array[] {
  switch (fuzzCase.kind) {
    case "request":
      return [fuzzCase.bytes];
    case "broken":
      return fuzzCase.chunks;
    case "keyed":
      return [fuzzCase.refused ?? Buffer.alloc(0), fuzzCase.request, fuzzCase.other];
    case "stream":
      return [Buffer.from(fuzzCase.head, "latin1")];
    case "session":
      return [fuzzCase.handshake, ...fuzzCase.frames.map(({ bytes }) => bytes), fuzzCase.ending];
  }
}

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  using data = new TempFolder();
  const credentials = (await options.prepare?.(data.path)) ?? { token: undefined };
  await using node = await NodeProcess.start({
    data: data.path,
    flags: [...FLAGS, ...(options.flags ?? [])],
  });
  const headers: Record<string, string> =
    credentials.token === undefined ? {} : { authorization: `Bearer ${credentials.token}` };
  const facts = {
    routes: await routesOf(node.url, headers),
    cursors: await cursorsOf(node.url, headers),
    credentials,
  };
  const target: Target = {
    port: node.port,
    judge: new Judge(await TrafficJudge.ofSource(), [data.path]),
    tally: new Tally(),
    authorization: validAuthorization(credentials),
  };
  const run = new FuzzRun(options, node, new CaseSource(options.seed, facts), target);
  return await run.play(headers);
}

class FuzzRun {
  #inputs = 0;
  #cases = 0;
  #afterWarmUpMb: number | undefined;
  readonly #output: string;
  readonly #failed = Promise.withResolvers<never>();
  #hasFailed = false;
  /** What is being played, by lane. */
  readonly #playing = new Map<number, { place: number; fuzzCase: FuzzCase; since: number }>();

  constructor(
    private readonly options: FuzzOptions,
    private readonly node: NodeProcess,
    private readonly source: CaseSource,
    private readonly target: Target,
  ) {
    this.#output = node.output;
    this.#failed.promise.catch(() => {});
  }

  async play(headers: Record<string, string>): Promise<FuzzReport> {
    const { node, target } = this;
    const startedAt = performance.now();
    const watch = setInterval(() => this.#watch(), 1_000);
    try {
      const lanes = Array.from({ length: LANES }, (_, lane) => this.#lane(lane));
      await Promise.race([Promise.all(lanes), this.#failed.promise]);
    } finally {
      clearInterval(watch);
      this.#hasFailed = true;
    }
    const stats = (await (await fetch(`${node.url}/stats`, { headers })).json()) as Stats;
    const atTheEnd = node.memoryMb("VmRSS");
    const afterWarmUp = this.#afterWarmUpMb ?? atTheEnd;
    const report: FuzzReport = {
      inputs: this.#inputs,
      cases: this.#cases,
      seconds: (performance.now() - startedAt) / 1_000,
      memoryMb: { afterWarmUp, atTheEnd },
      stats,
      seen: target.judge.seen,
    };
    try {
      this.#checkAtTheEnd(report);
    } catch (error) {
      throw new FuzzFailure(this.options.seed, undefined, undefined, error);
    }
    return report;
  }

  #checkAtTheEnd({ stats, memoryMb: { afterWarmUp, atTheEnd } }: FuzzReport): void {
    this.target.tally.check(stats);
    this.#checkOutput();
    const allowed = GROWTH_MB_MAX + (stats.unique_processed * GROWTH_BYTES_PER_EVENT_MAX) / 1_048_576;
    if (atTheEnd - afterWarmUp > allowed)
      throw new FuzzViolation(
        `Memory grew from ${afterWarmUp} MB to ${atTheEnd} MB; ${allowed} MB are allowed`,
      );
  }

  /** One case after the other. */
  async #lane(lane: number): Promise<void> {
    const { options, target } = this;
    using requests = new RequestPlayer(target);
    for (let place = this.#next(); place !== undefined; place = this.#next()) {
      const fuzzCase = this.source.make(place);
      this.#inputs += inputsOf(fuzzCase);
      this.#playing.set(lane, { place, fuzzCase, since: performance.now() });
      try {
        if (fuzzCase.kind === "request") await requests.play(fuzzCase);
        else if (fuzzCase.kind === "broken") await playBroken(fuzzCase, target);
        else if (fuzzCase.kind === "session") await playSession(fuzzCase, target);
        else if (fuzzCase.kind === "keyed") await playKeyed(fuzzCase, target);
        else await playStream(fuzzCase, target);
      } catch (error) {
        this.#fail(lane, error);
        return;
      }
      this.#playing.delete(lane);
    }
    options.onProgress?.(this.#inputs);
  }

  #next(): number | undefined {
    const { only, inputs } = this.options;
    if (this.#hasFailed) return undefined;
    if (only !== undefined) return only[this.#cases++];
    if (this.#inputs >= inputs) return undefined;
    if (this.#inputs >= inputs * WARM_UP_SHARE) this.#afterWarmUpMb ??= this.node.memoryMb("VmRSS");
    return this.#cases++;
  }

  /** Everything that the fuzzer sends is refused in silence. */
  #checkOutput(): void {
    const { output } = this.node;
    if (output.length > this.#output.length)
      throw new FuzzViolation(`The node wrote: ${output.slice(this.#output.length)}`);
  }

  #watch(): void {
    this.options.onProgress?.(this.#inputs);
    try {
      this.#checkOutput();
    } catch (error) {
      this.#fail(undefined, error);
    }
    const now = performance.now();
    for (const [lane, { since }] of this.#playing)
      if (now - since > CASE_DEADLINE_MS)
        this.#fail(lane, new FuzzViolation(`Nothing for ${CASE_DEADLINE_MS} ms`));
  }

  #fail(lane: number | undefined, cause: unknown): void {
    this.#hasFailed = true;
    const playing = lane === undefined ? undefined : this.#playing.get(lane);
    this.#failed.reject(new FuzzFailure(this.options.seed, playing?.place, playing?.fuzzCase, cause));
  }
}
