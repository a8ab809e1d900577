//! What `transform_param` does, through the layer.

use super::{Feed, complaint, counting, param, transformed};
use cortado::data::lmdb;
use cortado::layer::Phase;
use cortado::proto::{BlobProto, Datum, TransformationParameter};
use prost::Message;

#[test]
fn crops_and_mirrors_are_parts_of_the_image() {
    let (_folder, path) = counting(1);
    let t = TransformationParameter { crop_size: Some(3), mirror: Some(true), ..Default::default() };
    let seen = |phase| {
        let mut feed = Feed::new(&transformed(param(&path, 300), t.clone()), 2, phase, 1).unwrap();
        let (x, _) = feed.batches(1);
        let mut seen = std::collections::BTreeMap::new();
        for crop in x.chunks(9) {
            let mirrored = crop[0] > crop[1];
            let at = if mirrored { crop[2] } else { crop[0] } as usize; // values count up, so the first tells the place
            for (k, &y) in crop.iter().enumerate() {
                let (i, j) = (k / 3, if mirrored { 2 - k % 3 } else { k % 3 });
                assert_eq!(y, (at + i * 6 + j) as f32, "{crop:?}");
            }
            *seen.entry((at, mirrored)).or_insert(0) += 1;
        }
        seen
    };
    // 4 - 3 + 1 by 6 - 3 + 1 places, each in both directions; about as often one as the other
    let train = seen(Phase::Train);
    assert_eq!(train.len(), 2 * 4 * 2, "{train:?}");
    let mirrored: i32 = train.iter().filter(|((_, m), _)| *m).map(|(_, n)| n).sum();
    assert!((100..200).contains(&mirrored), "{mirrored} of 300");
    assert_eq!(seen(Phase::Test).into_keys().collect::<Vec<_>>(), [(1, false), (1, true)]);
}

#[test]
fn channels_have_their_own_means_and_floats_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floats_lmdb");
    let datum = Datum {
        channels: Some(2),
        height: Some(1),
        width: Some(3),
        float_data: vec![1.5, 2.5, 3.5, -1.0, 0.0, 1.0],
        ..Default::default()
    };
    lmdb::create(&path, false, |db| db.put(b"0", &datum.encode_to_vec())).unwrap();
    let t = TransformationParameter { mean_value: vec![0.5, 1.0], scale: Some(2.0), ..Default::default() };
    let mut feed = Feed::new(&transformed(param(&path, 1), t.clone()), 2, Phase::Test, 0).unwrap();
    assert_eq!(feed.batches(1), (vec![2.0, 4.0, 6.0, -4.0, -2.0, 0.0], vec![0.0]));

    // Beside bytes the floats do not count, as in Caffe.
    let both = Datum { data: Some(vec![1, 2, 3, 4, 5, 6]), ..datum };
    let path_both = folder.path().join("both_lmdb");
    lmdb::create(&path_both, false, |db| db.put(b"0", &both.encode_to_vec())).unwrap();
    let mut feed = Feed::new(&param(&path_both, 1), 2, Phase::Test, 0).unwrap();
    assert_eq!(feed.batches(1), (vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![0.0]));

    let three = TransformationParameter { mean_value: vec![1.0; 3], ..t };
    let e = complaint(Feed::new(&transformed(param(&path, 1), three), 2, Phase::Test, 0));
    assert!(e.contains("3 mean values") && e.contains("[2, 1, 3]"), "{e}");
}

#[test]
fn a_transform_that_does_not_fit_is_refused() {
    let (folder, path) = counting(2);
    let mean = folder.path().join("mean.binaryproto");
    let blob = BlobProto { num: Some(1), channels: Some(1), height: Some(2), width: Some(2), ..Default::default() };
    std::fs::write(&mean, BlobProto { data: vec![0.0; 4], ..blob.clone() }.encode_to_vec()).unwrap();
    let mean_file = Some(mean.to_str().unwrap().to_string());
    let t = TransformationParameter::default;
    let run = |t| complaint(Feed::new(&transformed(param(&path, 1), t), 2, Phase::Test, 0));

    let e = run(TransformationParameter { crop_size: Some(5), ..t() });
    assert!(e.contains("5 x 5") && e.contains("[1, 4, 6]"), "{e}");
    let e = run(TransformationParameter { mean_file: mean_file.clone(), ..t() });
    assert!(e.contains("[1, 2, 2]") && e.contains("[1, 4, 6]"), "{e}");
    let e = run(TransformationParameter { mean_file: mean_file.clone(), mean_value: vec![1.0], ..t() });
    assert!(e.contains("mean_file and mean_value"), "{e}");
    let e = run(TransformationParameter { mean_file: Some("no/such.binaryproto".into()), ..t() });
    assert!(e.contains("no/such.binaryproto"), "{e}");
    std::fs::write(&mean, blob.encode_to_vec()).unwrap();
    let e = run(TransformationParameter { mean_file: mean_file.clone(), ..t() });
    assert!(e.contains("0 values"), "{e}");
    std::fs::write(&mean, b"\xff\xff\xff garbage").unwrap();
    let e = run(TransformationParameter { mean_file, ..t() });
    assert!(e.contains("not a protobuf message"), "{e}");
}

/// In a `layer` of today the old places of these fields mean nothing, to Caffe too; the net says so.
#[test]
fn old_places_of_the_fields_are_ignored() {
    let (_folder, path) = counting(4);
    let mut old = param(&path, 2);
    let plain = Feed::new(&old, 2, Phase::Test, 0).unwrap();
    assert_eq!(plain.layer.warning(), None);
    let p = old.data_param.as_mut().unwrap();
    (p.scale, p.mirror, p.crop_size) = (Some(0.5), Some(true), Some(2));
    let mut feed = Feed::new(&old, 2, Phase::Test, 0).unwrap();
    let warning = feed.layer.warning().unwrap();
    assert!(warning.starts_with("scale, crop_size, mirror in data_param"), "{warning}");
    let mut plain = plain;
    assert_eq!(feed.batches(3), plain.batches(3));
}
