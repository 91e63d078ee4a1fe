//! Files from the repository, without a disk in between.
#![allow(dead_code, clippy::unwrap_used)]

use serde_json::Value;
use squall_plan::scenario::{Files, Request};
use std::io;
use std::path::{Path, PathBuf};

pub const SIGNUP: &str = include_str!("../../../systems/signup.yaml");
pub const RELAY: &str = include_str!("../../../systems/relay.yaml");
pub const BURST: &str = include_str!("../../../scenarios/burst.yaml");

/// The shipped system files, and one more by the name of `system.yaml`.
pub struct Memory(pub String);

impl Files for Memory {
    fn find(&self, path: &str) -> io::Result<(String, String)> {
        let text = match path {
            "systems/signup.yaml" => SIGNUP,
            "systems/relay.yaml" => RELAY,
            "system.yaml" => &self.0,
            _ => return Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
        };
        Ok((text.to_owned(), "systems".to_owned()))
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub fn variant(name: &str) -> Request {
    Request {
        variant: Some(name.to_owned()),
        sets: Vec::new(),
    }
}

pub fn sets(all: &[&str]) -> Request {
    Request {
        variant: None,
        sets: all.iter().map(|set| (*set).to_owned()).collect(),
    }
}

/// Every YAML file under a folder of the repository.
pub fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yaml")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A JSON Schema as an independent implementation reads it.
pub struct Validator(boon::Schemas, boon::SchemaIndex);

impl Validator {
    pub fn new(schema: Value) -> Self {
        const URL: &str = "https://squall.test/schema.json";
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        compiler.add_resource(URL, schema).unwrap();
        let at = compiler.compile(URL, &mut schemas).unwrap();
        Self(schemas, at)
    }

    /// What is wrong with the value, with its places.
    pub fn errors(&self, value: &Value) -> Option<String> {
        let result = self.0.validate(value, self.1);
        result.err().map(|error| error.to_string())
    }
}
