//! Stray bytes: a prototxt whose comments or strings are not UTF-8 is read all the same, as by Caffe, which takes any byte there.
//!
//! A byte that is no UTF-8 becomes one character of Unicode's private use area, U+F780 for 80 to U+F7FF for FF, and the byte again
//! where a string names a file: a path in GBK is found.

use std::borrow::Cow;

/// The stand-in for the byte 0; only those for 80 to FF are used.
const FIRST: u32 = 0xf700;

/// The text, with a stand-in for each stray byte.
pub fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text += chunk.valid();
        text.extend(chunk.invalid().iter().filter_map(|&b| char::from_u32(FIRST + u32::from(b))));
    }
    text
}

/// The byte that a character stands for.
pub(super) fn byte(c: char) -> Option<u8> {
    (c as u32).checked_sub(FIRST).and_then(|b| u8::try_from(b).ok()).filter(|b| *b >= 0x80)
}

/// The bytes that the text was made of.
pub fn encode(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(|c| byte(c).is_some()) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte(c) {
            Some(b) => bytes.push(b),
            None => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    Cow::Owned(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for bytes in [&b"plain"[..], b"", "grün 中文".as_bytes(), b"\xb2\xe2\xca\xd4/net", b"a\xffb\x80", b"\xe4\xb8"]
        {
            assert_eq!(&*encode(&decode(bytes)), bytes);
        }
        assert_eq!(decode(b"\xb2x").chars().map(|c| c as u32).collect::<Vec<_>>(), [0xf7b2, 0x78]);
    }
}
