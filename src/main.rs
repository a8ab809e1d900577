//! The `cortado` command.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run(std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect())
}
