#!/usr/bin/env python3
"""Publishes events over a WebSocket: one JSON event a line on standard input. Standard library only.

What was not acknowledged when a connection ended is sent again on the next one; onefold counts it once.

    python3 examples/publish.py [ws://127.0.0.1:8080] < events.ndjson

A token that the node asks for stands in ONEFOLD_TOKEN.
"""

import json
import sys
import time
from collections import Counter, deque

from tiny_websocket import Refused, WebSocket, shown

# Events that may be on their way at once. A node takes 1,024 by default; its greeting says how many.
WINDOW = 256


def publish(url, events):
    """Yields one answer for each event, in order: an acknowledgement, or a refusal that is for good."""
    waiting = deque()  # Sent and not answered. Answers come in the order of the frames.
    while True:
        try:
            with WebSocket(f"{url}/ws/publish") as channel:
                channel.receive()  # The greeting.
                for event in waiting:
                    channel.send(event)
                while True:
                    while len(waiting) < WINDOW and (event := next(events, None)) is not None:
                        waiting.append(event)  # First remembered, then sent: so it cannot be lost.
                        channel.send(event)
                    if not waiting:
                        return
                    answer = channel.receive()
                    event = waiting.popleft()
                    if answer.get("status") in (429, 503):  # Not now: nothing was stored.
                        waiting.append(event)
                        time.sleep(1)
                        channel.send(event)
                    else:
                        yield answer
        except Refused as error:
            sys.exit(str(error))
        except OSError as error:
            print(f"No connection to {shown(url)} ({error}); trying again.", file=sys.stderr)
            time.sleep(1)


def main():
    url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080"
    lines = (line.strip() for line in sys.stdin)
    counts = Counter()
    for answer in publish(url, filter(None, lines)):
        if answer["type"] == "ack":
            counts.update({name: value for name, value in answer.items() if name not in ("type", "id", "frame")})
        else:
            counts["refused"] += 1
            print(f"refused: {json.dumps(answer)}", file=sys.stderr)
    print(
        f"acknowledged {counts['received']}: unique {counts['unique_processed']}, "
        f"duplicates {counts['duplicate_dropped']}, conflicts {counts['conflicts']}"
    )
    sys.exit(1 if counts["refused"] else 0)


if __name__ == "__main__":
    main()
