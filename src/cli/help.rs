//! The help, made from the tables of commands and flags.

use super::args::Command;
use super::{COMMANDS, Failure};

/// The text of `cortado --help`.
pub fn overview() -> String {
    let mut text = String::from("Cortado, Caffe made small enough to read\n\nusage: cortado COMMAND [FLAGS]\n\n");
    for Command { name, about, .. } in COMMANDS {
        text += &format!("  {name:<13} {}\n", about.lines().next().unwrap_or_default());
    }
    text + "\ncortado help COMMAND tells more. Flags are written --flag VALUE, --flag=VALUE or, as in Caffe, -flag VALUE; -\nand _ in a name mean the same."
}

/// The text of `cortado help COMMAND`.
pub fn of(command: &Command) -> String {
    let words = if command.words.is_empty() { String::new() } else { format!(" {}", command.words) };
    let mut text = format!("usage: cortado {}{words} [FLAGS]\n\n{}\n", command.name, command.about);
    let spell = |name: &str, value: &str| format!("--{name} {value}").trim_end().to_string();
    let width = command.all_flags().map(|f| spell(f.name, f.value).len()).max().unwrap_or(0);
    if width > 0 {
        text.push('\n');
    }
    for flag in command.all_flags() {
        text += &format!("  {:<width$}  {}\n", spell(flag.name, flag.value), flag.about);
    }
    text.trim_end().to_string()
}

/// The answer to `help` and `help COMMAND`.
pub fn answer(words: &[String]) -> Result<String, Failure> {
    words.first().map_or_else(|| Ok(overview()), |name| Command::find(name).map(of))
}
