//! A gradient on its way to the device: the largest elements of each step as a Top-K stream.

use crate::compress::{Amount, CompressError, Compressor};
use crate::topk::{encode, EncodeError, ValueFormat};
use serde::Serialize;

/// How each step's gradient is compressed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopK {
    /// How many elements of the flat run are sent.
    pub amount: Amount,
    /// Whether what a step does not send is added to the next step's gradient.
    pub error_feedback: bool,
    /// How values are stored.
    pub format: ValueFormat,
}

/// Why a gradient was not compressed.
#[derive(Debug, thiserror::Error)]
pub enum CompressionError {
    /// The amount does not fit the run, or an element is NaN.
    #[error(transparent)]
    Compress(#[from] CompressError),
    /// The stream cannot be made.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// An element that is to be sent is infinite once it is stored.
    #[error("a gradient is infinite in {format}; choose bf16 or fp32, or a smaller learning rate")]
    NotFinite {
        /// The format.
        format: ValueFormat,
    },
}

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CompressionReport {
    /// Whether what a step did not send was added to the next step's gradient.
    pub error_feedback: bool,
    /// How values were stored.
    pub format: ValueFormat,
    /// Elements sent in each step.
    pub kept_per_step: u64,
    /// Bytes of the longest of the steps' streams: header, table, indices and values.
    pub bytes_per_step: u64,
    /// Bytes of a step's gradient as it is, in fp32.
    pub dense_bytes_per_step: u64,
}

impl CompressionReport {
    /// What this and another report of the same settings say together.
    pub(super) fn and(self, other: CompressionReport) -> CompressionReport {
        CompressionReport { bytes_per_step: self.bytes_per_step.max(other.bytes_per_step), ..self }
    }
}

/// The compression of one training's gradients, step after step.
#[derive(Debug)]
pub struct Compression {
    top_k: TopK,
    compressor: Compressor,
    /// What the steps so far did not send; all zeros without error feedback.
    residual: Vec<f32>,
    report: CompressionReport,
}

impl Compression {
    /// Before the first step, for gradients of this many elements.
    ///
    /// # Errors
    /// If the amount does not fit the run.
    pub fn new(top_k: TopK, elements: usize) -> Result<Compression, CompressError> {
        let TopK { amount, error_feedback, format } = top_k;
        let report = CompressionReport {
            error_feedback,
            format,
            kept_per_step: amount.of(elements as u64)?,
            bytes_per_step: 0,
            dense_bytes_per_step: size_of::<f32>() as u64 * elements as u64,
        };
        Ok(Compression { top_k, compressor: Compressor::default(), residual: vec![0.0; elements], report })
    }

    /// The stream of a step's gradient. The gradient is used up, for with error feedback it becomes the residual.
    ///
    /// # Errors
    /// If an element is NaN, if one that is to be sent is infinite in the format, or if the stream does not fit the memory.
    /// The residual is then that of the step before.
    ///
    /// # Panics
    /// If the gradient has another length than [`Compression::new`] was told.
    pub fn compress(&mut self, mut gradient: Vec<f32>) -> Result<Vec<u8>, CompressionError> {
        assert_eq!(gradient.len(), self.residual.len(), "the gradient's number of elements");
        let TopK { amount, error_feedback, format } = self.top_k;
        let (elements, infinite) = (gradient.len() as u64, CompressionError::NotFinite { format });
        let kept = if error_feedback {
            let feedback = self.compressor.with_feedback(&mut gradient, &self.residual, amount, format)?;
            if !feedback.finite {
                return Err(infinite);
            }
            self.residual = gradient;
            feedback.kept
        } else {
            let kept = self.compressor.select(&gradient, amount)?;
            if kept.values.iter().any(|&value| !format.round(value).is_finite()) {
                return Err(infinite);
            }
            kept
        };
        let stream = encode(elements, format, &kept)?;
        self.report.bytes_per_step = self.report.bytes_per_step.max(stream.len() as u64);
        Ok(stream)
    }

    /// What the steps so far sent.
    pub fn report(&self) -> CompressionReport {
        self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topk::Stream;

    fn compression(ratio: f64, error_feedback: bool, format: ValueFormat) -> Compression {
        Compression::new(TopK { amount: Amount::Ratio(ratio), error_feedback, format }, 4).unwrap()
    }

    fn sent(compression: &mut Compression, gradient: [f32; 4]) -> Vec<f32> {
        let stream = compression.compress(gradient.to_vec()).unwrap();
        let mut dense = vec![f32::NAN; 4];
        Stream::parse(&stream).unwrap().expand_into(&mut dense);
        dense
    }

    #[test]
    fn with_error_feedback_what_is_not_sent_comes_later() {
        let mut compression = compression(0.25, true, ValueFormat::Fp32);
        assert_eq!(sent(&mut compression, [3.0, -2.0, 0.5, 0.0]), [3.0, 0.0, 0.0, 0.0]);
        assert_eq!(sent(&mut compression, [3.0, -2.0, 0.5, 0.0]), [0.0, -4.0, 0.0, 0.0]);
        assert_eq!(sent(&mut compression, [0.0; 4]), [3.0, 0.0, 0.0, 0.0]);
        assert_eq!(sent(&mut compression, [0.0; 4]), [0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn without_it_is_lost() {
        let mut compression = compression(0.25, false, ValueFormat::Fp32);
        for _ in 0..2 {
            assert_eq!(sent(&mut compression, [3.0, -2.0, 0.5, 0.0]), [3.0, 0.0, 0.0, 0.0]);
        }
        assert_eq!(sent(&mut compression, [0.0; 4]), [0.0; 4]);
    }

    #[test]
    fn what_rounding_loses_is_fed_back_too() {
        let mut compression = compression(1.0, true, ValueFormat::Bf16);
        let little = 2f32.powi(-9);
        assert_eq!(sent(&mut compression, [1.0 + little, 0.0, 0.0, 0.0]), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(sent(&mut compression, [0.0; 4]), [little, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_report_counts_elements_and_bytes() {
        let mut compression = compression(0.5, true, ValueFormat::Fp16);
        let stream = compression.compress(vec![1.0; 4]).unwrap();
        let report = compression.report();
        assert_eq!((report.kept_per_step, report.dense_bytes_per_step), (2, 16));
        assert_eq!(report.bytes_per_step, stream.len() as u64);
    }

    #[test]
    fn what_cannot_be_sent_is_refused_and_the_residual_kept() {
        for feedback in [false, true] {
            let mut compression = compression(0.25, feedback, ValueFormat::Fp16);
            sent(&mut compression, [3.0, -2.0, 0.5, 0.0]);
            let before = compression.residual.clone();
            let error = compression.compress(vec![1e6, 0.0, 0.0, 0.0]).unwrap_err().to_string();
            assert_eq!(error, "a gradient is infinite in fp16; choose bf16 or fp32, or a smaller learning rate");
            let error = compression.compress(vec![0.0, 0.0, f32::NAN, 0.0]).unwrap_err().to_string();
            assert!(error.starts_with("element 2 is NaN"), "{error}");
            assert_eq!(compression.residual, before);
        }
        let none = TopK { amount: Amount::Ratio(0.0), error_feedback: true, format: ValueFormat::Fp32 };
        assert_eq!(Compression::new(none, 4).unwrap_err(), CompressError::Ratio { ratio: 0.0 });
    }
}
