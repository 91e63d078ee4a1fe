//! Did you mean ...?

/// The nearest of the candidates, if it is near enough to be what was meant: misspelt a little, or only a part of it.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let misspelt = misspelt(wrong, &candidates);
    misspelt.or_else(|| abridged(wrong, &candidates))
}

/// The shortest candidate that has all words of a name, in their order: `idempotence` for `enable.idempotence`.
fn abridged<'a>(wrong: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let folded = fold(wrong);
    // Of one letter or two there is no telling.
    if folded.len() < 3 {
        return None;
    }
    let has_all = |candidate: &&&str| {
        let candidate = fold(candidate);
        let mut words = candidate.split('-');
        folded
            .split('-')
            .all(|wanted| words.any(|word| word == wanted))
    };
    let found = candidates.iter().filter(has_all);
    found.min_by_key(|candidate| candidate.len()).copied()
}

/// The name that a name of one's own choice was more likely meant to be. Numbered names are meant as they are.
pub fn mistaken_for<'a>(own: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let names: Vec<&str> = names.into_iter().collect();
    let unnumbered = |name: &str| name.replace(|c: char| c.is_ascii_digit(), "");
    misspelt(&clip(own), &names).filter(|near| unnumbered(near) != unnumbered(own))
}

fn misspelt<'a>(wrong: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let folded = fold(wrong);
    candidates
        .iter()
        .copied()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&folded, &fold(candidate)),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.len().min(wrong.len()) / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean ...?`, or all of the candidates when there are few, or nothing.
pub fn did_you_mean<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    noun: &str,
) -> String {
    let all: Vec<&str> = candidates.into_iter().collect();
    if let Some(near) = nearest(&clip(wrong), all.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    match all.len() {
        0 => format!("there are no {noun}"),
        1..=24 => format!("known {noun}: {}", all.join(", ")),
        more => format!("none of the {more} known {noun} is near to it"),
    }
}

/// Distance is quadratic: a hostile key must not cost seconds.
fn clip(text: &str) -> String {
    text.chars().take(80).collect()
}

fn fold(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '_' || c == '.' {
                '-'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 5] = [
        "acks",
        "broker.session.timeout.ms",
        "enable.idempotence",
        "min.insync.replicas",
        "session.timeout.ms",
    ];

    #[test]
    fn a_name_is_meant_that_is_misspelt_or_written_in_part() {
        let cases = [
            ("ack", Some("acks")),
            ("enable_idempotence", Some("enable.idempotence")),
            ("idempotence", Some("enable.idempotence")),
            ("session.timeout", Some("session.timeout.ms")),
            ("broker.timeout", Some("broker.session.timeout.ms")),
            ("insync", Some("min.insync.replicas")),
            ("ms", None),
            ("timeout.session", None),
            ("colour", None),
        ];
        for (wrong, meant) in cases {
            assert_eq!(nearest(wrong, KNOWN), meant, "{wrong}");
        }
    }
}
