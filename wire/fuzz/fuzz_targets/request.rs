//! Any bytes as one request frame: `cargo +nightly fuzz run request` from `wire/`.
#![no_main]

libfuzzer_sys::fuzz_target!(|frame: &[u8]| {
    let _ = squall_wire::kafka::parse_request(frame);
});
