//! `caffe.io`: Datum and BlobProto, and what it does to images.

use super::{Case, Golden, Replay, Stop, check};
use cortado::blob::Values;
use cortado::data::datum::{self, Pixels};
use cortado::io::{self, Transformer};
use cortado::proto::{BlobProto, Datum, binary};
use ndarray::{Array, Array3, Dimension, Ix3, arr1};

pub fn replay(case: &Case) -> Replay {
    let mut golden = case.values()?;
    let (bytes, floats) = (golden.array("datum_u8"), golden.array("tr_transpose"));
    let image_hwc = golden.array("image_hwc");
    let file = |name: &str| Ok::<_, Stop>(std::fs::read(case.file(name)?).unwrap());

    let (value, mut message) = (file("datum_u8.bin")?, Datum::default());
    let image = datum::decode(b"datum_u8", &value, &mut message)?;
    let Pixels::Bytes(x) = image.pixels else { return Err(Stop::Failed("datum_u8 holds no bytes".into())) };
    check((&image.shape[..], image.label) == (bytes.shape(), 7), || format!("{image:?}"))?;
    check(x.iter().map(|&x| x as f32).eq(bytes.iter().copied()), || "other bytes in datum_u8".into())?;
    let mut again = Vec::new();
    datum::encode(image.shape, x, image.label, &mut again)?;
    check(binary::decode::<Datum>(&again)? == binary::decode::<Datum>(&value)?, || {
        "datum_u8 is written otherwise".into()
    })?;

    let (value, mut message) = (file("datum_f32.bin")?, Datum::default());
    let image = datum::decode(b"datum_f32", &value, &mut message)?;
    let Pixels::Floats(x) = image.pixels else { return Err(Stop::Failed("datum_f32 holds no numbers".into())) };
    check((&image.shape[..], image.label) == (floats.shape(), 3), || format!("{image:?}"))?;
    check(x.iter().eq(&floats), || "other numbers in datum_f32".into())?;

    let blob: BlobProto = binary::decode(&file("blobproto_nd.bin")?)?;
    let dims = blob.shape.iter().flat_map(|s| &s.dim).product::<i64>();
    check(dims as usize == blob.data.len(), || format!("a blob of {dims} values holds {}", blob.data.len()))?;
    check(blob.data.iter().eq(&image_hwc), || "other data in blobproto_nd".into())?;
    check(blob.diff.iter().copied().eq(image_hwc.iter().map(|x| 2.0 * x)), || "other diffs in blobproto_nd".into())?;
    let values = io::blobproto_to_array(&blob)?;
    let shape: Vec<i64> = values.shape().iter().map(|&d| d as i64).collect();
    check(blob.shape.as_ref().is_some_and(|s| s.dim == shape), || format!("an array of shape {shape:?}"))?;
    check(values.iter().eq(&image_hwc), || "another array of blobproto_nd".into())?;
    check(io::blobproto_to_diff(&blob)? == &values * 2.0, || "another array of diffs".into())?;
    let again = io::array_to_blobproto(&values, Some(&(&values * 2.0)))?;
    check(again == blob, || "blobproto_nd is written otherwise".into())?;
    for (name, shape, label) in [("datum_u8.bin", bytes.shape(), 7), ("datum_f32.bin", floats.shape(), 3)] {
        let message = binary::decode::<Datum>(&file(name)?)?;
        let x = io::datum_to_array(&message)?;
        check(x.shape() == shape, || format!("{name} has the shape {:?}", x.shape()))?;
        let again = match message.data {
            Some(_) => io::bytes_to_datum(x.mapv(|x| x as u8).view(), label)?,
            None => io::array_to_datum(x.view(), label)?,
        };
        check(again == message, || format!("{name} is written otherwise"))?;
    }
    images(&mut golden)?;
    golden.finish()
}

/// The settings are those that the case's note lists.
fn images(golden: &mut Golden) -> Replay {
    let image: Array3<f32> = golden.array("image_hwc").into_dimensionality::<Ix3>().unwrap();
    for size in [[4, 5], [12, 10]] {
        let [h, w] = size;
        expect(golden, &format!("resize_{h}_{w}"), &io::resize_image(&image, size)?);
    }
    expect(golden, "oversample", &io::oversample(std::slice::from_ref(&image), [4, 5])?);

    let mut transformer = Transformer::new(&[1, 3, 6, 8])?;
    expect(golden, "tr0", &transformer.preprocess(&image)?);
    transformer.set_transpose([2, 0, 1])?;
    expect(golden, "tr_transpose", &transformer.preprocess(&image)?);
    transformer.set_raw_scale(255.0);
    transformer.set_channel_swap(&[2, 1, 0])?;
    transformer.set_mean(&arr1(&[104.0, 117.0, 123.0]))?;
    transformer.set_input_scale(0.017);
    let x = transformer.preprocess(&image)?;
    expect(golden, "tr_full", &x);
    expect(golden, "tr_deprocess", &transformer.deprocess(&x)?);
    transformer.set_mean(&golden.array("mean_chw"))?;
    expect(golden, "tr_mean_full", &transformer.preprocess(&image)?);
    Ok(())
}

fn expect<D: Dimension>(golden: &mut Golden, key: &str, x: &Array<f32, D>) {
    let mut values = Values::new(x.shape()).unwrap();
    values.assign(x).unwrap();
    golden.expect(key, &values);
}
