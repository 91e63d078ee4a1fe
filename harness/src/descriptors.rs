//! File descriptors: a load's connections, and both ends of each on its way through the fault proxy.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const WANTED: u64 = 65_536;

/// Raises the soft limit on open files, which many systems set to 1,024 for the sake of `select`, as far as the hard one lets it. The
/// services inherit it. Where that is refused the limit stays, and what finds no descriptor says so.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(WANTED, |most| most.min(WANTED));
    if limit.current.is_some_and(|now| now < wanted) {
        let raised = Rlimit {
            current: Some(wanted),
            maximum: limit.maximum,
        };
        let _ = setrlimit(Resource::Nofile, raised);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_soft_limit_is_raised_as_far_as_the_hard_one() {
        let before = getrlimit(Resource::Nofile);
        let low = Rlimit {
            current: Some(300),
            maximum: before.maximum,
        };
        setrlimit(Resource::Nofile, low).expect("a soft limit can be lowered");
        raise_limit();
        let wanted = before.maximum.map_or(WANTED, |most| most.min(WANTED));
        assert_eq!(getrlimit(Resource::Nofile).current, Some(wanted));
    }
}
