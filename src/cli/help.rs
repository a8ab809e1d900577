//! The help, made from the tables of commands and flags.

use super::COMMANDS;
use super::args::{Command, Usage};

/// What `cortado --help` says.
pub fn overview() -> String {
    let mut text = String::from("Cortado, Caffe made small enough to read\n\nusage: cortado COMMAND [FLAGS]\n\n");
    for command in COMMANDS {
        text += &format!("  {:<13} {}\n", command.name, command.about.lines().next().unwrap_or_default());
    }
    text + "\ncortado help COMMAND tells more. Flags are written --flag VALUE, --flag=VALUE or, as in Caffe, -flag VALUE."
}

/// What `cortado help COMMAND` says.
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

/// `help` and `help COMMAND`.
pub fn asked(words: &[String]) -> Result<String, Usage> {
    match words.first() {
        None => Ok(overview()),
        Some(name) => Ok(of(Command::find(name)?)),
    }
}
