//! Kafka's jars, by Maven from wherever it is set up to take them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The release that is compared with.
pub const KAFKA_VERSION: &str = "4.2.1";

/// Kafka says nothing without a binding, which is not among its dependencies; the version of its log4j.
const LOG4J_VERSION: &str = "2.25.4";

/// A folder of jars and a Java to run them.
#[derive(Clone, Debug)]
pub struct Jars {
    pub folder: PathBuf,
}

/// Why there is no real Kafka here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Missing {
    Java,
    Maven,
    /// Maven ran and failed.
    Download(String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Java => f.write_str("there is no `java` on the path; Kafka needs Java 17"),
            Self::Maven => f.write_str("there is no `mvn` on the path to fetch Kafka's jars"),
            Self::Download(why) => write!(f, "Maven could not fetch Kafka's jars: {why}"),
        }
    }
}

impl Jars {
    /// Looks into `cache` (for example `target/kafka-4.2.1`), or fills it.
    ///
    /// # Errors
    /// [`Missing`], which makes the real arm skipped and not passed.
    pub fn find(cache: &Path) -> Result<Self, Missing> {
        if !runs("java", "-version") {
            return Err(Missing::Java);
        }
        fs::create_dir_all(cache).map_err(failed)?;
        // Maven takes relative paths to be relative to the file it reads.
        let cache = &cache.canonicalize().map_err(failed)?;
        let folder = cache.join("libs");
        let done = cache.join("complete");
        if !done.exists() {
            if !runs("mvn", "--version") {
                return Err(Missing::Maven);
            }
            fetch(cache, &folder)?;
            fs::write(&done, KAFKA_VERSION).map_err(failed)?;
        }
        Ok(Self { folder })
    }

    /// What `java -cp` takes.
    #[must_use]
    pub fn class_path(&self) -> String {
        format!("{}/*", self.folder.display())
    }
}

fn failed(error: std::io::Error) -> Missing {
    Missing::Download(error.to_string())
}

fn runs(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdout(Stdio::null());
    let status = command.stdin(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|s| s.success())
}

fn fetch(cache: &Path, folder: &Path) -> Result<(), Missing> {
    let artefact = |(group, name, version): (&str, &str, &str)| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency>"
        )
    };
    let artefacts = [
        ("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
        ("org.apache.kafka", "kafka-tools", KAFKA_VERSION),
        (
            "org.apache.logging.log4j",
            "log4j-slf4j-impl",
            LOG4J_VERSION,
        ),
    ];
    let pom = format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>squall</groupId>\
         <artifactId>conform-kafka</artifactId><version>1</version><dependencies>{}</dependencies></project>\n",
        artefacts.map(artefact).concat(),
    );
    let file = cache.join("pom.xml");
    fs::write(&file, pom).map_err(failed)?;
    let output = Command::new("mvn")
        .args(["-q", "-B", "-f"])
        .arg(&file)
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", folder.display()))
        .arg("-DincludeScope=runtime")
        .stdin(Stdio::null())
        .output()
        .map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.lines().next().unwrap_or("no reason given");
    Err(Missing::Download(first.to_owned()))
}
