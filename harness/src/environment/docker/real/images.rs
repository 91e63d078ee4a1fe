//! Which images are started. Each name, with registry and tag, is a setting.

/// One image of the environment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Image {
    Kafka,
    Toxiproxy,
    /// Has `nft`; shares the network namespace of others.
    Filter,
    Postgres,
    /// Catches mails.
    Mailpit,
}

impl Image {
    /// Environment variable with another name.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Kafka => "SQUALL_IMAGE_KAFKA",
            Self::Toxiproxy => "SQUALL_IMAGE_TOXIPROXY",
            Self::Filter => "SQUALL_IMAGE_NETSHOOT",
            Self::Postgres => "SQUALL_IMAGE_POSTGRES",
            Self::Mailpit => "SQUALL_IMAGE_MAILPIT",
        }
    }

    const fn usual(self) -> &'static str {
        match self {
            Self::Kafka => "apache/kafka:4.2.1",
            Self::Toxiproxy => "ghcr.io/shopify/toxiproxy:2.12.0",
            Self::Filter => "nicolaka/netshoot:v0.14",
            Self::Postgres => "postgres:17",
            Self::Mailpit => "axllent/mailpit:v1.27.11",
        }
    }

    /// Name and tag.
    pub fn reference(self) -> (String, String) {
        let set = std::env::var(self.variable());
        split(&set.unwrap_or_else(|_| self.usual().to_owned()))
    }
}

/// A colon before the last slash belongs to a registry's port.
fn split(reference: &str) -> (String, String) {
    match reference.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name.to_owned(), tag.to_owned()),
        _ => (reference.to_owned(), "latest".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_port_is_no_tag() {
        let parts = |text: &str| {
            let (name, tag) = split(text);
            format!("{name} {tag}")
        };
        assert_eq!(parts("apache/kafka:4.2.1"), "apache/kafka 4.2.1");
        assert_eq!(parts("localhost:5000/kafka"), "localhost:5000/kafka latest");
        assert_eq!(parts("localhost:5000/kafka:4"), "localhost:5000/kafka 4");
    }
}
