/** Query parameters, read strictly: an unknown or unusable one is refused, never ignored. */

import { FaultList } from "../events/decode-event.ts";
import { nearestOrAll } from "../nearest.ts";
import { refuse } from "../problem.ts";

/** Understood everywhere: browsers and webhooks cannot set headers. */
export const ACCESS_TOKEN_PARAMETER = "access_token";

const EVERYWHERE = [ACCESS_TOKEN_PARAMETER];

export class QueryReader {
  readonly #params: URLSearchParams;
  readonly #faults = new FaultList();

  /** @param known the parameters that this route takes. */
  constructor(url: string, known: readonly string[]) {
    const start = url.indexOf("?");
    const text = start < 0 ? "" : url.slice(start + 1);
    this.#params = new URLSearchParams(text);
    if (!isPercentEncodedUtf8(text)) this.#faultEncoding(text);
    for (const name of new Set(this.#params.keys())) {
      if (known.includes(name) || EVERYWHERE.includes(name)) {
        if (this.#params.getAll(name).length > 1) this.fault(name, "is given more than once");
      } else if (known.length === 0) this.fault(name, "is not a known parameter; there are none here");
      else this.fault(name, `is not a known parameter; ${nearestOrAll(name, known, "`")}`);
    }
  }

  /** What cannot be decoded would become U+FFFD: the name of another topic. */
  #faultEncoding(text: string): void {
    for (const part of text.split("&")) {
      const [name = ""] = new URLSearchParams(part).keys();
      if (!isPercentEncodedUtf8(part)) this.fault(name, "must be percent-encoded UTF-8");
    }
  }

  fault(name: string, detail: string): void {
    this.#faults.add(name.slice(0, 128), detail);
  }

  text(name: string): string | undefined {
    return this.#params.get(name) ?? undefined;
  }

  /** A text that a rule finds no fault with. */
  checked(name: string, faultOf: (text: string) => string | undefined): string | undefined {
    const value = this.text(name);
    const fault = value === undefined ? undefined : faultOf(value);
    if (fault !== undefined) this.fault(name, fault);
    return value;
  }

  integer(name: string, { min, max }: { min: number; max: number }): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    this.fault(name, `must be a whole number from ${min} to ${max}`);
    return undefined;
  }

  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if ((choices as readonly string[]).includes(text)) return text as T;
    this.fault(name, `must be one of ${choices.map((choice) => `\`${choice}\``).join(", ")}`);
    return undefined;
  }

  /** Items parted by commas; none for an absent or empty parameter. */
  list(name: string): string[] {
    const text = this.text(name);
    return text === undefined || text === "" ? [] : text.split(",");
  }

  /** @throws ProblemError `invalid_parameter` when anything was wrong. */
  done(): void {
    if (this.#faults.count === 0) return;
    refuse(
      "invalid_parameter",
      `${this.#faults.places[0]!.pointer} ${this.#faults.places[0]!.detail}.`,
      this.#faults,
    );
  }
}

/** Whether every `%` begins two hexadecimal digits, and what they stand for is well-formed UTF-8. */
export function isPercentEncodedUtf8(text: string): boolean {
  if (!text.includes("%")) return true;
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
