//! Live view and reports: subscribers of a run that own nothing.
