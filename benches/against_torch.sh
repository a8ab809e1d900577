#!/usr/bin/env bash
# Times Cortado and PyTorch in turn on the nets in proto/bench, on the CPU, and compares their peak memory in training:
#
#     benches/against_torch.sh                       all seven nets, three rounds
#     benches/against_torch.sh lenet resnet20        these two
#     ROUNDS=5 THREADS=1 benches/against_torch.sh    five rounds, on one thread
#
# PyTorch goes into a virtual environment of its own, if it is not there yet (TORCH_VENV, or else in the user's cache). Where
# pip would fetch PyTorch's gigabytes for CUDA, PIP_INDEX_URL can name an index of builds for the CPU.
# Run it on an idle machine: beside another program PyTorch's waiting threads lose far more than ours.
set -eu
cd "$(dirname "$0")/.."
venv=${TORCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/cortado-torch}
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import torch' 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet torch
fi
cargo build --release --locked --quiet --bin cortado
exec "$venv/bin/python" benches/against_torch.py "$@"
