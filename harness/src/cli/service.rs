//! `squall service NAME`: one service of a reference system alone.

use crate::exit::{Exit, Failure};
use clap::Args;
use squall_sut::ServiceError;

#[derive(Args)]
pub struct ServiceArgs {
    /// Name of the service; its settings come from environment variables (docs/signup.md)
    name: String,
}

pub fn run(args: &ServiceArgs) -> Result<Exit, Failure> {
    match squall_sut::run_service(&args.name) {
        Ok(()) => Ok(Exit::Held),
        Err(error @ (ServiceError::Unknown(_) | ServiceError::Settings(_))) => {
            Err(Failure::bad_input(error.to_string()))
        }
        Err(error) => Err(Failure::environment(error.to_string())),
    }
}
