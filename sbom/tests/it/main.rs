//! Integration tests of bulla-sbom.

#[cfg(test)]
mod archive;
#[cfg(test)]
mod bills;
#[cfg(test)]
mod catalogers;
#[cfg(test)]
mod cyclonedx;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod executables;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod random;
#[cfg(test)]
mod rpm;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod spdx;
#[cfg(test)]
mod spdx3;
#[cfg(test)]
mod spdx3_model;
#[cfg(test)]
mod spdx3_read;
#[cfg(test)]
mod tag_value;
#[cfg(test)]
mod validity;
#[cfg(test)]
mod versions;
#[cfg(test)]
mod xml;
#[cfg(test)]
mod xml_random;
#[cfg(test)]
mod xml_refused;
