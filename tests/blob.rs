//! Blobs: shapes, axes, offsets, and what does not fit.

use cortado::blob::{MAX_AXES, MAX_COUNT, count};
use cortado::{Blob, Kind, Values};

fn blob(shape: &[usize]) -> Blob {
    Blob::new(shape).unwrap()
}

#[test]
fn missing_legacy_axes_are_one() {
    let b = blob(&[2, 3, 4]);
    assert_eq!((b.num(), b.channels(), b.height(), b.width()), (2, 3, 4, 1));
    let scalar = blob(&[]);
    assert_eq!((scalar.count(), scalar.num_axes(), scalar.num(), scalar.width()), (1, 0, 1, 1));
}

#[test]
fn a_negative_axis_counts_from_the_end() {
    let b = blob(&[2, 3, 4]);
    for (axis, canonical) in [(0, 0), (2, 2), (-1, 2), (-3, 0)] {
        assert_eq!(b.axis(axis).unwrap(), canonical);
    }
    for axis in [3, -4, i32::MAX, i32::MIN] {
        let e = b.axis(axis).unwrap_err();
        assert!(e.message() == format!("axis {axis} of a blob of shape [2, 3, 4]"), "{e}");
    }
    assert!(blob(&[]).axis(0).is_err() && blob(&[]).axis(-1).is_err());
}

#[test]
fn an_offset_is_the_place_in_the_slice() {
    let mut b = blob(&[2, 3, 4]);
    b.data.slice_mut().iter_mut().enumerate().for_each(|(i, x)| *x = i as f32);
    assert_eq!(b.offset(&[1, 2, 3]).unwrap(), 23);
    assert_eq!(b.data.view()[[1, 2, 3]], 23.0);
    assert_eq!(b.offset(&[1]).unwrap(), 12);
    assert_eq!(b.offset(&[]).unwrap(), 0);
    for outside in [&[2][..], &[0, 3], &[0, 0, 4], &[0, 0, 0, 0], &[usize::MAX]] {
        assert!(b.offset(outside).unwrap_err().message().contains("of a blob of shape [2, 3, 4]"));
    }
}

#[test]
fn counts_are_products_of_axes() {
    let b = blob(&[2, 3, 4]);
    assert_eq!((b.count_in(0..3), b.count_in(1..3), b.count_in(1..1), b.count_in(3..3)), (24, 12, 1, 1));
}

#[test]
fn a_shape_too_large_is_an_error_and_takes_no_memory() {
    assert_eq!(count(&[MAX_COUNT]).unwrap(), MAX_COUNT);
    assert_eq!(count(&[1 << 20, 0]).unwrap(), 0);
    for shape in [
        &[1 << 16, 1 << 16][..],
        &[usize::MAX, usize::MAX],
        &[MAX_COUNT + 1],
        &[usize::MAX, 0],
        &[1 << 31],
        &[0, 1 << 16, 1 << 16],
    ] {
        let e = Blob::new(shape).unwrap_err();
        assert_eq!(e.kind(), Kind::Shape);
        assert!(e.message().contains(&format!("{shape:?}")), "{e}");
    }
    assert!(Blob::new(&[1; MAX_AXES]).is_ok());
    assert!(Blob::new(&[1; MAX_AXES + 1]).unwrap_err().message().contains("33 axes"));
    let mut b = blob(&[2]);
    assert!(b.reshape(&[1 << 16, 1 << 16]).is_err());
    assert_eq!((b.shape(), b.count()), (&[2][..], 2)); // as it was
    blob(&[MAX_COUNT]); // 8 GiB twice, if it were allocated at once
}

#[test]
fn a_mismatched_copy_names_both_shapes() {
    let (mut a, b) = (blob(&[2, 3]), blob(&[3, 2]));
    let e = a.data.copy_from(&b.data).unwrap_err();
    assert_eq!(e.message(), "an array of shape [3, 2] does not fit into [2, 3]");
    let x = ndarray::arr2(&[[1.0f32, 2.0], [3.0, 4.0]]);
    assert!(a.data.assign(&x).is_err());
    let b = Blob::from_array(x.t().into_dyn()).unwrap(); // by index, not by memory order
    assert_eq!((b.shape(), b.data.slice()), (&[2, 2][..], &[1.0, 3.0, 2.0, 4.0][..]));
}

#[test]
fn reshape_keeps_the_values_while_the_storage_stays() {
    let mut b = blob(&[2, 3]);
    b.data.slice_mut().copy_from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    b.reshape(&[3, 2]).unwrap();
    assert_eq!(b.data.view()[[2, 1]], 6.0);
    b.reshape(&[2]).unwrap();
    assert_eq!((b.data.slice(), b.diff.count()), (&[1.0, 2.0][..], 2));
    b.reshape_like(&blob(&[4, 4])).unwrap();
    assert_eq!((b.shape(), b.data.slice()), (&[4, 4][..], &[0.0; 16][..]));
}

#[test]
fn sums_are_of_all_values() {
    let mut b = blob(&[3]);
    b.data.slice_mut().copy_from_slice(&[1.0, -2.0, 3.0]);
    b.diff.fill(1.0);
    assert_eq!((b.data.asum(), b.data.sumsq()), (6.0, 14.0));
    b.data.scaled_add(2.0, &b.diff).unwrap();
    assert_eq!(b.data.slice(), [3.0, 0.0, 5.0]);
    assert_eq!(b.data.scalar(), 3.0);
    assert!(blob(&[0]).data.scalar().is_nan());
    assert_eq!((Values::default().shape(), Values::default().scalar()), (&[][..], 0.0));
}
