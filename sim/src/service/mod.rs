//! Simulated processes of the system under test, and what they reach.

mod env;
mod ingress;
mod mailer;
mod process;
mod store;
mod trouble;

pub use env::SimEnv;
pub use ingress::HttpFailure;
pub use mailer::{FiledMail, Mails};
pub use process::Process;
pub use store::Stores;
pub(crate) use store::text;
pub use trouble::Troubles;
