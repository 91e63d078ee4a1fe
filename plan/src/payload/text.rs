//! Bodies, keys and headers, compiled once: an event is written by copying pieces, no JSON is built.

use super::PayloadError;
use crate::plan::Arrival;
use crate::template::{LOAD_SLOTS, Part, Template};
use std::io::Write;

/// What is the same for all events of a load.
#[derive(Clone, Copy, Debug)]
pub struct Constants {
    pub seed: u64,
    pub stream: u16,
    /// Wall-clock time of 0 on the load clock, nanoseconds since 1970.
    pub zero_unix_ns: u64,
}

/// A template of a load, ready to be written for any event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compiled {
    pieces: Vec<Piece>,
    /// Whether the event's id is in it.
    pub has_id: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    /// What is the same for all events, the front of their ids among it.
    Text(Vec<u8>),
    Key,
    Sequence,
    /// The wall-clock time of 0 on the load clock, nanoseconds since 1970.
    Time(u64),
}

impl Compiled {
    /// # Errors
    /// When a slot is not closed or not known.
    pub fn new(load: &str, text: &str, constants: &Constants) -> Result<Self, PayloadError> {
        let template =
            Template::parse(text, LOAD_SLOTS).map_err(|error| PayloadError::Template {
                load: load.to_owned(),
                what: error.what,
                fix: error.fix,
            })?;
        let mut compiled = Self {
            pieces: Vec::new(),
            has_id: false,
        };
        for part in template.parts {
            compiled.add(part, constants);
        }
        Ok(compiled)
    }

    fn add(&mut self, part: Part, constants: &Constants) {
        let Constants { seed, stream, .. } = constants;
        let slot = match part {
            Part::Text(text) => return self.add_text(&text),
            Part::Slot(slot) => slot,
        };
        match &*slot {
            "key" => {
                self.add_text("k");
                self.pieces.push(Piece::Key);
            }
            // `{run}-{stream}-{sequence}`, the run being the seed.
            "id" => {
                self.add_text(&format!("{seed}-{stream}-"));
                self.pieces.push(Piece::Sequence);
                self.has_id = true;
            }
            "seq" => self.pieces.push(Piece::Sequence),
            "stream" => self.add_text(&stream.to_string()),
            "seed" => self.add_text(&seed.to_string()),
            "time" => self.pieces.push(Piece::Time(constants.zero_unix_ns)),
            other => self.add_text(&format!("{{{{{other}}}}}")),
        }
    }

    fn add_text(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Text(before)) => before.extend_from_slice(text.as_bytes()),
            _ => self.pieces.push(Piece::Text(text.into())),
        }
    }

    /// Appends the text for an event. Slots yield digits, ASCII letters, `-`, `:` and `.` only, so they need no
    /// escaping in JSON or in headers.
    pub fn write(&self, arrival: &Arrival, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Key => write_number(u64::from(arrival.key), out),
                Piece::Sequence => write_number(arrival.sequence, out),
                Piece::Time(zero_unix_ns) => {
                    write_rfc3339(zero_unix_ns.saturating_add(arrival.at_ns), out);
                }
            }
        }
    }
}

/// Without the way through `fmt`: an event may have several numbers.
fn write_number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// RFC 3339 in UTC with microseconds. Civil date from days: Howard Hinnant, "chrono-compatible low-level date algorithms".
fn write_rfc3339(unix_ns: u64, out: &mut Vec<u8>) {
    let (seconds, micros) = (unix_ns / 1_000_000_000, unix_ns % 1_000_000_000 / 1000);
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(template: &str, at_ns: u64) -> String {
        let constants = Constants {
            seed: 7421,
            stream: 2,
            zero_unix_ns: 1_795_247_999_000_000_000,
        };
        let arrival = Arrival {
            at_ns,
            sequence: 9874,
            key: 17,
        };
        let mut out = Vec::new();
        let compiled = Compiled::new("x", template, &constants).unwrap();
        compiled.write(&arrival, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn all_slots_are_filled() {
        assert_eq!(
            text("{{id}} {{ key }}/{{seq}}/{{stream}}/{{seed}}", 0),
            "7421-2-9874 k17/9874/2/7421"
        );
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(
            text("{{time}}", 1_500_000_000),
            "2026-11-21T08:00:00.500000Z"
        );
        let mut out = Vec::new();
        write_rfc3339(951_782_400_000_000_000, &mut out);
        assert_eq!(out, b"2000-02-29T00:00:00.000000Z");
    }

    #[test]
    fn an_unknown_slot_is_refused_with_a_fix() {
        let constants = Constants {
            seed: 1,
            stream: 0,
            zero_unix_ns: 0,
        };
        let error = Compiled::new("x", "{{ky}}", &constants).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("ky") && error.contains("key"), "{error}");
    }
}
