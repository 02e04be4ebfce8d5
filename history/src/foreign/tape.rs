//! One operation taken apart but not yet understood: its tokens in a row, in memory that the next one uses again.

/// Deeper nesting than this is no history.
const DEPTH_MAX: usize = 256;

/// What a token is. EDN and JSON share them; JSON has no lists, sets, keywords, symbols and characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Vector,
    List,
    Map,
    Set,
    /// An integer that fits.
    Int,
    /// Any other number, kept as it is written.
    Number,
    Keyword,
    Symbol,
    /// A string that is what its quotes hold.
    Text,
    /// A string with escapes.
    Escaped,
    Char,
    Nil,
    True,
    False,
}

impl Kind {
    /// As a message says it after "found".
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Vector => "a vector",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Set => "a set",
            Self::Int | Self::Number => "a number",
            Self::Keyword => "a keyword",
            Self::Symbol => "a symbol",
            Self::Text | Self::Escaped => "a string",
            Self::Char => "a character",
            Self::Nil => "nil",
            Self::True | Self::False => "a boolean",
        }
    }

    fn is_name(self) -> bool {
        matches!(self, Self::Keyword | Self::Text | Self::Escaped | Self::Symbol)
    }

    fn end(self) -> char {
        match self {
            Self::Map | Self::Set => '}',
            Self::List => ')',
            _ => ']',
        }
    }
}

/// What is wrong, and where: counted in bytes from where the text began that was looked at.
#[derive(Debug)]
pub struct Bad {
    pub at: usize,
    pub reason: String,
}

impl Bad {
    pub fn new(at: usize, reason: impl Into<String>) -> Self {
        Self {
            at,
            reason: reason.into(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    /// Where it begins in the text.
    at: u32,
    /// Of an integer itself; of a bracket how many forms it holds, above 32 bits of the number of the node after them;
    /// else where the token ends.
    value: i64,
}

/// A bracket that is not closed yet, or a form that is to be thrown away and has not come yet.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// `None` throws away what comes.
    bracket: Option<Kind>,
    node: usize,
    holds: usize,
}

/// The tokens of one form, as a lexer finds them.
#[derive(Default)]
pub struct Tape {
    nodes: Vec<Node>,
    open: Vec<Open>,
}

impl Tape {
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.open.clear();
    }

    /// How many brackets are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// What the innermost bracket is.
    pub fn innermost(&self) -> Option<Kind> {
        self.open.last()?.bracket
    }

    /// Whether one whole form stands on it.
    pub fn is_whole(&self) -> bool {
        self.open.is_empty() && !self.nodes.is_empty()
    }

    /// The form that stands on it. `text` is what it was taken from.
    pub fn form<'t>(&'t self, text: &'t [u8]) -> Form<'t> {
        Form {
            nodes: &self.nodes,
            text,
            index: 0,
        }
    }

    #[inline]
    pub fn int(&mut self, at: usize, value: i64) -> Result<(), Bad> {
        self.node(Kind::Int, at, value)?;
        self.ended();
        Ok(())
    }

    /// A token that goes from `at` to before `end`.
    pub fn token(&mut self, kind: Kind, at: usize, end: usize) -> Result<(), Bad> {
        self.node(kind, at, end as i64)?;
        self.ended();
        Ok(())
    }

    pub fn open(&mut self, kind: Kind, at: usize) -> Result<(), Bad> {
        self.node(kind, at, 0)?;
        self.push(at, Some(kind), self.nodes.len() - 1)
    }

    /// The form that comes next is thrown away.
    pub fn discard(&mut self, at: usize) -> Result<(), Bad> {
        self.push(at, None, self.nodes.len())
    }

    pub fn close(&mut self, end: u8, at: usize) -> Result<(), Bad> {
        let found = char::from(end);
        let Some(open) = self.open.pop() else {
            return Err(Bad::new(at, format!("`{found}` closes nothing")));
        };
        let Some(kind) = open.bracket else {
            return Err(Bad::new(
                at,
                format!("expected a form to leave out, found `{found}`"),
            ));
        };
        if kind.end() != found {
            let reason = format!("expected `{}`, found `{found}`", kind.end());
            return Err(Bad::new(at, reason));
        }
        if kind == Kind::Map && open.holds % 2 == 1 {
            return Err(Bad::new(at, "the map's last key has no value"));
        }
        self.nodes[open.node].value = (open.holds as i64) << 32 | self.nodes.len() as i64;
        self.ended();
        Ok(())
    }

    #[inline]
    fn node(&mut self, kind: Kind, at: usize, value: i64) -> Result<(), Bad> {
        if let [operation] = &self.open[..] {
            // Where a bracket is missing, the next operation stands in this one: better to say so here
            // than to swallow the rest of the file.
            if operation.bracket == Some(Kind::Map) && operation.holds.is_multiple_of(2) && !kind.is_name() {
                let reason = format!("expected a key of the operation, found {}", kind.in_words());
                return Err(Bad::new(at, reason));
            }
        }
        let at = at as u32;
        self.nodes.push(Node { kind, at, value });
        Ok(())
    }

    fn push(&mut self, at: usize, bracket: Option<Kind>, node: usize) -> Result<(), Bad> {
        if self.open.len() == DEPTH_MAX {
            return Err(Bad::new(at, format!("nested more than {DEPTH_MAX} deep")));
        }
        self.open.push(Open {
            bracket,
            node,
            holds: 0,
        });
        Ok(())
    }

    #[inline]
    fn ended(&mut self) {
        let Some(open) = self.open.last_mut() else {
            return;
        };
        if open.bracket.is_some() {
            open.holds += 1;
        } else {
            self.nodes.truncate(open.node);
            self.open.pop();
        }
    }
}

/// A form on a [`Tape`]: a token, or a bracket with what it holds.
#[derive(Clone, Copy)]
pub struct Form<'t> {
    nodes: &'t [Node],
    text: &'t [u8],
    index: usize,
}

impl<'t> Form<'t> {
    pub fn kind(self) -> Kind {
        self.nodes[self.index].kind
    }

    /// Where it begins in the text.
    pub fn at(self) -> usize {
        self.nodes[self.index].at as usize
    }

    pub fn bad(self, reason: impl Into<String>) -> Bad {
        Bad::new(self.at(), reason)
    }

    /// That something else was wanted.
    pub fn instead_of(self, expected: &str) -> Bad {
        self.bad(format!("expected {expected}, found {}", self.kind().in_words()))
    }

    pub fn int(self) -> Option<i64> {
        (self.kind() == Kind::Int).then(|| self.nodes[self.index].value)
    }

    /// Whether it is a vector, an array or a list.
    pub fn is_sequence(self) -> bool {
        matches!(self.kind(), Kind::Vector | Kind::List)
    }

    pub fn is_bracket(self) -> bool {
        self.is_sequence() || matches!(self.kind(), Kind::Map | Kind::Set)
    }

    /// What is written between the quotes of a string, and of any other token all of it.
    pub fn raw(self) -> &'t [u8] {
        let (start, end) = (self.at(), self.nodes[self.index].value as usize);
        match self.kind() {
            Kind::Text | Kind::Escaped => &self.text[start + 1..end - 1],
            Kind::Number | Kind::Keyword | Kind::Symbol | Kind::Char => &self.text[start..end],
            _ => &[],
        }
    }

    /// What a keyword is called, or a string that stands for one: `append` of `:append`, `"append"`, `":append"`.
    pub fn name(self) -> Option<&'t [u8]> {
        let raw = self.raw();
        match self.kind() {
            Kind::Keyword | Kind::Text => Some(raw.strip_prefix(b":").unwrap_or(raw)),
            Kind::Symbol => Some(raw),
            _ => None,
        }
    }

    /// What it holds. A map holds a key, its value, the next key, …
    pub fn items(self) -> Items<'t> {
        let next = Form {
            index: self.index + 1,
            ..self
        };
        let left = if self.is_bracket() {
            (self.nodes[self.index].value >> 32) as usize
        } else {
            0
        };
        Items { next, left }
    }

    /// Itself and all that it holds, however deep, in order.
    pub fn all(self) -> impl Iterator<Item = Form<'t>> {
        (self.index..self.end()).map(move |index| Form { index, ..self })
    }

    /// The place after all that it holds, for comparing with [`Form::place`].
    pub fn end(self) -> usize {
        if self.is_bracket() {
            self.nodes[self.index].value as u32 as usize
        } else {
            self.index + 1
        }
    }

    /// Its place on the tape.
    pub fn place(self) -> usize {
        self.index
    }
}

/// What a bracket holds.
pub struct Items<'t> {
    next: Form<'t>,
    left: usize,
}

impl<'t> Iterator for Items<'t> {
    type Item = Form<'t>;

    fn next(&mut self) -> Option<Form<'t>> {
        self.left = self.left.checked_sub(1)?;
        let item = self.next;
        self.next.index = item.end();
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Items<'_> {}
