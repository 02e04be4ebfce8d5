//! Histories of transactions on lists and registers.

use history::{ReadError, Source};

use crate::judge::nothing_judged;
use crate::options::{Model, Options};
use crate::verdict::Verdict;

/// Judges a history of transactions.
pub(crate) fn judge(
    _source: &mut dyn Source,
    model: Model,
    _options: &Options,
) -> Result<Verdict, ReadError> {
    Ok(nothing_judged(
        model.name(),
        "this version cannot judge transactions yet",
    ))
}
