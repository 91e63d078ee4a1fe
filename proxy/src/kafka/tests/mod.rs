mod addresses;
mod common;
mod delays;
mod errors;
mod hostile;
mod oracle;
mod pass;
mod rules;
