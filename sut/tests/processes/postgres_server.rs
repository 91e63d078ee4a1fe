//! A PostgreSQL server of a test's own. Needs the server's programs on the path or where Debian puts them.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// On loopback, in a folder that goes with it.
pub struct Server {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
}

/// The newest of Debian's folders, else whatever is on the path.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let folders = versions.flatten().map(|version| version.path().join("bin"));
    let has_all = |folder: &PathBuf| folder.join("initdb").exists();
    folders.filter(has_all).max().unwrap_or_default()
}

impl Server {
    /// Made, not started. The server refuses to run as root: then it is the user `postgres`, as Debian's package makes it.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            programs: programs(),
            port: free.local_addr().unwrap().port(),
            folder,
        };
        let all_may_enter = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(server.folder.path(), all_may_enter).unwrap();
        if is_root() {
            let mut chown = Command::new("chown");
            let owned = chown.arg("postgres").arg(server.folder.path()).status();
            assert!(owned.unwrap().success());
        }
        let folder = server.folder.path().display();
        let options = format!("--auth=trust --username=squall --no-sync --pgdata={folder}/data");
        server.run("initdb", &options.split(' ').collect::<Vec<_>>());
        server
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let command = command.args(arguments).current_dir(self.folder.path());
        let log = self.folder.path().join("programs.log");
        let log = std::fs::File::options().create(true).append(true).open(log);
        let done = command.stdout(Stdio::null()).stderr(log.unwrap()).status();
        assert!(done.unwrap().success(), "{}", self.logs());
    }

    pub fn logs(&self) -> String {
        let read = |name| std::fs::read_to_string(self.folder.path().join(name));
        let logs = ["programs.log", "server.log"].map(read);
        logs.into_iter().flatten().collect()
    }

    pub fn start(&self) {
        let folder = self.folder.path().display();
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}",
            self.port
        );
        let log = format!("{folder}/server.log");
        let data = format!("{folder}/data");
        let all = ["start", "-w", "-D", &data, "-l", &log, "-o", &options];
        self.run("pg_ctl", &all);
    }

    /// Ends it as a crash would: connections break, nothing is finished.
    pub fn crash(&self) {
        let data = format!("{}/data", self.folder.path().display());
        self.run("pg_ctl", &["stop", "-w", "-m", "immediate", "-D", &data]);
    }

    pub fn url(&self) -> String {
        format!("postgres://squall:pw@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.folder.path().join("data/postmaster.pid").exists() {
            self.crash();
        }
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}
