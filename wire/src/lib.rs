//! Protocol servers over the broker models.
