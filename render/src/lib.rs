//! Live view and reports: subscribers of a run that own nothing.

pub mod github;
pub mod junit;
pub mod markdown;
mod measures;
pub mod report;
pub mod terminal;
pub mod text;

pub use report::Report;
pub use text::{Glyphs, inert};

/// JSON Schema of `report.json`, as it stands in `schema/report-v1.json`.
#[must_use]
pub fn report_schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}
