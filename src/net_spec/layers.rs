//! Caffe's layers to write nets with: a type for each, with a method for each field of its message.
//!
//! The types and fields have Caffe's names. What a layer cannot do without is asked for by `new` or by the constructor that
//! says how (`Pooling::max(3, 2)`); the rest is left at Caffe's defaults until a method sets it. The tables of the six files
//! are all there is to it: `one` is a field with one value, `each` one with several, `sizes` one with a size for all spatial
//! axes or one each.

use super::settings::LayerSpec;
use crate::proto::LayerParameter;

/// A type, its methods, and where they write to.
macro_rules! layer {
    (
        $(#[$doc:meta])*
        $Name:ident = $kind:literal
        $( ; $param:ident: $Param:ident { $( $how:ident $field:ident: $T:ty ),* } )*
    ) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug)]
        pub struct $Name(LayerParameter);

        impl $Name {
            fn blank() -> $Name {
                $Name(LayerParameter { r#type: Some($kind.into()), ..Default::default() })
            }
            $( $( layer!(@$how $param $Param $field $T); )* )*
        }

        impl LayerSpec for $Name {
            fn message(&mut self) -> &mut LayerParameter {
                &mut self.0
            }
            fn into_message(self) -> LayerParameter {
                self.0
            }
        }
    };
    (@one $param:ident $Param:ident $field:ident $T:ty) => {
        #[doc = concat!("`", stringify!($param), " { ", stringify!($field), " }`: see [the field](field@crate::proto::", stringify!($Param), "::", stringify!($field), ").")]
        pub fn $field(mut self, $field: $T) -> Self {
            self.0.$param.get_or_insert_default().$field = Some($field.into());
            self
        }
    };
    (@each $param:ident $Param:ident $field:ident $T:ty) => {
        #[doc = concat!("`", stringify!($param), " { ", stringify!($field), " }`, all of them: see [the field](field@crate::proto::", stringify!($Param), "::", stringify!($field), ").")]
        pub fn $field(mut self, $field: impl IntoIterator<Item = $T>) -> Self {
            self.0.$param.get_or_insert_default().$field = $field.into_iter().collect();
            self
        }
    };
    (@sizes $param:ident $Param:ident $field:ident $T:ty) => {
        #[doc = concat!("`", stringify!($param), " { ", stringify!($field), " }`, for all spatial axes or for each: see [the field](field@crate::proto::", stringify!($Param), "::", stringify!($field), ").")]
        pub fn $field(mut self, $field: impl Into<Sizes>) -> Self {
            self.0.$param.get_or_insert_default().$field = $field.into().0;
            self
        }
    };
}

/// Constructors: which of the methods are called at once.
macro_rules! new {
    ($( $Name:ident ( $( $field:ident: $T:ty ),* ) )*) => { $(
        impl $Name {
            /// The layer with what it cannot do without.
            #[allow(clippy::new_without_default)]
            pub fn new($( $field: $T ),*) -> $Name {
                $Name::blank()$( .$field($field) )*
            }
        }
    )* };
}

mod activation;
mod common;
mod data;
mod loss;
mod shaping;
mod vision;

pub use activation::*;
pub use common::*;
pub use data::*;
pub use loss::*;
pub use shaping::*;
pub use vision::*;

/// A layer of any other type, such as one that was added to [`Layers`](crate::Layers) by hand.
///
/// ```
/// use cortado::net_spec::*;
/// let dice = Custom::new("Dice").edit(|layer| layer.python_param.get_or_insert_default().param_str = Some("eps=1".into()));
/// # assert_eq!(dice.into_message().python_param.unwrap().param_str(), "eps=1");
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Custom(LayerParameter);

impl Custom {
    /// A layer of this type.
    pub fn new(kind: &str) -> Custom {
        Custom(LayerParameter { r#type: Some(kind.into()), ..Default::default() })
    }
}

impl LayerSpec for Custom {
    fn message(&mut self) -> &mut LayerParameter {
        &mut self.0
    }
    fn into_message(self) -> LayerParameter {
        self.0
    }
}
