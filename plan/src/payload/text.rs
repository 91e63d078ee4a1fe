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
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Text(Vec<u8>),
    Key,
    Id,
    Sequence,
    Stream,
    Time,
    Seed,
}

impl Compiled {
    /// # Errors
    /// When a slot is not closed or not known.
    pub fn new(load: &str, text: &str) -> Result<Self, PayloadError> {
        let template = Template::parse(text, LOAD_SLOTS).map_err(|error| PayloadError::Template {
            load: load.to_owned(),
            what: error.what,
            fix: error.fix,
        })?;
        let pieces = template.parts.into_iter().map(Piece::from).collect();
        Ok(Self { pieces })
    }

    #[must_use]
    pub fn has_id(&self) -> bool {
        self.pieces.contains(&Piece::Id)
    }

    /// Appends the text for an event. Slots yield digits, ASCII letters, `-`, `:` and `.` only, so they need no
    /// escaping in JSON or in headers.
    pub fn write(&self, constants: &Constants, arrival: &Arrival, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Key => {
                    out.push(b'k');
                    write_number(u64::from(arrival.key), out);
                }
                Piece::Id => write_id(constants, arrival.sequence, out),
                Piece::Sequence => write_number(arrival.sequence, out),
                Piece::Stream => write_number(u64::from(constants.stream), out),
                Piece::Seed => write_number(constants.seed, out),
                Piece::Time => {
                    write_rfc3339(constants.zero_unix_ns.saturating_add(arrival.at_ns), out);
                }
            }
        }
    }
}

impl From<Part> for Piece {
    fn from(part: Part) -> Self {
        match part {
            Part::Text(text) => Self::Text(text.into_bytes()),
            Part::Slot(slot) => match slot.as_str() {
                "key" => Self::Key,
                "id" => Self::Id,
                "seq" => Self::Sequence,
                "stream" => Self::Stream,
                "time" => Self::Time,
                "seed" => Self::Seed,
                other => Self::Text(format!("{{{{{other}}}}}").into_bytes()),
            },
        }
    }
}

/// `{run}-{stream}-{sequence}`, the run being the seed.
fn write_id(constants: &Constants, sequence: u64, out: &mut Vec<u8>) {
    write_number(constants.seed, out);
    out.push(b'-');
    write_number(u64::from(constants.stream), out);
    out.push(b'-');
    write_number(sequence, out);
}

/// Decimal digits, without the way through `fmt`: an event may have several of them.
fn write_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
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
        Compiled::new("x", template)
            .unwrap()
            .write(&constants, &arrival, &mut out);
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
    fn numbers_have_all_their_digits() {
        for number in [0, 9, 10, 1_000_000_007, u64::MAX] {
            let mut out = Vec::new();
            write_number(number, &mut out);
            assert_eq!(out, number.to_string().into_bytes());
        }
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
        let error = Compiled::new("x", "{{ky}}").unwrap_err().to_string();
        assert!(error.contains("ky") && error.contains("key"), "{error}");
    }
}
