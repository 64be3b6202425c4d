#!/usr/bin/env python3
"""Follows the live statistics: one snapshot, then what was added since, summed here. Standard library only.

After a lost connection it goes on where it was.

    python3 examples/stats.py [ws://127.0.0.1:8080] [topics, such as orders,payments.*]

A token that the node asks for stands in ONEFOLD_TOKEN.
"""

import sys
import time
from collections import Counter
from urllib.parse import urlencode

from tiny_websocket import Refused, WebSocket, shown

COUNTERS = ("received", "unique_processed", "duplicate_dropped", "conflicts")


def follow(url, topics):
    """Yields the totals whenever they have changed."""
    totals = Counter()
    query = {"topics": topics} if topics else {}
    while True:
        try:
            with WebSocket(f"{url}/ws/stats?{urlencode(query)}") as feed:
                while True:
                    frame = feed.receive()
                    if frame["type"] == "snapshot":
                        totals.clear()
                    totals.update({name: frame[name] for name in COUNTERS})  # A Counter adds.
                    query.update(epoch=frame["epoch"], revision=frame["revision"])
                    yield totals
        except Refused as error:
            sys.exit(str(error))
        except OSError as error:
            print(f"No connection to {shown(url)} ({error}); trying again.", file=sys.stderr)
            time.sleep(1)


def main():
    url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080"
    topics = sys.argv[2] if len(sys.argv) > 2 else ""
    for totals in follow(url, topics):
        print(
            f"received {totals['received']}, unique {totals['unique_processed']}, "
            f"duplicates {totals['duplicate_dropped']}, conflicts {totals['conflicts']}",
            flush=True,
        )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
