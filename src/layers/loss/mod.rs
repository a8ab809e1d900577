//! What a net is trained for, and how good it is.

pub mod accuracy;
pub mod contrastive_loss;
pub mod euclidean_loss;
pub mod hinge_loss;
pub mod infogain_loss;
pub mod multinomial_logistic_loss;
pub mod sigmoid_cross_entropy_loss;
pub mod softmax_loss;

// What several of them share.
mod formula;
mod labels;

pub use accuracy::Accuracy;
pub use contrastive_loss::ContrastiveLoss;
pub use euclidean_loss::EuclideanLoss;
pub use formula::Loss;
pub use hinge_loss::HingeLoss;
pub use infogain_loss::InfogainLoss;
pub use multinomial_logistic_loss::MultinomialLogisticLoss;
pub use sigmoid_cross_entropy_loss::SigmoidCrossEntropyLoss;
pub use softmax_loss::SoftmaxWithLoss;
