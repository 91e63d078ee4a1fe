//! Taking records from librdkafka by the batch, which its Rust binding does not pass on: one at a time, each costs an allocation, two
//! looks at the clock and two locks more than it must.
#![allow(unsafe_code)]

use rdkafka::bindings::{self, rd_kafka_message_t, rd_kafka_resp_err_t};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::BorrowedMessage;
use std::ffi::CStr;
use std::ptr::{self, NonNull};

/// A record, or what the client says of a partition, as long as its memory is held.
#[derive(Clone, Copy)]
pub(super) struct Record<'a>(&'a rd_kafka_message_t);

/// Records that were waiting in the client.
pub(super) struct Batch(Vec<NonNull<rd_kafka_message_t>>);

impl Batch {
    /// Takes up to `max` of those that are there now.
    pub fn waiting(consumer: &BaseConsumer, max: usize) -> Self {
        let mut messages: Vec<*mut rd_kafka_message_t> = Vec::with_capacity(max);
        // SAFETY: the client lives as long as `consumer`. The queue is a reference of our own, null if there is none, and is given
        // back. The call writes at most `max` pointers, of which the vector has room, and tells how many (or -1).
        unsafe {
            let queue = bindings::rd_kafka_queue_get_consumer(consumer.client().native_ptr());
            if !queue.is_null() {
                let count =
                    bindings::rd_kafka_consume_batch_queue(queue, 0, messages.as_mut_ptr(), max);
                messages.set_len(usize::try_from(count).unwrap_or(0));
                bindings::rd_kafka_queue_destroy(queue);
            }
        }
        Self(messages.into_iter().filter_map(NonNull::new).collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        // SAFETY: the messages are ours, and are destroyed with the batch, which the items borrow.
        self.0
            .iter()
            .map(|message| Record(unsafe { message.as_ref() }))
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        for message in &self.0 {
            // SAFETY: each pointer came from librdkafka to be destroyed once, and nothing borrows from it any more.
            unsafe { bindings::rd_kafka_message_destroy(message.as_ptr()) };
        }
    }
}

impl<'a> Record<'a> {
    pub fn of(message: &'a BorrowedMessage<'_>) -> Self {
        // SAFETY: the pointer is valid as long as `message` is borrowed.
        Self(unsafe { &*message.ptr() })
    }

    /// What the client says instead of giving a record.
    pub fn error(self) -> Option<RDKafkaErrorCode> {
        let fine = self.0.err == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        (!fine).then(|| self.0.err.into())
    }

    pub const fn partition(self) -> i32 {
        self.0.partition
    }

    pub const fn offset(self) -> i64 {
        self.0.offset
    }

    pub fn payload(self) -> Option<&'a [u8]> {
        bytes(self.0.payload.cast(), self.0.len)
    }

    pub fn key(self) -> Option<&'a [u8]> {
        bytes(self.0.key.cast(), self.0.key_len)
    }

    /// The first header of that name; `None` also where it has no value.
    pub fn header(self, name: &CStr) -> Option<&'a [u8]> {
        let (mut list, mut value, mut len) = (ptr::null_mut(), ptr::null(), 0);
        // SAFETY: the message is valid, and only its list of headers, parsed when first asked for, changes with the call. The list and
        // the value in it live as long as the message. Both calls write only to the variables given.
        let found = unsafe {
            let message = ptr::from_ref(self.0);
            bindings::rd_kafka_message_headers(message, &mut list)
                == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
                && bindings::rd_kafka_header_get(list, 0, name.as_ptr(), &mut value, &mut len)
                    == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
        };
        if found {
            bytes(value.cast(), len)
        } else {
            None
        }
    }
}

fn bytes<'a>(from: *const u8, len: usize) -> Option<&'a [u8]> {
    // SAFETY: librdkafka's pointer to so many bytes of a message, or null; who calls gives them the lifetime of the message.
    (!from.is_null()).then(|| unsafe { std::slice::from_raw_parts(from, len) })
}
