//! W3C Trace Context, version 00: `00-{trace id}-{span id}-{flags}`.

use squall_env::Env;

/// The traceparent of what follows from a request: its trace when it has a valid one, with a span of our own.
pub(crate) fn follow<E: Env>(env: &E, incoming: Option<&str>) -> String {
    let span = nonzero(env.random("trace"));
    if let Some((trace, flags)) = incoming.and_then(parse) {
        return format!("00-{trace}-{span:016x}-{flags}");
    }
    let (high, low) = (nonzero(env.random("trace")), env.random("trace"));
    format!("00-{high:016x}{low:016x}-{span:016x}-01")
}

fn nonzero(bits: u64) -> u64 {
    bits.max(1)
}

/// Trace id and flags of a valid traceparent. Later versions are read as far as 00 goes.
fn parse(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let mut parts = text.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &str, length: usize| {
        part.len() == length
            && part
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let nonzero = |part: &str| part.bytes().any(|byte| byte != b'0');
    let complete = version != "00" || parts.next().is_none();
    let valid = hex(version, 2)
        && version != "ff"
        && hex(trace, 32)
        && nonzero(trace)
        && hex(span, 16)
        && nonzero(span)
        && hex(flags, 2);
    (valid && complete).then_some((trace, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_standard_allows_is_followed() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(
            parse(good),
            Some(("4bf92f3577b34da6a3ce929d0e0e4736", "01"))
        );
        let newer = format!("cc{}-more", &good[2..]);
        assert!(parse(&newer).is_some());
        for bad in [
            "",
            "00",
            &good[..54],
            &format!("{good}-more"),
            &good.replace("00-4b", "ff-4b"),
            &good.to_uppercase(),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
