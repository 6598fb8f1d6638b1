//! The reasoning half of Archipelago: from a Compose file to the actions that make a host agree
//! with it.
//!
//! Pure on purpose: no disk, network, clock, process or thread (its `clippy.toml` bans them). What
//! it needs is an argument, what it decides is a value. The data's way: [`manifest`] and [`intent`]
//! become [`desired`], which holds the bytes of every unit ([`quadlet`]); [`plan`] compares it with
//! [`observed`] and returns [`action`]s; [`reconcile`] keeps what a pass must remember; [`health`]
//! says how an app is; [`check`] judges a host before anything is installed.

pub mod action;
pub mod cause;
pub mod check;
pub mod config;
mod containerfile;
pub mod data_folder;
pub mod desired;
pub mod error;
pub mod file;
pub mod file_error;
pub mod forecast;
pub mod health;
pub mod held;
pub mod hex;
pub mod image;
pub mod image_facts;
pub mod image_progress;
pub mod import;
pub mod intent;
pub mod layout;
pub mod manifest;
pub mod name;
pub mod needs;
pub mod network;
pub mod observed;
pub mod operation;
mod owner;
pub mod pass;
pub mod plan;
pub mod printable;
pub mod quadlet;
pub mod reconcile;
pub mod redact;
pub mod release;
pub mod releases;
pub mod retries;
pub mod seed;
pub mod store;
mod template;
mod toml_file;
