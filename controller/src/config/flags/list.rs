//! Lists of words, comma separated. The first use of a flag replaces the default, further ones add.
//! Words in quotes keep their commas.

/// The words so far.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    words: Vec<String>,
    given: bool,
}

impl List {
    /// What holds if the flag is not used.
    pub fn by_default(words: &[&str]) -> Self {
        Self { words: words.iter().map(|word| (*word).to_owned()).collect(), given: false }
    }

    pub fn add(&mut self, value: &str) {
        if !std::mem::replace(&mut self.given, true) {
            self.words.clear();
        }
        if value.is_empty() {
            return;
        }
        let mut quoted = false;
        let words = value.split(|letter| {
            quoted ^= letter == '"';
            letter == ',' && !quoted
        });
        self.words.extend(words.map(|word| word.replace('"', "")));
    }

    pub fn words(&self) -> &[String] {
        &self.words
    }
}
