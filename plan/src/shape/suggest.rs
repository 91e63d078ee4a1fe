//! Did you mean ...?

/// The nearest of the candidates, if it is near enough to be what was meant.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(wrong);
    candidates
        .into_iter()
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
