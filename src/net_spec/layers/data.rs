//! Layers without bottoms, and one without tops: where data come from and go to.

use crate::net_spec::LayerSpec;
use crate::proto::caffe::{BlobShape, FillerParameter, LayerParameter, data_parameter};

layer! {
    /// Blobs that are filled by hand.
    Input = "Input"
}
layer! {
    /// Blobs that fillers fill.
    DummyData = "DummyData"
}
layer! {
    /// A blob that is learned.
    Parameter = "Parameter"; parameter_param: ParameterParameter { one shape: BlobShape }
}
layer! {
    /// Images and labels from a database.
    Data = "Data";
    data_param: DataParameter {
        one source: &str, one batch_size: u32, one rand_skip: u32, one backend: data_parameter::Db,
        one force_encoded_color: bool, one prefetch: u32, one shuffle: bool
    };
    transform_param: TransformationParameter {
        one scale: f32, one mirror: bool, one crop_size: u32, one mean_file: &str, each mean_value: f32,
        one force_color: bool, one force_gray: bool
    }
}
layer! {
    /// Images and labels from a list of files.
    ImageData = "ImageData";
    image_data_param: ImageDataParameter {
        one source: &str, one batch_size: u32, one rand_skip: u32, one shuffle: bool, one new_height: u32,
        one new_width: u32, one is_color: bool, one root_folder: &str
    };
    transform_param: TransformationParameter {
        one scale: f32, one mirror: bool, one crop_size: u32, one mean_file: &str, each mean_value: f32,
        one force_color: bool, one force_gray: bool
    }
}
layer! {
    /// Arrays from HDF5 files; each top has the name of its data set.
    Hdf5Data = "HDF5Data"; hdf5_data_param: Hdf5DataParameter { one source: &str, one batch_size: u32, one shuffle: bool }
}
layer! {
    /// Writes its bottoms to an HDF5 file.
    Hdf5Output = "HDF5Output"; hdf5_output_param: Hdf5OutputParameter { one file_name: &str }
}
layer! {
    /// Images and labels from memory.
    MemoryData = "MemoryData";
    memory_data_param: MemoryDataParameter { one batch_size: u32, one channels: u32, one height: u32, one width: u32 };
    transform_param: TransformationParameter {
        one scale: f32, one mirror: bool, one crop_size: u32, one mean_file: &str, each mean_value: f32
    }
}
layer! {
    /// Windows of images, for detection.
    WindowData = "WindowData";
    window_data_param: WindowDataParameter {
        one source: &str, one batch_size: u32, one fg_threshold: f32, one bg_threshold: f32, one fg_fraction: f32,
        one context_pad: u32, one crop_mode: &str, one cache_images: bool, one root_folder: &str
    };
    transform_param: TransformationParameter {
        one scale: f32, one mirror: bool, one crop_size: u32, one mean_file: &str, each mean_value: f32
    }
}

new! {
    Parameter(shape: BlobShape)
    ImageData(source: &str, batch_size: u32)
    Hdf5Data(source: &str, batch_size: u32)
    Hdf5Output(file_name: &str)
    MemoryData(batch_size: u32, channels: u32, height: u32, width: u32)
    WindowData(source: &str, batch_size: u32)
}

impl Data {
    /// Images and labels from an LMDB.
    pub fn lmdb(source: &str, batch_size: u32) -> Data {
        Data::blank().source(source).backend(data_parameter::Db::Lmdb).batch_size(batch_size)
    }
}

impl Input {
    /// A blob of this shape, as in `Input::new([64, 1, 28, 28])`.
    pub fn new(shape: impl Into<BlobShape>) -> Input {
        Input::blank().and(shape)
    }

    /// One more blob, for the next top.
    pub fn and(mut self, shape: impl Into<BlobShape>) -> Input {
        self.0.input_param.get_or_insert_default().shape.push(shape.into());
        self
    }
}

impl DummyData {
    /// A blob of this shape, filled so.
    pub fn new(shape: impl Into<BlobShape>, filler: FillerParameter) -> DummyData {
        DummyData::blank().and(shape, filler)
    }

    /// One more blob, for the next top.
    pub fn and(mut self, shape: impl Into<BlobShape>, filler: FillerParameter) -> DummyData {
        let p = self.0.dummy_data_param.get_or_insert_default();
        p.shape.push(shape.into());
        p.data_filler.push(filler);
        self
    }
}
