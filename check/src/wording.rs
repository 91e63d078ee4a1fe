//! Small pieces of wording that every sentence with a count needs.

/// A count with its noun: `1 broker`, `3 brokers`. The noun is one that takes an s.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{s}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let told = [0, 1, 2].map(|count| counted(count, "broker"));
        assert_eq!(told, ["0 brokers", "1 broker", "2 brokers"]);
    }
}
