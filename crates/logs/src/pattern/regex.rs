//! The regular expressions of filter patterns: ASCII, without groups, as a `regex::Regex`.

const BYTES_MAX: usize = 1 << 20;
const SYMBOLS: &str = " :_#=@/;,-";
const OPERATORS: &str = "^$?[]{}|\\*+.";

/// # Errors
/// What is wrong with it.
pub(super) fn compile(text: &str) -> Result<regex::Regex, String> {
    if text.is_empty() {
        return Err("a regular expression is empty".into());
    }
    let translated = translate(text)?;
    regex::RegexBuilder::new(&translated)
        .size_limit(BYTES_MAX)
        .dfa_size_limit(BYTES_MAX)
        .build()
        .map_err(|_| "a regular expression is not valid, or too large".into())
}

/// The same in the words of the `regex` crate, where classes nest and `\d`, `\s` and `\w` are Unicode's.
fn translate(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len() * 2);
    let (mut in_class, mut previous) = (false, '\0');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push_str(&escaped(&mut chars)?),
            '[' if in_class => out.push_str("\\["),
            '[' | ']' => {
                in_class = c == '[';
                out.push(c);
            }
            '-' if in_class && previous == '-' => return Err("`--` in a class is not supported".into()),
            '{' if !in_class && chars.peek() == Some(&',') => out.push_str("{0"),
            '{' | '}' if in_class => out.extend(['\\', c]),
            '#' => out.push_str("\\#"),
            c if c.is_ascii_alphanumeric() || SYMBOLS.contains(c) || OPERATORS.contains(c) => out.push(c),
            c => return Err(format!("`{c}` is not supported in a regular expression")),
        }
        previous = c;
    }
    Ok(out)
}

fn escaped(chars: &mut impl Iterator<Item = char>) -> Result<String, String> {
    let c = chars.next().ok_or("a regular expression ends with a backslash")?;
    Ok(match c {
        'd' => "[0-9]".into(),
        'D' => "[^0-9]".into(),
        's' => "[ \\t\\n\\r\\x0B\\x0C]".into(),
        'S' => "[^ \\t\\n\\r\\x0B\\x0C]".into(),
        'w' => "[a-zA-Z_0-9]".into(),
        'W' => "[^a-zA-Z_0-9]".into(),
        't' | 'n' => format!("\\{c}"),
        'x' => {
            let hex: String = chars.take(2).collect();
            match u8::from_str_radix(&hex, 16) {
                Ok(byte) if hex.len() == 2 && byte.is_ascii() => format!("\\x{hex}"),
                _ => return Err("`\\x` needs the two hexadecimal digits of an ASCII character".into()),
            }
        }
        c if SYMBOLS.contains(c) || OPERATORS.contains(c) => regex::escape(c.encode_utf8(&mut [0; 4])),
        c => return Err(format!("`\\{c}` is not supported in a regular expression")),
    })
}
