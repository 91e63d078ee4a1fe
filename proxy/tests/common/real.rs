//! The real Toxiproxy as a process, when it can be found.

use super::http::call;
use super::until;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

pub struct RealToxiproxy {
    process: Child,
    pub api: SocketAddr,
}

impl RealToxiproxy {
    /// `None` when there is no binary: the test says so by name and passes.
    pub fn start(test: &str) -> Option<Self> {
        let Some(binary) = binary() else {
            eprintln!(
                "SKIPPED {test}: no Toxiproxy; set TOXIPROXY_BIN or put toxiproxy-server on PATH"
            );
            return None;
        };
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let api = free.local_addr().expect("its address");
        drop(free);
        let process = Command::new(binary)
            .args(["-host", "127.0.0.1", "-port", &api.port().to_string()])
            .args(["-proxy-metrics"])
            .env("LOG_LEVEL", "fatal")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the real Toxiproxy starts");
        let real = Self { process, api };
        until("the real Toxiproxy listens", || {
            TcpStream::connect(api).is_ok()
        });
        assert_eq!(call(api, "GET", "/version", "").status, 200);
        Some(real)
    }
}

impl Drop for RealToxiproxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn binary() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("TOXIPROXY_BIN") {
        return Some(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join("toxiproxy-server"))
        .find(|file| file.is_file())
}
