//! The command line: a command, flags with values, and plain words.
//!
//! `--solver F`, `--solver=F` and Caffe's `-solver F` mean the same; so do `--sigint_effect` and `--sigint-effect`. What
//! follows a flag that takes a value is that value, even if it begins with a dash: `-gpu -1`.

use super::COMMANDS;
use cortado::error::closest;

/// One thing that the command can do.
pub struct Command {
    pub name: &'static str,
    /// What may follow the name.
    pub words: &'static str,
    pub about: &'static str,
    pub flags: &'static [&'static [Flag]],
    pub run: fn(&Args) -> super::Done,
}

/// A flag and what its value is called in the help; a switch has no value.
pub struct Flag {
    pub name: &'static str,
    pub value: &'static str,
    pub about: &'static str,
}

/// A command line, taken apart.
pub struct Args {
    pub command: &'static Command,
    flags: Vec<(&'static str, String)>,
    pub words: Vec<String>,
}

/// What somebody typed that cannot be meant: exit code 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl Command {
    pub fn all_flags(&self) -> impl Iterator<Item = &'static Flag> {
        self.flags.iter().flat_map(|group| group.iter())
    }

    pub fn find(name: &str) -> Result<&'static Command, Usage> {
        let name = if name == "devicequery" { "device_query" } else { name };
        COMMANDS.iter().find(|c| c.name == name).ok_or_else(|| {
            let near = did_you_mean(name, COMMANDS.iter().map(|c| c.name), "");
            Usage(format!("there is no command \"{name}\"{near}\n\n{}", super::help::overview()))
        })
    }

    /// An error about how this command was called.
    pub fn usage(&self, what: impl Into<String>) -> Usage {
        Usage(format!("{}\n\n{}", what.into(), super::help::of(self)))
    }
}

impl Args {
    /// Takes apart what follows the command's name.
    pub fn parse(command: &'static Command, line: &[String]) -> Result<Args, Usage> {
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
                return Err(command.usage(format!("{} has no flag {word}{near}", command.name)));
            };
            let value = match (flag.value.is_empty(), value) {
                (true, None) => String::new(),
                (true, Some(_)) => return Err(command.usage(format!("--{name} takes no value"))),
                (false, Some(value)) => value,
                (false, None) => {
                    let next = line.next().cloned();
                    next.ok_or_else(|| command.usage(format!("--{name} needs a value: {}", flag.value)))?
                }
            };
            args.flags.push((flag.name, value));
        }
        if command.words.is_empty()
            && let Some(word) = args.words.first()
        {
            return Err(command.usage(format!("{} does not know what to do with \"{word}\"", command.name)));
        }
        Ok(args)
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
    pub fn need(&self, name: &str) -> Result<&str, Usage> {
        let flag = self.command.all_flags().find(|f| f.name == name);
        let value = flag.map_or("VALUE", |f| f.value);
        self.get(name).ok_or_else(|| self.command.usage(format!("{} needs --{name} {value}", self.command.name)))
    }

    /// The value of a flag as a number.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Usage> {
        let parse = |value: &str| {
            value.parse().map_err(|_| self.command.usage(format!("--{name} {value}: a number is wanted here")))
        };
        self.get(name).map(parse).transpose()
    }
}

fn did_you_mean(name: &str, known: impl Iterator<Item = &'static str>, dashes: &str) -> String {
    closest(name, known).map_or(String::new(), |near| format!("; did you mean {dashes}{near}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, Usage> {
        let line: Vec<String> = line.split(' ').map(String::from).collect();
        Args::parse(Command::find(&line[0])?, &line[1..])
    }

    #[test]
    fn all_spellings_mean_the_same() {
        for line in ["train --solver=F --gpu=-1", "train --solver F --gpu -1", "train -solver F -gpu -1"] {
            let args = parse(line).unwrap();
            assert_eq!((args.get("solver"), args.get("gpu")), (Some("F"), Some("-1")), "{line}");
        }
        let args = parse("train --solver F --sigint-effect none --weights a,b --weights c").unwrap();
        assert_eq!((args.get("sigint_effect"), args.list("weights")), (Some("none"), vec!["a", "b", "c"]));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, what) in [
            ("tarin", "did you mean train?"),
            ("train --sover F", "did you mean --solver?"),
            ("train --solver", "--solver needs a value"),
            ("train F", "does not know what to do with \"F\""),
            ("convert mnist --overwrite=1", "takes no value"),
        ] {
            let usage = parse(line).err().unwrap().0;
            assert!(usage.contains(what), "{line}: {usage}");
        }
        assert!(parse("train --threads x").unwrap().number::<usize>("threads").is_err());
        assert!(parse("train --threads 2").unwrap().need("solver").is_err());
    }
}
