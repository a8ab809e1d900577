#!/usr/bin/env bash
# Tries a card in under ten minutes, on a machine that has a driver, and CUDA's libraries perhaps only as Python's packages
# (pip install nvidia-cuda-nvrtc nvidia-cublas). No Rust is needed there. Before, where Rust is:
#
#     cargo test --release --test card --no-run && cargo build --release --bin cortado
#     mkdir -p card/data && cp -r tests proto card/ && cp -r data/mnist card/data/ && cp target/release/cortado card/
#     cp "$(ls -t target/release/deps/card-* | grep -v '\.d$' | head -1)" card/card_tests
#     strip card/cortado card/card_tests
#
# then there, in the folder `card`:  bash tests/card.sh [a PyTorch script to be compared with, and its arguments]
#
# CARD_TESTS and CORTADO name the executables if they are elsewhere; CARD_SECONDS is the time there is, 570 if not given.
set -uo pipefail
cd "$(dirname "$0")/.."
tests=$(realpath "${CARD_TESTS:-card_tests}") cortado=$(realpath "${CORTADO:-cortado}")
until=$((SECONDS + ${CARD_SECONDS:-570}))
export CORTADO_DEVICE=cuda CARGO_MANIFEST_DIR=$PWD
failed=0

# Runs a command in the time that is left, but at most so many seconds.
within() {
    local left=$((until - SECONDS)) most=$1
    shift
    if [ "$left" -le 5 ]; then echo "no time is left for: $*"; failed=1; return 0; fi
    timeout "$((left < most ? left : most))" "$@"
    local code=$?
    if [ "$code" -ne 0 ]; then echo "FAILED ($code): $*"; failed=1; fi
}

# The libraries of Python's packages, where the loader does not look.
packages=$(python3 -c 'import site, sys; print("\n".join([*site.getsitepackages(), site.getusersitepackages(), *sys.path]))' 2>/dev/null)
while read -r folder; do
    for lib in "$folder"/nvidia/*/lib; do
        if [ -d "$lib" ]; then LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$lib"; fi
    done
done <<<"$packages"
export LD_LIBRARY_PATH

echo "== what there is"
within 60 "$cortado" device_query
if [ "$failed" -ne 0 ]; then exit 1; fi
if ! "$tests" --list | grep -q '^a_card_is_there: test'; then
    echo "$tests is not the executable of tests/card.rs"
    exit 1
fi

echo "== tests"
# One after another: they measure nothing, but share the card's memory. What only tries the CPU is left out.
within 330 "$tests" --test-threads=1 a_card_is_there golden:: gpu:: layers::a_gpu_gives_what_the_cpu_gives
echo "== again, with nothing recorded"
CORTADO_GRAPH=0 within 120 "$tests" --test-threads=1 gpu::

echo "== training steps: full f32, then TF32"
for tf32 in 0 1; do
    for solver in proto/bench/*_solver.prototxt; do
        net=$(basename "$solver" _solver.prototxt)
        step=$(CORTADO_TF32=$tf32 GLOG_minloglevel=1 within 60 "$cortado" time --solver "$solver" --iterations 20 2>&1 |
            grep -E 'Training step|FAILED|cortado:' | tr '\n' ' ')
        echo "$net TF32=$tf32: ${step:-nothing was said}"
        case $step in *FAILED* | *cortado:* | "") failed=1 ;; esac
    done
done
if [ "$#" -gt 0 ]; then
    echo "== $*"
    within 180 python3 "$@"
fi
echo "== $((SECONDS)) s, $([ "$failed" -eq 0 ] && echo all is well || echo something FAILED)"
exit "$failed"
