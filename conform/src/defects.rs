//! The historic mistakes that the models can be told to make. A suite that does not notice one of them says nothing by its silence.

use squall_model::kafka::Defects;

/// Every switch by its name, so that a new one does not go untested.
#[must_use]
pub fn all() -> Vec<(&'static str, Defects)> {
    let switched = |name: &&'static str| Some((*name, Defects::parse(name).ok()?));
    Defects::NAMES.iter().filter_map(switched).collect()
}
