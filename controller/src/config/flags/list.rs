//! Lists of words, comma separated as in CSV: words in quotes keep their commas. The first use of a flag
//! replaces the default, further ones add.

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

    /// Adds what was given.
    ///
    /// # Errors
    /// In the words of Go's CSV reader, if quotes are out of place.
    pub fn add(&mut self, value: &str) -> Result<(), String> {
        let words = if value.is_empty() { Vec::new() } else { record(value)? };
        if !std::mem::replace(&mut self.given, true) {
            self.words.clear();
        }
        self.words.extend(words);
        Ok(())
    }

    pub fn words(&self) -> &[String] {
        &self.words
    }
}

/// Reads `key=value,…`. A text with one `=` is one pair, whatever commas it has.
///
/// # Errors
/// In Go's words, if a pair has no `=`, or quotes are out of place.
pub fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let words = match text.matches('=').count() {
        0 | 1 => vec![text.trim_matches('"').to_owned()],
        _ => record(text)?,
    };
    let pair = |word: String| match word.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(format!("{word} must be formatted as key=value")),
    };
    words.into_iter().map(pair).collect()
}

/// Reads a line of CSV.
fn record(line: &str) -> Result<Vec<String>, String> {
    let mistake =
        |column: usize, what: &str| Err(format!("parse error on line 1, column {column}: {what}"));
    let mut words = Vec::new();
    let mut read = 0;
    loop {
        let rest = line.get(read..).unwrap_or_default();
        if let Some(quoted) = rest.strip_prefix('"') {
            let (word, length) = until_quote(quoted);
            read += 1 + length;
            if !matches!(line.as_bytes().get(read), None | Some(b',')) || length > quoted.len() {
                return mistake(
                    read.min(line.len() + 1),
                    "extraneous or missing \" in quoted-field",
                );
            }
            words.push(word);
        } else {
            let word = rest.split(',').next().unwrap_or_default();
            if let Some(place) = word.find('"') {
                return mistake(read + place + 1, "bare \" in non-quoted-field");
            }
            read += word.len();
            words.push(word.to_owned());
        }
        if read >= line.len() {
            return Ok(words);
        }
        read += 1;
    }
}

/// A word up to the quote that ends it, and how much of the text that is with the quote. Two quotes
/// are one that belongs to the word. A word without an end is longer than the text.
fn until_quote(text: &str) -> (String, usize) {
    let mut word = String::new();
    let mut rest = text;
    loop {
        let Some((before, after)) = rest.split_once('"') else {
            return (word, text.len() + 1);
        };
        word.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                word.push('"');
                rest = after;
            }
            None => return (word, text.len() - after.len()),
        }
    }
}
