//! Looking up names: the system's resolver blocks, so it has a thread of its own, from the first name on.

use super::Command;
use super::address::upstream_addresses;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

pub type Answers = Arc<dyn Fn(Command) + Send + Sync>;

struct Question {
    upstream: String,
    place: usize,
    generation: u64,
}

pub struct Resolver {
    answers: Answers,
    questions: Option<Sender<Question>>,
}

impl Resolver {
    pub fn new(answers: Answers) -> Self {
        Self {
            answers,
            questions: None,
        }
    }

    /// Looks up an upstream for a connection; the answer comes as a command.
    pub fn look_up(&mut self, upstream: String, place: usize, generation: u64) {
        let question = Question {
            upstream,
            place,
            generation,
        };
        let questions = self
            .questions
            .get_or_insert_with(|| start(self.answers.clone()));
        if let Err(unasked) = questions.send(question) {
            // No thread could be started: the loop waits for the answer itself.
            answer(&self.answers, unasked.0);
        }
    }
}

fn start(answers: Answers) -> Sender<Question> {
    let (questions, asked) = channel::<Question>();
    let work = move || {
        for question in asked {
            answer(&answers, question);
        }
    };
    // When it cannot be started the channel is closed, which `look_up` sees.
    let _ = std::thread::Builder::new()
        .name("proxy-resolver".to_owned())
        .spawn(work);
    questions
}

fn answer(answers: &Answers, question: Question) {
    let found = upstream_addresses(&question.upstream).into();
    answers(Box::new(move |event_loop| {
        event_loop.resolved(question.place, question.generation, found);
    }));
}
