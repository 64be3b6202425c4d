/** A protocol as the load speaks it: requests of one fixed size, answers that come in their order. */

export interface Wire {
  /** Sent on opening, before the first request. */
  readonly greeting: string;
  /** Whether nothing may follow it before there is an answer, as in a WebSocket's handshake. */
  readonly isGreetingAnswered?: boolean;
  readonly requestBytes: number;
  /** Writes one request at `offset`. @param nextNumber Gives the number of each event in it. */
  write(target: Buffer, offset: number, nextNumber: () => number): void;
  /**
   * Takes what the server sent, in pieces as they come; the chunk is only valid during the call.
   *
   * @returns What the protocol wants to be said in return, if anything.
   * @throws Error for anything but an acknowledgement.
   */
  read(chunk: Buffer, onAnswer: () => void): string | undefined;
}
