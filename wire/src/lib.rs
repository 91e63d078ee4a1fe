//! Protocol servers over the broker models.

pub mod kafka;
