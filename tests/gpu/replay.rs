//! What keeps a pass from being recorded, and what does not.

use super::*;
use cortado::args;
use cortado::device::{Gpu, emulator::Emulator};
use cortado::log::Level;

/// y = factor x. The layer's name says what it does besides, and when: in its n-th forward.
struct Odd {
    what: String,
    when: u32,
    kernels: Kernels,
    forwards: u32,
}

impl Odd {
    /// The factor of the present pass.
    fn factor(&self) -> f32 {
        if self.what == "grows" { 1.0 + 0.1 * self.forwards as f32 } else { 2.0 }
    }
}

const SCALE: &str = r#"extern "C" __global__ void times(int n, float factor, In x, Out y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = factor * x[i];
}"#;

impl Layer for Odd {
    fn new(param: &LayerParameter) -> Result<Self> {
        let (what, when) = param.name().split_once(' ').unwrap_or((param.name(), "0"));
        Ok(Odd { what: what.into(), when: when.parse().unwrap(), kernels: Kernels::new(SCALE), forwards: 0 })
    }
    fn forward(&mut self, cx: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result {
        self.forwards += 1;
        let (x, y, n, factor) = (&bottom[0].data, &mut top[0].data, bottom[0].count(), self.factor());
        if self.forwards == self.when {
            match &*self.what {
                "looks" => drop(x.slice().to_vec()),
                "fails" => return Err(cortado::Error::value("a bad batch")),
                _ => {}
            }
        }
        match cx.device {
            Device::Gpu(gpu) => {
                let args = args![n, factor, x, y.over()];
                self.kernels.launch(gpu, "times", n, args)
            }
            Device::Cpu(_) => {
                y.slice_mut().iter_mut().zip(x.slice()).for_each(|(y, x)| *y = factor * x);
                Ok(())
            }
        }
    }
    fn backward(&mut self, cx: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result {
        let (dy, dx, n, factor) = (&top[0].diff, &mut bottom[0].diff, top[0].count(), self.factor());
        match cx.device {
            _ if !cx.propagate_down[0] => Ok(()),
            Device::Gpu(gpu) => {
                let args = args![n, factor, dy, dx.over()];
                self.kernels.launch(gpu, "times", n, args)
            }
            Device::Cpu(_) => {
                dx.slice_mut().iter_mut().zip(dy.slice()).for_each(|(dx, dy)| *dx = factor * dy);
                Ok(())
            }
        }
    }
}

fn with_odd(name: &str) -> String {
    let odd = format!(r#"layer {{ name: "{name}" type: "Odd" bottom: "h" top: "h2" }}"#);
    let (below, above) = NET.split_once("    layer { name: \"ip2\"").unwrap();
    format!("{below} {odd} layer {{ name: \"ip2\"{}", above.replace("bottom: \"h\"", "bottom: \"h2\""))
}

/// The lines of a log.
type Said = Arc<Mutex<Vec<(Level, String)>>>;

/// A solver of a net with an odd layer, and what it says of recordings.
fn odd_solver(name: &str, settings: &str, device: &Device) -> (Solver, Said) {
    let mut layers = layers();
    layers.add::<Odd>("Odd");
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = lines.clone();
    let log = Log::to(move |level, line| {
        if line.contains("recorded") {
            heard.lock().unwrap().push((level, line.to_string()));
        }
    });
    (solver(&with_odd(name), settings, device).layers(&layers).log(&log).make().unwrap(), lines)
}

fn card() -> (Gpu, Device) {
    let device = gpu();
    let Device::Gpu(gpu) = &device else { panic!() };
    (gpu.clone(), device)
}

/// How often the host waited for values of the card while `work` ran.
fn downloads(gpu: &Gpu, work: impl FnOnce()) -> u64 {
    let before = gpu.counts().downloads;
    work();
    gpu.counts().downloads - before
}

/// As `cortado train` does it: to `max_iter`, with displays, and a progress bar that is told of every iteration.
#[test]
fn a_progress_bar_costs_no_wait() {
    let settings = format!("{} max_iter: 40 display: 10", SETTINGS[0]);
    let (gpu, device) = card();
    let make = || solver(NET, &settings, &device).make().unwrap();
    let (mut silent, mut watched) = (make(), make());
    let expected = downloads(&gpu, || silent.solve().unwrap());
    let mut told = Vec::new();
    let waits = downloads(&gpu, || watched.solve_watched(|iter, loss| told.push((iter, loss))).unwrap());
    assert_eq!(waits, expected, "downloads of 40 iterations with a progress bar, and without");
    assert!(waits <= 2 * 6, "a loss and an output at each of 5 displays: {waits}");
    // The bar is told of each iteration, and of the last loss that is known.
    assert_eq!(told.iter().map(|(iter, _)| *iter).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
    assert_eq!(told[14].1, watched.losses()[10], "the loss at the display before");
}

/// Whenever it comes: while memory is made, watched, recorded, or replayed.
#[test]
fn a_batch_that_fails_does_not_end_replaying() {
    let (card, device) = card();
    for when in 1..=5 {
        let (mut solver, lines) = odd_solver(&format!("fails {when}"), SETTINGS[0], &device);
        let failed = (1..=6).find_map(|_| solver.step(1).err());
        // The code of a layer that is replayed does not run.
        let expected = (when < 5 || !records()).then(|| "a bad batch".into());
        assert_eq!(failed.map(|e| e.message().to_string()), expected, "forward {when}");
        solver.step(6).unwrap();
        let before = card.counts().replays;
        solver.step(8).unwrap();
        let replays = card.counts().replays - before;
        assert_eq!(
            replays,
            if records() { 8 + 8 } else { 0 },
            "passes and updates after the failure of forward {when}"
        );
        assert!(lines.lock().unwrap().is_empty(), "{lines:?}");
    }
}

#[test]
fn a_copy_while_a_pass_is_recorded_is_made_by_a_plain_pass() {
    let (mut cpu, _) = odd_solver("looks 3", SETTINGS[0], &Device::cpu());
    cpu.step(10).unwrap();
    for when in [3, 4] {
        let (mut solver, lines) = odd_solver(&format!("looks {when}"), SETTINGS[0], &gpu());
        solver.step(10).unwrap();
        assert_near(cpu.losses(), solver.losses(), "losses");
        let expected = format!(
            "The passes are not recorded: layer \"looks {when}\": a copy of 72 values to the host while a step is being recorded \
             (the host asked for blob \"h\")."
        );
        assert_eq!(lines.lock().unwrap()[..], [(Level::Warning, expected)][..usize::from(records())]);
        assert!(solver.net().data("h").unwrap().slice().iter().all(|x| x.is_finite()));
    }
}

#[test]
fn a_launch_that_the_host_changes_from_pass_to_pass_is_not_replayed() {
    let (mut cpu, _) = odd_solver("grows", SETTINGS[0], &Device::cpu());
    cpu.step(12).unwrap();
    let (mut solver, lines) = odd_solver("grows", SETTINGS[0], &gpu());
    solver.step(12).unwrap();
    assert_near(cpu.losses(), solver.losses(), "losses");
    let said = lines.lock().unwrap().clone();
    assert_eq!(said.len(), usize::from(records()), "{said:?}");
    assert!(said.iter().all(|(_, line)| line.contains("layer \"grows\" (Odd)") && line.contains("times")), "{said:?}");
}

#[test]
fn a_recording_that_the_driver_refuses_is_no_end_of_training() {
    let gpu = Gpu::new(Emulator::without_recordings());
    let (mut cpu, _) = odd_solver("twice", SETTINGS[1], &Device::cpu());
    cpu.step(8).unwrap();
    let (mut solver, lines) = odd_solver("twice", SETTINGS[1], &Device::Gpu(gpu.clone()));
    solver.step(8).unwrap();
    assert_near(cpu.losses(), solver.losses(), "losses");
    assert_eq!(gpu.counts().replays, 0);
    let expected = ["passes", "updates"]
        .map(|what| (Level::Warning, format!("The {what} are not recorded: this emulator records nothing.")));
    assert_eq!(lines.lock().unwrap()[..], expected[..if records() { 2 } else { 0 }]);
}

/// A test phase swaps the parameters into another net and back: their addresses stay, and so do the recordings.
#[test]
fn a_test_keeps_the_recordings() {
    let run = |tests: &str| {
        let (gpu, device) = card();
        let mut solver = solver(NET, &format!("{} {tests}", SETTINGS[0]), &device).make().unwrap();
        solver.step(20).unwrap();
        (gpu.counts().replays, solver.losses().to_vec())
    };
    let with_tests = run("test_iter: 2 test_interval: 5 test_initialization: true");
    assert_eq!(with_tests, run(""), "replays and losses of 20 iterations, with a test after each five and without");
    assert_eq!(with_tests.0, if records() { 18 + 19 } else { 0 });
}
