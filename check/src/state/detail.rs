//! What is known of the events of a chunk while some of them are in flight: offer times, keys, places.

use super::chunk::CHUNK_EVENTS;
use crate::anomaly::Place;

/// Events that share an offer time once a chunk is thinned.
const GROUP: usize = 16;
const NO_KEY: u32 = u32::MAX;

pub struct Detail {
    at: Times,
    keys: Option<Box<[u32]>>,
    places: Option<Box<[Place]>>,
}

enum Times {
    Each(Box<[u64]>),
    /// The earliest of each group: latencies come out too large rather than too small.
    Grouped(Box<[u64]>),
}

const NOWHERE: Place = Place {
    partition: -1,
    offset: -1,
};

impl Detail {
    pub fn new(with_keys: bool) -> Self {
        Self {
            at: Times::Each(vec![0; CHUNK_EVENTS].into_boxed_slice()),
            keys: with_keys.then(|| vec![NO_KEY; CHUNK_EVENTS].into_boxed_slice()),
            places: None,
        }
    }

    #[inline]
    pub fn offer(&mut self, index: usize, at: u64, key: i64) {
        match &mut self.at {
            Times::Each(times) => times[index] = at,
            Times::Grouped(times) => {
                let time = &mut times[index / GROUP];
                *time = at.min(*time);
            }
        }
        if let Some(keys) = &mut self.keys {
            keys[index] = u32::try_from(key).unwrap_or(NO_KEY);
        }
    }

    /// When the event was offered; the caller knows that it was.
    #[inline]
    pub fn offered_at(&self, index: usize) -> u64 {
        match &self.at {
            Times::Each(times) => times[index],
            Times::Grouped(times) => times[index / GROUP],
        }
    }

    /// Index of the event's key; `None` when it has none.
    pub fn key(&self, index: usize) -> Option<u32> {
        let key = self.keys.as_ref()?[index];
        (key != NO_KEY).then_some(key)
    }

    #[inline]
    pub fn set_place(&mut self, index: usize, place: Place) {
        if matches!(self.at, Times::Each(_)) {
            let places = self
                .places
                .get_or_insert_with(|| vec![NOWHERE; CHUNK_EVENTS].into_boxed_slice());
            places[index] = place;
        }
    }

    #[inline]
    pub fn place(&self, index: usize) -> Option<Place> {
        let place = self.places.as_ref()?[index];
        (place.partition >= 0).then_some(place)
    }

    /// Gives up what is costly. Times of events that were not offered do not count.
    pub fn thin(&mut self, was_offered: impl Fn(usize) -> bool) {
        self.places = None;
        if let Times::Each(times) = &self.at {
            let group = |first: usize| {
                let offered = (first..first + GROUP).filter(|&index| was_offered(index));
                offered.map(|index| times[index]).min().unwrap_or(u64::MAX)
            };
            self.at = Times::Grouped((0..CHUNK_EVENTS).step_by(GROUP).map(group).collect());
        }
    }

    pub fn is_thin(&self) -> bool {
        matches!(self.at, Times::Grouped(_))
    }

    pub fn bytes(&self) -> usize {
        let times = match &self.at {
            Times::Each(times) | Times::Grouped(times) => times.len() * 8,
        };
        let keys = self.keys.as_ref().map_or(0, |keys| keys.len() * 4);
        let places = self
            .places
            .as_ref()
            .map_or(0, |places| places.len() * size_of::<Place>());
        size_of::<Self>() + times + keys + places
    }
}
