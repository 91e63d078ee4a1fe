//! `squall`: parse, run, exit.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    squall::environment::guard_if_asked().unwrap_or_else(|| {
        squall_proxy::allow_many_files();
        squall::cli::run(std::env::args_os()).into()
    })
}
