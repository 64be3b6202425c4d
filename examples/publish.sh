#!/usr/bin/env bash
# Publishes events over a WebSocket: one JSON event a line on standard input. An event whose acknowledgement was lost
# with the connection is sent again on the next one; onefold counts it once.
#
#   examples/publish.sh [ws://127.0.0.1:8080] < events.ndjson
#
# A token that the node asks for stands in ONEFOLD_TOKEN.
#
# It waits for every acknowledgement before it sends the next event, which keeps it short. For speed put many events
# into a frame (a JSON array is one) or use another language: publish.py and publish.mjs keep many frames on their way.
set -u
source "$(dirname "$0")/websocket.sh"
node=${1:-ws://127.0.0.1:8080}
ws_address "$node"
unique=0 duplicates=0 conflicts=0 refused=0

connect() {
  until ws_open "$node/ws/publish" && ws_receive; do # The first message is the greeting.
    ws_end_if_final
    echo "No connection to $ws_shown; trying again." >&2
    sleep 1
  done
}

# Until it is acknowledged, or refused for good.
publish() {
  while :; do
    if ! ws_send "$1" || ! ws_receive; then
      ws_end_if_final
      connect
    elif [[ $REPLY =~ \"status\":(429|503) ]]; then
      sleep 1 # Not now: nothing was stored.
    else
      return
    fi
  done
}

# add variable member: adds that number of the acknowledgement.
add() { [[ $REPLY =~ \"$2\":([0-9]+) ]] && (($1 += BASH_REMATCH[1])); }

connect
while IFS= read -r event; do
  [[ -n $event ]] || continue
  publish "$event"
  if [[ $REPLY == '{"type":"ack"'* ]]; then
    add unique unique_processed
    add duplicates duplicate_dropped
    add conflicts conflicts
  else
    echo "refused: $REPLY" >&2
    ((refused += 1))
  fi
done
echo "acknowledged $((unique + duplicates)): unique $unique, duplicates $duplicates, conflicts $conflicts"
((refused == 0))
