#!/usr/bin/env bash
# Follows the live statistics: one snapshot, then what was added since, summed here. After a lost connection it goes on
# where it was.
#
#   examples/stats.sh [ws://127.0.0.1:8080] [topics, such as orders,payments.*]
#
# A token that the node asks for stands in ONEFOLD_TOKEN.
set -u
source "$(dirname "$0")/websocket.sh"
node=${1:-ws://127.0.0.1:8080}
ws_address "$node"
topics=${2:-}
place= # How far it has come: given to the next connection.

while :; do
  if ws_open "$node/ws/stats?interval=100${topics:+&topics=$topics}$place"; then
    while ws_receive; do
      if [[ $REPLY == '{"type":"snapshot"'* ]]; then
        received=0 unique_processed=0 duplicate_dropped=0 conflicts=0
      fi
      # The totals come before the topics, so the first number of each name is the one.
      for name in received unique_processed duplicate_dropped conflicts; do
        [[ $REPLY =~ \"$name\":([0-9]+) ]] && (($name += BASH_REMATCH[1]))
      done
      [[ $REPLY =~ \"epoch\":\"([^\"]+)\" ]] && place="&epoch=${BASH_REMATCH[1]}"
      [[ $REPLY =~ \"revision\":([0-9]+) ]] && place+="&revision=${BASH_REMATCH[1]}"
      echo "received $received, unique $unique_processed, duplicates $duplicate_dropped, conflicts $conflicts"
    done
    ws_end_if_final
  fi
  echo "No connection to $ws_shown; trying again." >&2
  sleep 1
done
