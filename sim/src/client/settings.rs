//! librdkafka's settings as far as the models heed them, with its defaults.

use crate::kernel::{MS, Nanos};
use squall_env::{BusError, ClientSettings, ConsumerSettings, ProducerSettings};
use squall_model::kafka::Acks;

#[derive(Clone, Debug)]
pub struct ProducerOptions {
    pub acks: Acks,
    pub idempotent: bool,
    pub linger: Nanos,
    pub batch_records: usize,
    pub batch_bytes: usize,
    pub queue_records: usize,
    pub message_bytes: usize,
    pub delivery_timeout: Nanos,
    pub request_timeout_ms: i32,
    pub retry_backoff: Nanos,
    pub retries: u64,
    /// Batches of one partition that may be under way at once.
    pub in_flight: usize,
}

#[derive(Clone, Debug)]
pub struct ConsumerOptions {
    pub group: String,
    pub topics: Vec<String>,
    pub instance: Option<String>,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub heartbeat: Nanos,
    /// The client commits by itself what it delivered.
    pub auto_commit: Option<Nanos>,
    pub from_earliest: bool,
    pub fetch_wait_ms: i32,
    pub fetch_min_bytes: i32,
    pub partition_fetch_bytes: i32,
    pub queue_records: usize,
}

const IN_FLIGHT: &[&str] = &["max.in.flight.requests.per.connection", "max.in.flight"];

/// Both kinds of settings laid together, the client's own on top.
fn laid_over(common: &ClientSettings, own: &ClientSettings) -> ClientSettings {
    let mut all = common.clone();
    all.0
        .extend(own.0.iter().map(|(n, v)| (n.clone(), v.clone())));
    all
}

fn number(settings: &ClientSettings, names: &[&str], default: i64) -> Result<i64, BusError> {
    let found = names
        .iter()
        .find_map(|name| Some((name, settings.get(name)?)));
    match found {
        None => Ok(default),
        Some((name, text)) => {
            let refused = || BusError::Settings(format!("{name}={text} is not a whole number"));
            text.trim()
                .parse::<f64>()
                .map(|value| value as i64)
                .map_err(|_| refused())
        }
    }
}

fn ms(settings: &ClientSettings, names: &[&str], default: i64) -> Result<Nanos, BusError> {
    let value = number(settings, names, default)?;
    Ok(u64::try_from(value).unwrap_or(0) * MS)
}

fn size(settings: &ClientSettings, names: &[&str], default: i64) -> Result<usize, BusError> {
    Ok(usize::try_from(number(settings, names, default)?).unwrap_or(0))
}

fn int(settings: &ClientSettings, names: &[&str], default: i64) -> Result<i32, BusError> {
    Ok(i32::try_from(number(settings, names, default)?).unwrap_or(i32::MAX))
}

impl ProducerOptions {
    /// # Errors
    /// [`BusError::Settings`] for a value that cannot be read, or acks that idempotence forbids.
    pub fn read(common: &ClientSettings, own: &ProducerSettings) -> Result<Self, BusError> {
        let all = laid_over(common, &own.client);
        let acks = match all
            .get("acks")
            .or_else(|| all.get("request.required.acks"))
            .unwrap_or("all")
        {
            "all" | "-1" => Acks::All,
            "1" => Acks::Leader,
            "0" => Acks::None,
            other => {
                return Err(BusError::Settings(format!(
                    "acks={other}: there are 0, 1 and all"
                )));
            }
        };
        let idempotent = all.is_on("enable.idempotence").unwrap_or(acks == Acks::All);
        if idempotent && acks != Acks::All {
            let problem = "enable.idempotence=true needs acks=all";
            return Err(BusError::Settings(problem.to_owned()));
        }
        Ok(Self {
            acks,
            idempotent,
            linger: ms(&all, &["linger.ms", "queue.buffering.max.ms"], 5)?,
            batch_records: size(&all, &["batch.num.messages"], 10_000)?.max(1),
            batch_bytes: size(&all, &["batch.size"], 1_000_000)?,
            queue_records: size(&all, &["queue.buffering.max.messages"], 100_000)?,
            message_bytes: size(&all, &["message.max.bytes"], 1_000_000)?,
            delivery_timeout: ms(
                &all,
                &["message.timeout.ms", "delivery.timeout.ms"],
                300_000,
            )?,
            request_timeout_ms: int(&all, &["request.timeout.ms"], 30_000)?,
            retry_backoff: ms(&all, &["retry.backoff.ms"], 100)?,
            retries: number(
                &all,
                &["retries", "message.send.max.retries"],
                i64::from(i32::MAX),
            )?
            .unsigned_abs(),
            in_flight: match idempotent {
                true => 1,
                false => size(&all, IN_FLIGHT, 1_000_000)?.max(1),
            },
        })
    }
}

impl ConsumerOptions {
    /// # Errors
    /// [`BusError::Settings`] for a value that cannot be read.
    pub fn read(common: &ClientSettings, own: &ConsumerSettings) -> Result<Self, BusError> {
        let all = laid_over(common, &own.client);
        let auto = all.is_on("enable.auto.commit").unwrap_or(false)
            && all.is_on("enable.auto.offset.store").unwrap_or(false);
        let every = ms(&all, &["auto.commit.interval.ms"], 5_000)?;
        let reset = all.get("auto.offset.reset").unwrap_or("earliest");
        Ok(Self {
            group: all.get("group.id").unwrap_or(&own.group).to_owned(),
            topics: own.topics.clone(),
            instance: all.get("group.instance.id").map(str::to_owned),
            session_timeout_ms: int(&all, &["session.timeout.ms"], 45_000)?,
            rebalance_timeout_ms: int(&all, &["max.poll.interval.ms"], 300_000)?,
            heartbeat: ms(&all, &["heartbeat.interval.ms"], 3_000)?,
            auto_commit: auto.then_some(every),
            from_earliest: matches!(reset, "earliest" | "smallest" | "beginning"),
            fetch_wait_ms: int(&all, &["fetch.wait.max.ms"], 500)?,
            fetch_min_bytes: int(&all, &["fetch.min.bytes"], 1)?,
            partition_fetch_bytes: int(
                &all,
                &["max.partition.fetch.bytes", "fetch.message.max.bytes"],
                1 << 20,
            )?,
            queue_records: size(&all, &["queued.min.messages"], 100_000)?,
        })
    }
}
