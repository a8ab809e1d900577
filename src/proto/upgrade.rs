//! stub
use super::*;
pub fn net(_: &mut NetParameter) -> crate::Result<Vec<String>> {
    Ok(vec![])
}
