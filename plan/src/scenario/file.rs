//! From a file to a [`Scenario`]: parse, lay the variant and the `--set`s over it, check, type.

use super::read;
use super::{Scenario, files};
use crate::problem::Problems;
use crate::shape::{self, did_you_mean};
use crate::yaml::{self, Node, Place};
use std::path::Path;
use std::sync::Arc;

/// Each variant is checked as a scenario of its own.
const VARIANTS_MAX: usize = 64;

/// What the command line asks for besides the file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Request {
    pub variant: Option<String>,
    /// Each `path=value`, the value being YAML; `null` takes the key away. They come after the variant.
    pub sets: Vec<String>,
}

/// Reads and checks a scenario file.
///
/// Variants are checked whether they are chosen or not.
///
/// # Errors
/// With all problems at once.
pub fn load(file: &Path, request: &Request) -> Result<Scenario, Problems> {
    let name = file.display().to_string();
    let text = files::read(file, &name)?;
    from_text(&name, &text, request, &files::Disk::beside(file))
}

/// Checks a scenario from its text; `files` finds the system file.
///
/// # Errors
/// With all problems at once.
pub fn from_text(
    name: &str,
    text: &str,
    request: &Request,
    files: &dyn files::Files,
) -> Result<Scenario, Problems> {
    let mut problems = Problems::default();
    let Some(root) = yaml::parse(name, text, &mut problems) else {
        return Err(problems);
    };
    let mut plain = root.clone();
    read::scenario(&root, name, files, &mut problems);
    check_variants(&root, name, files, &mut problems);
    lay_over(&mut plain, name, request, &mut problems);
    let mut scenario = read::scenario(&plain, name, files, &mut problems);
    scenario.tree = Arc::new(plain);
    text.clone_into(&mut scenario.text);
    scenario.variant.clone_from(&request.variant);
    scenario.sets.clone_from(&request.sets);
    problems.sort_by_file(name);
    if problems.is_empty() {
        Ok(scenario)
    } else {
        Err(problems)
    }
}

/// The variant, then the sets.
pub(super) fn lay_over(root: &mut Node, name: &str, request: &Request, problems: &mut Problems) {
    if let Some(variant) = &request.variant {
        choose(root, variant, name, problems);
    }
    for argument in &request.sets {
        apply_argument(root, argument, problems);
    }
}

/// Every variant must make a good scenario; what is wrong in the plain one is not said again.
fn check_variants(root: &Node, name: &str, files: &dyn files::Files, problems: &mut Problems) {
    let variants = root.get("variants").map_or(&[][..], Node::entries);
    if let Some(one_more) = variants.get(VARIANTS_MAX) {
        problems.at(
            &one_more.place,
            format!("more than {VARIANTS_MAX} variants"),
            "make another file of the rest",
        );
    }
    for variant in variants.iter().take(VARIANTS_MAX) {
        let mut changed = root.clone();
        let mut found = Problems::default();
        apply(&mut changed, &variant.value, &mut found);
        read::scenario(&changed, name, files, &mut found);
        for mut problem in found.0 {
            if !problems.0.contains(&problem) {
                problem.what = format!("variant `{}`: {}", variant.key, problem.what);
                problems.push(problem);
            }
        }
    }
}

fn choose(root: &mut Node, variant: &str, name: &str, problems: &mut Problems) {
    let variants = root.get("variants").cloned();
    match variants.as_ref().and_then(|variants| variants.get(variant)) {
        Some(chosen) => apply(root, chosen, &mut Problems::default()),
        None => {
            let known = variants
                .as_ref()
                .map_or(&[][..], Node::entries)
                .iter()
                .map(|entry| entry.key.as_str());
            let fix = did_you_mean(variant, known, "variants");
            problems.at(
                &Place::of("--variant"),
                format!("{name} has no variant `{variant}`"),
                fix,
            );
        }
    }
}

/// Lays a variant over the scenario.
fn apply(root: &mut Node, variant: &Node, problems: &mut Problems) {
    for set in variant.get("set").map_or(&[][..], Node::entries) {
        if check_settable(&set.key, &set.place, problems) {
            yaml::set(
                root,
                shape::scenario(),
                &set.key,
                set.value.clone(),
                &set.place,
                problems,
            );
        }
    }
    if let Some(expect) = variant
        .get("expect")
        .filter(|expect| expect.kind() == "a mapping")
    {
        let place = expect.place.clone();
        let mut merged = root
            .get("expect")
            .cloned()
            .unwrap_or_else(|| Node::empty_map(place.clone()));
        yaml::overlay(&mut merged, expect);
        yaml::set(root, shape::scenario(), "expect", merged, &place, problems);
    }
}

fn apply_argument(root: &mut Node, argument: &str, problems: &mut Problems) {
    let source = format!("--set {argument}");
    let place = Place::of(&source);
    let Some((path, value)) = argument.split_once('=') else {
        return problems.at(
            &place,
            "there is no `=` in it",
            "write --set path=value, such as --set bus.kafka.brokers=5",
        );
    };
    if !check_settable(path.trim(), &place, problems) {
        return;
    }
    if let Some(value) = yaml::parse_argument(&source, value, problems) {
        yaml::set(
            root,
            shape::scenario(),
            path.trim(),
            value,
            &place,
            problems,
        );
    }
}

fn check_settable(path: &str, place: &Place, problems: &mut Problems) -> bool {
    let top = path.split('.').next().unwrap_or_default();
    let fixed = ["squall", "variants"].contains(&top);
    if fixed {
        problems.at(
            place,
            format!("`{top}` cannot be set"),
            "set what the scenario does",
        );
    }
    !fixed
}

impl Problems {
    /// The scenario's own first, then other files, then arguments; by line.
    fn sort_by_file(&mut self, scenario: &str) {
        self.0.sort_by_key(|problem| {
            (
                problem.line == 0,
                problem.source != scenario,
                problem.source.clone(),
                problem.line,
                problem.column,
            )
        });
    }
}
