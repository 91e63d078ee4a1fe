//! What is known of the events of a chunk while some of them are in flight: offer times, keys, places.

use super::chunk::CHUNK_EVENTS;
use crate::anomaly::Place;

/// Events that share an offer time once a chunk is thinned.
const GROUP: usize = 16;
/// A chunk with about so many events in flight keeps just these when it is thinned, and keeps them exactly.
pub const FEW: usize = CHUNK_EVENTS / 16;
const NO_KEY: u32 = u32::MAX;

pub enum Detail {
    Each(Each),
    /// Only of events that are in flight, by index.
    Few(Vec<Entry>),
    Thin {
        /// The earliest of each group: latencies come out too large rather than too small.
        times: Box<[u64]>,
        keys: Option<Box<[u32]>>,
    },
}

pub struct Each {
    at: Box<[u64]>,
    keys: Option<Box<[u32]>>,
    places: Option<Box<[Place]>>,
}

#[derive(Clone, Copy)]
pub struct Entry {
    index: u16,
    key: u32,
    at: u64,
    place: Place,
}

const NOWHERE: Place = Place {
    partition: -1,
    offset: -1,
};

impl Detail {
    pub fn new(with_keys: bool) -> Self {
        Self::Each(Each {
            at: vec![0; CHUNK_EVENTS].into_boxed_slice(),
            keys: with_keys.then(|| vec![NO_KEY; CHUNK_EVENTS].into_boxed_slice()),
            places: None,
        })
    }

    #[inline]
    pub fn offer(&mut self, index: usize, at: u64, key: i64) {
        let key = u32::try_from(key).unwrap_or(NO_KEY);
        match self {
            Self::Each(each) => {
                each.at[index] = at;
                set_key(&mut each.keys, index, key);
            }
            Self::Few(few) => {
                let entry = entry(few, index);
                (entry.at, entry.key) = (at, key);
            }
            Self::Thin { times, keys } => {
                let time = &mut times[index / GROUP];
                *time = at.min(*time);
                set_key(keys, index, key);
            }
        }
    }

    /// When the event was offered, as far as it is kept; the caller knows that it was.
    #[inline]
    pub fn offered_at(&self, index: usize) -> Option<u64> {
        match self {
            Self::Each(each) => Some(each.at[index]),
            Self::Few(few) => find(few, index).map(|entry| entry.at),
            Self::Thin { times, .. } => Some(times[index / GROUP]),
        }
    }

    /// Index of the event's key; `None` when it has none.
    pub fn key(&self, index: usize) -> Option<u32> {
        let key = match self {
            Self::Each(Each { keys, .. }) | Self::Thin { keys, .. } => keys.as_ref()?[index],
            Self::Few(few) => find(few, index)?.key,
        };
        (key != NO_KEY).then_some(key)
    }

    #[inline]
    pub fn set_place(&mut self, index: usize, place: Place) {
        match self {
            Self::Each(each) => {
                let places = each
                    .places
                    .get_or_insert_with(|| vec![NOWHERE; CHUNK_EVENTS].into_boxed_slice());
                places[index] = place;
            }
            Self::Few(few) => {
                if let Ok(at) = search(few, index) {
                    few[at].place = place;
                }
            }
            Self::Thin { .. } => {}
        }
    }

    #[inline]
    pub fn place(&self, index: usize) -> Option<Place> {
        let place = match self {
            Self::Each(each) => each.places.as_ref()?[index],
            Self::Few(few) => find(few, index)?.place,
            Self::Thin { .. } => return None,
        };
        (place.partition >= 0).then_some(place)
    }

    /// Gives up what is costly, once and for all. At most `keep_max` events in flight are kept exactly.
    pub fn thin(
        &mut self,
        keep_max: usize,
        was_offered: impl Fn(usize) -> bool,
        is_in_flight: impl Fn(usize) -> bool,
    ) {
        let Self::Each(each) = self else {
            return;
        };
        let in_flight: Vec<usize> = (0..CHUNK_EVENTS)
            .filter(|&index| is_in_flight(index))
            .collect();
        *self = if in_flight.len() <= keep_max {
            Self::Few(
                in_flight
                    .into_iter()
                    .map(|index| each.entry(index))
                    .collect(),
            )
        } else {
            // Times of events that were not offered do not count.
            let group = |first: usize| {
                let offered = (first..first + GROUP).filter(|&index| was_offered(index));
                offered
                    .map(|index| each.at[index])
                    .min()
                    .unwrap_or(u64::MAX)
            };
            Self::Thin {
                times: (0..CHUNK_EVENTS).step_by(GROUP).map(group).collect(),
                keys: each.keys.take(),
            }
        };
    }

    pub const fn is_thin(&self) -> bool {
        !matches!(self, Self::Each(_))
    }

    pub fn bytes(&self) -> usize {
        let keys = |keys: &Option<Box<[u32]>>| keys.as_ref().map_or(0, |keys| keys.len() * 4);
        size_of::<Self>()
            + match self {
                Self::Each(each) => {
                    let places = each.places.as_ref().map_or(0, |places| places.len());
                    each.at.len() * 8 + keys(&each.keys) + places * size_of::<Place>()
                }
                Self::Few(few) => few.capacity() * size_of::<Entry>(),
                Self::Thin { times, keys: all } => times.len() * 8 + keys(all),
            }
    }
}

impl Each {
    fn entry(&self, index: usize) -> Entry {
        Entry {
            index: index as u16,
            key: self.keys.as_ref().map_or(NO_KEY, |keys| keys[index]),
            at: self.at[index],
            place: self.places.as_ref().map_or(NOWHERE, |places| places[index]),
        }
    }
}

fn set_key(keys: &mut Option<Box<[u32]>>, index: usize, key: u32) {
    if let Some(keys) = keys {
        keys[index] = key;
    }
}

fn search(few: &[Entry], index: usize) -> Result<usize, usize> {
    few.binary_search_by_key(&index, |entry| usize::from(entry.index))
}

fn find(few: &[Entry], index: usize) -> Option<&Entry> {
    few.get(search(few, index).ok()?)
}

/// The entry of an event, made when it is missing.
fn entry(few: &mut Vec<Entry>, index: usize) -> &mut Entry {
    let at = search(few, index).unwrap_or_else(|at| {
        let new = Entry {
            index: index as u16,
            key: NO_KEY,
            at: 0,
            place: NOWHERE,
        };
        few.insert(at, new);
        at
    });
    &mut few[at]
}
