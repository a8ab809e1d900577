//! The data source of the page "Add a data source": points from a text file, in a net that learns them.

// ANCHOR: use
use cortado::data::{Dataset, Sample};
use cortado::layer::Cx;
use cortado::layers::DataLayer;
use cortado::proto::LayerParameter;
use cortado::{Error, Kind, Layers, Result, solver};
use std::path::PathBuf;
// ANCHOR_END: use

// ANCHOR: struct
/// The lines of a file, each a point and its class: `0.5,0,0`.
struct Points {
    path: PathBuf,
    lines: Vec<String>,
}
// ANCHOR_END: struct

// ANCHOR: open
impl Dataset for Points {
    fn open(param: &LayerParameter, cx: &Cx) -> Result<Self> {
        let p = param.data_param.clone().unwrap_or_default();
        let path = cx.find(p.source()).map_err(|e| e.field("data_param.source"))?;
        let text = std::fs::read_to_string(&path).map_err(|e| Error::file(&path, "read", e))?;
        Ok(Points { path, lines: text.lines().map(String::from).collect() })
    }
    // ANCHOR_END: open

    // ANCHOR: read
    fn len(&self) -> usize {
        self.lines.len()
    }

    fn read(&mut self, i: usize, sample: &mut Sample) -> Result<()> {
        let numbers: Vec<f32> = self.lines[i].split(',').filter_map(|x| x.trim().parse().ok()).collect();
        let [x, y, class] = numbers[..] else {
            let what = format!("{}:{}: \"{}\" is not x,y,class", self.path.display(), i + 1, self.lines[i]);
            return Err(Error::new(Kind::Data, what));
        };
        sample.values(&[2], &[x, y])?; // the first top
        sample.label(class) // the second
    }
}
// ANCHOR_END: read

// ANCHOR: train
/// Learns the points of the file `points.csv` in `folder`.
fn train(folder: &str) -> Result<f32> {
    let mut layers = Layers::caffe();
    layers.add::<DataLayer<Points>>("Points");
    let text = r#"
        base_lr: 0.1 lr_policy: "fixed" momentum: 0.9 max_iter: 200 snapshot_after_train: false
        net_param {
            layer { name: "points" type: "Points" top: "point" top: "class"
                    data_param { source: "points.csv" batch_size: 4 shuffle: true } }
            layer { name: "ip1" type: "InnerProduct" bottom: "point" top: "ip1"
                    inner_product_param { num_output: 16 weight_filler { type: "xavier" } } }
            layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
            layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
                    inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
            layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "class" top: "loss" }
        }
    "#;
    let mut solver = solver::Builder::parse(text, "points")?.folder(folder).layers(&layers).make()?;
    solver.solve()?;
    println!("loss {:.1}", solver.loss());
    Ok(solver.loss())
}
// ANCHOR_END: train

#[allow(dead_code)] // the tests below take its place
// ANCHOR: main
fn main() -> Result<()> {
    train(".")?;
    Ok(())
}
// ANCHOR_END: main

#[test]
fn it_learns_the_points() -> Result<()> {
    assert_eq!(format!("{:.1}", train("tests/book")?), "0.0");
    Ok(())
}

/// The solver of a prototxt in a folder that also holds `points.csv`.
fn from_files(folder: &std::path::Path) -> Result<solver::Solver> {
    let mut layers = Layers::caffe();
    layers.add::<DataLayer<Points>>("Points");
    std::fs::write(folder.join("points.csv"), include_str!("points.csv")).unwrap();
    std::fs::write(
        folder.join("solver.prototxt"),
        r#"base_lr: 0.1 lr_policy: "fixed" max_iter: 9
           net_param {
               layer { name: "points" type: "Points" top: "point" top: "class"
                       data_param { source: "points.csv" batch_size: 5 shuffle: true } }
               layer { name: "ip" type: "InnerProduct" bottom: "point" top: "ip"
                       inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
               layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "class" }
           }"#,
    )
    .unwrap();
    solver::Builder::read(folder.join("solver.prototxt"))?.layers(&layers).make()
}

/// The points of the next batch.
fn next_points(solver: &mut solver::Solver) -> Result<Vec<f32>> {
    solver.step(1)?;
    Ok(solver.net().data("point")?.slice().to_vec())
}

#[test]
fn a_run_goes_on_with_the_next_sample() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let mut solver = from_files(folder.path())?;
    let prefix = folder.path().join("run").display().to_string();
    solver.set(|param| param.snapshot_prefix = Some(prefix))?;
    solver.step(3)?;
    // ANCHOR: resume
    let file = solver.snapshot()?;
    // Later, in a new program that makes the solver in the same way:
    let mut later = from_files(folder.path())?;
    later.restore(&file)?;
    // ANCHOR_END: resume
    for _ in 0..5 {
        assert_eq!(next_points(&mut later)?, next_points(&mut solver)?);
    }
    Ok(())
}

#[test]
fn the_data_can_change() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let mut solver = from_files(folder.path())?;
    solver.step(1)?;
    let net = solver.net();
    // ANCHOR: change
    let points = net.layer_mut::<DataLayer<Points>>("points")?.feed()?.dataset_mut()?;
    points.lines = vec!["7,8,1".into()];
    // ANCHOR_END: change
    assert_eq!(next_points(&mut solver)?, [7.0, 8.0].repeat(5));
    Ok(())
}

/// The kit is for layers that compute: the next pass has other data.
#[test]
fn the_kit_leaves_data_alone() -> Result<()> {
    let text = r#"top: "point" top: "class" data_param { source: "tests/book/points.csv" batch_size: 2 }"#;
    let report = cortado::check::layer::<DataLayer<Points>>(text, &[]).report().to_string();
    assert!(report.contains("a layer that reads data") && !report.contains("FAILED"), "{report}");
    Ok(())
}

/// What the page shows of a line that is no point.
#[test]
fn a_broken_line_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let good = include_str!("points.csv");
    std::fs::write(folder.path().join("points.csv"), good.replace("\n1.4,1.4,1", "\n1.4;1.4;1")).unwrap();
    let e = train(folder.path().to_str().unwrap()).unwrap_err().to_string();
    let e = e.replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(e.trim(), include_str!("said/broken_point.txt").trim());
}
