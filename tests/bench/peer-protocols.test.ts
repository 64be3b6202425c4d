/** The bench speaks its peers' protocols right: lengths in frames, answers in pieces, errors as errors. */

import { describe, expect, test } from "bun:test";
import type { Wire } from "../../bench/load/wire.ts";
import {
  connectPacket,
  PacketReader,
  PUBLISH,
  publishPacket,
} from "../../bench/peers/fan-out/mqtt-frames.ts";
import { HttpWire } from "../../bench/peers/load/http-wire.ts";
import { NatsWire } from "../../bench/peers/load/nats-wire.ts";
import { RedisWire } from "../../bench/peers/load/redis-wire.ts";

interface SentEvent {
  readonly topic: string;
  readonly event_id: string;
}

function requestOf(wire: Wire, numbers: readonly number[]): string {
  const rest = [...numbers];
  const target = Buffer.alloc(wire.requestBytes);
  wire.write(target, 0, () => rest.shift()!);
  expect(rest).toEqual([]);
  return target.toString("latin1");
}

/** In pieces of one byte, as a network may give it. */
function answersIn(wire: Wire, text: string): number {
  let answers = 0;
  for (const byte of Buffer.from(text)) wire.read(Buffer.from([byte]), () => answers++);
  return answers;
}

describe("NATS", () => {
  test("a message carries the lengths of its headers and of all of it, its id, and the event", () => {
    const request = requestOf(new NatsWire("events", "c1"), [12_345]);
    const [, subject, reply, headBytes, allBytes] = /^HPUB (\S+) (\S+) (\d+) (\d+)\r\n/.exec(request)!;
    const body = request.slice(request.indexOf("\r\n") + 2, -2);
    expect(body.length).toBe(Number(allBytes));
    const head = body.slice(0, Number(headBytes));
    const event = JSON.parse(body.slice(Number(headBytes))) as SentEvent;
    expect(head).toBe(`NATS/1.0\r\nNats-Msg-Id: ${event.event_id}\r\n\r\n`);
    expect(subject).toBe(`events.${event.topic}`);
    expect(reply).toBe("inbox.c1.000000");
    expect(request.endsWith("\r\n")).toBe(true);
  });

  test("acknowledgements are counted, however they are cut, duplicates among them", () => {
    const wire = new NatsWire("events", "c1");
    const ack = (ordinal: string, payload: string): string =>
      `MSG inbox.c1.${ordinal} 1 ${payload.length}\r\n${payload}\r\n`;
    const text = `INFO {}\r\n${ack("000000", '{"stream":"E","seq":1}')}${ack("000001", '{"stream":"E","seq":1,"duplicate":true}')}`;
    expect(answersIn(wire, text)).toBe(2);
  });

  test("a ping is answered; errors and what is out of order are not taken for acknowledgements", () => {
    const wire = new NatsWire("events", "c1");
    expect(wire.read(Buffer.from("PING\r\n"), () => {})).toBe("PONG\r\n");
    const read = (text: string) => () => new NatsWire("events", "c1").read(Buffer.from(text), () => {});
    expect(read("-ERR 'Authorization Violation'\r\n")).toThrow("Authorization");
    expect(read('MSG inbox.c1.000000 1 12\r\n{"error":{}}\r\n')).toThrow("error");
    expect(read('MSG inbox.c1.000001 1 22\r\n{"stream":"E","seq":1}\r\n')).toThrow("out of order");
  });
});

describe("Redis", () => {
  test("a call has as many arguments as it says, each as long as it says", () => {
    const request = requestOf(new RedisWire("f".repeat(40), 2), [7, 8]);
    const words: string[] = [];
    let at = request.indexOf("\r\n") + 2;
    while (at < request.length) {
      const lineEnd = request.indexOf("\r\n", at);
      const bytes = Number(request.slice(at + 1, lineEnd));
      expect(request[at]).toBe("$");
      words.push(request.slice(lineEnd + 2, lineEnd + 2 + bytes));
      at = lineEnd + 2 + bytes + 2;
    }
    expect(request.startsWith(`*${words.length}\r\n`)).toBe(true);
    const [name, sha, keys, ...events] = words;
    expect([name, sha, keys]).toEqual(["EVALSHA", "f".repeat(40), "0"]);
    for (const first of [0, 3]) {
      const event = JSON.parse(events[first + 2]!) as SentEvent;
      expect(events.slice(first, first + 2)).toEqual([event.topic, event.event_id]);
    }
  });

  test("integers are answers, anything else is an error", () => {
    expect(answersIn(new RedisWire("f", 1), ":1\r\n:0\r\n:100\r\n")).toBe(3);
    const read = (): unknown => new RedisWire("f", 1).read(Buffer.from("-NOSCRIPT No\r\n"), () => {});
    expect(read).toThrow("NOSCRIPT");
  });
});

describe("HTTP", () => {
  const url = new URL("http://127.0.0.1:1/publish");

  test.each([1, 3])("a request with %d events is as long as it says", (count) => {
    const request = requestOf(new HttpWire(url, count), [1, 2, 3].slice(0, count));
    const [head, body] = request.split("\r\n\r\n") as [string, string];
    expect(head).toContain(`Content-Length: ${body.length}`);
    const events = [JSON.parse(body)].flat() as SentEvent[];
    expect(new Set(events.map(({ event_id }) => event_id)).size).toBe(count);
  });

  test("answers are told apart by their length; a refusal is an error", () => {
    const answer = (body: string): string =>
      `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    expect(answersIn(new HttpWire(url, 1), answer("{}") + answer('{"a":"\\r\\n\\r\\n"}'))).toBe(2);
    const refused = (): unknown =>
      new HttpWire(url, 1).read(Buffer.from("HTTP/1.1 503 Busy\r\n\r\n"), () => {});
    expect(refused).toThrow("503");
  });
});

describe("MQTT", () => {
  test.each([0, 119, 120, 16_375, 16_376, 100_000])("a message of %d bytes comes back whole", (bytes) => {
    const packet = publishPacket("stats", Buffer.alloc(bytes, "x"));
    const read: string[] = [];
    const reader = new PacketReader();
    const middle = Math.floor(packet.length / 2);
    for (const part of [packet.subarray(0, 2), packet.subarray(2, middle), packet.subarray(middle), packet]) {
      reader.read(part, (type, body) => read.push(type === PUBLISH ? body.toString("latin1") : "?"));
    }
    const expected = `\0\x05stats${"x".repeat(bytes)}`;
    expect(read).toEqual([expected, expected]);
  });

  test("a connection names protocol, level and client; one that is refused is an error", () => {
    expect([...connectPacket("a")]).toEqual([0x10, 13, 0, 4, 77, 81, 84, 84, 4, 2, 0, 0, 0, 1, 97]);
    const read = (code: number) => () => new PacketReader().read(Buffer.from([0x20, 2, 0, code]), () => {});
    expect(read(5)).toThrow("refused with 5");
    expect(read(0)).not.toThrow();
  });
});
