/** Bodies of one event a line: right ones, and ones that go wrong at a line that is known. */

import type { Random } from "../simulation/random.ts";
import type { LinesOwed } from "./fuzz-case.ts";
import { ILL_FORMED_UTF8 } from "./hostile-texts.ts";
import type { PublishTexts } from "./publish-texts.ts";

const LINES_MAX = 40;

const BLANK = ["", " ", "\t", "\r", " \t \r"];

/** Lines that hold no event, whatever stands around them. */
const WRONG = [
  "{",
  "[]",
  "1",
  "null",
  '"event_id"',
  "\ufeff{}",
  '{"event_id":""}',
  '{"event_id":"a","topic":"a b"}',
  '{"event_id":"a","nope":1}',
  '{"event_id":"a"} {"event_id":"b"}',
  '{"event_id":"a"},',
  '[{"event_id":"a"}]',
  '{"events":[{"event_id":"a"}]}',
  '{"event_id":"a","payload":"\u0000"}',
  `{"event_id":"a","payload":${"[".repeat(1_000)}${"]".repeat(1_000)}}`,
  "}{",
];

export interface LineBody {
  readonly bytes: Buffer;
  /** Undefined where it is open which of them are right. */
  readonly owed: LinesOwed | undefined;
}

export class LineBodies {
  constructor(
    private readonly random: Random,
    private readonly texts: PublishTexts,
  ) {}

  next(): LineBody {
    const { random } = this;
    const lines = Array.from({ length: random.below(LINES_MAX + 1) }, () => this.#right());
    const kind = random.weighted({ right: 5, wrong: 4, doubtful: 2 });
    if (kind === "doubtful")
      lines.push({ bytes: Buffer.from(oneLine(this.texts.text("body").text)), events: 0 });
    const owed = { committed: lines.length, events: sum(lines), isWhole: kind === "right" };
    if (kind !== "right") {
      if (kind === "wrong") lines.push({ bytes: this.#wrong(), events: 0 });
      for (let more = random.below(5); more > 0; more--) lines.push(this.#right());
    }
    return { bytes: this.#joined(lines), owed: kind === "doubtful" ? undefined : owed };
  }

  /** Of one topic, for what may be stored without an answer. */
  ofTopic(topic: string): Buffer {
    const lines = Array.from({ length: this.random.between(1, LINES_MAX) }, () => this.texts.ofTopic(topic));
    return Buffer.from(lines.join("\n"));
  }

  #right(): Line {
    const { random } = this;
    if (random.chance(0.1)) return { bytes: Buffer.from(random.pick(BLANK)), events: 0 };
    return { bytes: Buffer.from(oneLine(this.texts.event())), events: 1 };
  }

  #wrong(): Buffer {
    const { random } = this;
    if (random.chance(0.7)) return Buffer.from(random.pick(WRONG));
    const event = Buffer.from('{"event_id":"a","payload":"b"}');
    const at = random.below(event.length + 1);
    return Buffer.concat([
      event.subarray(0, at),
      Buffer.from(random.pick(ILL_FORMED_UTF8)),
      event.subarray(at),
    ]);
  }

  #joined(lines: readonly Line[]): Buffer {
    const { random } = this;
    const feed = random.pick(["\n", "\r\n"]);
    const parts = lines.flatMap(({ bytes }, i) => {
      const isLast = i === lines.length - 1;
      // A last line that is blank is one only if something ends it.
      const isEnded = !isLast || bytes.length === 0 || random.chance(0.7);
      return isEnded ? [bytes, Buffer.from(feed)] : [bytes];
    });
    const mark = random.chance(0.05) && lines.length > 0 ? "\ufeff" : "";
    return Buffer.concat([Buffer.from(mark), ...parts]);
  }
}

interface Line {
  readonly bytes: Buffer;
  readonly events: number;
}

function sum(lines: readonly Line[]): number {
  return lines.reduce((total, { events }) => total + events, 0);
}

/** The grammar breaks lines between tokens alone. */
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, " ");
}
