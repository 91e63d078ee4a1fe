//! One description of what the files may hold. The structural check, the paths of `--set` and the JSON Schema all read
//! it, so they cannot disagree.

mod check;
mod json;
mod names;
mod quantity;
mod scenario;
mod suggest;
mod system;

pub use check::check;
pub use json::{scenario_schema, system_schema};
pub(crate) use quantity::shorten;
pub(crate) use suggest::{did_you_mean, mistaken_for, nearest};

pub use self::scenario::scenario;
pub(crate) use self::system::STORES;
pub use self::system::system;

/// What a value may be.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Any text that is not empty.
    Text,
    /// Letters, digits, `-`, `_`, `.`: names of services, sinks, topics, faults.
    Name,
    Integer {
        min: i64,
        max: i64,
    },
    Number {
        min: f64,
        max: f64,
    },
    /// A share, 0 to 1 or in percent.
    Share,
    Duration,
    Rate,
    Size,
    Bandwidth,
    Choice(&'static [&'static str]),
    /// A kind of fault that a nemesis draws.
    DrawnKind,
    /// A single value that is handed on as text.
    Setting,
    /// Text with `{{slots}}` of this set.
    Template(&'static [&'static str]),
    /// Any YAML, with `{{slots}}` of this set in its strings.
    Body(&'static [&'static str]),
    /// Any YAML.
    Anything,
    List(Box<Shape>),
    /// Keys that the user chooses.
    MapOf(Box<Shape>),
    /// Settings under another project's names; these are known.
    Settings(&'static [&'static str]),
    Object(Object),
    /// One of several, told apart by what kind of node is there.
    Either(Box<Either>),
}

/// Alternatives by kind of node.
#[derive(Clone, Debug, Default)]
pub struct Either {
    pub scalar: Option<Shape>,
    pub list: Option<Shape>,
    pub map: Option<Shape>,
}

/// A mapping with known keys.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// For messages: `a stage`, `a fault`.
    pub noun: &'static str,
    pub fields: Vec<Field>,
    /// Exactly one of these keys must be there; at most one when `may_lack`.
    pub one_of: Vec<&'static str>,
    pub may_lack: bool,
    /// Further keys under another project's names.
    pub settings: &'static [&'static str],
}

#[derive(Clone, Debug)]
pub struct Field {
    pub key: &'static str,
    pub about: &'static str,
    pub required: bool,
    pub shape: Shape,
}

impl Object {
    pub(crate) fn new(noun: &'static str) -> Self {
        Self {
            noun,
            ..Self::default()
        }
    }

    pub(crate) fn field(mut self, key: &'static str, shape: Shape, about: &'static str) -> Self {
        self.fields.push(Field {
            key,
            about,
            required: false,
            shape,
        });
        self
    }

    pub(crate) fn required(mut self, key: &'static str, shape: Shape, about: &'static str) -> Self {
        self.fields.push(Field {
            key,
            about,
            required: true,
            shape,
        });
        self
    }

    pub(crate) fn one_of(mut self, keys: &[&'static str]) -> Self {
        self.one_of = keys.to_vec();
        self
    }

    pub(crate) fn at_most_one_of(self, keys: &[&'static str]) -> Self {
        Self {
            may_lack: true,
            ..self.one_of(keys)
        }
    }

    pub(crate) fn settings(mut self, known: &'static [&'static str]) -> Self {
        self.settings = known;
        self
    }

    pub(crate) fn shape(self) -> Shape {
        Shape::Object(self)
    }

    /// Every key that may stand here.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.fields
            .iter()
            .map(|field| field.key)
            .chain(self.settings.iter().copied())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }
}

pub(crate) fn list(of: Shape) -> Shape {
    Shape::List(Box::new(of))
}

pub(crate) fn map_of(of: Shape) -> Shape {
    Shape::MapOf(Box::new(of))
}

pub(crate) fn one_or_many(of: Shape) -> Shape {
    let many = list(of.clone());
    let (scalar, map) = if matches!(of, Shape::Object(_)) {
        (None, Some(of))
    } else {
        (Some(of), None)
    };
    Shape::Either(Box::new(Either {
        scalar,
        list: Some(many),
        map,
    }))
}

pub(crate) fn text_or(scalar: Shape, map: Shape) -> Shape {
    Shape::Either(Box::new(Either {
        scalar: Some(scalar),
        list: None,
        map: Some(map),
    }))
}
