/** Requests in turns: at once while a turn lasts, then in their order, and nothing else waits behind them for long. */

import { expect, test } from "bun:test";
import { REQUEST_TURN_MS_MAX, RequestTurns } from "../../../src/server/request-turns.ts";

const REQUEST = new Request("http://localhost/health");

/** A loop that turns when it is told to, and a handler that takes its time. */
class HeldLoop {
  answered: number[] = [];
  #nowMs = 0;
  #tasks: (() => void)[] = [];
  readonly #turns = new RequestTurns({
    now: () => this.#nowMs,
    soon: (task) => void this.#tasks.push(task),
  });

  ask(place: number, takesMs: number): Response | Promise<Response> {
    const handle = this.#turns.wrap(() => {
      this.#nowMs += takesMs;
      this.answered.push(place);
      return new Response(String(place));
    });
    return handle(REQUEST);
  }

  turn(): void {
    for (const task of this.#tasks.splice(0)) task();
  }

  get hasTasks(): boolean {
    return this.#tasks.length > 0;
  }
}

test("a request is answered at once as long as its turn has not taken too long", () => {
  const loop = new HeldLoop();
  expect(loop.ask(1, REQUEST_TURN_MS_MAX - 1)).toBeInstanceOf(Response);
  expect(loop.ask(2, 1)).toBeInstanceOf(Response);
  expect(loop.ask(3, 1)).toBeInstanceOf(Promise);
  expect(loop.answered).toEqual([1, 2]);
});

test("what has to wait is answered in its order once the loop has turned, as much as one turn takes at a time", async () => {
  const loop = new HeldLoop();
  const answers = [1, 2, 3, 4].map((place) => loop.ask(place, REQUEST_TURN_MS_MAX));
  expect(loop.answered).toEqual([1]);
  loop.turn();
  expect(loop.answered).toEqual([1, 2]);
  // One that comes now is behind those that wait.
  answers.push(loop.ask(5, 0));
  for (let turns = 0; turns < 3; turns++) loop.turn();
  expect(loop.answered).toEqual([1, 2, 3, 4, 5]);
  const texts = await Promise.all(answers.map(async (answer) => (await answer).text()));
  expect(texts).toEqual(["1", "2", "3", "4", "5"]);
});

test("a loop without requests is left alone, and the next request begins a new turn", () => {
  const loop = new HeldLoop();
  loop.ask(1, REQUEST_TURN_MS_MAX);
  loop.turn();
  expect(loop.hasTasks).toBe(false);
  expect(loop.ask(2, 1)).toBeInstanceOf(Response);
});

test("what a handler throws goes to whoever asked, at once or later", async () => {
  const tasks: (() => void)[] = [];
  let now = 0;
  const turns = new RequestTurns({ now: () => now, soon: (task) => void tasks.push(task) });
  const handle = turns.wrap(() => {
    now += REQUEST_TURN_MS_MAX;
    throw new Error("no");
  });
  expect(() => handle(REQUEST)).toThrow("no");
  const later = handle(REQUEST);
  for (const task of tasks) task();
  await expect(Promise.resolve(later)).rejects.toThrow("no");
});
