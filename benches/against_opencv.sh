#!/usr/bin/env bash
# Times Cortado and OpenCV's dnn module in turn on one image at a time, on the CPU:
#
#     benches/against_opencv.sh                       all four nets, three rounds
#     benches/against_opencv.sh lenet mobilenet       these two
#     ROUNDS=5 THREADS=1 benches/against_opencv.sh    five rounds, on one thread
#
# OpenCV goes into a virtual environment of its own, if it is not there yet (OPENCV_VENV, or else in the user's cache). OpenCV 5
# no longer reads Caffe's files, so it is the newest 4.
# Run it on an idle machine: a pass takes milliseconds, and another program delays it by as much.
set -eu
cd "$(dirname "$0")/.."
venv=${OPENCV_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/cortado-opencv}
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import cv2; cv2.dnn.readNetFromCaffe' 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet 'opencv-python-headless<5'
fi
cargo build --release --locked --quiet --bin cortado
exec "$venv/bin/python" benches/against_opencv.py "$@"
