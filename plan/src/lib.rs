//! From scenario YAML and a seed to a plan: pure data.
