//! The fillers: their statistics, and what they refuse.

use cortado::proto::FillerParameter;
use cortado::proto::filler_parameter::VarianceNorm;
use cortado::random::Random;
use cortado::{Blob, Error, Kind, filler};

const SHAPE: &[usize] = &[40, 60, 5, 5];

fn typed(name: &str) -> FillerParameter {
    FillerParameter { r#type: Some(name.into()), ..Default::default() }
}

fn try_fill(p: &FillerParameter, shape: &[usize]) -> Result<Vec<f32>, Error> {
    let mut w = Blob::new(shape).unwrap();
    filler::fill(p, &Random::new(1, "w", 0), &mut w)?;
    Ok(w.data.slice().to_vec())
}

fn fill(p: &FillerParameter, shape: &[usize]) -> Vec<f32> {
    try_fill(p, shape).unwrap()
}

/// Mean and standard deviation.
fn moments(w: &[f32]) -> (f64, f64) {
    let n = w.len() as f64;
    let mean = w.iter().map(|&w| w as f64).sum::<f64>() / n;
    (mean, (w.iter().map(|&w| (w as f64 - mean).powi(2)).sum::<f64>() / n).sqrt())
}

/// Asserts mean and standard deviation of 60,000 values.
fn assert_moments(w: &[f32], mean: f64, std: f64) {
    let (m, s) = moments(w);
    assert!((m - mean).abs() < 0.02 * std && (s / std - 1.0).abs() < 0.02, "mean {m} of {mean}, std {s} of {std}");
}

#[test]
fn constant_is_its_value_or_zero() {
    assert_eq!(fill(&FillerParameter { value: Some(0.5), ..typed("constant") }, &[3]), [0.5; 3]);
    assert_eq!(fill(&FillerParameter::default(), &[3]), [0.0; 3]);
}

#[test]
fn uniform_is_flat_between_its_bounds() {
    let w = fill(&FillerParameter { min: Some(-1.0), max: Some(3.0), ..typed("uniform") }, SHAPE);
    assert_moments(&w, 1.0, 4.0 / 12f64.sqrt());
    assert!(w.iter().all(|w| (-1.0..3.0).contains(w)));
    for quarter in 0..4 {
        let lo = quarter as f32 - 1.0;
        let share = w.iter().filter(|w| (lo..lo + 1.0).contains(*w)).count() as f64 / w.len() as f64;
        assert!((share - 0.25).abs() < 0.01, "{share} in quarter {quarter}");
    }
    assert!(fill(&typed("uniform"), &[100]).iter().all(|w| (0.0..1.0).contains(w)));
    assert_eq!(fill(&FillerParameter { min: Some(2.0), max: Some(2.0), ..typed("uniform") }, &[2]), [2.0; 2]);
}

#[test]
fn gaussian_is_normal() {
    let w = fill(&FillerParameter { mean: Some(2.0), std: Some(0.1), ..typed("gaussian") }, SHAPE);
    assert_moments(&w, 2.0, 0.1);
    let within = |k: f32| w.iter().filter(|&&w| (w - 2.0).abs() < k * 0.1).count() as f64 / w.len() as f64;
    assert!((within(1.0) - 0.6827).abs() < 0.01 && (within(2.0) - 0.9545).abs() < 0.01);
    assert_eq!(fill(&FillerParameter { std: Some(0.0), ..typed("gaussian") }, &[3]), [0.0; 3]);
}

#[test]
fn sparse_leaves_about_that_many_outputs_an_input() {
    let w = fill(&FillerParameter { sparse: Some(8), ..typed("gaussian") }, &[40, 1500]);
    let kept: Vec<f32> = w.iter().copied().filter(|&w| w != 0.0).collect();
    let share = kept.len() as f64 / w.len() as f64;
    assert!((share - 8.0 / 40.0).abs() < 0.01, "{share}");
    let (mean, std) = moments(&kept);
    assert!(mean.abs() < 0.03 && (std - 1.0).abs() < 0.03, "{mean} {std}");
    let dense = fill(&FillerParameter { sparse: Some(-1), ..typed("gaussian") }, &[40, 50]);
    assert!(dense.iter().all(|&w| w != 0.0));
}

#[test]
fn positive_unitball_sums_to_one_a_unit() {
    let w = fill(&typed("positive_unitball"), SHAPE);
    assert!(w.iter().all(|&w| w >= 0.0));
    for unit in w.chunks(60 * 25) {
        assert!((unit.iter().sum::<f32>() - 1.0).abs() < 1e-4);
    }
}

#[test]
fn xavier_and_msra_follow_the_chosen_fan() {
    let (fan_in, fan_out) = (60.0 * 25.0, 40.0 * 25.0);
    let norms = [
        (None, fan_in),
        (Some(VarianceNorm::FanIn), fan_in),
        (Some(VarianceNorm::FanOut), fan_out),
        (Some(VarianceNorm::Average), (fan_in + fan_out) / 2.0),
    ];
    for (norm, n) in norms {
        let variance_norm = norm.map(|n| n as i32);
        let w = fill(&FillerParameter { variance_norm, ..typed("xavier") }, SHAPE);
        assert_moments(&w, 0.0, (1.0f64 / n).sqrt());
        assert!(w.iter().all(|w| w.abs() as f64 <= (3.0 / n).sqrt() * 1.000001));
        let w = fill(&FillerParameter { variance_norm, ..typed("msra") }, SHAPE);
        assert_moments(&w, 0.0, (2.0f64 / n).sqrt());
        assert!(w.iter().any(|w| w.abs() as f64 > 2.5 * (2.0 / n).sqrt())); // it has tails
    }
}

#[test]
fn bilinear_enlarges_without_changing_the_brightness() {
    // A factor of 2: kernel 4, a tent of 1/4 3/4 3/4 1/4 each way.
    let w = fill(&typed("bilinear"), &[2, 1, 4, 4]);
    let tent = [0.25, 0.75, 0.75, 0.25];
    for (i, w) in w.iter().enumerate() {
        assert_eq!(*w, tent[i % 4] * tent[i / 4 % 4]);
    }
    assert_eq!(fill(&typed("bilinear"), &[1, 1, 3, 3])[4], 1.0); // odd: the middle alone is 1
}

#[test]
fn the_same_stream_fills_the_same_values() {
    let stream = |name, pass| {
        let mut w = Blob::new(&[10]).unwrap();
        filler::fill(&typed("gaussian"), &Random::new(1, name, pass), &mut w).unwrap();
        w.data.slice().to_vec()
    };
    assert_eq!(stream("ip1", 0), stream("ip1", 0));
    assert_ne!(stream("ip1", 0), stream("ip2", 0));
    assert_ne!(stream("ip1", 0), stream("ip1", 1));
}

#[test]
fn what_a_filler_cannot_use_is_an_error() {
    let e = try_fill(&typed("xavir"), &[2]).unwrap_err();
    assert_eq!((e.kind(), e.message()), (Kind::Unknown, "there is no filler \"xavir\""));
    assert_eq!(e.hints()[0], "did you mean \"xavier\"?");
    assert!(e.hints()[1].contains("constant, uniform, gaussian, positive_unitball, xavier, msra, bilinear"));

    let gaussian =
        |mean, std, sparse| FillerParameter { mean: Some(mean), std: Some(std), sparse, ..typed("gaussian") };
    let uniform = |min, max| FillerParameter { min: Some(min), max: Some(max), ..typed("uniform") };
    for (p, why) in [
        (uniform(1.0, 0.0), "uniform filler with min 1 and max 0"),
        (uniform(0.0, f32::INFINITY), "uniform filler with min 0 and max inf"),
        (uniform(f32::NAN, 1.0), "uniform filler with min NaN and max 1"),
        (uniform(f32::MIN, f32::MAX), "uniform filler"),
        (gaussian(0.0, -1.0, None), "gaussian filler with mean 0 and std -1"),
        (gaussian(0.0, f32::NAN, None), "gaussian filler with mean 0 and std NaN"),
        (gaussian(f32::INFINITY, 1.0, None), "gaussian filler with mean inf"),
        (gaussian(0.0, 1.0, Some(-2)), "gaussian filler with sparse -2"),
    ] {
        let e = try_fill(&p, &[4]).unwrap_err();
        assert!(e.kind() == Kind::Value && e.message().contains(why), "{e}");
    }
    for (shape, why) in [(&[3, 3][..], "needs 4 axes, not shape [3, 3]"), (&[1, 1, 3, 4], "square kernel, not 3x4")] {
        let e = try_fill(&typed("bilinear"), shape).unwrap_err();
        assert!(e.kind() == Kind::Shape && e.message().contains(why), "{e}");
    }
}

#[test]
fn empty_and_flat_blobs_are_filled_without_a_panic() {
    for (name, _) in filler::FILLERS.iter().filter(|(name, _)| *name != "bilinear") {
        for shape in [&[][..], &[0], &[0, 3], &[3, 0], &[1]] {
            assert!(fill(&typed(name), shape).iter().all(|w| w.is_finite()), "{name} {shape:?}");
        }
    }
    assert_eq!(fill(&typed("bilinear"), &[1, 1, 0, 0]), [0.0; 0]);
}
