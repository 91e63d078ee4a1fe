//! Lists of partitions: the machines have them flat, the protocol nests them in topics.

use super::reader::{Malformed, Reader};
use super::writer::Writer;
use crate::kafka::names::Names;
use squall_model::kafka::{Name, TopicPartition};

/// Reads `[topic [partition]]` flat; `partition` reads all of its structure but the tags.
pub fn read<T>(
    r: &mut Reader<'_>,
    names: &mut Names,
    mut partition: impl FnMut(&mut Reader<'_>, Name) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut flat = Vec::new();
    r.array(|r| read_topic(r, names, &mut flat, &mut partition))?;
    Ok(flat)
}

/// As [`read`], where null means every partition.
pub fn read_nullable<T>(
    r: &mut Reader<'_>,
    names: &mut Names,
    mut partition: impl FnMut(&mut Reader<'_>, Name) -> Result<T, Malformed>,
) -> Result<Option<Vec<T>>, Malformed> {
    let mut flat = Vec::new();
    let topics = r.nullable_array(|r| read_topic(r, names, &mut flat, &mut partition))?;
    Ok(topics.map(|_| flat))
}

fn read_topic<T>(
    r: &mut Reader<'_>,
    names: &mut Names,
    flat: &mut Vec<T>,
    partition: &mut impl FnMut(&mut Reader<'_>, Name) -> Result<T, Malformed>,
) -> Result<(), Malformed> {
    let topic = names.intern(r.string()?)?;
    r.array(|r| {
        flat.push(partition(r, topic)?);
        Ok(())
    })?;
    r.tags()
}

/// Writes neighbours of one topic under one entry.
pub fn write<X, T>(
    w: &mut Writer<X>,
    names: &Names,
    items: &[T],
    place: impl Fn(&T) -> TopicPartition,
    mut partition: impl FnMut(&mut Writer<X>, &T),
) {
    let same = |a: &T, b: &T| place(a).topic == place(b).topic;
    w.array_length(items.chunk_by(same).count());
    for topic in items.chunk_by(same) {
        w.string(names.text(place(&topic[0]).topic));
        w.array(topic.iter(), &mut partition);
        w.tags();
    }
}
