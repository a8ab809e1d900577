// ANCHOR: lesson
//! # Lesson 02: network manipulation
//!
//! What the reader will be able to do at the end, and the command that runs it.

use cortado::show::show;
use cortado::{Net, Phase, files};

fn main() -> cortado::Result<()> {
    // %% [markdown]
    // ## Layers and blobs
    // Prose is markdown, each line a comment. A line with only two slashes is a blank line. $y = w x$ is mathematics.

    // %%
    let net = Net::from_file(files::root()?.join("proto/lenet.prototxt"), Phase::Test)?;
    show(&net)?;

    // %% tol=0.05
    // The printed numbers of this cell may differ by 5 % from the recorded ones.
    println!("{:.3}", net.store().count() as f64 / 1e6);

    Ok(())
}
// ANCHOR_END: lesson

#[test]
fn it_runs() -> cortado::Result<()> {
    main()
}
