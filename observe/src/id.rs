//! Ids in text form, `{run}-{stream}-{sequence}`, read without allocation.

use squall_check::EventId;

/// Reads the ids of one run.
#[derive(Clone, Debug)]
pub struct IdReader {
    /// `{run}-`.
    prefix: Vec<u8>,
}

impl IdReader {
    /// `run` is the seed.
    #[must_use]
    pub fn new(run: u64) -> Self {
        Self {
            prefix: format!("{run}-").into_bytes(),
        }
    }

    /// The id that is the whole text. `None` for anything else, ids of other runs included.
    #[must_use]
    pub fn exact(&self, text: &[u8]) -> Option<EventId> {
        let (id, used) = self.at_start(text)?;
        (used == text.len()).then_some(id)
    }

    /// The first id anywhere in the text.
    #[must_use]
    pub fn find(&self, text: &[u8]) -> Option<EventId> {
        let mut from = 0;
        while let Some(at) = self.next_prefix(text, from) {
            let begins = at == 0 || !text[at - 1].is_ascii_digit();
            if let Some((id, _)) = self.at_start(&text[at..]).filter(|_| begins) {
                return Some(id);
            }
            from = at + 1;
        }
        None
    }

    fn next_prefix(&self, text: &[u8], from: usize) -> Option<usize> {
        let windows = text.get(from..)?.windows(self.prefix.len());
        windows
            .enumerate()
            .find(|(_, window)| *window == self.prefix)
            .map(|(at, _)| from + at)
    }

    /// The id at the start of the text and its length.
    fn at_start(&self, text: &[u8]) -> Option<(EventId, usize)> {
        let rest = text.strip_prefix(self.prefix.as_slice())?;
        let (stream, stream_len) = number(rest)?;
        let rest = rest.get(stream_len..)?.strip_prefix(b"-")?;
        let (sequence, sequence_len) = number(rest)?;
        if sequence >= 1 << EventId::SEQUENCE_BITS {
            return None;
        }
        let id = EventId::new(u16::try_from(stream).ok()?, sequence);
        let used = self.prefix.len() + stream_len + 1 + sequence_len;
        (id != EventId::UNREADABLE).then_some((id, used))
    }
}

/// A decimal number as we write it, without leading zeros.
fn number(text: &[u8]) -> Option<(u64, usize)> {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if len == 0 || len > 19 || (len > 1 && text[0] == b'0') {
        return None;
    }
    let value = text[..len]
        .iter()
        .fold(0_u64, |value, byte| value * 10 + u64::from(byte - b'0'));
    Some((value, len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(run: u64, stream in 0_u16..60_000, sequence in 0_u64..1 << 48) {
            let reader = IdReader::new(run);
            let text = format!("{run}-{stream}-{sequence}");
            let id = EventId::new(stream, sequence);
            prop_assert_eq!(reader.exact(text.as_bytes()), Some(id));
            prop_assert_eq!(reader.find(format!("1700.{text}.host:2,S").as_bytes()), Some(id));
            prop_assert_eq!(reader.exact(format!("{text}.eml").as_bytes()), None);
            prop_assert_eq!(IdReader::new(run ^ 1).exact(text.as_bytes()), None);
        }

        #[test]
        fn no_text_makes_it_panic(text in prop::collection::vec(prop::sample::select(b"7-0129a".to_vec()), 0..40)) {
            let reader = IdReader::new(7);
            if let Some(id) = reader.exact(&text) {
                prop_assert_eq!(reader.find(&text), Some(id));
            }
        }
    }

    #[test]
    fn near_misses_are_foreign() {
        let reader = IdReader::new(21);
        for text in [
            "",
            "21",
            "21-",
            "21-0",
            "21-0-",
            "21-0-x",
            "7421-0-3",
            "21-00-3",
            "21-0-03",
            "21-70000-1",
            "21-0-281474976710656",
        ] {
            assert_eq!(reader.exact(text.as_bytes()), None, "{text}");
            assert_eq!(reader.find(text.as_bytes()), None, "{text}");
        }
        assert_eq!(
            reader.find(b"7421-0-3 and 21-1-4"),
            Some(EventId::new(1, 4))
        );
    }
}
