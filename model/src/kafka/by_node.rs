//! Something for each of a few nodes. A broker goes through its peers after every step, and there are two or three of them: a sorted vector
//! is gone through for next to nothing, where a tree costs more than what is looked for.

use super::ids::NodeId;

/// In the order of nodes.
#[derive(Clone, Debug)]
pub struct ByNode<V> {
    entries: Vec<(NodeId, V)>,
}

impl<V> Default for ByNode<V> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
        }
    }
}

impl<V> ByNode<V> {
    fn find(&self, node: NodeId) -> Result<usize, usize> {
        self.entries
            .binary_search_by_key(&node, |(known, _)| *known)
    }

    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.find(node).is_ok()
    }

    #[must_use]
    pub fn get(&self, node: NodeId) -> Option<&V> {
        self.find(node).ok().map(|at| &self.entries[at].1)
    }

    pub fn get_mut(&mut self, node: NodeId) -> Option<&mut V> {
        let at = self.find(node).ok()?;
        Some(&mut self.entries[at].1)
    }

    pub fn insert(&mut self, node: NodeId, value: V) {
        match self.find(node) {
            Ok(at) => self.entries[at].1 = value,
            Err(at) => self.entries.insert(at, (node, value)),
        }
    }

    pub fn remove(&mut self, node: NodeId) -> Option<V> {
        let at = self.find(node).ok()?;
        Some(self.entries.remove(at).1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &V)> {
        self.entries.iter().map(|(node, value)| (*node, value))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (NodeId, &mut V)> {
        self.entries.iter_mut().map(|(node, value)| (*node, value))
    }

    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.entries.iter().map(|(node, _)| *node)
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|(_, value)| value)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }
}

impl<V: Default> ByNode<V> {
    /// What is there, made when it is missing.
    pub fn get_or_default(&mut self, node: NodeId) -> &mut V {
        let at = self.find(node).unwrap_or_else(|at| {
            self.entries.insert(at, (node, V::default()));
            at
        });
        &mut self.entries[at].1
    }
}

impl<V> FromIterator<(NodeId, V)> for ByNode<V> {
    fn from_iter<I: IntoIterator<Item = (NodeId, V)>>(entries: I) -> Self {
        let mut all = Self::default();
        for (node, value) in entries {
            all.insert(node, value);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn it_is_an_ordered_map(steps in prop::collection::vec((0..6_i32, 0..4_u8, any::<u8>()), 0..40)) {
            let mut map = ByNode::default();
            let mut oracle: BTreeMap<NodeId, u8> = BTreeMap::new();
            for (node, step, value) in steps {
                let node = NodeId(node);
                match step {
                    0 => {
                        map.insert(node, value);
                        oracle.insert(node, value);
                    }
                    1 => prop_assert_eq!(map.remove(node), oracle.remove(&node)),
                    2 => prop_assert_eq!(map.get_or_default(node), oracle.entry(node).or_default()),
                    _ => prop_assert_eq!(map.get_mut(node), oracle.get_mut(&node)),
                }
                prop_assert_eq!(map.get(node), oracle.get(&node));
                prop_assert_eq!((map.contains(node), map.len()), (oracle.contains_key(&node), oracle.len()));
            }
            prop_assert!(map.iter().eq(oracle.iter().map(|(node, value)| (*node, value))));
        }
    }
}
