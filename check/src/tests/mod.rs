mod around;
mod fixed;
mod generate;
mod oracle;
mod property;
mod verdict_table;
