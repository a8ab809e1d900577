//! Every layer against its formula, its slope, and its contract: one table of cases a family.
//!
//! A case is the layer's prototxt, shapes, and the formula once more as a plain loop in f64. A layer without a case fails
//! `every_layer_has_a_case`.

pub mod activation;
pub mod common;
pub mod data;
pub mod files;
pub mod kit;
pub mod loss;
pub mod mutants;
pub mod normalisation;
pub mod picking;
pub mod recurrent;
pub mod shaping;
pub mod space;
pub mod text;
pub mod vision;

use cortado::Layers;
use kit::*;

/// The families and their cases.
pub const FAMILIES: &[(&str, &[Case])] = &[
    ("activation", activation::CASES),
    ("common", common::CASES),
    ("data", data::CASES),
    ("loss", loss::CASES),
    ("normalisation", normalisation::CASES),
    ("picking", picking::CASES),
    ("recurrent", recurrent::CASES),
    ("shaping", shaping::CASES),
    ("space", space::CASES),
    ("vision", vision::CASES),
];

pub fn cases() -> Vec<&'static Case> {
    FAMILIES.iter().flat_map(|(_, cases)| *cases).collect()
}

/// Runs `check` on every case and reports all that fail, not only the first; with `CORTADO_CASE=swish` on the cases with
/// `swish` in their name.
pub fn for_each<T>(check: impl Fn(&Case) -> cortado::Result<T>) {
    let only = std::env::var("CORTADO_CASE").unwrap_or_default();
    let cases: Vec<&Case> = cases().into_iter().filter(|case| case.name.contains(&only)).collect();
    assert!(!cases.is_empty(), "no case has CORTADO_CASE=\"{only}\" in its name");
    let failed: Vec<String> =
        cases.iter().filter_map(|case| check(case).err().map(|e| format!("{}: {e}", case.name))).collect();
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

#[test]
fn forward_is_the_formula() {
    for_each(|case| case.kit().formula());
}

#[test]
fn backward_is_the_slope() {
    for_each(|case| {
        assert!(case.bottom.len() >= 2, "{}: give two sets of shapes", case.name);
        case.kit().slope()
    });
}

#[test]
fn a_new_shape_leaves_no_trace_of_the_old() {
    for_each(|case| case.kit().reshapes());
}

/// The fuzz of the test above has ten shapes for every case, but for those that leave no choice.
#[test]
fn every_layer_is_given_ten_random_shapes() {
    for_each(|case| {
        let found = case.kit().random_shapes(10)?.len();
        let few = case.bottom[0].is_empty() || FEW_SHAPES.contains(&case.name);
        match (found, few) {
            (10, false) | (..10, true) => Ok(()),
            _ => Err(cortado::Error::value(format!("{found} random shapes fit; does it belong to FEW_SHAPES?"))),
        }
    });
}

/// Cases of which fewer than ten other shapes can be found.
pub const FEW_SHAPES: &[&str] = &["inner_product_of_everything", "reshape_scalar", "scale_every_axis"];

#[test]
fn one_thread_or_two_give_the_same_bits() {
    for_each(|case| case.kit().threads());
}

/// A layer without kernels falls back to the CPU; of ours only those may that have nothing for a card to do.
#[test]
fn a_gpu_gives_what_the_cpu_gives() {
    for_each(|case| match case.kit().on_gpu()? {
        cortado::check::Outcome::NotTried(why) if !ON_THE_CPU.contains(&case.param().r#type()) => {
            Err(cortado::Error::value(why))
        }
        _ => Ok(()),
    });
}

/// Layers whose work is on the host: they hand out values, or run what is not ours.
const ON_THE_CPU: &[&str] = &["Data", "DummyData", "Input", "Python"];

#[test]
fn text_and_weights_come_back_as_they_were() {
    for_each(|case| case.kit().prototxt().and(case.kit().weights()));
}

#[test]
fn in_place_is_as_good_as_apart() {
    for_each(|case| case.kit().in_place());
}

#[test]
fn every_layer_has_a_case() {
    let types: Vec<String> = cases().iter().map(|case| case.param().r#type().to_string()).collect();
    for name in Layers::caffe().names() {
        let elsewhere = TESTED_ELSEWHERE.contains(&name);
        assert!(elsewhere || types.iter().any(|t| t == name), "layer {name} has no case in tests/layers");
    }
    let mut names: Vec<&str> = cases().iter().map(|case| case.name).collect();
    names.sort();
    assert!(names.windows(2).all(|w| w[0] != w[1]), "two cases of one name");
}

/// Layers that read files, with tests of their own.
const TESTED_ELSEWHERE: &[&str] = &["Data", "HDF5Data", "HDF5Output", "ImageData", "MemoryData", "WindowData"];

/// What Caffe has and Cortado has not yet is no slip of the pen.
#[test]
fn a_layer_of_the_future_is_named_as_such() {
    let refused = |kind: &str| {
        let param = text::layer(&format!(r#"type: "{kind}""#));
        Layers::caffe().create(&param).err().unwrap().to_string()
    };
    for kind in ["WindowData"] {
        assert!(refused(kind).starts_with(&format!("Caffe's layer type \"{kind}\" does not exist in Cortado yet")));
    }
    assert!(refused("Convolutional").starts_with("there is no layer type \"Convolutional\""));
    let kinds = cortado::proto::schema::message("V1LayerParameter").unwrap().field("type").unwrap();
    let cortado::proto::schema::Type::Enum(kinds) = kinds.ty else { panic!() };
    let (mut here, mut later) = (0, 0);
    for (old, _) in kinds.values.iter().filter(|(name, _)| *name != "NONE") {
        let text = format!("layers {{ type: {old} }}");
        let mut net = cortado::proto::text::parse::<cortado::proto::NetParameter>(&text, "old").unwrap();
        net.upgrade().unwrap();
        let kind = net.message.layer[0].r#type().to_string();
        match Layers::caffe().names().any(|name| name == kind) {
            true => here += 1,
            false => {
                assert!(refused(&kind).contains("yet"), "{kind}");
                later += 1;
            }
        }
    }
    assert!(here >= 15 && here + later == 39);
}
