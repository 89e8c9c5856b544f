#!/usr/bin/env bash
# The page in a real browser: browser_test.sh SVSEP DEMO_SONG [SECONDS]
# Lets the program SVSEP separate what DEMO_SONG makes, opens the page from its file in headless Chromium and uses it as a person does: real clicks and keys, through
# chromedriver. While it plays, the tracks must stay within 20 ms of each other, for SECONDS (10 by default).
# Exit code 77: no Chromium here.
set -euo pipefail

svsep=$1
demo_song=$2
seconds=${3:-5}
for tool in chromium chromedriver curl jq; do
  command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed" >&2; exit 77; }
done

folder=$(mktemp -d)
"$demo_song" "$folder/song.wav"
"$svsep" separate --quiet --page --output "$folder/stems" "$folder/song.wav"
page=$folder/stems/song/index.html
chromedriver --port=0 >"$folder/log" 2>&1 &
driver=$!
session=
finish() {
  [[ -z "$session" ]] || curl -s -X DELETE "$session" >/dev/null || true
  kill "$driver" 2>/dev/null || true
  wait "$driver" 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

port=
for ((i = 0; i < 300 && ${#port} == 0; ++i)); do
  port=$(grep -oE 'started successfully on port [0-9]+' "$folder/log" | grep -oE '[0-9]+$' || true)
  [[ -n "$port" ]] || sleep 0.1
done
[[ -n "$port" ]] || fail "chromedriver does not answer: $(cat "$folder/log")"

send() { curl -s --fail-with-body -H 'Content-Type: application/json' -d "$2" "$1"; }
options='{"args":["--headless=new","--no-sandbox","--disable-dev-shm-usage","--window-size=1200,1000","--mute-audio"]}'
session=http://127.0.0.1:$port/session/$(send "http://127.0.0.1:$port/session" \
  "{\"capabilities\":{\"alwaysMatch\":{\"goog:chromeOptions\":$options}}}" | jq -r .value.sessionId)
send "$session/url" "{\"url\":\"file://$page\"}" >/dev/null

# What a JavaScript expression gives.
value() { send "$session/execute/sync" "$(jq -n --arg script "return $1" '{script: $script, args: []}')" | jq -r .value; }
element() { send "$session/element" "$(jq -n --arg css "$1" '{using: "css selector", value: $css}')" | jq -r '.value[]'; }
click() { send "$session/element/$(element "$1")/click" '{}' >/dev/null; }
press() { send "$session/element/$(element body)/value" "$(jq -n --arg text "$1" '{text: $text}')" >/dev/null; }
# Waits until a JavaScript expression is true.
expect() {
  for ((i = 0; i < 100; ++i)); do
    [[ $(value "$1") != true ]] || return 0
    sleep 0.1
  done
  fail "$2: $1; the clocks say $(value "$clocks")"
}
clocks='[...document.querySelectorAll("audio")].map((audio) => audio.currentTime)'
spread="Math.max(...$clocks) - Math.min(...$clocks)"
track() { echo "[data-track=\"$1\"]"; }

expect '[...document.querySelectorAll("audio")].every((audio) => audio.readyState === 4)' "no audio"
count=$(value 'document.querySelectorAll("audio").length')
((count >= 3)) || fail "expected the mixture and two stems, got $count tracks"

click '#play'
expect "$clocks.every((time) => time > 0.5)" "does not play"
worst=0
for ((end = SECONDS + seconds; SECONDS < end; )); do
  sleep 0.5
  apart=$(value "$spread")
  worst=$(jq -n "[$worst, $apart] | max")
done
[[ $(jq -n "$worst < 0.02") == true ]] || fail "tracks are $worst s apart; expected less than 0.02 s"

click "$(track vocals) button[title=Mute]"
expect 'document.querySelector("[data-track=vocals] audio").muted' "mute does nothing"
click "$(track vocals) button[title=Mute]"
click "$(track vocals) button[title=Solo]"
expect 'document.querySelector("[data-track=accompaniment] audio").muted && !document.querySelector("[data-track=vocals] audio").muted' "solo does nothing"
click "$(track vocals) button[title=Solo]"
expect '!document.querySelector("[data-track=accompaniment] audio").muted' "the end of solo does nothing"

press ' '
expect '[...document.querySelectorAll("audio")].every((audio) => audio.paused)' "the space bar does not pause"
click "$(track vocals) .picture"  # its middle
expect "$clocks.every((time) => Math.abs(time - song.duration / 2) < 0.05)" "a click does not seek"
press 'l'
printf 'The page plays, seeks, mutes and solos; its %d tracks stayed within %.1f ms for %d s.\n' \
  "$count" "$(jq -n "$worst * 1000")" "$seconds"
