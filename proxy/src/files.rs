//! The limit on open files.

/// Raises this process's soft limit, and that of what it starts, to the hard one: with two sockets for each connection through a proxy, and one for each of a
/// load's, the usual 1,024 files are soon reached, and the hard limit is far away.
pub fn allow_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Not allowed: then there are fewer connections.
    let _ = setrlimit(Resource::Nofile, limit);
}
