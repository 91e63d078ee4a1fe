//! Planted bugs: what they are, and how long it takes to find each (`squall bugs`). A bug that the stock scenarios do not find says that
//! they are too weak; an alarm without a bug says that the simulator is wrong.

mod hunt;
mod measure;
pub mod stock;
mod table;
#[cfg(test)]
mod tests;

pub use hunt::{Hunt, draw, hunt, planted, shows};
pub use measure::{Measured, correct, measure};
pub use table::{PLANTED, Planted, document, set_bug, set_defect};
