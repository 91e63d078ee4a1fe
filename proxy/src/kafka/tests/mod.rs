#[allow(dead_code)] // some helpers are used by some tests
mod common;
mod pass;
