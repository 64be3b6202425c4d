/** Plays a session on a WebSocket: holds every frame against its answer, and sees that the server ends what it must. */

import { OPCODE } from "../support/raw-socket.ts";
import { Connection } from "./connection.ts";
import type { SessionCase } from "./fuzz-case.ts";
import { FuzzViolation } from "./judge.ts";
import type { Target } from "./players.ts";

/** What has come over one socket. */
class Session {
  /** Answers of the protocol, and those of the WebSocket itself. */
  answers = 0;
  pongs = 0;
  greetings = 0;
  #seq = 0;
  closeCode: number | undefined;
  /** The frames that must be answered, in order. */
  readonly #expected: readonly (number | undefined)[];

  constructor(
    private readonly target: Target,
    private readonly connection: Connection,
    private readonly session: SessionCase,
  ) {
    this.#expected = session.frames.filter(({ answers }) => answers > 0).map(({ events }) => events);
  }

  /** Takes every frame that is there whole. */
  take(): void {
    for (;;) {
      const { received } = this.connection;
      if (received.length < 2) return;
      const short = received[1]! & 127;
      const start = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (received.length < start) return;
      const length =
        short === 126
          ? received.readUInt16BE(2)
          : short === 127
            ? Number(received.readBigUInt64BE(2))
            : short;
      if (received.length < start + length) return;
      const frame = this.connection.take(start + length);
      this.#frame(frame[0]! & 15, frame[0]! & 0x70, frame.subarray(start));
    }
  }

  #frame(opcode: number, reserved: number, payload: Buffer): void {
    if (reserved !== 0) throw new FuzzViolation("A frame with reserved bits");
    if (opcode === OPCODE.pong) this.pongs++;
    else if (opcode === OPCODE.close) this.closeCode = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
    else if (opcode === OPCODE.text) this.#text(payload.toString());
    else throw new FuzzViolation(`A frame with the opcode ${opcode}`);
  }

  #text(text: string): void {
    const { judge, tally } = this.target;
    judge.frame(this.session.channel, text);
    const answer = JSON.parse(text) as { type: string; frame?: number; count?: number };
    if (answer.type === "delta") return;
    if (answer.type === "events" || answer.type === "gap") {
      this.#events(text);
      return;
    }
    if (answer.type === "hello" || (answer.type === "snapshot" && this.greetings === 0)) {
      this.greetings++;
      return;
    }
    if (answer.type === "error") {
      const { status } = judge.problem(text);
      if (this.session.isRefused) return;
      this.#answer(answer, status);
      if (this.session.channel === "publish" && status < 500) tally.refused++;
      return;
    }
    judge.leaks(text);
    this.#answer(answer, 200);
    if (answer.type === "ack") tally.add(answer);
  }

  /** In the order of their numbers, none twice. */
  #events(text: string): void {
    this.target.judge.leaks(text);
    if (this.session.channel !== "events") throw new FuzzViolation(`Events on ${this.session.channel}`);
    for (const { seq } of (JSON.parse(text) as { events?: readonly { seq: number }[] }).events ?? []) {
      if (seq <= this.#seq) throw new FuzzViolation(`The event ${seq} after ${this.#seq}`);
      this.#seq = seq;
    }
  }

  #answer({ type, frame, count }: { type: string; frame?: number; count?: number }, status: number): void {
    const expected = this.#expected[this.answers++];
    if (this.session.channel === "publish" && frame !== this.answers)
      throw new FuzzViolation(`Expected the answer to frame ${this.answers}, got ${frame}`);
    if (expected === undefined || status >= 500) return;
    if (type !== "ack" || count !== expected)
      throw new FuzzViolation(
        `Expected frame ${frame} to have ${expected} events acknowledged, got ${type} ${count}`,
      );
  }
}

export async function playSession(fuzzCase: SessionCase, target: Target): Promise<void> {
  const { handshake, frames, ending, isRefused } = fuzzCase;
  using connection = await Connection.to(target.port);
  const session = new Session(target, connection, fuzzCase);
  /** Takes frames until something is so. @throws FuzzViolation when the connection ends first */
  const until = async (isSo: () => boolean, what: string): Promise<void> => {
    for (;;) {
      const changed = connection.changed();
      session.take();
      if (isSo()) return;
      if (connection.hasEnded)
        throw new FuzzViolation(`The socket ended (${session.closeCode}) before ${what}`);
      await changed;
    }
  };
  connection.write(handshake);
  await shakenHands(connection, fuzzCase);
  if (isRefused) {
    await until(() => session.closeCode !== undefined, "it was closed with a code");
    // Two credentials that differ are refused before anything else is looked at.
    const codes = target.authorization === "" ? [4400] : [4400, 4401];
    if (!codes.includes(session.closeCode!))
      throw new FuzzViolation(`Closed with ${session.closeCode} instead of ${codes.join(" or ")}`);
  } else {
    // A reader of events is greeted by nothing.
    if (fuzzCase.channel !== "events") await until(() => session.greetings === 1, "the first frame");
    connection.write(Buffer.concat(frames.map(({ bytes }) => bytes)));
    const total = (of: "answers" | "pongs"): number => frames.reduce((sum, frame) => sum + frame[of], 0);
    const [answers, pongs] = [total("answers"), total("pongs")];
    await until(
      () => session.answers >= answers && session.pongs >= pongs,
      `${answers} answers and ${pongs} pongs`,
    );
    if (session.answers > answers) throw new FuzzViolation("More answers than frames");
    if (ending.length === 0) return;
    target.tally.perhapsRefused++;
    connection.write(ending);
  }
  while (!connection.hasEnded) await connection.changed();
}

async function shakenHands(connection: Connection, { subprotocol }: SessionCase): Promise<void> {
  for (;;) {
    const changed = connection.changed();
    const end = connection.received.indexOf("\r\n\r\n");
    if (end >= 0) {
      const head = connection.take(end + 4).toString("latin1");
      if (!head.startsWith("HTTP/1.1 101 ")) throw new FuzzViolation(`No handshake: ${head}`);
      if (/sec-websocket-extensions|bearer/i.test(head))
        throw new FuzzViolation(`An offer is echoed: ${head}`);
      const selected = /^sec-websocket-protocol: (.*)\r$/im.exec(head)?.[1];
      if ((selected || undefined) !== subprotocol)
        throw new FuzzViolation(`Expected the subprotocol to be ${subprotocol}, got ${selected}`);
      return;
    }
    if (connection.hasEnded) throw new FuzzViolation("The connection ended instead of a handshake");
    await changed;
  }
}
