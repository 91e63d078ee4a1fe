//! The tree of a scenario with everything laid over it that a request asks for, to be changed and written again.

use super::file::Request;
use super::files::read;
use crate::problem::Problems;
use crate::yaml::{self, Node, Value};
use std::path::Path;

/// Reads a scenario file and lays the variant and the sets of a request over it. The variants are gone from it: it is
/// the one scenario that ran.
///
/// # Errors
/// With all problems at once.
pub fn document(file: &Path, request: &Request) -> Result<Node, Problems> {
    let name = file.display().to_string();
    let mut problems = Problems::default();
    let text = read(file, &name)?;
    let Some(mut root) = yaml::parse(&name, &text, &mut problems) else {
        return Err(problems);
    };
    super::file::lay_over(&mut root, &name, request, &mut problems);
    if let Value::Map(entries) = &mut root.value {
        entries.retain(|entry| entry.key != "variants");
    }
    match problems.is_empty() {
        true => Ok(root),
        false => Err(problems),
    }
}
