//! SCRAM as a client does it (RFC 5802, RFC 7677), without a channel binding: Kafka has none.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;

/// A server that asks for more rounds would stop everything else that the proxy does; Kafka itself stores 16384 at most.
const ITERATIONS_MAX: u32 = 100_000;
/// `n,,`: no channel binding, no other identity.
const NO_BINDING: &str = "n,,";
const NO_BINDING_BASE64: &str = "biws";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hash {
    Sha256,
    Sha512,
}

/// What the password comes to with a server's salt. As long to compute as a guess at the password shall take, so it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Salted {
    salt: Vec<u8>,
    iterations: NonZeroU32,
    password: Vec<u8>,
}

/// One exchange, between the first message and the last.
pub struct Scram {
    hash: Hash,
    nonce: String,
    first_bare: String,
    /// The server knows the password too if it signs so.
    server_signature: Option<hmac::Tag>,
}

impl Scram {
    /// With the client's first message. `nonce`: printable, without a comma, never used before.
    pub fn begin(hash: Hash, username: &str, nonce: &str) -> (Self, String) {
        let username = username.replace('=', "=3D").replace(',', "=2C");
        let first_bare = format!("n={username},r={nonce}");
        let message = format!("{NO_BINDING}{first_bare}");
        let scram = Self {
            hash,
            nonce: nonce.to_owned(),
            first_bare,
            server_signature: None,
        };
        (scram, message)
    }

    /// The client's last message, in answer to the server's first. `kept` is what an earlier exchange came to.
    pub fn answer(
        &mut self,
        server_first: &str,
        password: &str,
        kept: &mut Option<Salted>,
    ) -> Result<String, &'static str> {
        let nonce = field(server_first, 'r').ok_or("it sent no nonce")?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err("its nonce does not go on from ours");
        }
        let salt = field(server_first, 's').and_then(|salt| BASE64_STANDARD.decode(salt).ok());
        let salt = salt.ok_or("it sent no salt")?;
        let iterations = field(server_first, 'i').and_then(|count| count.parse().ok());
        let iterations: NonZeroU32 = iterations.ok_or("it sent no count of iterations")?;
        if iterations.get() > ITERATIONS_MAX {
            return Err("it asks for more iterations than is sound");
        }
        let is_same = |kept: &Salted| kept.salt == salt && kept.iterations == iterations;
        let salted = match kept.take().filter(is_same) {
            Some(salted) => salted,
            None => self.hash.salted(password, salt, iterations),
        };
        let unproven = format!("c={NO_BINDING_BASE64},r={nonce}");
        let signed = format!("{},{server_first},{unproven}", self.first_bare);
        let client_key = self.hash.sign(&salted.password, b"Client Key");
        let stored_key = self.hash.digest(client_key.as_ref());
        let signature = self.hash.sign(stored_key.as_ref(), signed.as_bytes());
        let pairs = client_key.as_ref().iter().zip(signature.as_ref());
        let proof: Vec<u8> = pairs.map(|(key, signature)| key ^ signature).collect();
        let server_key = self.hash.sign(&salted.password, b"Server Key");
        self.server_signature = Some(self.hash.sign(server_key.as_ref(), signed.as_bytes()));
        *kept = Some(salted);
        Ok(format!("{unproven},p={}", BASE64_STANDARD.encode(proof)))
    }

    /// Whether the server's last message shows that it knows the password.
    pub fn verify(&self, server_last: &str) -> Result<(), &'static str> {
        let signature = field(server_last, 'v').and_then(|v| BASE64_STANDARD.decode(v).ok());
        let expected = self.server_signature.as_ref().map(AsRef::as_ref);
        match (signature, expected) {
            (Some(signature), Some(expected)) if signature == expected => Ok(()),
            _ => Err("it does not show that it knows the password itself"),
        }
    }
}

impl Hash {
    fn salted(self, password: &str, salt: Vec<u8>, iterations: NonZeroU32) -> Salted {
        let (algorithm, length) = match self {
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, digest::SHA256_OUTPUT_LEN),
            Self::Sha512 => (pbkdf2::PBKDF2_HMAC_SHA512, digest::SHA512_OUTPUT_LEN),
        };
        let mut derived = vec![0; length];
        pbkdf2::derive(
            algorithm,
            iterations,
            &salt,
            password.as_bytes(),
            &mut derived,
        );
        Salted {
            salt,
            iterations,
            password: derived,
        }
    }

    fn sign(self, key: &[u8], text: &[u8]) -> hmac::Tag {
        let algorithm = match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), text)
    }

    fn digest(self, of: &[u8]) -> digest::Digest {
        match self {
            Self::Sha256 => digest::digest(&digest::SHA256, of),
            Self::Sha512 => digest::digest(&digest::SHA512, of),
        }
    }
}

/// `field("r=abc,s=def", 's')` is `def`.
fn field(message: &str, name: char) -> Option<&str> {
    let mut fields = message.split(',');
    fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const LAST: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    /// The example of RFC 7677, section 3.
    #[test]
    fn the_example_of_the_rfc() {
        let (mut scram, first) = Scram::begin(Hash::Sha256, "user", NONCE);
        assert_eq!(first, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let mut kept = None;
        let last = scram.answer(FIRST, "pencil", &mut kept);
        let wanted = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(last.as_deref(), Ok(wanted));
        assert_eq!(scram.verify(LAST), Ok(()));
        assert!(scram.verify("v=AAAA").is_err());
        assert!(scram.verify("e=other-error").is_err());
        assert!(kept.is_some());
        let (mut again, _) = Scram::begin(Hash::Sha256, "user", NONCE);
        let last = again.answer(FIRST, "not asked for again", &mut kept);
        assert_eq!(last.as_deref(), Ok(wanted));
    }

    #[test]
    fn a_name_is_escaped_and_an_odd_server_is_refused() {
        let (mut scram, first) = Scram::begin(Hash::Sha512, "a,b=c", NONCE);
        assert!(first.starts_with("n,,n=a=2Cb=3Dc,r="));
        let salt = "s=W22ZaJ0SNY7soEsUEjb6gQ==";
        for odd in [
            format!("r=other,{salt},i=4096"),
            format!("r={NONCE},{salt},i=4096"),
            format!("r={NONCE}x,i=4096"),
            format!("r={NONCE}x,{salt},i=0"),
            format!("r={NONCE}x,{salt},i=4000000000"),
        ] {
            assert!(scram.answer(&odd, "p", &mut None).is_err(), "{odd}");
        }
        assert!(scram.verify(LAST).is_err(), "before the answer");
    }
}
