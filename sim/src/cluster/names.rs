//! Strings and the numbers by which machines know them; one table for the whole world.

use squall_model::kafka::Name;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Default)]
pub struct Names {
    table: RefCell<Table>,
}

#[derive(Default)]
struct Table {
    by_text: BTreeMap<Arc<str>, Name>,
    texts: Vec<Arc<str>>,
}

impl Names {
    pub fn intern(&self, text: &str) -> Name {
        let mut table = self.table.borrow_mut();
        if let Some(name) = table.by_text.get(text) {
            return *name;
        }
        let name = Name(u32::try_from(table.texts.len()).unwrap_or(u32::MAX));
        let text: Arc<str> = Arc::from(text);
        table.texts.push(Arc::clone(&text));
        table.by_text.insert(text, name);
        name
    }

    /// For those who only look: a name that nobody has used yet does not get a number by it, for numbers decide on orders.
    pub fn known(&self, text: &str) -> Option<Name> {
        self.table.borrow().by_text.get(text).copied()
    }

    /// The text of a name that was interned here.
    pub fn text(&self, name: Name) -> Arc<str> {
        let table = self.table.borrow();
        let text = table.texts.get(name.0 as usize);
        text.cloned().unwrap_or_else(|| Arc::from("?"))
    }
}
