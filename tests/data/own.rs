//! A data set of one's own: what it must do, what it may leave to the feed, and its mistakes.

use super::complaint;
use cortado::data::{Dataset, Sample};
use cortado::layer::{Cx, Phase};
use cortado::layers::DataLayer;
use cortado::proto::LayerParameter;
use cortado::{Device, Error, Layers, Net, Result, net};

/// Sample i: the row [i, 10 i], the 2 x 2 image of i, and the label i; some go wrong.
struct Counting {
    len: usize,
    mistake: &'static str,
}

impl Dataset for Counting {
    fn open(param: &LayerParameter, _: &Cx) -> Result<Counting> {
        let p = param.data_param.clone().unwrap_or_default();
        let mistakes =
            ["none", "panics", "panics at once", "few tops", "no tops", "few values", "other shape", "fails"];
        let mistake = mistakes.into_iter().find(|m| *m == p.source()).unwrap_or("none");
        Ok(Counting { len: if p.source() == "empty" { 0 } else { 6 }, mistake })
    }

    fn len(&self) -> usize {
        self.len
    }

    fn read(&mut self, i: usize, sample: &mut Sample) -> Result {
        let x = i as f32;
        match self.mistake {
            "panics" if i == 5 => panic!("lost sample {i}"),
            "panics at once" => panic!("lost sample {i}"),
            "few tops" if i == 3 => return sample.label(x),
            "no tops" => return Ok(()),
            "few values" => return sample.values(&[2], &[x]),
            "other shape" if i == 3 => return sample.values(&[1], &[x]),
            "fails" if i == 5 => return Err(Error::value("numbers.txt:6: not a number")),
            _ => {}
        }
        sample.values(&[2], &[x, 10.0 * x])?;
        sample.image([1, 2, 2], &[i as u8; 4])?;
        sample.label(x)
    }
}

fn build(tops: &[&str], data_param: &str, rest: &str) -> Result<Net> {
    let tops: String = tops.iter().map(|top| format!("top: \"{top}\" ")).collect();
    let text = format!(r#"layer {{ name: "own" type: "Own" {tops} data_param {{ {data_param} }} {rest} }}"#);
    let mut layers = Layers::caffe();
    layers.add::<DataLayer<Counting>>("Own");
    let device = Device::cpu_with_threads(1);
    net::Builder::parse(&text, "own")?.layers(&layers).phase(Phase::Train).device(&device).seed(7).make()
}

#[test]
fn a_data_set_fills_several_tops() {
    let rest = "transform_param { scale: 0.5 }";
    let mut net = build(&["row", "image", "label"], "batch_size: 4", rest).unwrap();
    assert_eq!((net.shape("row").unwrap(), net.shape("image").unwrap()), (&[4, 2][..], &[4, 1, 2, 2][..]));
    net.forward().unwrap();
    net.forward().unwrap(); // 4 and 5, and again 0 and 1
    assert_eq!(net.data("row").unwrap().slice(), [4.0, 40.0, 5.0, 50.0, 0.0, 0.0, 1.0, 10.0]);
    assert_eq!(net.data("image").unwrap().slice()[..8], [2.0, 2.0, 2.0, 2.0, 2.5, 2.5, 2.5, 2.5]);
    assert_eq!(net.data("label").unwrap().slice(), [4.0, 5.0, 0.0, 1.0]);
    // Tops that nobody names are left out; of more than there are an error says how many there are.
    assert!(build(&["row"], "batch_size: 4", "").is_ok());
    let e = complaint(build(&["row", "image", "label", "more"], "batch_size: 4", ""));
    assert!(e.contains("4 tops") && e.contains("fills 3") && e.contains("layer \"own\""), "{e}");
}

#[test]
fn order_is_the_feeds() {
    let labels = |net: &mut Net| {
        net.forward().unwrap();
        net.data("label").unwrap().slice().to_vec()
    };
    let make = |p: &str| build(&["row", "image", "label"], p, "").unwrap();
    let mut shuffled = make("batch_size: 6 shuffle: true");
    let (first, second) = (labels(&mut shuffled), labels(&mut shuffled));
    let mut sorted = first.clone();
    sorted.sort_by(f32::total_cmp);
    assert_eq!(sorted, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_ne!(first, second);
    let mut resumed = make("batch_size: 6 shuffle: true");
    resumed.layer_mut::<DataLayer<Counting>>("own").unwrap().feed().unwrap().seek(6).unwrap();
    assert_eq!(labels(&mut resumed), second);
}

#[test]
fn a_data_set_may_change_while_a_net_uses_it() {
    let mut net = build(&["row", "image", "label"], "batch_size: 4 shuffle: true", "").unwrap();
    net.forward().unwrap();
    let feed = net.layer_mut::<DataLayer<Counting>>("own").unwrap().feed().unwrap();
    feed.dataset_mut().unwrap().len = 1;
    assert_eq!(feed.position(), 4);
    net.forward().unwrap();
    assert_eq!(net.data("label").unwrap().slice(), [0.0; 4]);
    let feed = net.layer_mut::<DataLayer<Counting>>("own").unwrap().feed().unwrap();
    feed.dataset_mut().unwrap().len = 0;
    assert!(complaint(net.forward()).contains("empty"));
}

#[test]
fn mistakes_of_a_data_set_are_errors() {
    let at_once = |source: &str| {
        let e = complaint(build(&["row"], &format!("batch_size: 4 source: \"{source}\""), ""));
        assert!(e.contains("layer \"own\""), "{e}");
        e
    };
    assert!(at_once("empty").contains("the data set is empty"));
    assert!(at_once("no tops").contains("has no values"));
    assert!(at_once("few values").contains("1 values for a sample of shape [2]"));
    assert!(at_once("panics at once").contains("lost sample 0"));
    assert!(complaint(build(&["row"], "", "")).contains("batch_size"));

    let later = |source: &str| {
        let mut net = build(&["row"], &format!("batch_size: 4 source: \"{source}\""), "").unwrap();
        let first = net.forward().err();
        let e = complaint(match first {
            Some(e) => Err(e),
            None => net.forward(),
        });
        assert_eq!(complaint(net.forward()), e, "the same again, not a hang");
        assert!(e.contains("layer \"own\""), "{e}");
        e
    };
    assert!(later("panics").contains("lost sample 5"));
    assert!(later("few tops").contains("shape [] in a batch whose first has [2]"));
    assert!(later("other shape").contains("shape [1] in a batch whose first has [2]"));
    assert!(later("fails").contains("numbers.txt:6: not a number"));
}
