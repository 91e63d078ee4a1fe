//! Ops blocks: a tag byte an op, and a column for each field that the tag says was not foreseen.
//!
//! Both sides keep the same memory of earlier ops of the block, by kind and by (kind, partition), and foresee the next op
//! from it: the next event, the same place and partition, the next offset. Only what differs is written, as a zigzag
//! difference. Blocks are independent: the memory starts anew in each.
//!
//! Payload: count, lengths of the columns at, event, place, partition, offset (varints), the tags, the columns.

use crate::varint::{Cursor, put, put_signed};
use squall_check::{EventId, Kind, Op};

const SHORT: &str = "its columns are shorter than they should be";

const KIND_MASK: u8 = 0b0000_0111;
const PLACE: u8 = 0b0000_1000;
const EVENT: u8 = 0b0001_0000;
const PARTITION: u8 = 0b0010_0000;
const OFFSET: u8 = 0b0100_0000;
const AT: u8 = 0b1000_0000;

const KINDS: [Kind; 8] = [
    Kind::Offered,
    Kind::Accepted,
    Kind::Rejected,
    Kind::Indeterminate,
    Kind::Effect,
    Kind::DeadLettered,
    Kind::Final,
    Kind::Stored,
];

/// Partitions that share a slot only foresee worse; both sides do so alike.
const SLOTS: usize = 256;

#[derive(Clone, Copy)]
struct Slot {
    event: u64,
    offset: i64,
}

#[derive(Clone, Copy)]
struct ByKind {
    at: u64,
    place: u16,
    partition: i32,
}

struct Memory {
    by_kind: [ByKind; 8],
    slots: Box<[Slot]>,
}

impl Memory {
    fn new() -> Self {
        let mut memory = Self {
            by_kind: [ByKind {
                at: 0,
                place: 0,
                partition: -1,
            }; 8],
            slots: vec![
                Slot {
                    event: 0,
                    offset: 0
                };
                8 * SLOTS
            ]
            .into_boxed_slice(),
        };
        memory.reset();
        memory
    }

    fn reset(&mut self) {
        self.by_kind.fill(ByKind {
            at: 0,
            place: 0,
            partition: -1,
        });
        self.slots.fill(Slot {
            event: u64::MAX,
            offset: -1,
        });
    }

    #[inline]
    fn slot(&mut self, kind: u8, partition: i32) -> &mut Slot {
        let index = usize::from(kind & KIND_MASK) * SLOTS + (partition as usize & (SLOTS - 1));
        &mut self.slots[index]
    }
}

impl Slot {
    /// An offset that is not told stays untold.
    #[inline]
    const fn next_offset(self) -> i64 {
        if self.offset == -1 {
            -1
        } else {
            self.offset.wrapping_add(1)
        }
    }
}

/// Collects ops and encodes them as blocks.
pub struct Encoder {
    memory: Memory,
    tags: Vec<u8>,
    at: Vec<u8>,
    event: Vec<u8>,
    place: Vec<u8>,
    partition: Vec<u8>,
    offset: Vec<u8>,
}

impl Encoder {
    pub fn new() -> Self {
        Self {
            memory: Memory::new(),
            tags: Vec::new(),
            at: Vec::new(),
            event: Vec::new(),
            place: Vec::new(),
            partition: Vec::new(),
            offset: Vec::new(),
        }
    }

    pub const fn len(&self) -> usize {
        self.tags.len()
    }

    pub fn push(&mut self, op: &Op) {
        let kind = op.kind as u8;
        let mut tag = kind;
        let last = &mut self.memory.by_kind[usize::from(kind & KIND_MASK)];
        if op.at != last.at {
            tag |= AT;
            put_signed(&mut self.at, op.at.wrapping_sub(last.at) as i64);
        }
        if op.place != last.place {
            tag |= PLACE;
            put(&mut self.place, u64::from(op.place));
        }
        if op.partition != last.partition {
            tag |= PARTITION;
            put_signed(&mut self.partition, i64::from(op.partition));
        }
        *last = ByKind {
            at: op.at,
            place: op.place,
            partition: op.partition,
        };
        let slot = self.memory.slot(kind, op.partition);
        let event = slot.event.wrapping_add(1);
        if op.event.0 != event {
            tag |= EVENT;
            put_signed(&mut self.event, op.event.0.wrapping_sub(event) as i64);
        }
        let offset = slot.next_offset();
        if op.offset != offset {
            tag |= OFFSET;
            put_signed(&mut self.offset, op.offset.wrapping_sub(offset));
        }
        *slot = Slot {
            event: op.event.0,
            offset: op.offset,
        };
        self.tags.push(tag);
    }

    /// Writes the payload of the block into `out` and starts anew.
    pub fn seal(&mut self, out: &mut Vec<u8>) {
        put(out, self.tags.len() as u64);
        let columns = [
            &mut self.at,
            &mut self.event,
            &mut self.place,
            &mut self.partition,
            &mut self.offset,
        ];
        for column in &columns {
            put(out, column.len() as u64);
        }
        out.append(&mut self.tags);
        for column in columns {
            out.append(column);
        }
        self.memory.reset();
    }
}

/// Decodes blocks, reusing its memory.
pub struct Decoder {
    memory: Memory,
}

struct Columns<'a> {
    at: Cursor<'a>,
    event: Cursor<'a>,
    place: Cursor<'a>,
    partition: Cursor<'a>,
    offset: Cursor<'a>,
}

impl Decoder {
    pub fn new() -> Self {
        Self {
            memory: Memory::new(),
        }
    }

    /// How many ops a payload holds.
    pub fn count(payload: &[u8]) -> Result<u64, &'static str> {
        Cursor::new(payload).next().ok_or(SHORT)
    }

    /// Replaces `ops` with those of the payload. The error says what is wrong with it.
    pub fn decode(&mut self, payload: &[u8], ops: &mut Vec<Op>) -> Result<(), &'static str> {
        self.memory.reset();
        ops.clear();
        let mut head = Cursor::new(payload);
        let mut lengths = [0; 6];
        for length in &mut lengths {
            *length = head.next().ok_or(SHORT)?;
        }
        let tags = head.take(lengths[0]).ok_or(SHORT)?;
        let mut column = |index: usize| head.take(lengths[index]).map(Cursor::new).ok_or(SHORT);
        let mut columns = Columns {
            at: column(1)?,
            event: column(2)?,
            place: column(3)?,
            partition: column(4)?,
            offset: column(5)?,
        };
        if !head.is_at_end() {
            return Err("bytes follow its last column");
        }
        ops.reserve(tags.len());
        for &tag in tags {
            let op = self.next(tag, &mut columns).ok_or(SHORT)?;
            ops.push(op);
        }
        if columns.are_at_end() {
            Ok(())
        } else {
            Err("its columns are longer than they should be")
        }
    }

    #[inline]
    fn next(&mut self, tag: u8, columns: &mut Columns<'_>) -> Option<Op> {
        let kind = tag & KIND_MASK;
        let last = &mut self.memory.by_kind[usize::from(kind)];
        if tag & AT != 0 {
            last.at = last.at.wrapping_add(columns.at.next_signed()? as u64);
        }
        if tag & PLACE != 0 {
            last.place = u16::try_from(columns.place.next()?).ok()?;
        }
        if tag & PARTITION != 0 {
            last.partition = i32::try_from(columns.partition.next_signed()?).ok()?;
        }
        let ByKind {
            at,
            place,
            partition,
        } = *last;
        let slot = self.memory.slot(kind, partition);
        slot.event = slot.event.wrapping_add(1);
        if tag & EVENT != 0 {
            slot.event = slot.event.wrapping_add(columns.event.next_signed()? as u64);
        }
        slot.offset = slot.next_offset();
        if tag & OFFSET != 0 {
            slot.offset = slot.offset.wrapping_add(columns.offset.next_signed()?);
        }
        Some(Op {
            at,
            event: EventId(slot.event),
            offset: slot.offset,
            partition,
            place,
            kind: KINDS[usize::from(kind)],
        })
    }
}

impl Columns<'_> {
    const fn are_at_end(&self) -> bool {
        self.at.is_at_end()
            && self.event.is_at_end()
            && self.place.is_at_end()
            && self.partition.is_at_end()
            && self.offset.is_at_end()
    }
}
