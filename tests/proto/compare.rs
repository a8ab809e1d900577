//! Two messages are compared field by field, defaults included.

use cortado::proto::{LayerParameter, compare, text};

fn differences(first: &str, second: &str) -> Vec<String> {
    let read = |t: &str| text::parse::<LayerParameter>(t, "t").unwrap().message;
    compare::messages(&read(first), &read(second)).iter().map(|d| d.to_string()).collect()
}

#[test]
fn what_is_not_set_is_its_default() {
    for (first, second) in [
        ("convolution_param { pad: 0 stride: 1 group: 1 bias_term: true engine: DEFAULT }", ""),
        ("batch_norm_param { eps: 1e-5 moving_average_fraction: 0.999 }", "batch_norm_param { }"),
        ("param { lr_mult: 1 } param { decay_mult: 1 }", "param { }"),
        ("inner_product_param { bias_filler { type: 'constant' value: 0 } }", "inner_product_param { }"),
        ("scale_param { filler { value: 1 } }", ""),
        ("image_data_param { root_folder: '' }", ""),
        ("pooling_param { pool: MAX }", ""),
    ] {
        assert_eq!(differences(first, second), Vec::<String>::new());
    }
}

#[test]
fn differences_are_named_by_their_path() {
    for (first, second, says) in [
        ("convolution_param { pad: 2 }", "", "convolution_param.pad: 2 | 0"),
        ("convolution_param { kernel_size: 3 kernel_size: 5 }", "", "convolution_param.kernel_size: 3 5 | unset"),
        ("param { } param { lr_mult: 0.1 }", "", "param[1].lr_mult: 0.1 | 1"),
        ("loss_param { ignore_label: 0 }", "", "loss_param.ignore_label: 0 | unset"),
        ("scale_param { filler { value: 0.5 } }", "", "scale_param.filler.value: 0.5 | 1"),
        (
            "input_param { shape { dim: 1 dim: 3 } }",
            "input_param { shape { dim: 2 dim: 3 } }",
            "input_param.shape[0].dim: 1 3 | 2 3",
        ),
        ("input_param { shape { } }", "", "input_param.shape: 1 of them | 0 of them"),
        ("pooling_param { pool: AVE }", "", "pooling_param.pool: AVE | MAX"),
        ("top: 'a' top: 'b'", "top: 'a'", "top: \"a\" \"b\" | \"a\""),
    ] {
        assert_eq!(differences(first, second), [says]);
    }
}
