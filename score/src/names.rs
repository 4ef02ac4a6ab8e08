//! Texts kept once and named by a small number: services, hops and statements repeat a million times.

use std::collections::HashMap;
use std::sync::Arc;

/// A text of one [`Names`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Text(u32);

impl Text {
    /// The empty text, which stands for one that is not there.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Where it stands in [`Names::all`].
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Texts by number and numbers by text.
#[derive(Debug)]
pub(crate) struct Names {
    numbers: HashMap<Arc<str>, Text>,
    texts: Vec<Arc<str>>,
}

impl Default for Names {
    fn default() -> Self {
        let empty: Arc<str> = Arc::from("");
        Self { numbers: HashMap::from([(Arc::clone(&empty), Text::NONE)]), texts: vec![empty] }
    }
}

impl Names {
    /// The number of a text, a new one if it is new. There is room for 2^32; what comes after them is [`Text::NONE`].
    pub(crate) fn add(&mut self, text: &str) -> Text {
        if let Some(&known) = self.numbers.get(text) {
            return known;
        }
        let Ok(number) = u32::try_from(self.texts.len()) else { return Text::NONE };
        let kept: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&kept));
        self.numbers.insert(kept, Text(number));
        Text(number)
    }

    /// The number of a text that is there.
    pub(crate) fn find(&self, text: &str) -> Option<Text> {
        self.numbers.get(text).copied()
    }

    pub(crate) fn get(&self, text: Text) -> &str {
        self.texts.get(text.index()).map_or("", |text| text)
    }

    /// All texts, in the order of their numbers.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }
}
