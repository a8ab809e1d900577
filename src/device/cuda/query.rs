//! What this machine has of CUDA, for people.

use super::library::{CUBLAS, Found, NVRTC};
use super::{compiler, driver};
use crate::Result;
use cudarc::driver::sys::{CUdevice, CUdevice_attribute};
use std::panic::catch_unwind;

/// The compute capability of a card, as in 9.0.
pub fn capability(device: CUdevice) -> Result<(i32, i32)> {
    let major = CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
    let minor = CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
    Ok((driver::attribute(device, major)?, driver::attribute(device, minor)?))
}

/// Lines about the driver, NVRTC and cuBLAS, where each was found or what was looked for, and about each card, in
/// Caffe's words.
pub fn describe() -> Vec<String> {
    catch_unwind(lines).unwrap_or_else(|_| vec!["CUDA's libraries do not fit together".into()])
}

fn lines() -> Vec<String> {
    let mut lines = Vec::new();
    let newest = match driver::start() {
        Ok((version, cards)) => {
            let file = super::library::DRIVER.find(i32::MAX).map_or("?", |found| &found.file);
            let made_for = format!("{}.{}", version / 1000, version % 1000 / 10);
            lines.push(fact("CUDA driver", format!("for CUDA {made_for}, {file}")));
            Some((version / 1000, cards))
        }
        Err(e) => {
            lines.push(fact("CUDA driver", e.message()));
            None
        }
    };
    let version = newest.map_or(i32::MAX, |(version, _)| version);
    let found = |found: Result<&Found>| found.map_or_else(|e| e.message().to_string(), |found| found.file.clone());
    let nvrtc = NVRTC.find(version).and_then(|found| Ok((&found.file, compiler::version()?)));
    let nvrtc =
        nvrtc.map_or_else(|e| e.message().to_string(), |(file, (major, minor))| format!("{major}.{minor}, {file}"));
    lines.push(fact("NVRTC", nvrtc));
    lines.push(fact("cuBLAS", found(CUBLAS.find(version))));
    for ordinal in 0..newest.map_or(0, |(_, cards)| cards) {
        match card(ordinal) {
            Ok(facts) => lines.extend(facts),
            Err(e) => lines.push(fact("Device id", format!("{ordinal}: {}", e.message()))),
        }
    }
    lines
}

/// What Caffe's device_query says of a card.
fn card(ordinal: i32) -> Result<Vec<String>> {
    use CUdevice_attribute::*;
    let (device, name, bytes) = driver::device(ordinal)?;
    let (major, minor) = capability(device)?;
    let number = |what| Ok(driver::attribute(device, what)?.to_string());
    Ok(vec![
        fact("Device id", ordinal),
        fact("Major revision number", major),
        fact("Minor revision number", minor),
        fact("Name", name),
        fact("Total global memory", bytes),
        fact("Total shared memory per block", number(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK)?),
        fact("Total registers per block", number(CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK)?),
        fact("Warp size", number(CU_DEVICE_ATTRIBUTE_WARP_SIZE)?),
        fact("Maximum threads per block", number(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK)?),
        fact("Number of multiprocessors", number(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?),
    ])
}

/// A line of such facts.
pub fn fact(name: &str, value: impl std::fmt::Display) -> String {
    format!("{:<30} {value}", format!("{name}:"))
}
