"""Inference on one image in OpenCV's dnn module, timed in turn with Cortado; benches/against_opencv.sh runs it.

Each net is written three times as a prototxt, with the same layers. Cortado trains one for an iteration at a rate of 0, which
gives its random weights and BatchNorm's statistics. Both sides read the second with these weights, and must give the same scores
for one image. Cortado times the third. OpenCV is timed twice: plain, where each layer is computed for itself, as in Cortado; and
fused, where BatchNorm, Scale and ReLU become part of a convolution, and Winograd's method is allowed.

OpenCV's times include setting the image, Cortado's making it from one row of numbers, and are the sum of its layers. Each side is
timed in ROUNDS rounds, one after the other. The minimum is what the machine can do, the median what it did.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(os.environ.get("ROUNDS", 3))
THREADS = int(os.environ.get("THREADS", os.cpu_count()))
CORTADO = os.path.join(os.environ.get("CARGO_TARGET_DIR", "target"), "release", "cortado")
MODES = ["plain", "fused"]
TOLERANCE = 1e-3


class Net:
    """A prototxt that grows by a layer per call; every call returns the name of its top."""

    def __init__(self, name, shape, form):
        self.text = f'name: "{name}"\n'
        self.form = form
        dims = [f"dim: {size}" for size in shape]
        if form == "deploy":
            self.layer("data", "Input", [], f"input_param {{ shape {{ {' '.join(dims)} }} }}")
        else:
            # One row of random numbers, repeated: to draw a whole image anew in each pass would take as long as a layer.
            rows, dims[2] = shape[2], "dim: 1"
            self.layer("row", "DummyData", [], f"dummy_data_param {{ shape {{ {' '.join(dims)} }} "
                       'data_filler { type: "uniform" min: -1 max: 1 } }')
            self.layer("data", "Tile", ["row"], f"tile_param {{ axis: 2 tiles: {rows} }}")

    def layer(self, name, kind, bottoms, fields="", top=None):
        top = top or name
        blobs = "".join(f'bottom: "{bottom}" ' for bottom in bottoms)
        self.text += f'layer {{ name: "{name}" type: "{kind}" {blobs}top: "{top}" {fields} }}\n'
        return top

    def conv(self, name, bottom, outputs, kernel, stride=1, pad=0, group=1, bias=True):
        more = 'bias_filler { type: "uniform" min: -0.1 max: 0.1 }' if bias else "bias_term: false"
        return self.layer(name, "Convolution", [bottom],
                          f"convolution_param {{ num_output: {outputs} kernel_size: {kernel} stride: {stride} pad: {pad} "
                          f'group: {group} weight_filler {{ type: "msra" }} {more} }}')

    def norm(self, x):
        # Before any training BatchNorm's statistics are 0, and it divides by the root of its eps, 1e-5; without this factor the
        # values in the net that is timed would soon overflow.
        factor = 1 if self.form != "time" else 1e-5**0.5
        self.layer(f"{x}/bn", "BatchNorm", [x], top=x)
        return self.layer(f"{x}/scale", "Scale", [x], "scale_param { bias_term: true "
                          f'filler {{ type: "uniform" min: {0.5 * factor} max: {1.5 * factor} }} '
                          'bias_filler { type: "uniform" min: -0.1 max: 0.1 } }', top=x)

    def relu(self, x):
        return self.layer(f"{x}/relu", "ReLU", [x], top=x)

    def pool(self, name, bottom, fields):
        return self.layer(name, "Pooling", [bottom], f"pooling_param {{ {fields} }}")

    def full(self, name, bottom, outputs):
        return self.layer(name, "InnerProduct", [bottom], f"inner_product_param {{ num_output: {outputs} "
                          'weight_filler { type: "msra" } bias_filler { type: "uniform" min: -0.1 max: 0.1 } }')

    def classes(self, bottom, outputs):
        self.full("score", bottom, outputs)
        self.layer("prob", "Softmax", ["score"])


def lenet(net):
    x = net.pool("pool1", net.conv("conv1", "data", 20, 5), "pool: MAX kernel_size: 2 stride: 2")
    x = net.pool("pool2", net.conv("conv2", x, 50, 5), "pool: MAX kernel_size: 2 stride: 2")
    net.classes(net.relu(net.full("ip1", x, 500)), 10)


def resnet50_thin(net):
    """ResNet-50 with a quarter of its channels."""
    x = net.relu(net.norm(net.conv("conv1", "data", 16, 7, stride=2, pad=3, bias=False)))
    x = net.pool("pool1", x, "pool: MAX kernel_size: 3 stride: 2")
    for stage, (width, blocks) in enumerate([(16, 3), (32, 4), (64, 6), (128, 3)], 2):
        for block in range(blocks):
            name, stride = f"res{stage}{'abcdef'[block]}", 2 if stage > 2 and block == 0 else 1
            y = net.relu(net.norm(net.conv(f"{name}/1", x, width, 1, stride=stride, bias=False)))
            y = net.relu(net.norm(net.conv(f"{name}/2", y, width, 3, pad=1, bias=False)))
            y = net.norm(net.conv(f"{name}/3", y, 4 * width, 1, bias=False))
            if block == 0:
                x = net.norm(net.conv(f"{name}/side", x, 4 * width, 1, stride=stride, bias=False))
            x = net.relu(net.layer(name, "Eltwise", [x, y]))
    net.classes(net.pool("pool5", x, "pool: AVE global_pooling: true"), 1000)


def convs(net):
    """Twenty convolutions, and nothing else of weight."""
    x = "data"
    for i in range(1, 20):
        x = net.relu(net.conv(f"conv{i}", x, 64, 3, pad=1))
    net.relu(net.conv("score", x, 64, 3, pad=1))


def mobilenet(net):
    """MobileNet at full width: a convolution for each channel by itself, then one of 1x1 over all channels."""
    x = net.relu(net.norm(net.conv("conv1", "data", 32, 3, stride=2, pad=1, bias=False)))
    inputs = 32
    for i, (outputs, stride) in enumerate(
            [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)], 2):
        x = net.relu(net.norm(net.conv(f"conv{i}/dw", x, inputs, 3, stride=stride, pad=1, group=inputs, bias=False)))
        x = net.relu(net.norm(net.conv(f"conv{i}/sep", x, outputs, 1, bias=False)))
        inputs = outputs
    net.classes(net.pool("pool6", x, "pool: AVE global_pooling: true"), 1000)


NETS = {
    "lenet": (lenet, (1, 1, 28, 28)),
    "resnet50_thin": (resnet50_thin, (1, 3, 224, 224)),
    "convs": (convs, (1, 64, 64, 64)),
    "mobilenet": (mobilenet, (1, 3, 224, 224)),
}


def write(folder, name):
    """Writes the three prototxts of a net, a solver and the weights."""
    build, shape = NETS[name]
    for form in ("train", "deploy", "time"):
        net = Net(name, shape, form)
        build(net)
        if form == "train":
            net.layer("mean", "Reduction", ["score"], "reduction_param { operation: MEAN } loss_weight: 1")
        with open(f"{folder}/{form}.prototxt", "w") as file:
            file.write(net.text)
    with open(f"{folder}/solver.prototxt", "w") as file:
        file.write(f'net: "{folder}/train.prototxt" base_lr: 0 lr_policy: "fixed" max_iter: 1 random_seed: 1 '
                   f'snapshot_prefix: "{folder}/net"')
    cortado("train", "--solver", f"{folder}/solver.prototxt")


def cortado(*command):
    environment = {**os.environ, "CORTADO_DEVICE": "cpu"}
    run = subprocess.run([CORTADO, *command], capture_output=True, text=True, env=environment)
    if run.returncode != 0:
        sys.exit(f"cortado {' '.join(command)} failed:\n{run.stdout}{run.stderr}")
    return run.stdout


def read(folder, mode):
    """The net in OpenCV."""
    import cv2

    cv2.setNumThreads(THREADS)
    net = cv2.dnn.readNetFromCaffe(f"{folder}/deploy.prototxt", f"{folder}/net_iter_1.caffemodel")
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    net.enableFusion(mode == "fused")
    net.enableWinograd(mode == "fused")
    return net


def compare(folder, name):
    """The largest difference of the scores of one random image, of all modes, relative to the largest score."""
    import numpy as np

    image = np.random.default_rng(1).uniform(-1, 1, NETS[name][1]).astype(np.float32)
    np.save(f"{folder}/image.npy", image)
    cortado("forward", "--model", f"{folder}/deploy.prototxt", "--weights", f"{folder}/net_iter_1.caffemodel",
            "--input", f"data={folder}/image.npy", "--output", f"score={folder}/score.npy")
    ours, largest = np.load(f"{folder}/score.npy"), 0
    for mode in MODES:
        net = read(folder, mode)
        net.setInput(image)
        # A fused ReLU after the scores is the last layer, and its blob has its name.
        theirs = net.forward() if name == "convs" else net.forward("score")
        difference = np.abs(ours - theirs.reshape(ours.shape)).max() / np.abs(ours).max()
        if not difference < TOLERANCE:
            sys.exit(f"{name}: OpenCV's scores ({mode}) differ from Cortado's by {difference:.1e} of the largest")
        largest = max(largest, difference)
    return largest


def time_opencv(folder, mode, seconds=1.0):
    """Prints the milliseconds of single passes, as many as fit in the time."""
    import numpy as np

    net, image = read(folder, mode), np.load(f"{folder}/image.npy")

    def work():
        net.setInput(image)
        net.forward()

    for _ in range(3):
        work()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 10:
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps(times))


def opencv_times(folder, mode):
    out = subprocess.run([sys.executable, __file__, "--opencv", folder, mode], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def cortado_times(folder, threads, iterations):
    """The minimum and the median of a pass, the minimum of each type of layer, and the most GFLOP/s of its small products."""
    out = cortado("time", "--model", f"{folder}/time.prototxt", "--phase", "TEST", "--threads", str(threads),
                  "--iterations", str(iterations))
    found, peak = re.search(r"Forward pass: min ([\d.]+) ms, median ([\d.]+) ms", out), re.search(r"(\d+) GFLOP/s", out)
    types = {}
    for kind, forward in re.findall(r"^\S+ +([A-Z]\w+) +([\d.]+) +[\d.]+ ", out, re.MULTILINE):
        types[kind] = types.get(kind, 0) + float(forward)
    return float(found[1]), float(found[2]), types, int(peak[1])


def processor():
    try:
        return re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read())[1]
    except (OSError, TypeError):
        return "an unknown processor"


def best(runs):
    return min(run[0] for run in runs), statistics.median(run[1] for run in runs)


def main(names):
    import cv2

    unknown = [name for name in names if name not in NETS]
    if unknown:
        sys.exit(f"there is no net {unknown[0]}; the nets are {', '.join(NETS)}")
    print(f"{processor()}, {THREADS} threads, OpenCV {cv2.__version__}, {ROUNDS} rounds; one image, milliseconds, "
          "minimum (median)\n")
    print(f"{'':14} {'OpenCV plain':>18} {'OpenCV fused':>18} {'Cortado':>18} {'plain':>6} {'fused':>6}   "
          f"{'on 1 thread':>18} {'gain':>5}   {'differ':>7}")
    tables, peaks = [], {threads: 0 for threads in (1, THREADS)}
    for name in names or NETS:
        iterations = 500 if name == "lenet" else 20
        with tempfile.TemporaryDirectory() as folder:
            write(folder, name)
            differ = compare(folder, name)
            theirs, ours = {mode: [] for mode in MODES}, {threads: [] for threads in (1, THREADS)}
            for _ in range(ROUNDS):
                for mode, times in theirs.items():
                    times += opencv_times(folder, mode)
                for threads, runs in ours.items():
                    runs.append(cortado_times(folder, threads, iterations))
        for threads, runs in ours.items():
            peaks[threads] = max(peaks[threads], *(run[3] for run in runs))
        own, median = best(ours[THREADS])
        one, median_one = best(ours[1])
        columns = [f"{min(times):9.2f} ({statistics.median(times):6.1f})" for times in theirs.values()]
        ratios = [f"{min(times) / own:6.2f}" for times in theirs.values()]
        print(f"{name:14}", *columns, f"{own:9.2f} ({median:6.1f})", *ratios,
              f"  {one:9.2f} ({median_one:6.1f}) {one / own:5.2f}   {differ:7.0e}", flush=True)
        for kind in ours[1][0][2]:
            alone, all_threads = (min(run[2][kind] for run in ours[threads]) for threads in (1, THREADS))
            tables.append((name, kind, alone, all_threads))
    print("\nplain, fused: OpenCV's minimum over Cortado's; above 1 Cortado is faster"
          f"\ngain: Cortado's minimum on 1 thread over that on {THREADS}"
          "\ndiffer: the largest difference of the scores of one image, relative to the largest score")
    if THREADS > 1:
        # Without this one could not tell a layer that keeps to one thread from a machine that has only one core to spare.
        print(f"\nProducts of small matrices, which use all threads, reached {peaks[1]} GFLOP/s on 1 thread and {peaks[THREADS]} "
              f"on {THREADS}.\nWhere these gain little, another program had a core, and the gains above and below say nothing."
              f"\n\nCortado's layers, summed by type, on 1 thread and on {THREADS}\n")
        for name, kind, alone, all_threads in tables:
            if alone > 0:
                gain = f"{alone / all_threads:5.2f}" if all_threads > 0 else ""
                print(f"{name:14} {kind:14} {alone:9.4f} {all_threads:9.4f} {gain}")


if sys.argv[1:2] == ["--opencv"]:
    time_opencv(*sys.argv[2:])
else:
    main(sys.argv[1:])
