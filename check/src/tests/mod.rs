mod around;
mod around_oracle;
mod fixed;
mod generate;
mod oracle;
mod property;
mod verdict_table;
