//! The layer of the page "Add a layer": written, checked, used in a net.

// ANCHOR: use
use cortado::check::{self, Fill};
use cortado::layer::{Arity, Cx, Layer, Needs, Param};
use cortado::net::Builder;
use cortado::proto::LayerParameter;
use cortado::{Blob, Error, Layers, Phase, Result};
// ANCHOR_END: use

use cortado::check::{Gradient, Harness};
use cortado::ndarray::ArrayD;

// ANCHOR: struct
/// y = x σ(βx), with σ(t) = 1 / (1 + e^-t) and `swish_param { beta }`, 1 if not given.
struct Swish {
    beta: f32,
}

fn sigmoid(t: f32) -> f32 {
    1.0 / (1.0 + (-t).exp())
}
// ANCHOR_END: struct

impl Layer for Swish {
    // ANCHOR: new
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Swish { beta: param.swish_param.unwrap_or_default().beta() })
    }
    // ANCHOR_END: new

    // ANCHOR: forward
    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result<()> {
        let (x, y, beta) = (bottom[0].data.slice(), top[0].data.slice_mut(), self.beta);
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x * sigmoid(beta * x);
        }
        Ok(())
    }
    // ANCHOR_END: forward

    // ANCHOR: backward
    fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result<()> {
        let Blob { data: x, diff: dx } = &mut bottom[0];
        let (dy, beta) = (top[0].diff.slice(), self.beta);
        for ((dx, &x), dy) in dx.slice_mut().iter_mut().zip(x.slice()).zip(dy) {
            let s = sigmoid(beta * x);
            *dx = dy * (s + beta * x * s * (1.0 - s));
        }
        Ok(())
    }
    // ANCHOR_END: backward

    // ANCHOR: needs
    fn needs(&self) -> Needs {
        Needs::X
    }
    // ANCHOR_END: needs
}

#[test]
fn it_is_right() -> Result<()> {
    // ANCHOR: check
    let report = check::layer::<Swish>("swish_param { beta: 1.5 }", &[&[2, 3, 4]])
        .fill(0, Fill::Uniform(-4.0, 4.0))
        .naive(|x, _| vec![x[0].mapv(|x| x / (1.0 + (-1.5 * x).exp()))])
        .run()?;
    println!("{report}");
    // ANCHOR_END: check
    let said = include_str!("said/report.txt");
    // How large the worst difference is may depend on the machine.
    let words =
        |text: &str| text.lines().map(|line| line.split(", worst").next().map(String::from)).collect::<Vec<_>>();
    assert_eq!(words(&report.to_string()), words(said), "{report}");
    Ok(())
}

#[test]
fn it_works_in_a_net() -> Result<()> {
    // ANCHOR: net
    let text = r#"
        layer { name: "in"    type: "Input" top: "x" input_param { shape { dim: 3 } } }
        layer { name: "swish" type: "Swish" bottom: "x" top: "y" swish_param { beta: 2 } }
    "#;
    let mut layers = Layers::caffe();
    layers.add::<Swish>("Swish");
    let mut net = Builder::parse(text, "two layers")?.layers(&layers).phase(Phase::Test).make()?;

    net.data_mut("x")?.slice_mut().copy_from_slice(&[-1.0, 0.0, 1.0]);
    net.forward()?;
    println!("{}", net.data("y")?);
    // ANCHOR_END: net
    assert_eq!(net.data("y")?.to_string(), include_str!("said/net.txt").trim());
    Ok(())
}

/// y = x min(max(x + a, 0), 2 a) / (2 a)
struct HardSwish {
    a: f32,
}

impl Layer for HardSwish {
    // ANCHOR: setting
    fn new(param: &LayerParameter) -> Result<Self> {
        let text = param.python_param.as_ref().map_or("", |p| p.param_str());
        let a = if text.is_empty() { Some(3.0) } else { text.parse().ok() };
        let refuse = || Error::value(format!("\"{text}\" is not a positive number")).field("python_param.param_str");
        Ok(HardSwish { a: a.filter(|a: &f32| *a > 0.0 && a.is_finite()).ok_or_else(refuse)? })
    }
    // ANCHOR_END: setting

    fn forward(&mut self, _: &Cx, _: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result<()> {
        let (x, y, a) = (bottom[0].data.slice(), top[0].data.slice_mut(), self.a);
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x * (x + a).clamp(0.0, 2.0 * a) / (2.0 * a);
        }
        Ok(())
    }

    fn backward(&mut self, _: &Cx, _: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result<()> {
        let Blob { data: x, diff: dx } = &mut bottom[0];
        let (dy, a) = (top[0].diff.slice(), self.a);
        for ((dx, &x), dy) in dx.slice_mut().iter_mut().zip(x.slice()).zip(dy) {
            let inside = x > -a && x < a;
            *dx = dy * (if inside { (2.0 * x + a) / (2.0 * a) } else { f32::from(x >= a) });
        }
        Ok(())
    }
}

/// Both ways to name the layer, and a setting that is no number.
#[test]
fn a_layer_of_ones_own_has_a_setting() -> Result<()> {
    let kit = check::layer::<HardSwish>(r#"python_param { param_str: "2.5" }"#, &[&[3, 4]]);
    let naive = |x: &[ArrayD<f64>], _: &[ArrayD<f64>]| vec![x[0].mapv(|x| x * (x + 2.5).clamp(0.0, 5.0) / 5.0)];
    kit.fill(0, Fill::Values(&[-3.9, -1.2, 0.7, 2.9])).naive(naive).run()?;

    let kit = check::layer::<HardSwish>("", &[&[2, 2]]).fill(0, Fill::Values(&[0.5, 3.0005, 1.0, -1.0]));
    let said = kit.run().unwrap_err().to_string();
    assert!(
        said.contains(
            "only 3 of 4 slopes of bottom[0] could be compared: too many kinks, the last one near bottom[0][0, 1], 3.0005"
        ),
        "{said}"
    );

    let mut layers = Layers::caffe();
    layers.add::<HardSwish>("HardSwish");
    let net = |kind: &str, setting: &str| {
        let text = format!(
            r#"layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ dim: 3 }} }} }}
               layer {{ name: "hard" type: {kind} bottom: "x" top: "y" {setting} }}"#
        );
        Builder::parse(&text, "two layers")?.layers(&layers).phase(Phase::Test).make()
    };
    for (kind, setting, y) in [
        (r#""HardSwish""#, "", "-0.333333"),
        (r#""HardSwish""#, r#"python_param { param_str: "2.5" }"#, "-0.3"),
        (r#""Python""#, r#"python_param { layer: "HardSwish" param_str: "2.5" }"#, "-0.3"),
    ] {
        let mut net = net(kind, setting)?;
        net.data_mut("x")?.slice_mut().copy_from_slice(&[-1.0, 0.0, 1.0]);
        net.forward()?;
        let y0 = net.data("y")?.slice()[0];
        assert!((y0 - y.parse::<f32>().unwrap()).abs() < 1e-6, "{kind} {setting}: {y0}");
    }
    for wrong in ["2,5", "-1", "0", "nan", "inf"] {
        let e =
            net(r#""HardSwish""#, &format!(r#"python_param {{ param_str: "{wrong}" }}"#)).err().unwrap().to_string();
        let said = format!(r#"layer "hard": "{wrong}" is not a positive number"#);
        assert!(e.starts_with("two layers:2:") && e.contains(&said), "{e}");
    }
    Ok(())
}

/// The same layer as Swish, but β is learnt.
// ANCHOR: learnt
struct LearntSwish;

impl Layer for LearntSwish {
    fn new(_: &LayerParameter) -> Result<Self> {
        Ok(LearntSwish)
    }

    fn setup(&mut self, _: &Cx, _: &[Blob]) -> Result<Vec<Param>> {
        let mut beta = Blob::new(&[])?;
        beta.data.fill(1.0);
        Ok(vec![Param::new(beta)])
    }

    fn forward(&mut self, _: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result<()> {
        let (x, y, beta) = (bottom[0].data.slice(), top[0].data.slice_mut(), params[0].data.scalar());
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x * sigmoid(beta * x);
        }
        Ok(())
    }

    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result<()> {
        let Blob { data: x, diff: dx } = &mut bottom[0];
        let (dy, beta) = (top[0].diff.slice(), params[0].data.scalar());
        let dbeta: f32 = x.slice().iter().zip(dy).map(|(x, dy)| dy * x * x * slope(beta * x)).sum();
        params[0].diff.slice_mut()[0] += dbeta; // add
        if cx.propagate_down[0] {
            for ((dx, x), dy) in dx.slice_mut().iter_mut().zip(x.slice()).zip(dy) {
                *dx = dy * (sigmoid(beta * x) + beta * x * slope(beta * x)); // set
            }
        }
        Ok(())
    }
}

/// σ'(t) = σ(t) (1 - σ(t))
fn slope(t: f32) -> f32 {
    sigmoid(t) * (1.0 - sigmoid(t))
}
// ANCHOR_END: learnt

#[test]
fn a_learnt_beta_has_the_right_slope() -> Result<()> {
    let naive = |x: &[ArrayD<f64>], w: &[ArrayD<f64>]| vec![x[0].mapv(|x| x / (1.0 + (-w[0].sum() * x).exp()))];
    let kit = check::layer::<LearntSwish>("", &[&[2, 3, 4]]).fill(0, Fill::Uniform(-4.0, 4.0)).naive(naive);
    let report = kit.run()?.to_string();
    assert!(report.contains("25 slopes compared, 0 skipped"), "{report}");
    assert!(report.contains("1 blob, 1 value saved and read back"), "{report}");
    Ok(())
}

/// Two mistakes that everybody makes once, and what the checker says; the page shows the words.
#[test]
fn the_checker_finds_both_mistakes() {
    for (name, expected) in [
        ("SetsTheParameter", include_str!("said/sets_the_parameter.txt")),
        ("ForgetsAFactor", include_str!("said/forgets_a_factor.txt")),
    ] {
        let made = match name {
            "SetsTheParameter" => Harness::new::<Wrong<false>>(&LayerParameter::default(), &[&[2, 3, 4]]),
            _ => Harness::new::<Wrong<true>>(&LayerParameter::default(), &[&[2, 3, 4]]),
        };
        let mut bench = made.unwrap();
        bench.fill(0, Fill::Uniform(-4.0, 4.0));
        let said = bench.check_gradient(&Gradient::default()).unwrap_err().to_string();
        assert_eq!(said.trim(), expected.trim(), "{name}");
    }
}

/// [`LearntSwish`] with a mistake: a factor that is forgotten, or a diff that is set.
struct Wrong<const FACTOR: bool>(LearntSwish);

impl<const FACTOR: bool> Layer for Wrong<FACTOR> {
    fn new(param: &LayerParameter) -> Result<Self> {
        Ok(Wrong(LearntSwish::new(param)?))
    }
    fn arity(&self) -> Arity {
        self.0.arity()
    }
    fn setup(&mut self, cx: &Cx, bottom: &[Blob]) -> Result<Vec<Param>> {
        self.0.setup(cx, bottom)
    }
    fn reshape(&mut self, bottom: &[Blob], top: &mut [Blob]) -> Result<()> {
        self.0.reshape(bottom, top)
    }
    fn forward(&mut self, cx: &Cx, params: &mut [Blob], bottom: &[Blob], top: &mut [Blob]) -> Result<()> {
        self.0.forward(cx, params, bottom, top)
    }
    fn backward(&mut self, cx: &Cx, params: &mut [Blob], top: &[Blob], bottom: &mut [Blob]) -> Result<()> {
        let before = params[0].diff.scalar();
        self.0.backward(cx, params, top, bottom)?;
        if FACTOR && cx.propagate_down[0] {
            let Blob { data: x, diff: dx } = &mut bottom[0];
            for ((dx, x), dy) in dx.slice_mut().iter_mut().zip(x.slice()).zip(top[0].diff.slice()) {
                *dx = dy * (sigmoid(*x) + slope(*x)); // β x is missing before the slope
            }
        } else if !FACTOR {
            params[0].diff.slice_mut()[0] -= before; // as `=` in place of `+=`
        }
        Ok(())
    }
}
