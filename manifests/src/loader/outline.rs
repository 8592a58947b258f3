//! Where the parts of a document stand that later checks point at: its top-level fields, its
//! metadata, its labels and annotations, and the items of a list. Nothing else is remembered.

/// The line of a node, from 1, and those of its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    pub line: u32,
    pub fields: Vec<(String, Outline)>,
    pub items: Vec<Outline>,
}

impl Outline {
    /// A node whose parts are not remembered.
    pub fn leaf(line: u32) -> Self {
        Self { line, ..Self::default() }
    }

    /// The line of the node at a path of field names, or of the nearest remembered one above it.
    pub fn line_of(&self, path: &[&str]) -> u32 {
        let Some((first, rest)) = path.split_first() else { return self.line };
        self.field(first).map_or(self.line, |field| field.line_of(rest))
    }

    /// The outline of a field.
    pub fn field(&self, name: &str) -> Option<&Self> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, outline)| outline)
    }
}

/// What a node is, as far as its parts are worth remembering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A document, or an item of a list.
    Object,
    /// `metadata`.
    Metadata,
    /// Labels or annotations.
    Texts,
    /// `items`.
    Items,
    /// Anything else.
    Leaf,
}

impl Role {
    /// The role of a field's value.
    pub fn of_field(self, key: &str) -> Self {
        match (self, key) {
            (Self::Object, "metadata") => Self::Metadata,
            (Self::Object, "items") => Self::Items,
            (Self::Metadata, "labels" | "annotations") => Self::Texts,
            _ => Self::Leaf,
        }
    }

    /// The role of a sequence's entries.
    pub fn of_entry(self) -> Self {
        if self == Self::Items { Self::Object } else { Self::Leaf }
    }

    /// Whether the fields of a node of this role are remembered.
    pub fn remembers_fields(self) -> bool {
        matches!(self, Self::Object | Self::Metadata | Self::Texts)
    }
}
