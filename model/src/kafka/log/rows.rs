//! Rows of numbers in few bytes: little-endian base 128, signed ones zigzagged, as Protocol Buffers have them.

/// Writes an unsigned number.
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Writes a signed number; small ones of both signs are short.
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Reads an unsigned number off the front; `None` when there is none.
pub fn take(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = from.split_first()?;
        *from = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Reads a signed number off the front.
pub fn take_signed(from: &mut &[u8]) -> Option<i64> {
    let zigzag = take(from)?;
    Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(pairs in prop::collection::vec((any::<u64>(), any::<i64>()), 0..50)) {
            let mut bytes = Vec::new();
            for (unsigned, signed) in &pairs {
                put(&mut bytes, *unsigned);
                put_signed(&mut bytes, *signed);
            }
            let mut rest = &bytes[..];
            for (unsigned, signed) in pairs {
                prop_assert_eq!(take(&mut rest), Some(unsigned));
                prop_assert_eq!(take_signed(&mut rest), Some(signed));
            }
            prop_assert!(rest.is_empty() && take(&mut rest).is_none());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
            let mut rest = &bytes[..];
            while take_signed(&mut rest).is_some() {}
        }
    }
}
