//! Which schemas a piece of SQL reads or writes: the qualifier of every name in the position of a
//! table (after FROM, JOIN, INTO, UPDATE, USING, TABLE, and after the commas of a FROM).

/// The qualifiers, in lower case, in the order they come. Text that is no SQL has none, or some
/// that are nobody's schema.
pub fn schemas(text: &str) -> Vec<String> {
    let words = words(text);
    let mut found = Vec::new();
    // per level of parentheses: inside a list of tables; a table comes next
    let mut levels = vec![(false, false)];
    for (at, word) in words.iter().enumerate() {
        let Some((listed, expected)) = levels.last_mut() else { break };
        match word.to_ascii_uppercase().as_str() {
            "FROM" | "USING" => (*listed, *expected) = (true, true),
            "JOIN" | "INTO" | "UPDATE" | "TABLE" | "TRUNCATE" => *expected = true,
            "ONLY" | "LATERAL" => {}
            "WHERE" | "SET" | "SELECT" | "GROUP" | "ORDER" | "RETURNING" | "VALUES" | "LIMIT" => {
                (*listed, *expected) = (false, false);
            }
            "," => *expected = *listed,
            "(" => {
                let inner = (false, *expected);
                *expected = false;
                levels.push(inner);
            }
            ")" => {
                levels.truncate(levels.len().max(2) - 1);
            }
            _ if *expected => {
                *expected = false;
                if words.get(at + 1).is_some_and(|next| next == ".") {
                    found.push(word.to_ascii_lowercase());
                }
            }
            _ => {}
        }
    }
    found
}

/// Names (without their quotes) and single signs; comments are left out.
fn words(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split("--").next().unwrap_or_default());
    let mut words = Vec::new();
    for line in lines {
        let mut word = String::new();
        for sign in line.chars() {
            if sign.is_alphanumeric() || sign == '_' || sign == '$' {
                word.push(sign);
                continue;
            }
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            if !sign.is_whitespace() && sign != '"' {
                words.push(sign.to_string());
            }
        }
        if !word.is_empty() {
            words.push(word);
        }
    }
    words
}
