//! What a case is.

pub use cortado::check::{Fill, Gradient, Harness, Kit};
use cortado::proto::LayerParameter;
pub use cortado::{Device, Layers, Phase, Result};
pub use ndarray::{ArrayD, Axis, IxDyn};

/// The tops that a layer should make of its bottoms and parameters: plain loops in f64.
pub type Naive = fn(&[ArrayD<f64>], &[ArrayD<f64>]) -> Vec<ArrayD<f64>>;

/// The CPU, and the emulated GPU.
pub fn both_devices() -> [Device; 2] {
    [Device::cpu_with_threads(1), Device::emulated()]
}

/// One layer with one setting. Write what differs, then `..CASE`.
pub struct Case {
    /// Its own name, the layer's first: "relu_leaky".
    pub name: &'static str,
    /// The text of the layer: `type: "ReLU" relu_param { negative_slope: 0.1 }`; `top`s if more than the fewest.
    pub prototxt: &'static str,
    /// At least two sets, each with a shape for every bottom.
    pub bottom: &'static [&'static [&'static [usize]]],
    /// What fills each bottom; the last one fills the rest.
    pub fill: &'static [Fill],
    /// What fills each parameter. Beyond the list: uniform values, and statistics as the layer made them.
    pub params: &'static [Fill],
    pub phase: Phase,
    pub naive: Naive,
    /// Allowed difference from the formula, relative to the larger of it and 1.
    pub tolerance: f64,
    /// Whether there is a backward to check.
    pub gradient: bool,
    /// Where the slope jumps, and how far to keep away.
    pub kink: Option<(f32, f32)>,
    /// The tops that a gradient flows back from, if not all.
    pub tops: Option<&'static [usize]>,
}

pub const CASE: Case = Case {
    name: "",
    prototxt: "",
    bottom: &[],
    fill: &[Fill::Uniform(-1.0, 1.0)],
    params: &[],
    phase: Phase::Train,
    naive: |_, _| Vec::new(),
    tolerance: 1e-5,
    gradient: true,
    kink: None,
    tops: None,
};

/// What `CORTADO_DEVICE` names, or the CPU with one thread.
pub fn device() -> Device {
    match std::env::var_os("CORTADO_DEVICE") {
        Some(_) => Device::best().unwrap(),
        None => Device::cpu_with_threads(1),
    }
}

impl Case {
    pub fn param(&self) -> LayerParameter {
        let mut param = crate::text::layer(self.prototxt);
        param.name = Some(self.name.to_string());
        param
    }

    /// The test kit with all that the case says.
    pub fn kit(&self) -> Kit {
        self.kit_of(&Layers::caffe()).device(&device())
    }

    /// The same, with layers of these types.
    pub fn kit_of(&self, layers: &Layers) -> Kit {
        let kit = Kit::new(layers, &self.param(), self.bottom[0]).phase(self.phase).naive(self.naive);
        let kit = kit.tolerance(self.tolerance).gradient(self.gradient.then(|| self.how()));
        let kit = self.bottom[1..].iter().fold(kit, |kit, set| kit.shapes(set));
        let most = self.bottom.iter().map(|set| set.len()).max().unwrap_or(0);
        let fills = (0..most).filter_map(|i| Some((i, *self.fill.get(i).or(self.fill.last())?)));
        let kit = fills.fold(kit, |kit, (i, fill)| kit.fill(i, fill));
        self.params.iter().enumerate().fold(kit, |kit, (i, fill)| kit.fill_param(i, *fill))
    }

    /// The layer with the shapes of set `i`, filled.
    pub fn bench(&self, set: usize) -> Result<Harness> {
        let mut bench = Harness::create(&Layers::caffe(), &self.param(), self.bottom[set])?.phase(self.phase);
        self.fill(&mut bench);
        Ok(bench)
    }

    pub fn fill(&self, bench: &mut Harness) {
        if let Some(last) = self.fill.last() {
            (0..bench.bottom.len()).for_each(|i| bench.fill(i, *self.fill.get(i).unwrap_or(last)));
        }
        for i in 0..bench.params.len() {
            match self.params.get(i) {
                Some(fill) => bench.fill_param(i, *fill),
                None if bench.trained[i] => bench.fill_param(i, Fill::Uniform(-1.0, 1.0)),
                None => {}
            }
        }
    }

    pub fn how(&self) -> Gradient {
        Gradient { kink: self.kink, tops: self.tops.map(<[_]>::to_vec), ..Gradient::default() }
    }
}

/// Asserts that the layer `text` refuses bottoms of the given shapes, with these words and naming this field.
pub fn refuses(text: &str, bottom: &[&[usize]], why: &str, field: &str) {
    match Harness::create(&Layers::caffe(), &crate::text::layer(text), bottom) {
        Ok(_) => panic!("{text} took {bottom:?}"),
        Err(e) => {
            assert!(e.message().contains(why), "{text}: {e}");
            assert_eq!(e.field_path(), Some(field), "{text}: {e}");
        }
    }
}
