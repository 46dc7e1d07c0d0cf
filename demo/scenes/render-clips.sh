#!/bin/sh
# Renders the demo clips into demo/clips, two at a time (about a minute each on one core).
# usage: demo/scenes/render-clips.sh [OUT_DIR]
# needs: python3 with numpy and opencv (Debian: python3-opencv), gst-launch-1.0 with x264enc (gstreamer1.0-plugins-ugly)
set -eu
case "${1:-}" in -h | --help) sed -n '2,4s/^# //p' "$0"; exit 0 ;; esac
cd "$(dirname "$0")/.."
out=${1:-clips}
mkdir -p "$out"
printf '%s\n' highway junction bus-stop avenue | xargs -n 1 -P 2 "${PYTHON:-/usr/bin/python3}" -m scenes.clips --out "$out" --clip
