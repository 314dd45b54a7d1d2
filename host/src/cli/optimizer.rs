//! The flags that choose an optimizer and its hyper-parameters, the same in every command that begins a training.

use super::failure::Failure;
use anyhow::anyhow;
use clap::Args;
use nearfield_model::optimizer::{Hyper, Optimizer};

/// An optimizer and what was said of its hyper-parameters; what was not said is the command's default.
#[derive(Args)]
pub struct OptimizerFlags {
    /// The optimizer: adam, adamw, adagrad, sgd or lion.
    #[arg(long, value_name = "NAME", default_value = "adamw", value_parser = optimizer)]
    optimizer: Optimizer,
    /// Learning rate.
    #[arg(long, allow_hyphen_values = true)]
    lr: Option<f64>,
    /// Decay rates of the running averages.
    #[arg(long, value_name = "B1,B2", value_parser = betas, allow_hyphen_values = true)]
    betas: Option<(f64, f64)>,
    /// Added to the denominator.
    #[arg(long, allow_hyphen_values = true)]
    eps: Option<f64>,
    /// Weight decay: decoupled in adamw and lion, an L2 penalty in the gradient in adam, adagrad and sgd.
    #[arg(long, allow_hyphen_values = true)]
    weight_decay: Option<f64>,
    /// Decay rate of sgd's buffer; 0 for none.
    #[arg(long, allow_hyphen_values = true)]
    momentum: Option<f64>,
    /// How much of a gradient is kept out of sgd's buffer.
    #[arg(long, allow_hyphen_values = true)]
    dampening: Option<f64>,
    /// Let sgd look ahead along its buffer.
    #[arg(long)]
    nesterov: bool,
    /// Do not correct the moments of adam and adamw for their start at zero.
    #[arg(long)]
    no_bias_correction: bool,
}

/// The name of an optimizer on the command line.
pub fn optimizer(text: &str) -> Result<Optimizer, String> {
    Optimizer::from_name(text).ok_or_else(|| {
        let names = Optimizer::ALL.map(Optimizer::name).join(", ");
        format!("there is no such optimizer; there are {names}")
    })
}

fn betas(text: &str) -> Result<(f64, f64), String> {
    let wrong = || format!("`{text}` is no pair of numbers; write for example 0.9,0.999");
    let (a, b) = text.split_once(',').ok_or_else(wrong)?;
    Ok((a.parse().map_err(|_| wrong())?, b.parse().map_err(|_| wrong())?))
}

/// The value of a flag.
#[derive(Clone, Copy)]
enum Value {
    Number(f64),
    Pair(f64, f64),
    /// What the hyper-parameter becomes with the flag.
    Switch(bool),
}

/// The place of a flag's value.
enum Place<'a> {
    Number(&'a mut f64),
    Pair(&'a mut f64, &'a mut f64),
    Switch(&'a mut bool),
}

/// The flags that an optimizer has, and where their values go.
fn places(hyper: &mut Hyper) -> Vec<(&'static str, Place<'_>)> {
    use Place::{Number, Pair, Switch};
    match hyper {
        Hyper::Adam(h) => vec![
            ("--lr", Number(&mut h.lr)),
            ("--betas", Pair(&mut h.beta1, &mut h.beta2)),
            ("--eps", Number(&mut h.eps)),
            ("--weight-decay", Number(&mut h.weight_decay)),
            ("--no-bias-correction", Switch(&mut h.bias_correction)),
        ],
        Hyper::AdamW(h) => vec![
            ("--lr", Number(&mut h.lr)),
            ("--betas", Pair(&mut h.beta1, &mut h.beta2)),
            ("--eps", Number(&mut h.eps)),
            ("--weight-decay", Number(&mut h.weight_decay)),
            ("--no-bias-correction", Switch(&mut h.bias_correction)),
        ],
        Hyper::Adagrad(h) => vec![
            ("--lr", Number(&mut h.lr)),
            ("--eps", Number(&mut h.eps)),
            ("--weight-decay", Number(&mut h.weight_decay)),
        ],
        Hyper::Sgd(h) => vec![
            ("--lr", Number(&mut h.lr)),
            ("--momentum", Number(&mut h.momentum)),
            ("--dampening", Number(&mut h.dampening)),
            ("--weight-decay", Number(&mut h.weight_decay)),
            ("--nesterov", Switch(&mut h.nesterov)),
        ],
        Hyper::Lion(h) => vec![
            ("--lr", Number(&mut h.lr)),
            ("--betas", Pair(&mut h.beta1, &mut h.beta2)),
            ("--weight-decay", Number(&mut h.weight_decay)),
        ],
    }
}

/// A line an optimizer with its flags and their defaults, for a command's help.
pub fn table(default: fn(Optimizer) -> Hyper) -> String {
    let line = |optimizer: Optimizer| {
        let mut hyper = default(optimizer);
        let words: Vec<String> = places(&mut hyper)
            .into_iter()
            .map(|(flag, place)| match place {
                Place::Number(x) => format!("{flag} {}", short(*x)),
                Place::Pair(a, b) => format!("{flag} {},{}", short(*a), short(*b)),
                Place::Switch(_) => format!("[{flag}]"),
            })
            .collect();
        format!("  {:<8} {}", optimizer.name(), words.join(" "))
    };
    format!("The optimizers, their flags and defaults:\n{}", Optimizer::ALL.map(line).join("\n"))
}

/// A number as a person writes it: 1e-8 and 0.9.
fn short(x: f64) -> String {
    if x != 0.0 && x.abs() < 0.01 {
        format!("{x:e}")
    } else {
        x.to_string()
    }
}

impl OptimizerFlags {
    /// The hyper-parameters: `default` with what was said.
    ///
    /// # Errors
    ///
    /// Refused: a flag that the optimizer does not have, and values that no step can be done with.
    pub fn hyper(&self, default: fn(Optimizer) -> Hyper) -> Result<Hyper, Failure> {
        let mut hyper = default(self.optimizer);
        for (flag, value) in self.said() {
            let mut places = places(&mut hyper);
            let has = places.iter().map(|(own, _)| *own).collect::<Vec<_>>().join(", ");
            match (places.iter_mut().find(|(own, _)| *own == flag).map(|(_, place)| place), value) {
                (Some(Place::Number(place)), Value::Number(x)) => **place = x,
                (Some(Place::Pair(first, second)), Value::Pair(a, b)) => (**first, **second) = (a, b),
                (Some(Place::Switch(place)), Value::Switch(x)) => **place = x,
                _ => {
                    let name = self.optimizer;
                    return Err(Failure::refused(anyhow!("{name} has no {flag}; leave it out ({name} has {has})")));
                }
            }
        }
        hyper.check().map_err(Failure::refused)?;
        Ok(hyper)
    }

    fn said(&self) -> impl Iterator<Item = (&'static str, Value)> {
        [
            ("--lr", self.lr.map(Value::Number)),
            ("--betas", self.betas.map(|(a, b)| Value::Pair(a, b))),
            ("--eps", self.eps.map(Value::Number)),
            ("--weight-decay", self.weight_decay.map(Value::Number)),
            ("--momentum", self.momentum.map(Value::Number)),
            ("--dampening", self.dampening.map(Value::Number)),
            ("--nesterov", self.nesterov.then_some(Value::Switch(true))),
            ("--no-bias-correction", self.no_bias_correction.then_some(Value::Switch(false))),
        ]
        .into_iter()
        .filter_map(|(flag, value)| Some((flag, value?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use nearfield_model::optimizer::{adam, lion, sgd};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: OptimizerFlags,
    }

    fn hyper(line: &str) -> Result<Hyper, String> {
        let line = Line::try_parse_from(["nearfield"].into_iter().chain(line.split_whitespace()));
        let flags = line.map_err(|error| error.to_string())?.flags;
        flags.hyper(Hyper::of).map_err(|failure| failure.error.to_string())
    }

    #[test]
    fn what_is_said_is_taken_and_the_rest_is_the_default() {
        assert_eq!(hyper(""), Ok(Hyper::of(Optimizer::AdamW)));
        for optimizer in Optimizer::ALL {
            assert_eq!(hyper(&format!("--optimizer {optimizer}")), Ok(Hyper::of(optimizer)));
        }
        let said = hyper("--optimizer sgd --lr 0.1 --momentum 0.9 --nesterov --weight-decay 5e-4");
        let sgd = sgd::Hyper { lr: 0.1, momentum: 0.9, dampening: 0.0, weight_decay: 5e-4, nesterov: true };
        assert_eq!(said, Ok(Hyper::Sgd(sgd)));
        let said = hyper("--optimizer sgd --momentum 0.9 --dampening 0.25");
        assert_eq!(said, Ok(Hyper::Sgd(sgd::Hyper { momentum: 0.9, dampening: 0.25, ..sgd::Hyper::default() })));
        let said = hyper("--optimizer adam --betas 0.8,0.95 --eps 1e-6 --no-bias-correction");
        let adam = adam::Hyper { beta1: 0.8, beta2: 0.95, eps: 1e-6, bias_correction: false, ..adam::Hyper::default() };
        assert_eq!(said, Ok(Hyper::Adam(adam)));
        let said = hyper("--optimizer lion --lr 3e-4 --betas 0.95,0.98");
        assert_eq!(said, Ok(Hyper::Lion(lion::Hyper { lr: 3e-4, beta1: 0.95, beta2: 0.98, weight_decay: 0.0 })));
    }

    #[test]
    fn flags_of_other_optimizers_are_refused_by_name() {
        let all = [
            "--lr 0.1",
            "--betas 0.5,0.5",
            "--eps 0.1",
            "--weight-decay 0.1",
            "--momentum 0.1",
            "--dampening 0.1",
            "--nesterov",
            "--no-bias-correction",
        ];
        let mut refused = 0;
        for optimizer in Optimizer::ALL {
            let mut default = Hyper::of(optimizer);
            let own: Vec<&str> = places(&mut default).into_iter().map(|(flag, _)| flag).collect();
            for said in all {
                let flag = said.split(' ').next().unwrap();
                if own.contains(&flag) {
                    continue;
                }
                let error = hyper(&format!("--optimizer {optimizer} {said}")).unwrap_err();
                assert!(error.starts_with(&format!("{optimizer} has no {flag}; leave it out ({optimizer} has --lr, ")));
                refused += 1;
            }
        }
        assert_eq!(refused, 3 + 3 + 5 + 3 + 5);
    }

    #[test]
    fn names_and_pairs_are_read_or_refused() {
        assert!(hyper("--optimizer adamx").unwrap_err().contains("there are adam, adamw, adagrad, sgd, lion"));
        assert_eq!(betas("0.9,0.95"), Ok((0.9, 0.95)));
        assert!(betas("0.9").is_err() && betas("0.9,x").is_err() && betas("").is_err());
        assert!(hyper("--optimizer sgd --nesterov").unwrap_err().contains("momentum is 0, but must be above 0"));
    }

    #[test]
    fn the_table_says_what_the_flags_do() {
        let table = table(Hyper::of);
        for optimizer in Optimizer::ALL {
            let line = table.lines().find(|line| line.split_whitespace().next() == Some(optimizer.name())).unwrap();
            // What is said there gives the defaults again.
            let flags: String = line
                .split_whitespace()
                .skip(1)
                .filter(|word| !word.starts_with('['))
                .fold(String::new(), |line, word| line + " " + word);
            assert_eq!(hyper(&format!("--optimizer {optimizer}{flags}")), Ok(Hyper::of(optimizer)), "{line}");
        }
        assert!(table.contains("--eps 1e-8 --weight-decay 0.01 [--no-bias-correction]"), "{table}");
    }
}
