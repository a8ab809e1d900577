//! Losses and accuracy.

use crate::net_spec::LayerSpec;
use crate::proto::caffe::{LayerParameter, hinge_loss_parameter, loss_parameter, softmax_parameter};

layers! {
    /// The cross-entropy of the scores' softmax.
    SoftmaxWithLoss() = "SoftmaxWithLoss";
    loss_param: LossParameter { one ignore_label: i32, one normalization: loss_parameter::NormalizationMode };
    softmax_param: SoftmaxParameter { one engine: softmax_parameter::Engine, one axis: i32 }
    /// Half the squared distance of two blobs, by item.
    EuclideanLoss() = "EuclideanLoss"
    /// The hinge loss of a one-against-all classifier.
    HingeLoss() = "HingeLoss"; hinge_loss_param: HingeLossParameter { one norm: hinge_loss_parameter::Norm }
    /// The cross-entropy of each score's sigmoid.
    SigmoidCrossEntropyLoss() = "SigmoidCrossEntropyLoss";
    loss_param: LossParameter { one ignore_label: i32, one normalization: loss_parameter::NormalizationMode }
    /// Cross-entropy with a matrix that says how bad each mistake is.
    InfogainLoss() = "InfogainLoss";
    infogain_loss_param: InfogainLossParameter { one source: &str, one axis: i32 };
    loss_param: LossParameter { one ignore_label: i32, one normalization: loss_parameter::NormalizationMode }
    /// The cross-entropy of probabilities.
    MultinomialLogisticLoss() = "MultinomialLogisticLoss"
    /// Moves matching pairs together and other pairs apart.
    ContrastiveLoss() = "ContrastiveLoss";
    contrastive_loss_param: ContrastiveLossParameter { one margin: f32, one legacy_version: bool }
    /// The share of items whose label has the highest score.
    Accuracy() = "Accuracy"; accuracy_param: AccuracyParameter { one top_k: u32, one axis: i32, one ignore_label: i32 }
}
