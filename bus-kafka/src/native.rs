//! The two questions to librdkafka that its Rust binding does not pass on.
#![allow(unsafe_code)]

use rdkafka::bindings;
use rdkafka::message::BorrowedMessage;
use squall_env::Headers;
use std::ffi::CStr;
use std::ptr;

/// True when it is certain that no broker has this message, whose delivery failed.
///
/// Source: `rd_kafka_msg_status_t`; "not persisted" means never transmitted, or refused before it was appended.
pub(crate) fn was_never_persisted(message: &BorrowedMessage<'_>) -> bool {
    // SAFETY: the pointer is valid as long as `message` is borrowed, and the call only reads from it.
    let status = unsafe { bindings::rd_kafka_message_status(message.ptr()) };
    status == bindings::rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED
}

/// Copies the headers. The binding's own accessor panics on a name that is not UTF-8, which anyone can send; here such a
/// header is left out. A null value becomes an empty one.
pub(crate) fn headers(message: &BorrowedMessage<'_>) -> Headers {
    let mut list = ptr::null_mut();
    // SAFETY: `message` is valid, and the list it gives lives as long as the message, which outlives this function.
    let code = unsafe { bindings::rd_kafka_message_headers(message.ptr(), &mut list) };
    if code != bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || list.is_null() {
        return Headers::new();
    }
    let mut headers = Headers::with_capacity(192);
    for index in 0.. {
        let mut name = ptr::null();
        let mut value = ptr::null();
        let mut length = 0;
        // SAFETY: the list is valid (see above); the call writes only to the three variables.
        let code = unsafe {
            bindings::rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut length)
        };
        if code != bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
            break;
        }
        // SAFETY: the name is a C string within the list; the value has `length` bytes, or is null.
        let (name, value) = unsafe {
            let value = if value.is_null() {
                &[][..]
            } else {
                std::slice::from_raw_parts(value.cast::<u8>(), length)
            };
            (CStr::from_ptr(name), value)
        };
        if let Ok(name) = name.to_str() {
            headers.push(name, value);
        }
    }
    headers
}
