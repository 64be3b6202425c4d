# A WebSocket client (RFC 6455) in nothing but bash: source it. Needs bash 4 and no tool at all.
#
# Why by hand: Debian's curl is built without WebSocket, websocat is not packaged, and wscat shows answers to people
# but leaves a script no way to know what was acknowledged. bash can open a TCP connection by itself, and a frame is a
# few bytes in front of the text. If you have websocat, watching is `websocat ws://127.0.0.1:8080/ws/stats`.

trap '' PIPE # Writing to a connection that has ended fails then, instead of ending the script.

# onefold pings a silent connection every two minutes: one that is silent for longer is dead.
ws_silence_seconds=150

# ws_address ws://host:port: ends the script where this client cannot go there, or cannot bring the token.
# Sets ws_shown, the address without what may be secret in it.
ws_address() {
  local LC_ALL=C rest=${1#ws://}
  if [[ $1 == wss://* ]]; then
    ws_end "bash does not speak TLS: use publish.py or publish.mjs (stats.py, stats.mjs) for wss://, or ws:// here."
  elif [[ $1 != ws://* ]]; then
    ws_end "Expected the address of the node to begin with ws://."
  elif [[ -n ${ONEFOLD_TOKEN-} && $ONEFOLD_TOKEN =~ [^!-~] ]]; then
    ws_end "Expected ONEFOLD_TOKEN to hold one token and nothing else."
  fi
  rest=${rest%%[/?#]*}
  ws_shown=ws://${rest##*@}
}

ws_end() {
  echo "$1" >&2
  exit 1
}

# ws_open ws://host:port/path: connects, on file descriptor 3, with the token in ONEFOLD_TOKEN where there is one.
ws_open() {
  local address=${1#ws://} line
  local authority=${address%%/*}
  { exec 3<>"/dev/tcp/${authority%:*}/${authority##*:}"; } 2>/dev/null || return 1
  printf '%s\r\n' "GET /${address#*/} HTTP/1.1" "Host: $authority" 'Upgrade: websocket' 'Connection: Upgrade' \
    'Sec-WebSocket-Version: 13' 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' ${ONEFOLD_TOKEN:+"Authorization: Bearer $ONEFOLD_TOKEN"} '' >&3 ||
    return 1
  IFS= read -r -t "$ws_silence_seconds" -u 3 line && [[ $line == *' 101 '* ]] || return 1
  while IFS= read -r -u 3 line && [[ $line != $'\r' ]]; do :; done
}

# ws_send text: one text message. Its mask is zero, so that the text goes out as it is.
ws_send() { ws_frame 1 "$1"; }

# ws_frame opcode payload
ws_frame() {
  local LC_ALL=C # Lengths are bytes.
  local length=${#2} head
  if ((length < 126)); then
    printf -v head '\\x%02x' $((128 + $1)) $((128 + length))
  elif ((length < 65536)); then
    printf -v head '\\x%02x' $((128 + $1)) 254 $((length >> 8)) $((length & 255))
  else
    printf -v head '\\x%02x' $((128 + $1)) 255 0 0 0 0 \
      $((length >> 24)) $((length >> 16 & 255)) $((length >> 8 & 255)) $((length & 255))
  fi
  { printf "$head"'\0\0\0\0%s' "$2" >&3; } 2>/dev/null
}

# ws_receive: sets REPLY to the next message. 1 when the connection has ended; then ws_code says why, if it is known,
# and ws_detail in words: an error that answers no frame is one of the connection itself, and the node closes it.
# onefold sends every message in one frame, so that nothing has to be put together.
ws_receive() {
  local LC_ALL=C
  local opcode length bytes
  ws_code= ws_detail=
  while ws_byte; do
    opcode=$((REPLY & 15))
    ws_byte || return 1
    length=$REPLY bytes=0
    if ((length == 126)); then bytes=2 length=0; fi
    if ((length == 127)); then bytes=8 length=0; fi
    for (( ; bytes > 0; bytes--)); do
      ws_byte || return 1
      length=$((length << 8 | REPLY))
    done
    if ((opcode == 8)); then # Closing: a code of two bytes, and a reason.
      ws_byte && ws_code=$((REPLY << 8)) && ws_byte && ws_code=$((ws_code | REPLY))
      return 1
    fi
    IFS= read -r -N "$length" -t "$ws_silence_seconds" -u 3 || return 1
    case $opcode in
      1)
        [[ $REPLY == '{"type":"error"'* && $REPLY != *'"frame":'* ]] || return 0
        [[ $REPLY =~ \"detail\":\"([^\"]+) ]] && ws_detail=${BASH_REMATCH[1]}
        ;;
      9) ws_frame 10 "$REPLY" || return 1 ;; # A ping is answered with a pong.
    esac
  done
  return 1
}

# ws_byte: sets REPLY to the value of the next byte. What ends the `read` is a zero byte, and leaves nothing behind.
ws_byte() {
  IFS= read -r -d '' -n 1 -t "$ws_silence_seconds" -u 3 || return 1
  printf -v REPLY '%d' "'$REPLY"
  REPLY=$((REPLY & 255))
}

# Ends the script where connecting again would only fail again: 4400 not understood, 4401 credentials, 4403 not allowed.
# Others, such as 4429 for too many connections, are worth another try.
ws_end_if_final() {
  case ${ws_code-} in
    4401) ws_end "The node refused the connection (4401): ${ws_detail:-} ONEFOLD_TOKEN must hold a token that it takes." ;;
    4400 | 4402 | 4403) ws_end "The node refused the connection ($ws_code): ${ws_detail:-no reason given}" ;;
  esac
}
