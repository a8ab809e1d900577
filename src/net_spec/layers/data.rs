//! Layers without bottoms, which read data, and one without tops, which writes them.

use crate::net_spec::LayerSpec;
use crate::proto::caffe::{BlobShape, FillerParameter, LayerParameter, data_parameter};

layers! {
    /// Blobs that are filled by hand, one for each top.
    Input = "Input"
    /// Blobs that fillers fill.
    DummyData = "DummyData"
    /// A blob that is learned.
    Parameter(shape: BlobShape) = "Parameter"; parameter_param: ParameterParameter { one shape: BlobShape }
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
    /// Images and labels from a list of files.
    ImageData(source: &str, batch_size: u32) = "ImageData";
    image_data_param: ImageDataParameter {
        one source: &str, one batch_size: u32, one rand_skip: u32, one shuffle: bool, one new_height: u32,
        one new_width: u32, one is_color: bool, one root_folder: &str
    };
    transform_param: TransformationParameter {
        one scale: f32, one mirror: bool, one crop_size: u32, one mean_file: &str, each mean_value: f32,
        one force_color: bool, one force_gray: bool
    }
    /// Arrays from HDF5 files, a top for the array of its name.
    Hdf5Data(source: &str, batch_size: u32) = "HDF5Data";
    hdf5_data_param: Hdf5DataParameter { one source: &str, one batch_size: u32, one shuffle: bool }
    /// Writes its bottoms to an HDF5 file.
    Hdf5Output(file_name: &str) = "HDF5Output";
    hdf5_output_param: Hdf5OutputParameter { one file_name: &str }
    /// Samples and labels from arrays that the program gives.
    MemoryData(batch_size: u32, channels: u32, height: u32, width: u32) = "MemoryData";
    memory_data_param: MemoryDataParameter { one batch_size: u32, one channels: u32, one height: u32, one width: u32 };
    transform_param: TransformationParameter {
        one scale: f32, one mirror: bool, one crop_size: u32, one mean_file: &str, each mean_value: f32
    }
    /// Not in Cortado yet (a net with it is not built): windows of images, for detection.
    WindowData(source: &str, batch_size: u32) = "WindowData";
    window_data_param: WindowDataParameter {
        one source: &str, one batch_size: u32, one fg_threshold: f32, one bg_threshold: f32, one fg_fraction: f32,
        one context_pad: u32, one crop_mode: &str, one cache_images: bool, one root_folder: &str
    };
    transform_param: TransformationParameter {
        one scale: f32, one mirror: bool, one crop_size: u32, one mean_file: &str, each mean_value: f32
    }
}

impl Data {
    /// Images and labels from an LMDB.
    pub fn lmdb(source: &str, batch_size: u32) -> Data {
        Data::blank().source(source).backend(data_parameter::Db::Lmdb).batch_size(batch_size)
    }
}

impl Input {
    /// A blob of this shape. With several tops, [`and`](Input::and) gives the shape of each of the others:
    ///
    /// ```
    /// use cortado::net_spec::*;
    /// let mut n = NetSpec::new("digits");
    /// let [data, label] = n.tops("in", [], Input::new([64, 1, 28, 28]).and([64]), ["data", "label"]);
    /// # n.layer("loss", [&data, &label], EuclideanLoss::new());
    /// # assert!(n.to_prototxt()?.contains("dim: 28"));
    /// # Ok::<(), cortado::Error>(())
    /// ```
    pub fn new(shape: impl Into<BlobShape>) -> Input {
        Input::blank().and(shape)
    }

    /// One more blob, for the next top: `Input::new([64, 1, 28, 28]).and([64])` has images and labels.
    pub fn and(mut self, shape: impl Into<BlobShape>) -> Input {
        self.0.input_param.get_or_insert_default().shape.push(shape.into());
        self
    }
}

impl DummyData {
    /// A blob of this shape, filled by `filler`.
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
