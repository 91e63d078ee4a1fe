//! The traits that a system under test is written against.
