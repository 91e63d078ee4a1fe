//! Takes events over HTTP, and says yes only once the broker has them.

mod answer;
mod request;

use crate::bugs::Bug;
use crate::envelope;
use crate::events::Catalogue;
use crate::service::ServiceError;
use crate::settings::Settings;
use request::Accepted;
use squall_env::{
    Either, Env, Field, Incoming, Ingress, IngressSettings, Level, LogEntry, Message, Outcome,
    Producer, ProducerSettings, Responder, Response, SendError, Ticket, select,
};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

const BODY_BYTES_MAX: usize = 1 << 20;
const IN_FLIGHT_MAX: usize = 10_000;
const ACCEPT_MAX: usize = 256;
/// After SIGTERM, how long requests that were taken may still wait for the broker.
const GRACE: Duration = Duration::from_secs(5);

type ResponderOf<E> = <<E as Env>::Ingress as Ingress>::Responder;

/// A request whose event is on its way to the broker.
struct Waiting<R> {
    responder: R,
    id: String,
    traceparent: String,
    deadline_ns: u64,
}

struct Handler<'a, E: Env> {
    env: &'a E,
    settings: &'a Settings,
    catalogue: &'static Catalogue,
    producer: Rc<E::Producer>,
    waiting: BTreeMap<Ticket, Waiting<ResponderOf<E>>>,
}

pub(crate) async fn run<E: Env>(env: &E, settings: &Settings) -> Result<(), ServiceError> {
    let producer = Rc::new(env.producer(&client(settings))?);
    let ingress = env
        .ingress(&IngressSettings {
            body_bytes_max: BODY_BYTES_MAX,
            in_flight_max: IN_FLIGHT_MAX,
        })
        .await?;
    ready_when_connected(env, &producer, settings.topic.clone());
    let mut handler = Handler {
        env,
        settings,
        catalogue: Catalogue::shared(),
        producer,
        waiting: BTreeMap::new(),
    };
    handler.serve(&ingress).await;
    env.set_ready(false);
    ingress.close();
    handler.finish(&ingress).await;
    Ok(())
}

fn client(settings: &Settings) -> ProducerSettings {
    let mut own = ProducerSettings::default();
    let ms = message_timeout(settings.ack_timeout).as_millis();
    if settings.client.get("message.timeout.ms").is_none()
        && settings.client.get("delivery.timeout.ms").is_none()
    {
        own.client.set("message.timeout.ms", &ms.max(1).to_string());
    }
    if settings.bugs.has(Bug::Acks1) {
        own.client.set("acks", "1");
        own.client.set("enable.idempotence", "false");
    }
    own
}

/// The client gives an event up after this time, before the request itself times out, so that the answer says why. The client
/// looks for such events once a second only.
fn message_timeout(ack_timeout: Duration) -> Duration {
    let early = (ack_timeout / 6).max(Duration::from_millis(1500));
    ack_timeout.saturating_sub(early).max(ack_timeout / 2)
}

fn ready_when_connected<E: Env>(env: &E, producer: &Rc<E::Producer>, topic: String) {
    let (env, producer) = (env.clone(), Rc::clone(producer));
    env.clone().spawn(async move {
        match producer.ready(&topic).await {
            Ok(()) => env.set_ready(true),
            Err(error) => env.log(&LogEntry::new(Level::Error, &error.to_string())),
        }
    });
}

impl<E: Env> Handler<'_, E> {
    /// Until the process is asked to stop.
    async fn serve(&mut self, ingress: &E::Ingress) {
        let env = self.env;
        let mut shutdown = Box::pin(env.shutdown());
        let mut outcomes = Vec::new();
        let mut requests = Vec::new();
        loop {
            let producer = Rc::clone(&self.producer);
            let step = select(
                shutdown.as_mut(),
                select(
                    producer.completions(&mut outcomes),
                    select(
                        ingress.accept(ACCEPT_MAX, &mut requests),
                        self.next_deadline(),
                    ),
                ),
            )
            .await;
            if let Either::First(()) = step {
                break;
            }
            let closed = matches!(step, Either::Second(Either::Second(Either::First(false))));
            self.complete(outcomes.drain(..));
            requests.drain(..).for_each(|incoming| self.take(incoming));
            self.expire();
            let open = self.waiting.len() as f64;
            env.gauge("signup_requests_in_flight", &[], open);
            if closed {
                break;
            }
        }
    }

    /// Answers what was taken, as far as the broker does within the grace.
    async fn finish(&mut self, ingress: &E::Ingress) {
        let end_ns = self.env.now_ns() + as_ns(GRACE);
        let mut outcomes = Vec::new();
        let mut requests = Vec::new();
        // What was accepted before the close still waits in the ingress.
        while ingress.accept(ACCEPT_MAX, &mut requests).await {
            requests.drain(..).for_each(|incoming| self.take(incoming));
        }
        if self.settings.bugs.has(Bug::AnswerAtShutdown) {
            for (_, waiting) in std::mem::take(&mut self.waiting) {
                let response = answer::created(&waiting.id, None);
                waiting.responder.respond(response);
            }
        }
        while !self.waiting.is_empty() && self.env.now_ns() < end_ns {
            let left = Duration::from_nanos(end_ns.saturating_sub(self.env.now_ns()));
            let producer = Rc::clone(&self.producer);
            select(producer.completions(&mut outcomes), self.env.sleep(left)).await;
            self.complete(outcomes.drain(..));
        }
        for (_, waiting) in std::mem::take(&mut self.waiting) {
            waiting.responder.respond(answer::timed_out(&waiting.id));
        }
        let _ = squall_env::timeout(self.env, GRACE, ingress.drained()).await;
    }

    async fn next_deadline(&self) {
        match self.waiting.first_key_value() {
            // Tickets ascend, and all wait equally long: the first one is due first.
            Some((_, first)) => {
                let left = first.deadline_ns.saturating_sub(self.env.now_ns());
                self.env.sleep(Duration::from_nanos(left)).await;
            }
            None => std::future::pending().await,
        }
    }

    fn take(&mut self, incoming: Incoming<ResponderOf<E>>) {
        let Incoming { request, responder } = incoming;
        let accepted = match request::read(self.env, self.catalogue, &request) {
            Ok(accepted) => accepted,
            Err(response) => {
                self.count("refused");
                responder.respond(*response);
                return;
            }
        };
        match self.send(&accepted) {
            Ok(_) if self.settings.bugs.has(Bug::AnswerBeforeAck) => {
                responder.respond(answer::created(&accepted.id, None));
            }
            Ok(ticket) => {
                let deadline_ns = self.env.now_ns() + as_ns(self.settings.ack_timeout);
                let waiting = Waiting {
                    responder,
                    id: accepted.id,
                    traceparent: accepted.traceparent,
                    deadline_ns,
                };
                self.waiting.insert(ticket, waiting);
            }
            Err(error) => {
                self.count("not-taken");
                self.warn(
                    "event not taken",
                    &accepted.id,
                    &accepted.traceparent,
                    &error,
                );
                responder.respond(answer::not_sent(&error));
            }
        }
    }

    fn send(&self, accepted: &Accepted) -> Result<Ticket, SendError> {
        self.producer.send(Message {
            topic: &self.settings.topic,
            key: accepted
                .key
                .as_deref()
                .filter(|_| !self.settings.bugs.has(Bug::NoKey))
                .map(str::as_bytes),
            headers: &envelope::headers(&accepted.id, &accepted.event_type, &accepted.traceparent),
            payload: &accepted.payload,
        })
    }

    fn complete(&mut self, outcomes: impl Iterator<Item = (Ticket, Outcome)>) {
        for (ticket, outcome) in outcomes {
            // Already answered with a time-out.
            let Some(waiting) = self.waiting.remove(&ticket) else {
                continue;
            };
            let (id, trace) = (&waiting.id, &waiting.traceparent);
            let response = match outcome {
                Outcome::Acknowledged(position) => {
                    self.count("accepted");
                    self.log(Level::Info, "event accepted", id, trace, &[]);
                    answer::created(id, position)
                }
                Outcome::NotTaken(why) => {
                    self.count("not-taken");
                    self.warn("event not taken", id, trace, &why);
                    answer::not_taken(&why)
                }
                Outcome::Unknown(why) => {
                    self.count("unknown");
                    self.warn("event in doubt", id, trace, &why);
                    self.in_doubt(id, answer::in_doubt(id, &why))
                }
            };
            waiting.responder.respond(response);
        }
    }

    fn expire(&mut self) {
        let now_ns = self.env.now_ns();
        while let Some(first) = self.waiting.first_entry()
            && first.get().deadline_ns <= now_ns
        {
            let waiting = first.remove();
            self.count("timed-out");
            self.warn(
                "event in doubt",
                &waiting.id,
                &waiting.traceparent,
                &"timed out",
            );
            let response = self.in_doubt(&waiting.id, answer::timed_out(&waiting.id));
            waiting.responder.respond(response);
        }
    }

    /// What is said of an event that the broker may have or not: the truth, unless a bug is planted.
    fn in_doubt(&self, id: &str, truth: Response) -> Response {
        if self.settings.bugs.has(Bug::InDoubtAsTaken) {
            answer::created(id, None)
        } else if self.settings.bugs.has(Bug::InDoubtAsRefused) {
            answer::not_taken("in doubt")
        } else {
            truth
        }
    }

    fn count(&self, outcome: &'static str) {
        self.env
            .count("signup_requests_total", &[("outcome", outcome)], 1);
    }

    fn warn(&self, what: &str, id: &str, trace: &str, why: &impl ToString) {
        let why = why.to_string();
        self.log(
            Level::Warn,
            what,
            id,
            trace,
            &[("reason", Field::Text(&why))],
        );
    }

    fn log(
        &self,
        level: Level,
        what: &str,
        id: &str,
        trace: &str,
        fields: &[(&'static str, Field<'_>)],
    ) {
        let entry = LogEntry::new(level, what)
            .about(Some(id), Some(trace))
            .fields(fields);
        self.env.log(&entry);
    }
}

fn as_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2)
}
