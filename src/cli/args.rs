//! The command line: a command, flags with values, and plain words.
//!
//! `--solver F`, `--solver=F` and Caffe's `-solver F` mean the same; so do `--sigint_effect` and `--sigint-effect`. The
//! word after a flag that takes a value is that value, even if it begins with a dash: `-gpu -1`.

use super::{COMMANDS, Failure, usage};
use cortado::error::closest;

/// A command of `cortado`, such as `train`.
pub struct Command {
    pub name: &'static str,
    /// The plain words after the name, as the help writes them.
    pub words: &'static str,
    pub about: &'static str,
    pub flags: &'static [&'static [Flag]],
    pub run: fn(&Args) -> super::Done,
}

/// A flag, and the name of its value in the help; a switch has no value.
pub struct Flag {
    pub name: &'static str,
    pub value: &'static str,
    pub about: &'static str,
}

/// A parsed command line.
pub struct Args {
    pub command: &'static Command,
    flags: Vec<(&'static str, String)>,
    pub words: Vec<String>,
}

impl Command {
    pub fn all_flags(&self) -> impl Iterator<Item = &'static Flag> {
        self.flags.iter().flat_map(|group| group.iter())
    }

    pub fn find(name: &str) -> Result<&'static Command, Failure> {
        let name = if name == "devicequery" { "device_query" } else { name };
        COMMANDS.iter().find(|c| c.name == name).ok_or_else(|| {
            let near = did_you_mean(name, COMMANDS.iter().map(|c| c.name), "");
            usage(format!("there is no command \"{name}\"{near}"))
        })
    }
}

impl Args {
    /// Parses the words after the command's name.
    pub fn parse(command: &'static Command, line: &[String]) -> Result<Args, Failure> {
        let mut args = Args { command, flags: Vec::new(), words: Vec::new() };
        let mut line = line.iter();
        while let Some(word) = line.next() {
            let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).filter(|f| !f.is_empty())
            else {
                args.words.push(word.clone());
                continue;
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (flag, None),
            };
            let name = name.replace('-', "_");
            let Some(flag) = command.all_flags().find(|f| f.name == name) else {
                let near = did_you_mean(&name, command.all_flags().map(|f| f.name), "--");
                return Err(usage(format!("{} has no flag {word}{near}", command.name)));
            };
            let value = match (flag.value.is_empty(), value) {
                (true, None) => String::new(),
                (true, Some(value)) if value == "true" => String::new(), // as Caffe's tools take them
                (true, Some(value)) if value == "false" => continue,
                (true, Some(_)) => return Err(usage(format!("--{name} takes no value"))),
                (false, Some(value)) => value,
                (false, None) => match line.next() {
                    Some(next) => next.clone(),
                    None => return Err(usage(format!("--{name} needs a value: {}", flag.value))),
                },
            };
            args.flags.push((flag.name, value));
        }
        match args.words.first() {
            Some(word) if command.words.is_empty() => {
                Err(usage(format!("{} does not know what to do with \"{word}\"", command.name)))
            }
            _ => Ok(args),
        }
    }

    /// The flags again, as words of a command line.
    pub fn line(&self) -> Vec<String> {
        let word = |(name, value): &(&str, String)| {
            let switch = self.command.all_flags().any(|f| f.name == *name && f.value.is_empty());
            if switch { format!("--{name}") } else { format!("--{name}={value}") }
        };
        self.flags.iter().map(word).collect()
    }

    /// The names of the flags that are given.
    pub fn given(&self) -> impl Iterator<Item = &'static str> {
        self.flags.iter().map(|(name, _)| *name)
    }

    /// The value of a flag; the last, if it is given more than once.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).last()
    }

    /// All values of a flag.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.flags.iter().filter(move |(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    /// The parts of a flag's value between commas.
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.all(name).flat_map(|value| value.split(',')).map(str::trim).filter(|part| !part.is_empty()).collect()
    }

    /// The value of a flag that must be given.
    pub fn need(&self, name: &str) -> Result<&str, Failure> {
        let value = self.command.all_flags().find(|f| f.name == name).map_or("VALUE", |f| f.value);
        self.get(name).ok_or_else(|| usage(format!("{} needs --{name} {value}", self.command.name)))
    }

    /// The value of a flag that takes one of these words, in upper or lower case.
    pub fn choice<'a>(&self, name: &str, choices: &[&'a str]) -> Result<Option<&'a str>, Failure> {
        let find = |value: &str| {
            let choice = choices.iter().find(|choice| choice.eq_ignore_ascii_case(value));
            let or = choices.join(" or ");
            choice.copied().ok_or_else(|| usage(format!("--{name} {value}: give {or}")))
        };
        self.get(name).map(find).transpose()
    }

    /// The value of a flag as a number.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        let parse = |value: &str| value.parse().map_err(|_| usage(format!("--{name} {value}: give a number")));
        self.get(name).map(parse).transpose()
    }

    /// The value of a flag as a number of at least 1.
    pub fn count<T: std::str::FromStr + PartialEq + From<u8>>(&self, name: &str) -> Result<Option<T>, Failure> {
        match self.number(name)? {
            Some(n) if n == T::from(0) => Err(usage(format!("--{name} 0: give at least 1"))),
            count => Ok(count),
        }
    }
}

fn did_you_mean(name: &str, known: impl Iterator<Item = &'static str>, dashes: &str) -> String {
    closest(name, known).map_or(String::new(), |near| format!("; did you mean {dashes}{near}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_mean_the_same() {
        for line in [
            "train --solver=F --gpu=-1 --sigint-effect=none --weights=a,b,c",
            "train --solver F --gpu -1 --sigint-effect none --weights a,b --weights c",
            "train -solver F -gpu -1 -sigint_effect none -weights a,b -weights c",
        ] {
            let words: Vec<String> = line.split(' ').map(String::from).collect();
            let args = Args::parse(&super::super::train::COMMAND, &words[1..]).ok().unwrap();
            assert_eq!((args.get("solver"), args.get("gpu")), (Some("F"), Some("-1")), "{line}");
            assert_eq!((args.get("sigint_effect"), args.list("weights")), (Some("none"), vec!["a", "b", "c"]));
        }
    }
}
