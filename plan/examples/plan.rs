//! `cargo run -p squall-plan --example plan -- FILE [SEED] [VARIANT]`: a plan without the rest of Squall.

use squall_plan::plan::Environment;
use squall_plan::scenario::Request;
use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(file) = arguments.first() else {
        return eprintln!("usage: plan FILE [SEED] [VARIANT]");
    };
    let seed = arguments
        .get(1)
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(7421);
    let request = Request {
        variant: arguments.get(2).cloned(),
        ..Request::default()
    };
    let plan = squall_plan::scenario::load(Path::new(file), &request)
        .and_then(|scenario| squall_plan::Plan::derive(&scenario, seed, Environment::Embedded));
    match plan {
        Ok(plan) => println!("{}", plan.to_text()),
        Err(problems) => eprintln!("{problems}"),
    }
}
