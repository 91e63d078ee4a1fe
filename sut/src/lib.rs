//! The reference systems under test and their planted bugs.
