//! `nearfield init`: a store from parameters.

use super::console::Console;
use super::failure::Failure;
use anyhow::anyhow;
use clap::Args;
use nearfield::safetensors::{flatten, SafetensorsFile};
use nearfield::store::{State, Store, TensorEntry};
use nearfield_model::optimizer::adamw::Hyper;
use serde_json::json;
use std::convert::Infallible;
use std::path::PathBuf;

/// Make a store: the optimizer state of a model, in one folder.
#[derive(Args)]
#[command(
    after_help = "Example:\n  nearfield init --params model.safetensors --store state --lr 1e-3 --weight-decay 0.01"
)]
pub struct Init {
    /// The parameters, a safetensors file of F32 tensors.
    #[arg(long, value_name = "FILE")]
    params: PathBuf,
    /// The folder to make.
    #[arg(long, value_name = "DIR", value_parser = one_folder)]
    store: PathBuf,
    /// The optimizer; adamw is the one there is so far.
    #[arg(long, default_value = "adamw", value_parser = optimizer)]
    optimizer: String,
    /// Learning rate.
    #[arg(long, default_value_t = 1e-3, allow_hyphen_values = true)]
    lr: f64,
    /// Decay rates of the two moments.
    #[arg(long, default_value = "0.9,0.999", value_name = "B1,B2", value_parser = betas, allow_hyphen_values = true)]
    betas: (f64, f64),
    /// Added to the denominator.
    #[arg(long, default_value_t = 1e-8, allow_hyphen_values = true)]
    eps: f64,
    /// Decoupled weight decay.
    #[arg(long, default_value_t = 0.01, allow_hyphen_values = true)]
    weight_decay: f64,
    /// Do not correct the moments for their start at zero.
    #[arg(long)]
    no_bias_correction: bool,
    /// Refused by name: whoever has read of it learns that it is not here yet.
    #[arg(long, value_name = "GLOB", hide = true, value_parser = no_decay)]
    no_decay: Option<Infallible>,
}

fn one_folder(text: &str) -> Result<PathBuf, String> {
    match text.contains(',') {
        true => Err("stores on several devices come with a later version; name one folder, without a comma".into()),
        false => Ok(text.into()),
    }
}

fn no_decay(_: &str) -> Result<Infallible, String> {
    Err("this flag comes with a later version; leave it out, and all tensors decay".into())
}

fn optimizer(text: &str) -> Result<String, String> {
    match text {
        "adamw" => Ok(text.into()),
        "adam" | "adagrad" | "sgd" | "lion" => Err(format!("{text} comes with a later version; adamw is here")),
        _ => Err("there is no such optimizer; adamw is here".into()),
    }
}

fn betas(text: &str) -> Result<(f64, f64), String> {
    let wrong = || format!("`{text}` is no pair of numbers; write for example 0.9,0.999");
    let (a, b) = text.split_once(',').ok_or_else(wrong)?;
    Ok((a.parse().map_err(|_| wrong())?, b.parse().map_err(|_| wrong())?))
}

impl Init {
    /// Runs the command.
    pub fn run(self, console: &Console) -> Result<(), Failure> {
        let hyper = Hyper {
            lr: self.lr,
            beta1: self.betas.0,
            beta2: self.betas.1,
            eps: self.eps,
            weight_decay: self.weight_decay,
            bias_correction: !self.no_bias_correction,
        };
        hyper.check().map_err(Failure::refused)?;
        let mut file = SafetensorsFile::open(&self.params)?;
        // By name: the same model gives the same store, whatever wrote the file.
        let tensors: Vec<TensorEntry> =
            file.tensors().iter().map(|(name, t)| TensorEntry { name: name.clone(), shape: t.shape.clone() }).collect();
        let state = State::new(flatten(&mut file, &tensors)?);
        let elements = state.params.len();
        if elements == 0 {
            return Err(Failure::refused(anyhow!("{} has no elements to train", self.params.display())));
        }
        let count = tensors.len();
        Store::create(&self.store, tensors, &hyper, &state)?;
        let result = json!({
            "store": self.store, "optimizer": self.optimizer, "tensors": count, "elements": elements, "step": 0,
        });
        console.result(&result, || {
            format!("{}: {elements} parameters in {count} tensors, {}, step 0", self.store.display(), self.optimizer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optimizers_and_betas_are_read_or_refused() {
        assert!(optimizer("adamw").is_ok());
        assert!(optimizer("lion").unwrap_err().contains("later version"));
        assert!(optimizer("adamx").unwrap_err().contains("no such optimizer"));
        assert_eq!(betas("0.9,0.95"), Ok((0.9, 0.95)));
        assert!(betas("0.9").is_err() && betas("0.9,x").is_err() && betas("").is_err());
    }
}
