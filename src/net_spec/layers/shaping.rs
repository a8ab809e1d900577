//! Layers that put values elsewhere, and combine blobs.

use crate::net_spec::LayerSpec;
use crate::proto::caffe::{BlobShape, LayerParameter, eltwise_parameter, reduction_parameter};

layers! {
    /// The same blob several times; a net adds these by itself.
    Split() = "Split"
    /// Joins blobs along an axis.
    Concat() = "Concat"; concat_param: ConcatParameter { one axis: i32 }
    /// A blob cut into several.
    Slice = "Slice"; slice_param: SliceParameter { one axis: i32, each slice_point: u32 }
    /// Blobs combined value by value.
    Eltwise = "Eltwise";
    eltwise_param: EltwiseParameter {
        one operation: eltwise_parameter::EltwiseOp, each coeff: f32, one stable_prod_grad: bool
    }
    /// Several axes as one.
    Flatten() = "Flatten"; flatten_param: FlattenParameter { one axis: i32, one end_axis: i32 }
    /// The same values in another shape.
    Reshape(shape: BlobShape) = "Reshape";
    reshape_param: ReshapeParameter { one shape: BlobShape, one axis: i32, one num_axes: i32 }
    /// Reduces many values to one.
    Reduction(operation: reduction_parameter::ReductionOp) = "Reduction";
    reduction_param: ReductionParameter { one operation: reduction_parameter::ReductionOp, one axis: i32, one coeff: f32 }
    /// A blob several times in a row.
    Tile(tiles: i32) = "Tile"; tile_param: TileParameter { one axis: i32, one tiles: i32 }
    /// Where the largest values are.
    ArgMax() = "ArgMax"; argmax_param: ArgMaxParameter { one out_max_val: bool, one top_k: u32, one axis: i32 }
    /// The items of a batch in another order.
    BatchReindex() = "BatchReindex"
    /// The items of a batch that a selector picks.
    Filter() = "Filter"
    /// Reads blobs, so that they are not outputs of the net.
    Silence() = "Silence"
    /// A custom layer, under the name that a Caffe prototxt gives it.
    Python(module: &str, layer: &str) = "Python";
    python_param: PythonParameter { one module: &str, one layer: &str, one param_str: &str, one share_in_parallel: bool }
}

impl Slice {
    /// Cut into equal parts, as many as there are tops.
    pub fn equal() -> Slice {
        Slice::blank()
    }

    /// Cut before these indices.
    pub fn at(points: impl IntoIterator<Item = u32>) -> Slice {
        Slice::blank().slice_point(points)
    }
}

impl Eltwise {
    /// The sum of the bottoms; `coeff` weights them.
    pub fn sum() -> Eltwise {
        Eltwise::blank().operation(eltwise_parameter::EltwiseOp::Sum)
    }

    /// The product of the bottoms.
    pub fn prod() -> Eltwise {
        Eltwise::blank().operation(eltwise_parameter::EltwiseOp::Prod)
    }

    /// The largest of the bottoms' values.
    pub fn max() -> Eltwise {
        Eltwise::blank().operation(eltwise_parameter::EltwiseOp::Max)
    }
}
