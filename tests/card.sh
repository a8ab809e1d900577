#!/usr/bin/env bash
# Tries a card: every test in a process of its own, then what a user does, then times. It stops at nothing but a card that
# is not there. The machine has a driver, and CUDA's libraries perhaps only as Python's packages (pip install
# nvidia-cuda-nvrtc nvidia-cublas); no Rust is needed there.
#
# Before, where Rust is (.card/ is best kept out of git by .git/info/exclude):
#
#     cargo test --release --test card --no-run && cargo build --release --bin cortado
#     mkdir -p .card && cp target/release/cortado .card/
#     cp "$(ls -t target/release/deps/card-* | grep -v '\.d$' | head -1)" .card/card_tests
#     strip .card/cortado .card/card_tests
#
# Then there, with this folder, proto/, data/mnist and .card/:   CARD_SECONDS=330 bash tests/card.sh
#
#     CARD_SECONDS   the time there is, 330 if not given; what finds none is named, and counts as failed
#     CARD_ONLY      a regular expression: only tests of such names, and nothing else; for a second try
#     CARD_TESTS, CORTADO   the executables, if they are elsewhere
#     TORCH          a PyTorch script to be compared with; it is given --device cuda --modes graph
#     OUT            where all output goes (card.log, times.txt ..), /tmp/card_out if not given
#
# A dry run without a card:   CORTADO_DEVICE=emulated CARD_SECONDS=3000 bash tests/card.sh
set -u
cd "$(dirname "$0")/.." || exit 2
tests=$(realpath "${CARD_TESTS:-.card/card_tests}") cortado=$(realpath "${CORTADO:-.card/cortado}")
out=${OUT:-/tmp/card_out} end=$((SECONDS + ${CARD_SECONDS:-330}))
mkdir -p "$out" || exit 2
log=$out/card.log last=$out/last
: >"$log"
export CORTADO_DEVICE=${CORTADO_DEVICE:-cuda} CARGO_MANIFEST_DIR=$PWD RUST_BACKTRACE=0
failed=()

# step SECONDS NAME COMMAND..: all its output goes to the log, one line to the screen, its first complaints below that.
step() {
    local most=$1 name=$2 left=$((end - SECONDS)) from=$SECONDS code
    shift 2
    if ((left < 5)); then
        failed+=("$name (no time)")
        echo "no time       $name"
        return 1
    fi
    timeout -k 5 "$((left < most ? left : most))" "$@" >"$last" 2>&1
    code=$?
    { echo "===== $name -> $code: $*" && cat "$last"; } >>"$log"
    printf '%-8s %3d s  %s\n' "$([ "$code" = 0 ] && echo ok || echo "FAIL $code")" "$((SECONDS - from))" "$name"
    if ((code)); then
        failed+=("$name")
        grep -aE 'panicked at|cortado: |= help|assertion|left:|right:|runs on the CPU|an earlier kernel|CUDA_ERROR|cuBLAS' "$last" |
            cut -c1-240 | head -8
    fi
    return "$code"
}

# show PATTERN: the lines of the last step that are worth a place on the screen.
show() { grep -aE "$1" "$last" | cut -c1-160 | tail -12; }

# --- 1. What there is, and the loader's path to the libraries of Python's packages.
while read -r lib; do
    LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$lib"
done < <(python3 -c 'import glob, site, sys
for p in dict.fromkeys([*site.getsitepackages(), site.getusersitepackages(), *sys.path]):
    for lib in glob.glob(p + "/nvidia/*/lib"): print(lib)' 2>/dev/null)
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}
{
    nvidia-smi
    uname -a
    nproc
    env | grep -E '^(CUDA|NVIDIA|LD_LIB|PATH)'
    ldconfig -p | grep -E 'libcuda|nvrtc|cublas'
    ls -d /usr/local/cuda* /usr/local/nvidia/lib*
    command -v nvcc ncu compute-sanitizer c++
} >>"$log" 2>&1
for lib in ${LD_LIBRARY_PATH//:/ }; do # half a gigabyte, perhaps from a cold disk
    cat "$lib"/libnvrtc.so.1? "$lib"/libcublas*.so.1? >/dev/null 2>&1
done &
nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm --format=csv,noheader 2>/dev/null

if ! step 90 "device_query" "$cortado" device_query; then # nothing below can work: say all that helps to mend it
    CORTADO_DEVICE=best "$cortado" device_query
    LD_DEBUG=libs "$cortado" device_query 2>&1 | grep -E 'calling init.*(cuda|nvrtc|cublas)|error' | tail -20
    tail -60 "$log"
    exit 1
fi
head -8 "$last"

# --- 2. Tests. A fault on a card ends every context of its process, so each test has one, and fails for itself only.
names=()
while read -r name; do names+=("$name"); done < <("$tests" --list 2>/dev/null | sed -n 's/: test$//p')
if [[ " ${names[*]-} " != *" a_card_is_there "* ]]; then
    echo "$tests is not the executable of tests/card.rs"
    exit 1
fi
try() { # the tests whose names match
    local name
    for name in "${names[@]}"; do
        [[ $name =~ $1 && ! $name =~ without_graphs$ ]] || continue
        if step 120 "$name" "$tests" --exact "$name" --test-threads=1 --nocapture; then
            show 'largest difference'
        elif ((${#failed[@]} <= 4)); then # where does it come from? Nothing recorded, and each launch waited for
            CUDA_LAUNCH_BLOCKING=1 CORTADO_GRAPH=0 \
                step 60 "  again, plain and blocking" "$tests" --exact "$name" --test-threads=1
        fi
    done
}
finish() {
    rm -f "$last"
    echo "== $SECONDS s; failed: ${failed[*]:-nothing}"
    [ "${#failed[@]}" = 0 ]
    exit
}
if [ -n "${CARD_ONLY:-}" ]; then
    try "$CARD_ONLY"
    finish
fi
try '^a_card_is_there$'
try '^layers::.*a_gpu_gives_what_the_cpu_gives$'
try '^gpu::'
try '^golden::'
CORTADO_GRAPH=0 step 60 "gpu::, nothing recorded" "$tests" --test-threads=1 gpu::

# --- 3. What a user does: LeNet on MNIST, with tests and snapshots; then on from the middle, and a test of the weights.
work=$(mktemp -d)
iterations=$([ "$CORTADO_DEVICE" = cuda ] && echo 1000 || echo 20)
sed "s/max_iter: 10000/max_iter: $iterations/; s/snapshot: 5000/snapshot: $((iterations / 2))/; s#\"snapshots/lenet\"#\"$work/lenet\"#" \
    proto/lenet_solver.prototxt >"$work/lenet.prototxt"
step 60 "cortado train, LeNet, $iterations iterations" "$cortado" train --solver "$work/lenet.prototxt"
show 'not recorded|runs on the CPU|accuracy =|Iteration (0|900|1000),'
step 60 "cortado train, resumed" "$cortado" train --solver "$work/lenet.prototxt" \
    --snapshot "$work/lenet_iter_$((iterations / 2)).solverstate"
step 60 "cortado test" "$cortado" test --model proto/lenet_train_test.prototxt \
    --weights "$work/lenet_iter_$iterations.caffemodel" --iterations 20
show 'accuracy ='
rm -rf "$work"

# --- 4. Times: whole tables to a file, a line each to the screen; a pass that is not recorded is not what is to be timed.
step_time() { # SECONDS NAME NET ITERATIONS
    step "$1" "$2" "$cortado" time --solver "proto/bench/$3_solver.prototxt" --iterations "$4"
    { echo "== $2" && cat "$last"; } >>"$out/times.txt"
    show 'raining step:|not recorded|runs on the CPU'
}
if [ "$CORTADO_DEVICE" = cuda ]; then
    for net in lenet mlp cifar10_quick cifar10_full resnet20 srcnn caffenet; do step_time 30 "time $net" "$net" 20; done
    CORTADO_GRAPH=0 step_time 20 "time lenet, plain" lenet 5
    for net in lenet resnet20 caffenet; do CORTADO_TF32=1 step_time 30 "time $net, TF32" "$net" 5; done
    if [ -n "${TORCH:-}" ]; then
        step 120 "PyTorch" python3 "$TORCH" --device cuda --modes graph && cp "$last" "$out/torch.txt"
        show train
    fi
    # --- 5. Where the time goes, kernel by kernel: one plain step, the clocks left as they are.
    for net in lenet resnet20; do
        command -v ncu >/dev/null || break
        # --kill ends the program; what counts is that there are times
        CORTADO_GRAPH=0 step 45 "ncu $net" bash -c '"$@" >"$0" 2>&1; tail -20 "$0"; grep -q gpu__time "$0"' "$out/ncu_$net.csv" \
            ncu --clock-control none --metrics gpu__time_duration.sum --csv \
            --launch-skip 2000 --launch-count "$([ $net = lenet ] && echo 60 || echo 560)" --kill yes \
            "$cortado" time --solver "proto/bench/${net}_solver.prototxt" --iterations 20
    done
else
    step_time 60 "time mlp" mlp 1
fi
finish
