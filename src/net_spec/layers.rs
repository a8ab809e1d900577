//! Caffe's layers to write nets with: a type for each, with a method for each field of its message.
//!
//! The types and fields have Caffe's names. `new`, or a constructor such as `Pooling::max(3, 2)`, takes the settings that a
//! layer requires; the others keep Caffe's defaults until a method sets them. Each of the six files holds a table of layers:
//! `one` marks a field with one value, `each` a list, `sizes` a size for all spatial axes or one for each.

use super::settings::LayerSpec;
use crate::proto::LayerParameter;

/// For each layer its documentation, `Name(what new asks for) = "type"`, and the fields that get a method. A layer without
/// the parentheses has its own constructors.
macro_rules! layers {
    ($(
        $(#[$doc:meta])*
        $Name:ident $( ( $( $asked:ident: $A:ty ),* ) )? = $kind:literal
        $( ; $param:ident: $Param:ident { $( $how:ident $field:ident: $T:ty ),* } )*
    )*) => { $(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug)]
        pub struct $Name(LayerParameter);

        impl $Name {
            fn blank() -> $Name {
                $Name(LayerParameter { r#type: Some($kind.into()), ..Default::default() })
            }
            $(
                /// The layer with the settings that it requires.
                #[allow(clippy::new_without_default)]
                pub fn new($( $asked: $A ),*) -> $Name {
                    $Name::blank()$( .$asked($asked) )*
                }
            )?
            $( $( layers!(@$how $param $Param $field $T); )* )*
        }

        impl LayerSpec for $Name {
            fn message(&mut self) -> &mut LayerParameter {
                &mut self.0
            }
            fn into_message(self) -> LayerParameter {
                self.0
            }
        }
    )* };
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
