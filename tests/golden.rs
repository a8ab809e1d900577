//! Real Caffe's values: every case of `tests/golden/index.json`, or of the directory that `CORTADO_GOLDEN` names, is
//! replayed on the device that `CORTADO_DEVICE` names.
//!
//! A case that needs something that Cortado does not have, a layer type say, is *not known*; anything else that does not
//! come out as in Caffe is a failure, and all of them are reported.

#[path = "common/safetensors.rs"]
mod safetensors;

mod golden_replay;

use golden_replay::{Stop, cases};

/// What cannot be replayed yet. A name that is missing here or need not be here any more fails the test.
#[rustfmt::skip]
const NOT_KNOWN: &[&str] = &[
    // layer types
    "deconv_basic", "deconv_stride2_pad1", "deconv_bilinear_depthwise", "deconv_dilation",
    "im2col_basic", "im2col_stride_pad_dil",
    "prelu", "prelu_inplace", "prelu_default_init", "elu", "elu_alpha", "bnll", "bnll_wide", "swish", "swish_wide",
    "absval", "absval_zeros", "clip", "clip_edges", "threshold", "threshold_default",
    "power_sq", "power_sq_shift_scale", "power_inv", "power_cube_shift", "power_scale0", "power_power0",
    "exp_e", "exp_e_scale_shift", "exp_base2_full", "exp_inplace", "log_e", "log_e_scale_shift", "log_base10_full",
    "split_shared_bottom",
    "hinge_L1", "hinge_L2", "infogain_file", "infogain_bottom", "infogain_axis2_ignore_FULL",
    "infogain_axis2_ignore_VALID", "infogain_axis2_ignore_NONE", "multinomial", "multinomial_clamped",
    "contrastive", "contrastive_legacy",
    "argmax", "argmax_top3", "argmax_axis1", "argmax_axis_neg_maxval", "argmax_ties",
    "mvn", "mvn_mean_only", "mvn_across_mean_only", "mvn_eps",
    "crop_default", "crop_offset1", "crop_axis1", "crop_axis_neg", "tile", "tile_axis0", "tile_neg",
    "embed", "embed_2d", "batchreindex", "batchreindex_drop", "filter", "filter_two", "spp_max1", "spp_max3", "spp_ave3",
    "mini_fcn",
    // HDF5, data from memory, image preprocessing
    "ckpt_sgdm_h5", "ckpt_adam_h5", "hdf5data", "memorydata", "pycaffe_io",
    // nets that are not in proto/
    "structure: models/bvlc_googlenet/deploy.prototxt:TEST",
];

#[test]
fn every_case_of_caffe_is_replayed() {
    let cases = cases();
    assert!(!cases.is_empty());
    let (mut replayed, mut not_known, mut failed) = (0, Vec::new(), Vec::new());
    for case in &cases {
        match case.replay() {
            Ok(()) => replayed += 1,
            Err(Stop::NotKnown(why)) => not_known.push((case.name(), why)),
            Err(Stop::Failed(why)) => failed.push(format!("{} {}{}: {why}", case.kind(), case.name(), case.note())),
        }
    }
    println!("replayed {replayed} cases, {} not known", not_known.len());
    for (name, why) in &not_known {
        println!("  {name}: {why}");
    }
    assert!(failed.is_empty(), "{} of {} cases failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
    // Another directory has other cases.
    if std::env::var_os("CORTADO_GOLDEN").is_none() {
        let found: Vec<&str> = not_known.iter().map(|(name, _)| name.as_str()).collect();
        let news: Vec<&&str> = found.iter().filter(|name| !NOT_KNOWN.contains(name)).collect();
        let olds: Vec<&&str> = NOT_KNOWN.iter().filter(|name| !found.contains(name)).collect();
        assert!(news.is_empty(), "cannot be replayed any more: {news:?}");
        assert!(olds.is_empty(), "can be replayed now, so take it off the list NOT_KNOWN: {olds:?}");
    }
}
