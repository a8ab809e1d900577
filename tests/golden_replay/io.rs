//! Messages of `caffe.io`: Datum and BlobProto. What it does to images is not there yet.

use super::{Case, Replay, Stop, check};
use cortado::data::datum::{self, Pixels};
use cortado::proto::{BlobProto, Datum, binary};

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
    Err(Stop::NotKnown("no preprocessing of images (Datum and BlobProto agree)".into()))
}
