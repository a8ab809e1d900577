"""The nets of proto/bench in PyTorch, timed in turn with Cortado; benches/against_torch.sh runs it.

A training step is: clear the gradients, forward, loss, backward, SGD with momentum 0.9 and weight decay 5e-4; the batch is in
memory. Each side is timed in ROUNDS rounds, one after the other. PyTorch's best mode of a net counts: plain, or with channels
last. The minimum is what the machine can do, the median what it did. A forward pass is that of testing; Cortado's has the loss and
the copying of the batch as well, and is the sum of its layers, each timed for itself.

Peak memory is that of a process of its own which makes a few training steps: the most that was resident. PyTorch's is also given
without what `import torch` alone takes, and its best mode counts here too.
"""

import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

STEPS = 5  # of the processes whose memory is measured
ROUNDS = int(os.environ.get("ROUNDS", 3))
THREADS = int(os.environ.get("THREADS", os.cpu_count()))
MODES = ["eager", "channels_last"]
# The batch, the input's shape, and the number of classes; without classes the loss is Euclidean.
SHAPES = {
    "lenet": (64, (1, 28, 28), 10),
    "mlp": (64, (1, 28, 28), 10),
    "cifar10_quick": (100, (3, 32, 32), 10),
    "cifar10_full": (100, (3, 32, 32), 10),
    "resnet20": (128, (3, 32, 32), 10),
    "srcnn": (128, (1, 33, 33), None),
    "caffenet": (16, (3, 227, 227), 1000),
}


def make(name):
    """The net of proto/bench/NAME.prototxt: kernels, strides, padding and pooling (rounded up) as there."""
    import torch.nn as nn

    def conv(inputs, outputs, kernel, **more):
        return nn.Conv2d(inputs, outputs, kernel, **more)

    def relu():
        return nn.ReLU(inplace=True)

    def most(kernel, stride):
        return nn.MaxPool2d(kernel, stride, ceil_mode=True)

    def mean(kernel, stride):
        return nn.AvgPool2d(kernel, stride, ceil_mode=True)

    class Block(nn.Module):
        """Two convolutions of a residual net, and the way around them."""

        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.main = nn.Sequential(
                conv(inputs, outputs, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outputs), relu(),
                conv(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs))
            same = inputs == outputs and stride == 1
            self.side = nn.Identity() if same else nn.Sequential(
                conv(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))

        def forward(self, x):
            return nn.functional.relu(self.main(x) + self.side(x))

    layers = {
        "lenet": lambda: [
            conv(1, 20, 5), most(2, 2), conv(20, 50, 5), most(2, 2),
            nn.Flatten(), nn.Linear(800, 500), relu(), nn.Linear(500, 10)],
        "mlp": lambda: [
            nn.Flatten(), nn.Linear(784, 500), relu(), nn.Linear(500, 300), relu(), nn.Linear(300, 10)],
        "cifar10_quick": lambda: [
            conv(3, 32, 5, padding=2), most(3, 2), relu(), conv(32, 32, 5, padding=2), relu(), mean(3, 2),
            conv(32, 64, 5, padding=2), relu(), mean(3, 2), nn.Flatten(), nn.Linear(1024, 64), nn.Linear(64, 10)],
        "cifar10_full": lambda: [
            conv(3, 32, 5, padding=2), most(3, 2), relu(), nn.LocalResponseNorm(3, 5e-5, 0.75),
            conv(32, 32, 5, padding=2), relu(), mean(3, 2), nn.LocalResponseNorm(3, 5e-5, 0.75),
            conv(32, 64, 5, padding=2), relu(), mean(3, 2), nn.Flatten(), nn.Linear(1024, 10)],
        "resnet20": lambda: [
            conv(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), relu(),
            Block(16, 16, 1), Block(16, 16, 1), Block(16, 16, 1),
            Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1),
            Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)],
        "srcnn": lambda: [conv(1, 64, 9), relu(), conv(64, 32, 1), relu(), conv(32, 1, 5)],
        "caffenet": lambda: [
            conv(3, 96, 11, stride=4), relu(), most(3, 2), nn.LocalResponseNorm(5),
            conv(96, 256, 5, padding=2, groups=2), relu(), most(3, 2), nn.LocalResponseNorm(5),
            conv(256, 384, 3, padding=1), relu(), conv(384, 384, 3, padding=1, groups=2), relu(),
            conv(384, 256, 3, padding=1, groups=2), relu(), most(3, 2), nn.Flatten(),
            nn.Linear(9216, 4096), relu(), nn.Dropout(), nn.Linear(4096, 4096), relu(), nn.Dropout(),
            nn.Linear(4096, 1000)],
    }
    return nn.Sequential(*layers[name]())


def blocks(work, seconds=0.15, number=10):
    """Milliseconds of one call of `work`: of `number` blocks, each of so many calls that it takes about `seconds`."""
    work()
    start = time.perf_counter()
    work()
    calls = max(1, min(200, int(seconds / max(time.perf_counter() - start, 1e-6))))
    times = []
    for _ in range(number):
        start = time.perf_counter()
        for _ in range(calls):
            work()
        times.append((time.perf_counter() - start) / calls * 1e3)
    return times


def torch_step(name, mode):
    """One training step of a net in one mode, as a function; and the net and its input."""
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    batch, shape, classes = SHAPES[name]
    net, x = make(name), torch.randn(batch, *shape)
    if mode == "channels_last":
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    target = torch.randint(0, classes, (batch,)) if classes else torch.randn_like(net(x))
    sgd = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4, fused=True)

    def step():
        sgd.zero_grad()
        y = net(x)
        loss = F.cross_entropy(y, target) if classes else 0.5 * ((y - target) ** 2).sum() / batch
        loss.backward()
        sgd.step()

    return step, net, x


def time_torch(name, mode):
    """Prints the times of one net in one mode."""
    import torch

    step, net, x = torch_step(name, mode)
    training = blocks(step)
    net.eval()
    with torch.no_grad():
        print(json.dumps([training, blocks(lambda: net(x))]))


def peak_of_torch(name, mode):
    """Prints the peak memory, in MiB, of importing PyTorch and of training after it."""
    import torch

    torch.zeros(1)
    peaks = [peak(resource.RUSAGE_SELF)]
    step, _, _ = torch_step(name, mode)
    for _ in range(STEPS):
        step()
    print(json.dumps(peaks + [peak(resource.RUSAGE_SELF)]))


def peak(whose):
    """The most memory that was resident, in MiB."""
    return resource.getrusage(whose).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


def torch(what, name, mode):
    out = subprocess.run([sys.executable, __file__, what, name, mode], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def peak_of_cortado(name):
    """The peak memory, in MiB, of a process that trains: `cortado train` with a solver of STEPS iterations."""
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as solver:
        text = open(f"proto/bench/{name}_solver.prototxt").read()
        solver.write(re.sub(r"max_iter: \d+", f"max_iter: {STEPS}", text))
        solver.flush()
        command = ["target/release/cortado", "train", "--solver", solver.name, "--threads", str(THREADS)]
        # A process in between, as the children's peak is that of the largest so far.
        between = [sys.executable, __file__, "--peak", *command]
        run = subprocess.run(between, check=True, capture_output=True, text=True, env={**os.environ, "CORTADO_DEVICE": "cpu"})
        return float(run.stdout)


def peak_of_command(*command):
    """Prints the peak memory of a command, in MiB."""
    subprocess.run(command, check=True, capture_output=True)
    print(peak(resource.RUSAGE_CHILDREN))


def cortado_times(name, iterations):
    def time_of(what, *net):
        command = ["target/release/cortado", "time", *net, "--threads", str(THREADS), "--iterations", str(iterations)]
        environment = {**os.environ, "CORTADO_DEVICE": "cpu"}
        run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        found = re.search(rf"{what}: min ([\d.]+) ms, median ([\d.]+) ms", run.stdout)
        return float(found[1]), float(found[2])

    return [time_of("Training step", "--solver", f"proto/bench/{name}_solver.prototxt"),
            time_of("Forward pass", "--model", f"proto/bench/{name}.prototxt", "--phase", "TEST")]


def processor():
    try:
        return re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read())[1]
    except (OSError, TypeError):
        return "an unknown processor"


def main(names):
    from importlib.metadata import version

    unknown = [name for name in names if name not in SHAPES]
    if unknown:
        sys.exit(f"there is no net {unknown[0]}; the nets are {', '.join(SHAPES)}")
    print(f"{processor()}, {THREADS} threads, PyTorch {version('torch')}, {ROUNDS} rounds; milliseconds, minimum (median); peak memory, MiB\n")
    print(f"{'':14} {'training step':>44}   {'forward pass':>44}   {'peak memory of training':>32}")
    times = f"{'PyTorch':>18} {'Cortado':>18} {'ratio':>6}"
    print(f"{'':14} {times}   {times}   {'PyTorch (less import)':>22} {'Cortado':>9}")
    for name in names or SHAPES:
        iterations = {"caffenet": 5, "resnet20": 10}.get(name, 40)
        theirs, ours = {mode: ([], []) for mode in MODES}, []
        for _ in range(ROUNDS):
            for mode, (training, forward) in theirs.items():
                times = torch("--torch", name, mode)
                training += times[0]
                forward += times[1]
            ours.append(cortado_times(name, iterations))
        columns = []
        for what in (0, 1):
            best = min((times[what] for times in theirs.values()), key=min)
            own, median = min(run[what][0] for run in ours), statistics.median(run[what][1] for run in ours)
            columns.append(f"{min(best):9.2f} ({statistics.median(best):6.1f}) {own:9.2f} ({median:6.1f}) {min(best) / own:6.2f}")
        imported, theirs = min((torch("--torch-peak", name, mode) for mode in MODES), key=lambda peaks: peaks[1])
        columns.append(f"{theirs:12.0f} ({theirs - imported:7.0f}) {peak_of_cortado(name):9.0f}")
        print(f"{name:14} " + "   ".join(columns), flush=True)
    print("\nratio: PyTorch's minimum over Cortado's; above 1 Cortado is faster")


if sys.argv[1:2] == ["--torch"]:
    time_torch(*sys.argv[2:])
elif sys.argv[1:2] == ["--torch-peak"]:
    peak_of_torch(*sys.argv[2:])
elif sys.argv[1:2] == ["--peak"]:
    peak_of_command(*sys.argv[2:])
else:
    main(sys.argv[1:])
