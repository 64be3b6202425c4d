/** Rate limits: requests and events a second, for each token and for each address. */

import { type Problem, problem } from "../problem.ts";
import { BucketTable } from "./bucket-table.ts";
import { EventCharge } from "./event-charge.ts";
import { rateOf, type TokenBucket } from "./token-bucket.ts";

/** A second; 0 is unlimited. */
export interface Rates {
  readonly requests: number;
  readonly events: number;
}

export interface RateLimitRules {
  readonly perToken: Rates;
  readonly perAddress: Rates;
}

type Counted = keyof Rates;

const WHOSE = { token: "these credentials", address: "this address" } as const;
type Whose = keyof typeof WHOSE;

/** One limit, and the buckets of all that it holds for. */
interface Limit {
  readonly counted: Counted;
  readonly whose: Whose;
  readonly buckets: BucketTable;
}

/** Undefined where no rate is limited: then nothing is done for any request or frame. */
export function makeRateLimits(
  { perToken, perAddress }: RateLimitRules,
  now: () => number,
): RateLimits | undefined {
  const limits: Limit[] = [];
  const add = (counted: Counted, whose: Whose, perSecond: number): void => {
    if (perSecond > 0) limits.push({ counted, whose, buckets: new BucketTable(rateOf(perSecond), now()) });
  };
  add("requests", "address", perAddress.requests);
  add("requests", "token", perToken.requests);
  add("events", "address", perAddress.events);
  add("events", "token", perToken.events);
  return limits.length === 0 ? undefined : new RateLimits(limits, now);
}

export class RateLimits {
  /** Refusals since the start, by what was counted. */
  readonly refused: Record<Counted, number> = { requests: 0, events: 0 };
  readonly hasAddress: boolean;
  readonly hasEvents: boolean;

  constructor(
    readonly limits: readonly Limit[],
    readonly now: () => number,
  ) {
    this.hasAddress = limits.some(({ whose }) => whose === "address");
    this.hasEvents = limits.some(({ counted }) => counted === "events");
  }

  /** Names of tokens and addresses that are remembered. */
  get remembered(): number {
    return this.limits.reduce((sum, { buckets }) => sum + buckets.size, 0);
  }
}

/** What somebody who is being served uses up. Whose it is is known bit by bit: first the address, then the token. */
export class Meter {
  readonly #names: Partial<Record<Whose, string>> = {};

  constructor(private readonly rates: RateLimits) {}

  /** The same somebody with other credentials. */
  withToken(subject: string): Meter {
    const meter = new Meter(this.rates);
    Object.assign(meter.#names, this.#names, { token: subject });
    return meter;
  }

  /** Counts a request or frame for an address or a token. @returns why it is refused. */
  request(whose: Whose, name: string): Problem | undefined {
    this.#names[whose] = name;
    return this.#take("requests", whose);
  }

  /** Counts a frame for all that is known. @returns why it is refused. */
  frame(): Problem | undefined {
    return this.#take("requests", "address") ?? this.#take("requests", "token");
  }

  get limitsEvents(): boolean {
    return this.rates.hasEvents;
  }

  /** Takes nothing. @returns why a publish is refused now, of however many events. */
  refusalOfEvents(): Problem | undefined {
    const now = this.rates.now();
    for (const limit of this.rates.limits) {
      const bucket = limit.counted === "events" ? this.#bucketOf(limit, now) : undefined;
      if (bucket !== undefined && bucket.level(now) < 1) return this.#refuse(limit, bucket, now);
    }
    return undefined;
  }

  /**
   * Charges a publish that is not refused with what it holds at most, before anybody decodes it. To charge it later would
   * let through whatever is sent meanwhile.
   */
  chargeEvents(eventsAtMost: number): EventCharge {
    const now = this.rates.now();
    const buckets: TokenBucket[] = [];
    for (const limit of this.rates.limits) {
      const bucket = limit.counted === "events" ? this.#bucketOf(limit, now) : undefined;
      if (bucket !== undefined) buckets.push(bucket);
    }
    return new EventCharge(buckets, eventsAtMost, this.rates.now);
  }

  /** How many requests of one event each may come in a second, for ever; infinite where nothing is limited. */
  get eventsPerSecond(): number {
    const rates = this.rates.limits
      .filter(({ whose }) => this.#names[whose] !== undefined)
      .map(({ buckets }) => buckets.rate.perSecond);
    return Math.min(Number.POSITIVE_INFINITY, ...rates);
  }

  /** What the caller may still do, as headers (draft-ietf-httpapi-ratelimit-headers-10). */
  headers(): Record<string, string> {
    const now = this.rates.now();
    const policies: string[] = [];
    const states: string[] = [];
    for (const limit of this.rates.limits) {
      const bucket = this.#bucketOf(limit, now);
      if (bucket === undefined) continue;
      const name = `"${limit.counted}-per-${limit.whose}"`;
      const { burst } = limit.buckets.rate;
      const level = bucket.level(now);
      policies.push(`${name};q=${burst};w=1`);
      states.push(`${name};r=${Math.max(0, Math.floor(level))};t=${secondsUntilFull(level, limit)}`);
    }
    if (policies.length === 0) return {};
    return { "ratelimit-policy": policies.join(", "), ratelimit: states.join(", ") };
  }

  #take(counted: Counted, whose: Whose): Problem | undefined {
    const { limits } = this.rates;
    for (const limit of limits) {
      if (limit.counted !== counted || limit.whose !== whose) continue;
      const now = this.rates.now();
      const bucket = this.#bucketOf(limit, now);
      return bucket === undefined || bucket.take(now) ? undefined : this.#refuse(limit, bucket, now);
    }
    return undefined;
  }

  #refuse({ counted, whose, buckets }: Limit, bucket: TokenBucket, now: number): Problem {
    this.rates.refused[counted]++;
    const detail = `There are more ${counted} of ${WHOSE[whose]} than ${buckets.rate.perSecond} a second.`;
    return { ...problem("rate_limited", detail), retry_after: bucket.secondsUntilOne(now) };
  }

  #bucketOf({ whose, buckets }: Limit, now: number): TokenBucket | undefined {
    const name = this.#names[whose];
    return name === undefined ? undefined : buckets.of(name, now);
  }
}

/** When everything is there again: `t` of an empty bucket is when something is, and of a full one nothing. */
function secondsUntilFull(level: number, { buckets }: Limit): number {
  const { burst, perSecond } = buckets.rate;
  const wanted = level < 1 ? 1 : burst;
  return Math.max(0, Math.ceil((wanted - level) / perSecond));
}
