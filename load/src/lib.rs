//! Open-loop load with exact pacing.
